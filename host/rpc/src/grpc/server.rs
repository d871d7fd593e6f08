//! The JobManager's end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::{Grpc, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::codec::MessagePack;
use super::tls_incoming::tls_incoming;
use super::{MESSAGE_BYTES_MAX, OUTGOING_MAX};
use crate::link::{LinkEvent, LinkId};
use crate::message::{ToJobManager, ToTaskManager};
use crate::tls::TlsSettings;

/// How often an idle connection is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Takes what happens on links; a link whose events find no room waits.
type LinkSink = mpsc::Sender<LinkEvent>;

/// A running server; dropping it ends it and all its links.
#[derive(Debug)]
pub struct ServerHandle {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl ServerHandle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more links and waits until those that there are have ended.
    pub async fn stop(self) {
        drop(self.stop);
        // A server that panicked has ended too.
        let _ = self.ended.await;
    }
}

/// Listens for TaskManagers on the current runtime; with `tls`, for such that speak TLS.
///
/// # Errors
/// The address cannot be bound.
pub async fn serve(
    address: SocketAddr,
    sink: LinkSink,
    tls: Option<&TlsSettings>,
) -> std::io::Result<ServerHandle> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let service = JobManagerService { sink, next: Arc::default() };
    let server = tonic::transport::Server::builder()
        .concurrency_limit_per_connection(4)
        .max_concurrent_streams(Some(4))
        .http2_keepalive_interval(Some(KEEP_ALIVE));
    let stopped = async {
        // A dropped handle ends it as well.
        let _ = stopped.await;
    };
    let ended = match tls {
        Some(tls) => {
            let incoming = tls_incoming(listener, tls);
            run(server.serve_with_incoming_shutdown(service, incoming, stopped))
        }
        None => {
            let incoming = TcpListenerStream::new(listener).map(|stream| {
                stream.inspect(|socket| {
                    // Small messages must not wait for each other.
                    let _ = socket.set_nodelay(true);
                })
            });
            run(server.serve_with_incoming_shutdown(service, incoming, stopped))
        }
    };
    Ok(ServerHandle { address: bound, stop, ended })
}

/// Runs a server on the current runtime.
fn run<E: std::fmt::Display>(
    server: impl Future<Output = Result<(), E>> + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the RPC server ended");
        }
    })
}

#[derive(Clone)]
struct JobManagerService {
    sink: LinkSink,
    next: Arc<AtomicU64>,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Service<http::Request<Body>> for JobManagerService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            if request.uri().path() != super::PATH {
                let unknown = Status::unimplemented(format!(
                    "there is no method {}; the only one is {}",
                    request.uri().path(),
                    super::PATH
                ));
                return Ok(unknown.into_http());
            }
            let mut grpc = Grpc::new(MessagePack::<ToTaskManager, ToJobManager>::default())
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX);
            Ok(grpc.streaming(Connect(service), request).await)
        })
    }
}

/// The one method.
struct Connect(JobManagerService);

impl StreamingService<ToJobManager> for Connect {
    type Response = ToTaskManager;
    type ResponseStream =
        Pin<Box<dyn tokio_stream::Stream<Item = Result<ToTaskManager, Status>> + Send>>;
    type Future = BoxFuture<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<ToJobManager>>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move {
            let link = LinkId(service.next.fetch_add(1, Ordering::Relaxed));
            let (outgoing, queued) = mpsc::channel::<ToTaskManager>(OUTGOING_MAX);
            let send = Arc::new(move |message| outgoing.try_send(message).is_ok());
            let gone = || Status::unavailable("the JobManager is ending");
            service.sink.send(LinkEvent::Opened(link, send)).await.map_err(|_| gone())?;
            tokio::spawn(hear(link, request.into_inner(), service.sink));
            let stream: Self::ResponseStream = Box::pin(ReceiverStream::new(queued).map(Ok));
            Ok(Response::new(stream))
        })
    }
}

/// Hands on what the TaskManager says until the link ends.
async fn hear(link: LinkId, mut messages: Streaming<ToJobManager>, sink: LinkSink) {
    let why = loop {
        match messages.message().await {
            Ok(Some(message)) => {
                if sink.send(LinkEvent::Message(link, message)).await.is_err() {
                    return;
                }
            }
            Ok(None) => break "the TaskManager closed the link".to_owned(),
            Err(status) => break format!("the link broke: {}", status.message()),
        }
    };
    // Nobody listens when the JobManager itself has ended.
    let _ = sink.send(LinkEvent::Closed(link, why)).await;
}
