//! From what the user writes to what is run: JobSpec, then StreamGraph, then JobGraph.
//! Owns validation, with all errors at once and each with its place, and operator chaining.
//!
//! Law: pure. Knows neither files, connectors, configuration nor Wasm: what it must ask of them
//! goes through [`Catalog`] and [`GraphSettings`].

pub mod spec;

mod document;
mod parse;
pub mod place;

pub mod catalog;
pub mod error;
pub mod schema;

mod build;
pub mod chaining;
mod job_graph;
pub mod stream_graph;

pub mod dump;

pub use catalog::{Catalog, GraphSettings, SinkTraits, SourceTraits};
pub use chaining::{ChainingDecision, ChainingRefusal, ChainingResult, chaining_decisions};
pub use error::GraphError;
pub use job_graph::{compile, job_graph};
pub use parse::{FileFormat, parse};
pub use place::{Place, Places};
pub use spec::{JobSpec, json_schema};
pub use stream_graph::StreamGraph;
