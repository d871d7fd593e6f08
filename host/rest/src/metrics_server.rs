//! `/metrics` of a process that serves nothing else, in Prometheus' text format.

use std::net::TcpListener;
use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use crate::answer::{Answer, RestError};
use crate::options::RestLimits;
use crate::server::{RestHandle, StartError, serve_on};

/// Connections that are open at a time.
const CONNECTIONS_MAX: usize = 16;

/// Makes the text of all metrics.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// A server of `/metrics`.
#[derive(Debug)]
pub struct MetricsServer;

impl MetricsServer {
    /// Starts a server on the first free port of a range. It serves until its handle is dropped.
    ///
    /// # Errors
    /// No port of the range is free, or there are no threads.
    pub fn start(
        bind_address: &str,
        ports: RangeInclusive<u16>,
        render: RenderMetrics,
    ) -> Result<RestHandle, StartError> {
        let last = *ports.end();
        let mut bound = Err(std::io::ErrorKind::InvalidInput.into());
        for port in ports {
            bound = TcpListener::bind((bind_address, port));
            if bound.is_ok() {
                break;
            }
        }
        let listener = bound.map_err(|source| StartError::MetricsBind {
            bind_address: bind_address.to_owned(),
            port: last,
            source,
        })?;
        let answer = move || {
            let text = render();
            async move { Answer::prometheus(text).into_response(StatusCode::OK) }
        };
        let unknown =
            || async { RestError::not_found("this port serves /metrics").into_response() };
        let router = Router::new().route("/metrics", get(answer)).fallback(unknown);
        let limits = RestLimits { connections_max: CONNECTIONS_MAX, ..RestLimits::default() };
        serve_on(listener, None, limits, 1, move |_| router)
    }
}
