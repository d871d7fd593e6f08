//! Who is let into the exchange over TLS, who is not, and what each side says of it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sandbar_model::JobId;
use sandbar_model::job_graph::EdgeId;
use sandbar_rpc::TlsSettings;
use sandbar_taskmanager::exchange::registry::ChannelId;
use sandbar_taskmanager::{NetworkEnvironment, NetworkOptions};

use crate::Over;
use crate::certificates::Ca;

/// After this a test that waits has failed.
const PATIENCE: Duration = Duration::from_secs(10);

fn start(name: &str, tls: Option<TlsSettings>) -> NetworkEnvironment {
    let options = NetworkOptions { tls, ..Over::Plain.options(name) };
    NetworkEnvironment::start(options, Arc::default()).unwrap()
}

/// Why a channel to that address fails.
fn refusal_at(from: &NetworkEnvironment, address: &str) -> String {
    let id = ChannelId { job: JobId(1), attempt: 0, edge: EdgeId(0), from: 0, to: 0 };
    let channel = from.sender(address, id, 1);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(failure) = channel.failure() {
            return failure.reason.clone();
        }
        assert!(Instant::now() < deadline, "the channel does not fail");
        std::thread::yield_now();
    }
}

/// The same, of another TaskManager, which keeps nothing of it.
fn refusal(from: &NetworkEnvironment, to: &NetworkEnvironment) -> String {
    let reason = refusal_at(from, &to.address().to_string());
    assert!(to.registry().is_empty());
    reason
}

#[track_caller]
fn check_parts(reason: &str, parts: &[&str]) {
    for part in parts {
        assert!(reason.contains(part), "{part}: {reason}");
    }
}

#[test]
fn a_certificate_of_another_ca_is_refused_by_both_sides() {
    let (ours, others) = (Ca::new("the CA"), Ca::new("another CA"));
    let receiving = start("tm-2", Some(ours.settings()));
    // The one that dials looks first.
    let stranger = start("tm-1", Some(others.settings()));
    let reason = refusal(&stranger, &receiving);
    check_parts(&reason, &["no TLS with it", "\"worker\"", "issued by \"the CA\""]);
    check_parts(&reason, &["no CA of /etc/ca.pem (ca)"]);
    // One that trusts everybody is looked at by the one that is dialled.
    let both = format!("{}{}", ours.pem(), others.pem());
    let trusting = start("tm-3", Some(others.settings_that_trust(both)));
    check_parts(&refusal(&trusting, &receiving), &["refuses this side's certificate", "its log"]);
}

#[test]
fn sides_of_which_one_speaks_tls_say_so() {
    let (plain, with_tls) = (start("tm-1", None), start("tm-2", Over::Tls.tls()));
    check_parts(
        &refusal(&plain, &with_tls),
        &["the other side speaks TLS and this one does not", "security.ssl.internal.enabled"],
    );
    check_parts(&refusal(&with_tls, &plain), &["the other side does not speak TLS"]);
}

#[test]
fn one_that_hangs_up_in_the_handshake_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let hangs_up = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
    });
    let reason = refusal_at(&start("tm-1", Over::Tls.tls()), &address);
    hangs_up.join().unwrap();
    check_parts(&reason, &["hung up in the middle of the TLS handshake"]);
}

#[test]
fn a_handshake_that_trickles_is_given_up() {
    let hello_timeout = Duration::from_millis(200);
    let options = NetworkOptions { hello_timeout, ..Over::Tls.options("tm-1") };
    let receiving = NetworkEnvironment::start(options, Arc::default()).unwrap();
    let mut stream = TcpStream::connect(receiving.address()).unwrap();
    let started = Instant::now();
    // The head of a long record, and ever more of it.
    let mut sent = stream.write_all(&[0x16, 3, 1, 0x20, 0]);
    while sent.is_ok() {
        assert!(started.elapsed() < PATIENCE, "it is listened to for ever");
        std::thread::sleep(Duration::from_millis(20));
        sent = stream.write_all(&[0]);
    }
}

#[test]
fn strangers_on_a_port_of_tls_touch_nothing() {
    let receiving = start("tm-2", Over::Tls.tls());
    let noise: Vec<u8> = (0..60_000_u32).map(|at| (at * at % 251) as u8).collect();
    for bytes in [&noise[..], b"GET / HTTP/1.1\r\n\r\n", b"", b"\x16\x03\x01\x00\x05hello"] {
        let mut stream = TcpStream::connect(receiving.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may be hung up on before all is said.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        // Alerts of TLS, and no frame.
        assert!(answer.first().is_none_or(|first| *first == 0x15), "{answer:?}");
    }
    assert!(receiving.registry().is_empty());
}
