//! The verbs that speak to a cluster, as a user or a script meets them: the real binary against a
//! real REST server, with a Dispatcher behind it that each test sets up.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod command;
mod fake_dispatcher;
mod jobs;
mod plugins;
mod run;
mod start;
