//! The limits, each reached.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use sandbar_rest::{RestLimits, RestOptions, RestServer};

use crate::exchange::{Fixture, form, read};
use crate::fake_dispatcher::{FakeDispatcher, HANG, RUNNING};

fn small() -> RestLimits {
    RestLimits { upload_bytes_max: 4096, body_bytes_max: 256, ..RestLimits::default() }
}

#[test]
fn a_body_that_nobody_wants_does_not_cost_the_connection() {
    let fixture = Fixture::new();
    let mut stream = fixture.connect();
    for last in ["", "", "connection: close\r\n"] {
        let head = format!(
            "PATCH /jobs/{RUNNING} HTTP/1.1\r\nhost: a\r\n{last}transfer-encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Whether the server waits for it is what is tested: it comes late.
        thread::sleep(Duration::from_millis(50));
        stream.write_all(b"0\r\n\r\n").unwrap();
    }
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 202").count(), 3, "{answers}");
}

#[test]
fn bodies_that_say_they_are_too_large_are_not_read() {
    let fixture = Fixture::with_limits(small());
    let mut stream = fixture.connect();
    let head = "POST /jobs HTTP/1.1\r\nhost: a\r\ncontent-length: 999999999999\r\n\
                expect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let answer = read(&mut stream);
    assert_eq!(answer.status, 413);
    assert!(answer.error().contains("999999999999 bytes"), "{answer:?}");
}

#[test]
fn bodies_that_do_not_say_so_are_cut_off() {
    let fixture = Fixture::with_limits(small());
    let chunked = |path: &str, content_type: &str, body: &[u8]| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{content_type}\
             transfer-encoding: chunked\r\n\r\n{:x}\r\n",
            body.len()
        );
        fixture.raw(&[head.as_bytes(), body, b"\r\n0\r\n\r\n"].concat())
    };
    let answer = chunked("/jobs", "", &[b' '; 1000]);
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.error().contains("256 bytes"), "{answer:?}");
    let (content_type, body) = form(&[("file", "a.wasm", &[0; 100_000])]);
    let upload = chunked("/plugins/upload", &content_type, &body);
    assert_eq!(upload.status, 413, "{upload:?}");
    assert!(upload.error().contains("4096 bytes"), "{upload:?}");
}

#[test]
fn uploads_may_be_larger_than_other_bodies() {
    let fixture = Fixture::with_limits(small());
    let plugin = [b"\0asm".to_vec(), vec![0; 3000]].concat();
    assert_eq!(fixture.upload("/plugins/upload", "plugin", "a.wasm", &plugin).status, 200);
    let large = [b"\0asm".to_vec(), vec![0; 100_000]].concat();
    let answer = fixture.upload("/plugins/upload", "plugin", "a.wasm", &large);
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[test]
fn heads_that_never_end_are_told_the_limit() {
    let limits = RestLimits { header_time_max: Duration::from_millis(500), ..small() };
    let fixture = Fixture::with_limits(limits);
    let answer = fixture.raw(b"GET /overview HTTP/1.1\r\nhost: a\r\n");
    assert_eq!(answer.status, 408);
    assert!(answer.error().contains("500ms"), "{answer:?}");
}

#[test]
fn idle_connections_are_closed_without_a_word() {
    let limits = RestLimits { header_time_max: Duration::from_millis(200), ..small() };
    let fixture = Fixture::with_limits(limits);
    let mut stream = fixture.connect();
    assert_eq!(stream.read(&mut [0; 64]).unwrap(), 0);
}

#[test]
fn bodies_that_never_end_are_told_the_limit() {
    let limits = RestLimits { request_time_max: Duration::from_millis(200), ..small() };
    let fixture = Fixture::with_limits(limits);
    let answer = fixture.raw(b"POST /jobs HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{");
    assert_eq!(answer.status, 408);
    assert!(answer.error().contains("body did not arrive within 200ms"), "{answer:?}");
}

#[test]
fn a_cluster_that_hangs_is_not_waited_for() {
    let limits = RestLimits { request_time_max: Duration::from_secs(1), ..small() };
    let fixture = Fixture::with_limits(limits);
    let answer = fixture.upload("/plugins/upload", "file", HANG, b"\0asm");
    assert_eq!(answer.status, 504);
    assert!(answer.error().contains("1s"), "{answer:?}");
    assert_eq!(fixture.get("/overview").status, 200);
    fixture.dispatcher.release();
}

#[test]
fn connections_beyond_the_limit_wait() {
    let fixture = Fixture::with_limits(RestLimits { connections_max: 2, ..small() });
    let open = [fixture.connect(), fixture.connect()];
    for mut stream in &open {
        // Both are served, so both places are taken.
        stream.write_all(b"HEAD /overview HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
    }
    let mut third = fixture.connect();
    third.write_all(b"GET /overview HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    third.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(third.read(&mut [0; 1]).is_err(), "served beyond the limit");
    drop(open);
    third.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(read(&mut third).status, 200);
}

#[test]
fn stopping_waits_for_answers_under_way_and_closes_idle_connections() {
    let fixture = Fixture::new();
    let address = fixture.address();
    let mut idle = fixture.connect();
    idle.write_all(b"HEAD /overview HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert!(idle.read(&mut [0; 1024]).unwrap() > 0);
    let (content_type, body) = form(&[("file", HANG, b"\0asm")]);
    let head = format!(
        "POST /plugins/upload HTTP/1.1\r\nhost: a\r\n{content_type}content-length: {}\r\n\r\n",
        body.len()
    );
    let mut busy = fixture.connect();
    busy.write_all(&[head.as_bytes(), &body].concat()).unwrap();
    fixture.dispatcher.await_hanging();
    let (stopped, is_stopped) = channel();
    let Fixture { dispatcher, server } = fixture;
    thread::spawn(move || {
        server.stop();
        stopped.send(()).unwrap();
    });
    assert_eq!(idle.read(&mut [0; 64]).unwrap(), 0);
    dispatcher.release();
    assert_eq!(read(&mut busy).status, 200);
    is_stopped.recv().unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_port_that_is_taken_is_named_with_the_remedy() {
    let fixture = Fixture::new();
    let port = fixture.address().port();
    let options = RestOptions { port, ..RestOptions::default() };
    let start = |wrong: &RestOptions| {
        let dispatcher: Arc<FakeDispatcher> = Arc::clone(&fixture.dispatcher);
        RestServer::start(wrong, dispatcher).unwrap_err().to_string()
    };
    let taken = start(&options);
    assert!(taken.contains(&format!("127.0.0.1:{port}")), "{taken}");
    assert!(taken.contains("rest.port"), "{taken}");
    let unknown = start(&RestOptions { bind_address: "no such host".to_owned(), ..options });
    assert!(unknown.contains("no such host"), "{unknown}");
    assert!(unknown.contains("rest.bind-address"), "{unknown}");
}
