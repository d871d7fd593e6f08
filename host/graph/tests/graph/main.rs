//! The graph from outside: job files in, errors, dumps and job graphs out.

mod catalog;
mod chaining;
mod golden;
mod invariants;
mod random_graphs;
mod reference_errors;
mod settings_errors;
mod syntax_errors;
mod valid;
mod wiring_errors;

use sandbar_graph::{FileFormat, GraphError, GraphSettings, StreamGraph, parse};

use crate::catalog::TestCatalog;

/// Parses and builds a TOML job against the catalog of the tests.
fn build(text: &str, settings: &GraphSettings) -> Result<StreamGraph, Vec<GraphError>> {
    let (spec, places) = parse(text, FileFormat::Toml, "job.toml")?;
    StreamGraph::build(&spec, &places, &TestCatalog::new(), settings)
}

fn build_default(text: &str) -> StreamGraph {
    build(text, &GraphSettings::default()).unwrap_or_else(|errors| panic!("{}", lines(&errors)))
}

/// Checks all errors of a job, one a line.
fn check_errors(text: &str, expected: &[&str]) {
    let errors = build(text, &GraphSettings::default()).expect_err(text);
    assert_eq!(lines(&errors), expected.join("\n"), "{text}");
}

fn lines(errors: &[GraphError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
