//! `sandbar info`: the graph that a job becomes, without running it.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, ValueEnum};
use sandbar_cluster::PreparedJob;
use sandbar_graph::{chaining_decisions, dump};
use sandbar_model::JobId;

use crate::job_arguments::JobArguments;
use crate::{Cli, output};

/// Arguments of `sandbar info`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar info job.toml                             the job graph: its vertices and chains
  sandbar info --graph stream job.toml              the operators as written
  sandbar info --explain-chaining job.toml          why operators share a task or do not
  sandbar info --format dot job.toml | dot -Tsvg    a picture
  sandbar info -p 4 words.wasm -- book.txt          a job plugin with an argument")]
pub(crate) struct InfoArgs {
    #[command(flatten)]
    job: JobArguments,
    /// Which graph.
    #[arg(long, value_enum, default_value_t)]
    graph: Graph,
    /// How to show it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Show for every edge, in place of the graph, whether it is chained and which rules it breaks.
    #[arg(long)]
    explain_chaining: bool,
}

/// The graphs of a job that there are before it runs.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Graph {
    /// Operators and edges as written.
    Stream,
    /// After chaining: a vertex is a chain.
    #[default]
    Job,
}

/// How a graph is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; a job graph in the shape of Flink's plan.
    Json,
    /// For Graphviz.
    Dot,
}

/// Runs the verb.
pub(crate) fn execute(args: InfoArgs) -> anyhow::Result<ExitCode> {
    if args.explain_chaining && args.format == Format::Dot {
        let message = "--explain-chaining cannot be shown with --format dot; use text or json";
        Cli::command().error(ErrorKind::ArgumentConflict, message).exit();
    }
    let prepared = args.job.prepare()?;
    let shown = if args.explain_chaining {
        chaining(&prepared, args.format)
    } else {
        graph(&prepared, args.graph, args.format)
    };
    output::line(shown.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn chaining(prepared: &PreparedJob, format: Format) -> String {
    let decisions = chaining_decisions(&prepared.stream_graph);
    match format {
        Format::Json => format!("{:#}", dump::explain_chaining_json(&decisions)),
        Format::Text | Format::Dot => dump::explain_chaining_text(&decisions),
    }
}

fn graph(prepared: &PreparedJob, graph: Graph, format: Format) -> String {
    let PreparedJob { stream_graph, graph: job_graph, .. } = prepared;
    match (graph, format) {
        (Graph::Stream, Format::Text) => dump::stream_graph_text(stream_graph),
        (Graph::Stream, Format::Json) => format!("{:#}", dump::stream_graph_json(stream_graph)),
        (Graph::Stream, Format::Dot) => dump::stream_graph_dot(stream_graph),
        (Graph::Job, Format::Text) => dump::job_graph_text(job_graph),
        // A job gets its id when it is submitted.
        (Graph::Job, Format::Json) => dump::job_graph_json(job_graph, JobId(0)),
        (Graph::Job, Format::Dot) => dump::job_graph_dot(job_graph),
    }
}
