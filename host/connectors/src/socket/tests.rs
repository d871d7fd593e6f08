//! Connections over the loopback device, real ones.

use std::io::Write;
use std::net::TcpListener;
use std::thread;

use sandbar_model::SystemClock;
use serde_json::{Value, json};

use crate::drain::{Driver, drain, read, source, texts};

/// Serves each of the texts to one connection, and closes it.
fn serve(replies: &'static [&'static str]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut listener = Some(listener);
    thread::spawn(move || {
        for (index, reply) in replies.iter().enumerate() {
            let (mut stream, _) = listener.as_ref().unwrap().accept().unwrap();
            stream.write_all(reply.as_bytes()).unwrap();
            if index + 1 == replies.len() {
                // Before the last connection is closed, so that none can follow it.
                listener = None;
            }
        }
    });
    port
}

fn options(port: u16, mut more: Value) -> Value {
    more["host"] = json!("127.0.0.1");
    more["port"] = json!(port);
    more["retry-delay"] = json!("1 ms");
    more
}

fn check(reply: &'static [&'static str], more: Value, expected: &[&str]) {
    assert_eq!(read("socket", options(serve(reply), more)).unwrap(), expected);
}

#[test]
fn lines_are_read_until_the_server_closes() {
    check(&["to be\r\nor\n\nnot"], json!({}), &["to be", "or", "", "not"]);
    check(&["a;;b;c"], json!({ "delimiter": ";;" }), &["a", "b;c"]);
    check(&["{}\n\n[]\n"], json!({ "format": "json" }), &["{}", "[]"]);
}

#[test]
fn only_subtask_0_reads() {
    let source = source("socket", options(serve(&["a\nb\n"]), json!({}))).unwrap();
    assert_eq!(texts(&drain(&*source, 3).unwrap()), ["a", "b"]);
}

#[test]
fn a_lost_connection_is_made_again_as_often_as_allowed() {
    let port = serve(&["a\n", "b\n", ""]);
    let source = source("socket", options(port, json!({ "max-retries": 2 }))).unwrap();
    let mut splits = source.enumerator(1).unwrap();
    let mut driver = Driver::new(&*source, 0, std::sync::Arc::new(SystemClock));
    let mut out = sandbar_model::RecordBatch::new();
    let error = loop {
        match driver.step(&mut *splits, &mut out) {
            Ok(goes_on) => assert!(goes_on, "the server is gone while retries are left"),
            Err(error) => break error.to_string(),
        }
    };
    assert_eq!(texts(&out), ["a", "b"]);
    let start = format!("cannot connect to 127.0.0.1:{port} after 3 attempt(s): ");
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = read("socket", options(port, json!({}))).unwrap_err();
    let start = format!("cannot connect to 127.0.0.1:{port} after 1 attempt(s): ");
    assert!(error.starts_with(&start), "{error}");
    assert!(error.ends_with("start the server first, or raise option 'max-retries'"), "{error}");
}

#[test]
fn dropping_the_reader_closes_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let source = source("socket", options(port, json!({}))).unwrap();
    let mut splits = source.enumerator(1).unwrap();
    let mut driver = Driver::new(&*source, 0, std::sync::Arc::new(SystemClock));
    let mut out = sandbar_model::RecordBatch::new();
    driver.step(&mut *splits, &mut out).unwrap();
    driver.reader.poll(&mut out).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    drop(driver);
    // The end of the stream comes when the thread sees that it was dropped.
    assert_eq!(std::io::Read::read(&mut stream, &mut [0]).unwrap(), 0);
}
