//! The REST API of a cluster: Flink's paths, field names and status codes over
//! `sandbar_rpc::DispatcherGateway`, which is all it knows of the cluster, and a client of it.
//!
//! Law: every limit is in [`RestOptions`] or a named constant; no request, however wrong, ends the
//! server or gets an answer without a body that says what is wrong. What is served is listed once,
//! in the route table; the router, `405`s and `/openapi.json` are made from it.

pub mod message;

mod client;
mod execution;
mod handler;
mod metrics_server;
mod openapi;
mod options;
mod page;
mod route;

mod answer;
mod call;
mod upload;

mod connection;
mod greeting;
mod router;
mod server;
mod service;

pub use client::{ClientError, ClientTls, RestClient};
pub use metrics_server::{MetricsServer, RenderMetrics};
pub use options::{RestLimits, RestOptions};
pub use server::{RestHandle, RestServer, StartError};
pub use service::RestService;
