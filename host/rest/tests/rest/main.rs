//! The REST API over real sockets, with a Dispatcher that has two jobs: shapes of answers, and
//! every way to ask wrongly.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod client;
mod cluster;
mod exchange;
mod fake_dispatcher;
mod jobs;
mod limits;
mod metrics;
mod plugins;
mod refusals;
mod resource_requirements;
mod routes;
mod tls;
mod vertices;
