//! Links over TLS: they carry what others do, and nobody without a certificate of the CA gets one.

use std::time::Duration;

use sandbar_rpc::grpc::{ClientLink, ConnectError, ServerHandle, connect, serve};
use sandbar_rpc::tls::PeerName;
use sandbar_rpc::{LinkEvent, TlsSettings, ToJobManager, ToTaskManager};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::certificates::{Ca, good, settings};

/// After this a test that waits has failed.
const PATIENCE: Duration = Duration::from_secs(10);

async fn server(tls: Option<&TlsSettings>) -> (ServerHandle, mpsc::Receiver<LinkEvent>) {
    let (sink, events) = mpsc::channel(16);
    (serve("127.0.0.1:0".parse().unwrap(), sink, tls).await.unwrap(), events)
}

async fn dial(
    server: &ServerHandle,
    tls: Option<&TlsSettings>,
) -> Result<ClientLink, ConnectError> {
    let address = server.address().to_string();
    tokio::time::timeout(PATIENCE, connect(&address, tls)).await.unwrap()
}

/// There is no link, and these are parts of why.
async fn check_refusal(server: &ServerHandle, tls: Option<&TlsSettings>, parts: &[&str]) {
    let error = dial(server, tls).await.unwrap_err().to_string();
    assert!(error.contains(&server.address().to_string()), "{error}");
    for part in parts {
        assert!(error.contains(part), "{part}: {error}");
    }
}

async fn check_link(server: Option<&TlsSettings>, client: Option<&TlsSettings>) {
    let (handle, mut events) = self::server(server).await;
    let mut client = dial(&handle, client).await.unwrap();
    let Some(LinkEvent::Opened(_, send)) = events.recv().await else { panic!("no link") };
    let plugin = ToTaskManager::Plugin { request: 1, bytes: Ok(vec![0xA5; 5 << 20].into()) };
    assert!(send(plugin.clone()));
    assert_eq!(client.next().await.unwrap(), plugin);
    let log = ToJobManager::Log { request: 7, text: "a line".repeat(100_000) };
    let (say, said) = (std::sync::Arc::clone(&client.send), log.clone());
    assert!(tokio::task::spawn_blocking(move || say(said)).await.unwrap());
    match events.recv().await {
        Some(LinkEvent::Message(_, heard)) => assert_eq!(heard, log),
        other => panic!("{other:?}"),
    }
    drop(client);
    assert!(matches!(events.recv().await, Some(LinkEvent::Closed(_, _))));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_both_ways_with_one_certificate_for_all() {
    let tls = good(&Ca::new("the CA"));
    check_link(Some(&tls), Some(&tls)).await;
    check_link(None, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_both_ways_with_a_certificate_for_each_host() {
    let ca = Ca::new("the CA");
    let of_host = |name: &str| settings(&ca.issue(&[name]), &ca.pem(), &PeerName::DialledHost);
    let (here, there) = (of_host("127.0.0.1").unwrap(), of_host("else.where").unwrap());
    check_link(Some(&here), Some(&there)).await;
    let (server, _events) = server(Some(&there)).await;
    let parts = ["\"127.0.0.1\"", "else.where", "\"worker\"", "\"the CA\""];
    check_refusal(&server, Some(&here), &parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_ca_is_refused_by_both_sides() {
    let (ours, others) = (good(&Ca::new("the CA")), good(&Ca::new("another CA")));
    let (server, mut events) = server(Some(&ours)).await;
    let parts = ["\"worker\"", "issued by \"the CA\"", "no CA of /etc/ca.pem (ca)"];
    check_refusal(&server, Some(&others), &parts).await;
    // One that takes any server is still refused by it.
    let (ca, other) = (Ca::new("the CA"), Ca::new("another CA"));
    let both = format!("{}{}", ca.pem(), other.pem());
    let name = PeerName::Shared("sandbar".to_owned());
    let strange = settings(&other.issue(&["sandbar"]), &both, &name).unwrap();
    let (strict, mut of_strict) = self::server(Some(&good(&ca))).await;
    check_refusal(&strict, Some(&strange), &["refuses this side's certificate"]).await;
    assert!(events.try_recv().is_err() && of_strict.try_recv().is_err(), "a link was opened");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_no_member_of_the_cluster() {
    let ca = Ca::new("the firm's CA");
    let member = ca.issue(&["sandbar", "127.0.0.1"]);
    let shared = PeerName::Shared("sandbar".to_owned());
    let (server, mut events) = server(Some(&settings(&member, &ca.pem(), &shared).unwrap())).await;
    let printer = settings(&ca.issue(&["printer"]), &ca.pem(), &PeerName::DialledHost).unwrap();
    check_refusal(&server, Some(&printer), &["refuses this side's certificate"]).await;
    assert!(events.try_recv().is_err(), "a link was opened");
    let known = settings(&member, &ca.pem(), &PeerName::DialledHost).unwrap();
    dial(&server, Some(&known)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_of_which_one_speaks_tls_say_so() {
    let tls = good(&Ca::new("the CA"));
    let (of_tls, mut events) = server(Some(&tls)).await;
    let (plain, mut plain_events) = server(None).await;
    check_refusal(&of_tls, None, &["security.ssl.internal.enabled"]).await;
    check_refusal(&plain, Some(&tls), &["speak TLS"]).await;
    assert!(events.try_recv().is_err() && plain_events.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_the_silent_hold_up_nobody() {
    let tls = good(&Ca::new("the CA"));
    let (server, _events) = server(Some(&tls)).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(tokio::net::TcpStream::connect(server.address()).await.unwrap());
    }
    for noise in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\xff\xff", &[0; 70_000]] {
        let mut stranger = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        // It may be hung up on before all is said.
        let _ = stranger.write_all(noise).await;
        let _ = stranger.shutdown().await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stranger.read_to_end(&mut answer)).await.unwrap();
    }
    dial(&server, Some(&tls)).await.unwrap();
    server.stop().await;
}
