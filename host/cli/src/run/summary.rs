//! The summary of a job that has ended: for people a table, for scripts JSON.

use std::io;
use std::time::Duration;

use sandbar_client::{Accumulators, JobResult};
use serde_json::{Value, json};

use super::RunArgs;
use super::shown_job::{ShownJob, ShownVertex};
use crate::output;

/// Tells of the end of a job as the arguments want it.
///
/// # Errors
/// Standard output is closed.
pub(super) fn report(args: &RunArgs, result: &JobResult, job: &ShownJob) -> io::Result<()> {
    if let Some(failure) = &result.failure {
        output::error(failure);
    }
    if !args.quiet {
        print(result, job);
    }
    if args.json {
        output::line(&json(result, job).to_string())?;
    }
    Ok(())
}

/// Prints the summary to standard error.
fn print(result: &JobResult, job: &ShownJob) {
    let width = job.vertices.iter().map(|vertex| vertex.name.len()).max().unwrap_or(6).max(6);
    output::say(format!(
        "{:width$}  {:>5} {:>13} {:>13} {:>13} {:>9} {:>12}",
        "vertex", "tasks", "records in", "records out", "bytes out", "refused", "records/s"
    ));
    for vertex in &job.vertices {
        output::say(format!(
            "{:width$}  {:>5} {:>13} {:>13} {:>13} {:>9} {:>12.0}",
            vertex.name,
            vertex.parallelism,
            vertex.records_in,
            vertex.records_out,
            vertex.bytes_out,
            vertex.records_refused,
            rate(vertex, result.runtime)
        ));
    }
    let seconds = result.runtime.as_secs_f64();
    output::say(format!("Job \"{}\" {} after {seconds:.3} s", result.name, result.status));
    print_accumulators(&result.accumulators);
}

/// Prints the lines that Flink's command line ends with to standard error, if there is anything to
/// list.
pub(crate) fn print_accumulators(accumulators: &Accumulators) {
    // A guest chose the name, and a terminal would obey what it holds.
    let shown = |name: &str| name.replace(char::is_control, "?");
    if !accumulators.sums().is_empty() {
        output::say("Accumulator Results:");
    }
    for (name, sum) in accumulators.sums() {
        output::say(format!("- {} (LongCounter): {sum}", shown(name)));
    }
    if let Some(name) = accumulators.left_out_from() {
        let name = shown(name);
        output::say(format!("Too many accumulators: left out are {name} and all names after it"));
    }
}

/// The summary as JSON.
fn json(result: &JobResult, job: &ShownJob) -> Value {
    let vertex = |(index, vertex): (usize, &ShownVertex)| {
        json!({
            "id": index,
            "name": vertex.name,
            "parallelism": vertex.parallelism,
            "records-in": vertex.records_in,
            "records-out": vertex.records_out,
            "bytes-out": vertex.bytes_out,
            "records-refused": vertex.records_refused,
            "records-per-second": rate(vertex, result.runtime),
            "back-pressured-ms": vertex.back_pressured.as_millis() as u64,
            "metrics": vertex.guest_metrics,
        })
    };
    json!({
        "jid": result.job.to_string(),
        "name": result.name,
        "state": result.status.to_string(),
        "failure": result.failure,
        "duration-ms": result.runtime.as_millis() as u64,
        "accumulators": result.accumulators.sums(),
        "accumulators-left-out-from": result.accumulators.left_out_from(),
        "vertices": job.vertices.iter().enumerate().map(vertex).collect::<Vec<_>>(),
    })
}

fn rate(vertex: &ShownVertex, runtime: Duration) -> f64 {
    vertex.records_in as f64 / runtime.as_secs_f64().max(1e-3)
}
