//! Why the cluster did not do what it was asked.

use std::time::Duration;

use sandbar_rpc::tls::{explain, explain_io};
use ureq::Error;

/// A request that was sent.
pub(super) struct Asked<'a> {
    /// `host:port`.
    pub(super) address: &'a str,
    pub(super) verb: &'a str,
    pub(super) path: &'a str,
    pub(super) time_max: Duration,
}

/// Why the cluster did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// What was given is no address.
    #[error("`{0}` is no address of a JobManager: write host:port, as in 127.0.0.1:8081")]
    Address(String),
    /// There is nothing to know an `https://` server by.
    #[error(
        "https://{address} cannot be asked without a CA to know it by: set sandbar.ssl.rest.ca to \
         a PEM file, and security.ssl.rest.enabled to true"
    )]
    NoAuthority {
        /// `host:port`.
        address: String,
    },
    /// The client's own key is of no use.
    #[error("the private key in sandbar.ssl.rest.private-key cannot be used: {0}")]
    Key(String),
    /// It is there, and the two do not agree on TLS. Nothing has been done.
    #[error("no TLS with {address}: {reason}{}", hint(.reason))]
    Tls {
        /// `host:port`.
        address: String,
        /// What TLS says.
        reason: String,
    },
    /// Nobody is there.
    #[error(
        "cannot reach {address}: {reason}; is a JobManager running there? start one with `sandbar \
         cluster start`, or name it with -m host:port"
    )]
    Unreachable {
        /// `host:port`.
        address: String,
        /// What the system says.
        reason: Box<Error>,
    },
    /// It is there and takes too long.
    #[error(
        "{address} took the request {request} and did not answer it within {time_max:?}: its \
         JobManager hangs, is stopped, or has too much to do; what was asked may still be done: \
         look before you ask again"
    )]
    TooSlow {
        /// `host:port`.
        address: String,
        /// Verb and path.
        request: String,
        /// How long it was waited for.
        time_max: Duration,
    },
    /// The exchange broke off.
    #[error(
        "the exchange with {address} broke off: {reason}; what was asked may be done all the same"
    )]
    Broken {
        /// `host:port`.
        address: String,
        /// How.
        reason: Box<Error>,
    },
    /// The server says no; these are its words.
    #[error("{}", .errors.join("\n"))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// One message each.
        errors: Vec<String>,
    },
    /// The answer is not one of this API.
    #[error(
        "{address} answers {path} with what is no answer of a JobManager: {message}; is another \
         server at that port?"
    )]
    Nonsense {
        /// `host:port`.
        address: String,
        /// What was asked.
        path: String,
        /// What is wrong with the answer.
        message: String,
    },
}

impl ClientError {
    /// Whether it is the connection's, so that the next attempt may succeed.
    pub fn is_loss(&self) -> bool {
        matches!(
            self,
            ClientError::Unreachable { .. }
                | ClientError::TooSlow { .. }
                | ClientError::Broken { .. }
                // The server has too much to do, or the cluster behind it does.
                | ClientError::Refused { status: 503 | 504, .. }
        )
    }

    /// What an error of the exchange means.
    pub(super) fn of(asked: &Asked<'_>, error: Error) -> ClientError {
        let (address, source) = (asked.address.to_owned(), Box::new(error));
        if let Some(reason) = of_tls(&source) {
            return ClientError::Tls { address, reason };
        }
        if is_unreachable(&source) {
            ClientError::Unreachable { address, reason: source }
        } else if matches!(*source, Error::Timeout(_)) {
            let request = format!("{} {}", asked.verb, asked.path);
            ClientError::TooSlow { address, request, time_max: asked.time_max }
        } else {
            ClientError::Broken { address, reason: source }
        }
    }
}

/// What TLS says, if it is TLS that failed.
fn of_tls(error: &Error) -> Option<String> {
    if let Error::Io(io) = error {
        return explain_io(io);
    }
    if let Error::Rustls(of_tls) = error {
        return Some(explain(of_tls));
    }
    if let Error::Tls(what) = error { Some((*what).to_owned()) } else { None }
}

/// What to do about a server that is not the one it should be.
fn hint(reason: &str) -> &'static str {
    if reason.contains("UnknownIssuer") {
        "; its certificate is not of the CA in sandbar.ssl.rest.ca"
    } else if reason.contains("not valid for") {
        "; ask it by a name that its certificate is for"
    } else {
        ""
    }
}

/// Whether a connection was never made, so that nothing can have been done.
fn is_unreachable(error: &Error) -> bool {
    if let Error::Io(io) = error {
        return is_refusal(io.kind());
    }
    matches!(
        error,
        Error::HostNotFound
            | Error::ConnectionFailed
            | Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve)
    )
}

/// Whether the system says so.
fn is_refusal(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{
        AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable, NotFound,
        PermissionDenied,
    };
    matches!(
        kind,
        AddrNotAvailable
            | ConnectionRefused
            | HostUnreachable
            | NetworkUnreachable
            | NotFound
            | PermissionDenied
    )
}
