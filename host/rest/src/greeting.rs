//! The beginning of a connection over TLS: the handshake, and words for who comes without TLS.
//!
//! Law: whoever is not served hears why: by an alert of TLS, or by an answer of HTTP.

use std::sync::Arc;
use std::time::Duration;

use sandbar_rpc::TlsServer;
use sandbar_rpc::tls::explain_io;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::answer::RestError;
use crate::connection::{LINGER, linger, write};

/// The first byte of a TLS connection: a record of the handshake. Source: RFC 8446, 5.1.
const HANDSHAKE: u8 = 0x16;

/// Shakes hands within this time; none if the other end is not to be served.
pub(crate) async fn greet(
    mut stream: TcpStream,
    tls: &TlsServer,
    time_max: Duration,
) -> Option<TlsStream<TcpStream>> {
    let mut first = [0];
    let peeked = timeout(time_max, stream.peek(&mut first)).await.ok()?.ok()?;
    if peeked == 0 {
        return None;
    }
    if first != [HANDSHAKE] {
        let message = "this port speaks HTTPS only: write https:// in front of the address";
        // A client that is gone misses nothing.
        let _ = timeout(LINGER, write(&mut stream, RestError::bad_request(message))).await;
        let _ = timeout(LINGER, linger(&mut stream)).await;
        return None;
    }
    let acceptor = TlsAcceptor::from(Arc::clone(tls.config()));
    match timeout(time_max, acceptor.accept(stream).into_fallible()).await {
        Ok(Ok(greeted)) => Some(greeted),
        Ok(Err((error, mut refused))) => {
            let reason = explain_io(&error).unwrap_or_else(|| error.to_string());
            tracing::info!(reason, "a client of the REST API is not served");
            // The alert is on its way: unread bytes would make it unread too.
            let _ = timeout(LINGER, linger(&mut refused)).await;
            None
        }
        Err(_elapsed) => {
            tracing::info!("a client of the REST API did not shake hands within {time_max:?}");
            None
        }
    }
}
