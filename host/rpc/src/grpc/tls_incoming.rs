//! Connections of TaskManagers that speak TLS: taken, greeted, and handed to the server once they
//! have shown their certificate.
//!
//! Law: a handshake holds up no other, takes a bounded time, and there is a bounded number at a
//! time; whoever is refused can read why.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;

use crate::tls::{TlsSettings, explain_io};

/// Handshakes at a time; who comes then waits.
const HANDSHAKES_MAX: usize = 64;
/// How long a handshake may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);
/// Connections that wait for the server to take them.
const GREETED_MAX: usize = 16;
/// How long to wait after a connection could not be taken, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long one who is refused is listened to. Closing with unread bytes would reset the
/// connection, and the other end would lose the alert that says why.
const LINGER: Duration = Duration::from_millis(200);

/// Takes connections until the stream is dropped.
pub(super) fn tls_incoming(
    listener: TcpListener,
    tls: &TlsSettings,
) -> ReceiverStream<io::Result<TlsStream<TcpStream>>> {
    let acceptor = TlsAcceptor::from(Arc::clone(tls.server()));
    let (greeted, incoming) = mpsc::channel(GREETED_MAX);
    tokio::spawn(async move {
        let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        loop {
            let with_place = async {
                // Nothing closes the semaphore.
                let place = Arc::clone(&places).acquire_owned().await.ok();
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                accepted = with_place => accepted,
                () = greeted.closed() => return,
            };
            match accepted {
                Ok((socket, from)) => {
                    let (acceptor, greeted) = (acceptor.clone(), greeted.clone());
                    tokio::spawn(async move {
                        if let Some(connection) = greet(&acceptor, socket, from).await {
                            // Nobody takes it when the server has ended.
                            let _ = greeted.send(Ok(connection)).await;
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot take a connection from a TaskManager");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
    ReceiverStream::new(incoming)
}

/// The handshake; none if the other end is not let in.
async fn greet(
    acceptor: &TlsAcceptor,
    socket: TcpStream,
    from: SocketAddr,
) -> Option<TlsStream<TcpStream>> {
    // Small messages must not wait for each other.
    let _ = socket.set_nodelay(true);
    let handshake = acceptor.accept(socket).into_fallible();
    match timeout(HANDSHAKE_TIME_MAX, handshake).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err((error, refused))) => {
            let reason = explain_io(&error).unwrap_or_else(|| error.to_string());
            tracing::warn!(%from, reason, "a connection to the RPC port is refused");
            // Nothing is lost with who does not listen.
            let _ = timeout(LINGER, linger(refused)).await;
            None
        }
        Err(_elapsed) => {
            tracing::warn!(%from, "no TLS handshake within {HANDSHAKE_TIME_MAX:?}");
            None
        }
    }
}

async fn linger(mut socket: TcpStream) -> io::Result<()> {
    socket.shutdown().await?;
    let mut unread = [0; 4096];
    while socket.read(&mut unread).await? > 0 {}
    Ok(())
}
