//! Properties of whole jobs: what a job writes follows from its graph and its input alone, not from
//! parallelism, chaining, buffers or the order in which threads get their turn.
//!
//! A failure is kept in `tests/jobs/tests/properties.regressions`, with the seed that makes the
//! same job; it runs again, first, on every later run.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod model;
mod native;
mod random_job;

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use sandbar_config::Configuration;
use sandbar_graph::JobSpec;
use sandbar_graph::spec::PartitionerSpec;
use sandbar_jobs::{TestCluster, await_end, sorted};
use sandbar_model::status::JobStatus;

use random_job::{Draft, draft, pass_through, random_job};

/// Parallelism of operators that set none themselves.
const PARALLELISMS: [&str; 3] = ["1", "2", "5"];

/// How long a job may take; they take milliseconds.
const JOB_TIMEOUT: Duration = Duration::from_secs(30);

/// Random jobs a run; each runs at every parallelism.
const JOBS: u32 = 40;

/// Random inputs a run; each goes through every partitioner.
const INPUTS: u32 = 8;

fn config(cases: u32) -> ProptestConfig {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/properties.regressions");
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        // A shrunk job is easier to read, but each step runs three jobs.
        max_shrink_iters: 300,
        ..ProptestConfig::default()
    }
}

/// How buffers and chains are set up, which no result may depend on.
#[derive(Clone, Debug)]
struct Setup {
    segment_size: &'static str,
    buffer_timeout: &'static str,
    chaining: bool,
}

fn setup() -> impl Strategy<Value = Setup> {
    let segment_size = prop_oneof![Just("1 kb"), Just("32 kb")];
    let buffer_timeout = prop_oneof![Just("0"), Just("-1"), Just("2 ms"), Just("100 ms")];
    (segment_size, buffer_timeout, any::<bool>()).prop_map(
        |(segment_size, buffer_timeout, chaining)| Setup { segment_size, buffer_timeout, chaining },
    )
}

/// Runs a job over `input`, which it reads as `input.txt`, and returns its lines, sorted and
/// without the numbers of subtasks.
fn run(
    spec: &JobSpec,
    input: &[String],
    setup: &Setup,
    parallelism: &str,
) -> Result<Vec<String>, TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let text: String = input.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.path().join("input.txt"), text).unwrap();
    let cluster = TestCluster::new();
    let overrides = Configuration::from_pairs([
        ("parallelism.default", parallelism),
        ("taskmanager.memory.segment-size", setup.segment_size),
        ("execution.buffer-timeout", setup.buffer_timeout),
        ("pipeline.operator-chaining.enabled", if setup.chaining { "true" } else { "false" }),
    ]);
    let mut loader = cluster.cluster.loader(&overrides);
    loader.native = native::plugins();
    let failed = |error: String| {
        let spec = serde_json::to_string(spec).unwrap();
        TestCaseError::fail(format!("at parallelism {parallelism}: {error}\n{spec}"))
    };
    let prepared = loader
        .prepare_spec(spec.clone(), Some(folder.path().to_owned()))
        .map_err(|error| failed(error.to_string()))?;
    let job = cluster.cluster.submit(prepared).map_err(|error| failed(error.to_string()))?;
    let result = await_end(&job, JOB_TIMEOUT).inspect_err(|_| job.cancel()).map_err(&failed)?;
    if result.status != JobStatus::Finished {
        return Err(failed(result.failure.unwrap_or_default()));
    }
    let lines: Vec<String> = cluster.lines().iter().map(|line| without_subtask(line)).collect();
    Ok(sorted(&lines))
}

/// `s1:2> fig` as `s1> fig`.
fn without_subtask(line: &str) -> String {
    let found = line.split_once("> ").and_then(|(prefix, rest)| {
        let (identifier, _) = prefix.split_once(':')?;
        Some(format!("{identifier}> {rest}"))
    });
    found.unwrap_or_else(|| line.to_owned())
}

/// Runs a job at every parallelism and compares what it prints.
fn check(
    spec: &JobSpec,
    input: &[String],
    setup: &Setup,
    mut expected: Vec<String>,
) -> Result<(), TestCaseError> {
    expected.sort();
    for parallelism in PARALLELISMS {
        let found = run(spec, input, setup, parallelism)?;
        let spec = serde_json::to_string(spec).unwrap();
        prop_assert_eq!(&found, &expected, "at parallelism {}: {}", parallelism, spec);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(JOBS))]

    #[test]
    fn a_random_job_writes_what_its_graph_says(
        input in vec("[abpq ]{0,9}", 0..60),
        drafts in vec(draft(), 1..12),
        split_bytes in 1..200u64,
        setup in setup(),
    ) {
        let drafts: Vec<Draft> = drafts;
        let (spec, expected) = random_job(&input, &drafts, split_bytes);
        check(&spec, &input, &setup, expected)?;
    }
}

proptest! {
    #![proptest_config(config(INPUTS))]

    #[test]
    fn random_records_survive_every_partitioner(
        // Records of no byte, of many, and of more than a buffer.
        input in vec(prop_oneof![8 => "[a-zé→ ]{0,12}", 1 => "[a-z]{900,3000}"], 0..200),
        subtasks in 1..5u32,
        setup in setup(),
    ) {
        for partitioner in [
            PartitionerSpec::Rebalance,
            PartitionerSpec::Rescale,
            PartitionerSpec::Shuffle,
            PartitionerSpec::Broadcast,
            PartitionerSpec::Global,
            PartitionerSpec::Hash,
            PartitionerSpec::Custom,
        ] {
            let copies = if partitioner == PartitionerSpec::Broadcast { subtasks } else { 1 };
            let expected = (0..copies).flat_map(|_| input.iter().cloned()).collect();
            check(&pass_through(partitioner, subtasks), &input, &setup, expected)?;
        }
    }
}
