//! Dials a JobManager that speaks TLS, and shows it this process's certificate.
//!
//! Law: what TLS says of a failure is kept, since the layers above make a text of it or drop it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tonic::codegen::Service;

use crate::tls::{TlsError, TlsSettings, explain_io};

/// The first thing that TLS has said of a connection that failed.
pub(super) type TlsFailure = Arc<OnceLock<String>>;

/// Makes one connection to one address.
#[derive(Clone)]
pub(super) struct TlsConnector {
    /// `host:port`.
    address: String,
    connector: tokio_rustls::TlsConnector,
    name: ServerName<'static>,
    failure: TlsFailure,
}

impl TlsConnector {
    pub(super) fn new(address: &str, tls: &TlsSettings) -> Result<TlsConnector, TlsError> {
        Ok(TlsConnector {
            address: address.to_owned(),
            connector: tokio_rustls::TlsConnector::from(Arc::clone(tls.client())),
            name: tls.name_at(address)?,
            failure: TlsFailure::default(),
        })
    }

    /// Where to look when there is no link.
    pub(super) fn failure(&self) -> TlsFailure {
        Arc::clone(&self.failure)
    }

    async fn dial(self) -> io::Result<TokioIo<TlsConnection>> {
        let socket = TcpStream::connect(&self.address).await?;
        // Small messages must not wait for each other.
        let _ = socket.set_nodelay(true);
        let connected = self.connector.connect(self.name, socket).await;
        let stream = connected.inspect_err(|error| keep(&self.failure, error))?;
        Ok(TokioIo::new(TlsConnection { stream, failure: self.failure }))
    }
}

fn keep(failure: &TlsFailure, error: &io::Error) {
    if let Some(reason) = explain_io(error) {
        failure.get_or_init(|| reason);
    }
}

impl Service<Uri> for TlsConnector {
    type Response = TokioIo<TlsConnection>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().dial())
    }
}

/// A connection whose other end has shown a certificate, and may still refuse this one's.
pub(super) struct TlsConnection {
    stream: TlsStream<TcpStream>,
    failure: TlsFailure,
}

impl AsyncRead for TlsConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &read {
            keep(&self.failure, error);
        }
        read
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
