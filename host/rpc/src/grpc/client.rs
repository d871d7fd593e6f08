//! The TaskManager's end.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Streaming};

use super::codec::MessagePack;
use super::tls_connector::TlsConnector;
use super::{MESSAGE_BYTES_MAX, OUTGOING_MAX, PATH};
use crate::link::SendToJobManager;
use crate::message::{ToJobManager, ToTaskManager};
use crate::tls::TlsSettings;

/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The address is none.
    #[error("'{address}' is no address of a JobManager, expected host:port: {reason}")]
    Address {
        /// As it was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers there, or not in Sandbar's protocol.
    #[error("no JobManager answers at {address}: {reason}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
}

/// A link to a JobManager.
pub struct ClientLink {
    /// Sends to it.
    pub send: SendToJobManager,
    messages: Streaming<ToTaskManager>,
}

impl std::fmt::Debug for ClientLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientLink").finish_non_exhaustive()
    }
}

impl ClientLink {
    /// The next message of the JobManager.
    ///
    /// # Errors
    /// Why the link has ended.
    pub async fn next(&mut self) -> Result<ToTaskManager, String> {
        match self.messages.message().await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err("the JobManager closed the link".to_owned()),
            Err(status) => Err(format!("the link broke: {}", status.message())),
        }
    }
}

/// Connects to a JobManager at `host:port`, once; with `tls`, over TLS.
///
/// # Errors
/// [`ConnectError`].
pub async fn connect(address: &str, tls: Option<&TlsSettings>) -> Result<ClientLink, ConnectError> {
    let wrong = |error: &dyn Error| ConnectError::Address {
        address: address.to_owned(),
        reason: error.to_string(),
    };
    // TLS is the connector's affair, whatever the scheme.
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|error| wrong(&error))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_while_idle(true);
    let connector = tls.map(|tls| TlsConnector::new(address, tls)).transpose();
    let connector = connector.map_err(|error| wrong(&error))?;
    let failure = connector.as_ref().map(TlsConnector::failure);
    let opened = match connector {
        Some(connector) => endpoint.connect_with_connector(connector).await,
        None => endpoint.connect().await,
    };
    let opened = match opened {
        Ok(channel) => open(channel).await,
        Err(error) => Err(chain_of(&error)),
    };
    opened.map_err(|reason| {
        let of_tls = failure.as_deref().and_then(|failure| failure.get()).cloned();
        let reason = of_tls.unwrap_or(reason);
        ConnectError::Unreachable { address: address.to_owned(), reason }
    })
}

/// Opens the link on a connection.
async fn open(channel: Channel) -> Result<ClientLink, String> {
    let mut grpc = tonic::client::Grpc::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    grpc.ready().await.map_err(|error| chain_of(&error))?;
    let (outgoing, queued) = mpsc::channel::<ToJobManager>(OUTGOING_MAX);
    let codec = MessagePack::<ToJobManager, ToTaskManager>::default();
    let request = Request::new(ReceiverStream::new(queued));
    let streaming = grpc.streaming(request, PathAndQuery::from_static(PATH), codec);
    let response = streaming.await.map_err(|status| match status.source() {
        // The server had no say in it.
        Some(cause) => format!(
            "it answers with no HTTP/2 ({}); does it speak TLS (security.ssl.internal.enabled) or \
             is it no JobManager?",
            chain_of(cause)
        ),
        None => status.message().to_owned(),
    })?;
    // Tasks send from threads of their own, which may wait for room.
    let send = Arc::new(move |message| outgoing.blocking_send(message).is_ok());
    Ok(ClientLink { send, messages: response.into_inner() })
}

/// An error with its causes: tonic's own text says only "transport error".
fn chain_of(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
