//! Why a connection between two TaskManagers ended, or could not be made.

use std::io;
use std::time::Duration;

use sandbar_rpc::tls::{TlsError, explain_io};
use thiserror::Error;

use super::codec::Frame;
use super::frame::FrameError;

/// The end of a connection.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// No connection could be made.
    #[error(
        "cannot connect within {attempts} attempts: {source}; is the TaskManager running, and is \
         its data port open to this machine?"
    )]
    Connect {
        /// How often it was tried.
        attempts: u32,
        /// What the last attempt gave.
        source: io::Error,
    },
    /// The operating system's, of a connection that was made.
    #[error("connection lost: {0}")]
    Io(io::Error),
    /// The two ends do not speak TLS with each other.
    #[error("no TLS with it: {0}")]
    Tls(String),
    /// The other end closed the connection.
    #[error("connection closed by the other side")]
    Closed,
    /// The other end closed the connection within a frame.
    #[error("connection closed by the other side in the middle of a frame")]
    Cut,
    /// What arrived is no frame.
    #[error("bad frame: {0}")]
    Frame(#[from] FrameError),
    /// The other end says why it closes the connection.
    #[error("closed by the other side: {0}")]
    Refused(String),
    /// The other end does not know the cluster's token.
    #[error("it does not belong to this cluster: its token is another one")]
    Token,
    /// No hello in time.
    #[error("no hello within {timeout:?}")]
    HelloTimeout {
        /// How long was waited.
        timeout: Duration,
    },
    /// A frame that has no place here.
    #[error("unexpected {kind} frame of stream {stream}: {what}")]
    Unexpected {
        /// Its kind.
        kind: &'static str,
        /// Its stream.
        stream: u32,
        /// Why it has no place.
        what: &'static str,
    },
    /// As many connections as may be.
    #[error("there are {limit} connections already; raise sandbar.network.connections.max")]
    Crowded {
        /// The limit.
        limit: usize,
    },
    /// The other end sends more events than are taken.
    #[error("more than {limit} events are waiting to be handled")]
    Flooded {
        /// The limit.
        limit: usize,
    },
    /// This process ends the exchange.
    #[error("this TaskManager is shutting down")]
    Stopped,
}

impl ConnectionError {
    /// A frame that its receiver has no use for.
    pub(crate) fn out_of_place(frame: &Frame, what: &'static str) -> ConnectionError {
        let (kind, stream) = match frame {
            Frame::Hello { .. } => ("hello", 0),
            Frame::Welcome { .. } => ("welcome", 0),
            Frame::Refusal { .. } => ("refusal", 0),
            Frame::Open { stream, .. } => ("open", *stream),
            Frame::Element { stream, .. } => ("element", *stream),
            Frame::Credit(_) => ("credit", 0),
            Frame::Close { stream } => ("close", *stream),
            Frame::Fail { stream, .. } => ("fail", *stream),
        };
        ConnectionError::Unexpected { kind, stream, what }
    }

    /// Whether this side ends the connection, and the other is to be told why.
    pub(crate) fn is_of_this_side(&self) -> bool {
        match self {
            ConnectionError::Frame(_)
            | ConnectionError::Token
            | ConnectionError::HelloTimeout { .. }
            | ConnectionError::Unexpected { .. }
            | ConnectionError::Crowded { .. }
            | ConnectionError::Flooded { .. }
            | ConnectionError::Stopped => true,
            ConnectionError::Connect { .. }
            | ConnectionError::Io(_)
            | ConnectionError::Closed
            | ConnectionError::Cut
            | ConnectionError::Refused(_)
            // TLS has told it in its own way.
            | ConnectionError::Tls(_) => false,
        }
    }
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> ConnectionError {
        explain_io(&error).map_or(ConnectionError::Io(error), ConnectionError::Tls)
    }
}

impl From<TlsError> for ConnectionError {
    fn from(error: TlsError) -> ConnectionError {
        ConnectionError::Tls(error.to_string())
    }
}

/// The exchange could not be started.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// The data port cannot be had.
    #[error(
        "cannot listen on {address} for the exchange between TaskManagers: {source}; set \
         taskmanager.bind-host and taskmanager.data.port"
    )]
    Bind {
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// No thread.
    #[error("cannot start a thread for the exchange between TaskManagers: {0}")]
    Thread(io::Error),
}
