//! Every door that is shut: each says what is wrong, with the right status and with a body.

use std::io::Write;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::exchange::{Fixture, read};
use crate::fake_dispatcher::{PANIC, RUNNING};

#[test]
fn unknown_paths_and_jobs_are_named() {
    let fixture = Fixture::new();
    for path in ["/jobz", "/v2/jobs", "/jobs/", "/jobs/metrics/x", "/%zz", "//"] {
        let answer = fixture.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.error().contains(&format!("Not found: {path}")), "{path}: {answer:?}");
    }
    let id = "f".repeat(32);
    for path in ["", "/status", "/plan", "/config", "/exceptions", "/metrics", "/accumulators"] {
        let answer = fixture.get(&format!("/jobs/{id}{path}"));
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.error().contains(&id), "{path}: {answer:?}");
    }
}

#[test]
fn malformed_ids_are_told_what_an_id_looks_like() {
    let fixture = Fixture::new();
    for id in ["1", "word-count", &"g".repeat(32), &"1".repeat(33), "%C3%A4", "%00"] {
        let answer = fixture.get(&format!("/jobs/{id}"));
        assert_eq!(answer.status, 400, "{id}: {answer:?}");
        assert!(answer.error().contains("32 hexadecimal digits"), "{id}: {answer:?}");
    }
    let answer = fixture.get("/jobs/%ff%fe");
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("no UTF-8"), "{answer:?}");
}

#[test]
fn other_verbs_are_told_which_there_are() {
    let fixture = Fixture::new();
    for (verb, path, allow) in [
        ("POST", "/overview", "GET, HEAD, OPTIONS"),
        ("PUT", "/jobs", "GET, POST, HEAD, OPTIONS"),
        ("POST", "/jobs/x/resource-requirements", "GET, PUT, HEAD, OPTIONS"),
        ("DELETE", "/v1/jobs", "GET, POST, HEAD, OPTIONS"),
        ("GET", "/cluster", "DELETE, OPTIONS"),
        ("BREW", "/plugins/upload", "POST, OPTIONS"),
    ] {
        let answer = fixture.send(verb, path, "", b"");
        assert_eq!(answer.status, 405, "{verb} {path}: {answer:?}");
        assert_eq!(answer.header("allow"), Some(allow), "{verb} {path}");
        assert!(answer.error().contains(verb), "{answer:?}");
    }
}

#[test]
fn bodies_must_be_what_they_are_said_to_be() {
    let fixture = Fixture::new();
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let job = fixture.send("POST", "/jobs", form, b"{}");
    assert_eq!(job.status, 415);
    assert!(job.error().contains("application/json"), "{job:?}");
    for content_type in ["content-type: application/json\r\n", ""] {
        let answer = fixture.send("POST", "/plugins/upload", content_type, b"x");
        assert_eq!(answer.status, 415);
        assert!(answer.error().contains("multipart/form-data"), "{answer:?}");
    }
    let charset = "content-type: Application/JSON; charset=utf-8\r\n";
    assert_eq!(fixture.send("POST", "/jobs", charset, b"{\"spec\": {}}").status, 202);
}

#[test]
fn chunks_that_are_none_are_refused() {
    let fixture = Fixture::new();
    let request = "POST /jobs HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
                   transfer-encoding: chunked\r\n\r\nzz\r\n";
    let answer = fixture.raw(request.as_bytes());
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("not whole"), "{answer:?}");
}

#[test]
fn bytes_that_are_no_http_are_told_so() {
    let fixture = Fixture::new();
    let mut noise = 1_u64;
    let random: Vec<u8> = (0..512)
        .map(|_| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            noise.to_be_bytes()[0]
        })
        .collect();
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for bytes in [&random[..], tls, http2, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0\0\0\0\n"]
    {
        let answer = fixture.raw(bytes);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.error().contains("no HTTP/1.1 request"), "{answer:?}");
    }
    assert_eq!(fixture.get("/overview").status, 200);
}

