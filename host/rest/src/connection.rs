//! One connection: HTTP/1.1 by hyper, and words for what hyper refuses without any.
//!
//! Law: whoever sends something gets an answer with a body, be it bytes that are no HTTP, a head
//! that is too large, or one that never ends.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::answer::{JSON, RestError};
use crate::options::RestLimits;

/// How long a connection is read on after the last answer. Closing with unread bytes would reset
/// it, and the client would lose the answer that says why.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
/// Bytes that are thrown away at a time.
const LINGER_BYTES: usize = 16 * 1024;

/// What carries a connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Serves a connection until it ends, or until `stop` and the end of the request under way.
pub(crate) async fn serve<S: Stream>(
    stream: S,
    router: Router,
    limits: RestLimits,
    mut stop: watch::Receiver<bool>,
) {
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |request| Box::pin(service.call(request)));
    let io = TokioIo::new(Socket { stream, is_waiting: false, refused: None });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time_max)
        .max_buf_size(RestLimits::HEADER_BYTES_MAX)
        // `printf ... | nc` ends its side before it reads the answer.
        .half_close(true)
        .serve_connection(io, service);
    let mut is_stopping = false;
    let result = loop {
        tokio::select! {
            result = poll_fn(|context| connection.poll_without_shutdown(context)) => break result,
            _ = stop.changed(), if !is_stopping => {
                is_stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let mut socket = connection.into_parts().io.into_inner();
    if let Some(error) = refusal(&socket, result.err(), limits) {
        // A client that is gone misses nothing.
        let _ = timeout(LINGER, write(&mut socket.stream, error)).await;
    }
    let _ = timeout(LINGER, linger(&mut socket.stream)).await;
}

/// What to say where hyper says nothing.
fn refusal<S>(
    socket: &Socket<S>,
    error: Option<hyper::Error>,
    limits: RestLimits,
) -> Option<RestError> {
    let error = error?;
    if let Some(status) = socket.refused {
        let message = match status {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                let limit = RestLimits::HEADER_BYTES_MAX;
                format!("the head of the request has too many fields or more than {limit} bytes")
            }
            StatusCode::URI_TOO_LONG => "the path of the request is too long".to_owned(),
            _ => format!("this is no HTTP/1.1 request: {error}"),
        };
        return Some(RestError::new(status, message));
    }
    if !socket.is_waiting {
        return None;
    }
    if error.is_timeout() {
        let limit = limits.header_time_max;
        let message = format!("the head of the request did not arrive within {limit:?}");
        return Some(RestError::new(StatusCode::REQUEST_TIMEOUT, message));
    }
    let is_unreadable = error.is_parse();
    is_unreadable.then(|| RestError::bad_request(format!("this is no HTTP/1.1 request: {error}")))
}

/// Answers with an error, whatever was asked.
pub(crate) async fn write(stream: &mut impl Stream, error: RestError) -> io::Result<()> {
    let status = error.status();
    let reason = status.canonical_reason().unwrap_or("Error");
    let body = error.body();
    let head = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: {JSON}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        status.as_u16(),
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).await
}

/// Closes our side and reads on until the other one is closed.
pub(crate) async fn linger(stream: &mut impl Stream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut unread = vec![0; LINGER_BYTES];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// A socket that notes whether a request has begun, and keeps back answers of hyper's own.
struct Socket<S> {
    stream: S,
    /// Something has arrived since the last answer.
    is_waiting: bool,
    /// The status that hyper wanted to answer with.
    refused: Option<StatusCode>,
}

/// The status of an answer that hyper made itself: a bare head without a body. Ours have one.
fn bare_refusal(bytes: &[u8]) -> Option<StatusCode> {
    let status = bytes.strip_prefix(b"HTTP/1.1 ").or(bytes.strip_prefix(b"HTTP/1.0 "))?;
    let status = StatusCode::from_bytes(status.get(..3)?).ok()?;
    let head = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    let mut fields = head.lines().skip(1);
    let is_bare =
        status.is_client_error() && fields.all(|field| !field.starts_with("content-type"));
    is_bare.then_some(status)
}

impl<S: Stream> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.is_waiting |= buffer.filled().len() > before;
        result
    }
}

/// One buffer at a time: the head of an answer then is at the start of a write.
impl<S: Stream> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(status) = bare_refusal(bytes) {
            self.refused = Some(status);
            return Poll::Ready(Ok(bytes.len()));
        }
        self.is_waiting = false;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