#[test]
fn heads_that_are_too_large_are_told_the_limit() {
    let fixture = Fixture::new();
    let large = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(200_000));
    let answer = fixture.raw(large.as_bytes());
    assert_eq!(answer.status, 431);
    assert!(answer.error().contains("65536 bytes"), "{answer:?}");
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(200));
    assert_eq!(fixture.raw(many.as_bytes()).status, 431);
}

#[test]
fn a_panic_costs_its_request_only() {
    let fixture = Fixture::new();
    let answer = fixture.upload("/plugins/upload", "file", PANIC, b"\0asm");
    assert_eq!(answer.status, 500);
    assert!(answer.error().contains("log"), "{answer:?}");
    assert!(!answer.body.contains("a panic of the Dispatcher"), "{answer:?}");
    assert_eq!(fixture.get("/overview").status, 200);
}

#[test]
fn pages_of_other_sites_change_nothing() {
    let fixture = Fixture::new();
    let path = format!("/jobs/{RUNNING}");
    for origin in ["http://evil.example", "null", "https://127.0.0.1:1"] {
        let answer = fixture.send("PATCH", &path, &format!("origin: {origin}\r\n"), b"");
        assert_eq!(answer.status, 403, "{origin}: {answer:?}");
        assert!(answer.error().contains(origin), "{answer:?}");
    }
    assert!(fixture.dispatcher.cancelled.lock().unwrap().is_empty());
    let own = format!("origin: http://{}\r\n", fixture.address());
    assert_eq!(fixture.send("PATCH", &path, &own, b"").status, 202);
    assert_eq!(fixture.send("GET", "/jobs", "origin: http://evil.example\r\n", b"").status, 200);
}

#[test]
fn requests_follow_each_other_on_one_connection() {
    let fixture = Fixture::new();
    let mut stream = fixture.connect();
    let bad =
        "GET /jobs HTTP/1.1\r\nhost: a\r\n\r\nGET /jobz HTTP/1.1\r\nhost: a\r\n\r\nrubbish\r\n\r\n";
    stream.write_all(bad.as_bytes()).unwrap();
    let all = read(&mut stream);
    let statuses: Vec<&str> = all.body.split("}HTTP/1.1 ").skip(1).map(|text| &text[..3]).collect();
    assert_eq!((all.status, statuses), (200, vec!["404", "400"]));
    assert!(all.body.ends_with("\"]}"), "{all:?}");
}

#[test]
fn a_side_that_is_closed_early_still_gets_its_answer() {
    let fixture = Fixture::new();
    let mut stream = fixture.connect();
    stream.write_all(b"GET /overview HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read(&mut stream).status, 200);
}

#[test]
fn no_request_line_gets_a_failure_or_an_empty_answer() {
    let fixture = Fixture::new();
    let part = prop_oneof![
        Just("jobs".to_owned()),
        Just(RUNNING.to_owned()),
        Just("vertices".to_owned()),
        Just("metrics?get=a&agg=b&subtasks=0-9".to_owned()),
        Just("plugins".to_owned()),
        Just("v1".to_owned()),
        "[!-~]{0,12}",
        "(%[0-9a-fA-F]{2}){1,4}",
    ];
    let verbs = prop_oneof![Just("GET".to_owned()), Just("POST".to_owned()), "[A-Z]{1,7}"];
    let line =
        (verbs, prop::collection::vec(part, 0..6), prop::collection::vec(any::<u8>(), 0..64));
    let check = |(verb, parts, body): (String, Vec<String>, Vec<u8>)| {
        // Ending the cluster is allowed, and is not what is tested here.
        let path = format!("/{}", parts.join("/"));
        prop_assume!(verb != "DELETE" && verb != "HEAD");
        let answer = fixture.send(&verb, &path, "", &body);
        prop_assert!((200..500).contains(&answer.status), "{verb} {path}: {answer:?}");
        prop_assert!(!answer.body.is_empty(), "{verb} {path}: {answer:?}");
        if answer.status >= 400 {
            prop_assert!(!answer.error().is_empty(), "{verb} {path}: {answer:?}");
        }
        Ok(())
    };
    TestRunner::default().run(&line, check).unwrap();
}
