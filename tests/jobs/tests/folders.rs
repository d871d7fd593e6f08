//! Jobs as folders: each folder of `cases` holds a `job.toml`, its input and what the job's print
//! sinks write, in any order; or, in `expected-failure`, what the error of a job that fails or is
//! refused must hold, line by line. A folder is a test; adding one adds no Rust.
//!
//! Law: what a job writes does not depend on its parallelism, so each runs at several.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sandbar_cluster::JobSource;
use sandbar_jobs::{TestCluster, await_end, guest, root, sorted};
use sandbar_model::status::JobStatus;

/// Parallelism of operators that set none themselves.
const PARALLELISMS: [&str; 3] = ["1", "2", "5"];

/// How long a case may take; they take milliseconds.
const CASE_TIMEOUT: Duration = Duration::from_secs(20);

/// Job files name a guest crate's module so: `@guest:counters@`.
const PLACEHOLDER: &str = "@guest:";

#[test]
fn folders_print_what_they_expect_at_any_parallelism() {
    let mut cases: Vec<PathBuf> = children(&root().join("tests/jobs/cases"));
    cases.sort();
    assert!(cases.len() > 20, "the cases are there");
    let failures: Vec<String> =
        cases.iter().filter(|case| case.is_dir()).flat_map(|case| check(case)).collect();
    assert!(failures.is_empty(), "{} runs failed:\n{}", failures.len(), failures.join("\n"));
}

/// What went wrong with a case.
fn check(case: &Path) -> Vec<String> {
    let name = case.file_name().expect("a folder of a folder has a name").display();
    let failure = case.join("expected-failure");
    let fails = failure.exists();
    let expected = fs::read_to_string(if fails { failure } else { case.join("expected") }).unwrap();
    let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
    let run = |parallelism: &&str| {
        let wrong = match run(case, parallelism) {
            Ok(lines) if fails => format!("it did not fail and wrote {lines:?}"),
            Ok(lines) => difference(&sorted(&expected), &lines)?,
            Err(error) if fails && expected.iter().all(|part| error.contains(part)) => return None,
            Err(error) => error,
        };
        Some(format!("{name} at parallelism {parallelism}:\n{wrong}"))
    };
    PARALLELISMS.iter().filter_map(run).collect()
}

/// Runs a case where its job file can be completed: in a copy of the folder.
fn run(case: &Path, parallelism: &str) -> Result<Vec<String>, String> {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(case, copy.path());
    let file = copy.path().join("job.toml");
    fs::write(&file, complete(&fs::read_to_string(&file).unwrap())).unwrap();
    let cluster = TestCluster::new();
    let job = cluster
        .submit(&JobSource::File(file), &[("parallelism.default", parallelism)])
        .map_err(|error| error.to_string())?;
    let result = await_end(&job, CASE_TIMEOUT).inspect_err(|_| job.cancel())?;
    match result.status {
        JobStatus::Finished => {
            let lines: Vec<String> =
                cluster.lines().iter().map(|line| without_subtask(line)).collect();
            Ok(sorted(&lines))
        }
        ended @ (JobStatus::Initializing
        | JobStatus::Restarting
        | JobStatus::Created
        | JobStatus::Running
        | JobStatus::Failing
        | JobStatus::Failed
        | JobStatus::Cancelling
        | JobStatus::Canceled) => Err(format!("{ended}: {}", result.failure.unwrap_or_default())),
    }
}

/// Puts the paths of modules in place of their names.
fn complete(job: &str) -> String {
    let mut pieces = job.split(PLACEHOLDER);
    let mut completed = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (package, rest) = piece.split_once('@').expect("a placeholder ends in @");
        completed.push_str(&guest(package).display().to_string());
        completed.push_str(rest);
    }
    completed
}

/// `odd:2> fig` as `odd> fig`: a print sink with an identifier names its subtask after it.
fn without_subtask(line: &str) -> String {
    let found = line.split_once("> ").and_then(|(prefix, rest)| {
        let (identifier, subtask) = prefix.rsplit_once(':')?;
        subtask.parse::<u32>().ok()?;
        Some(format!("{identifier}> {rest}"))
    });
    found.unwrap_or_else(|| line.to_owned())
}

/// The lines that only one side has, if there are any.
fn difference(expected: &[String], found: &[String]) -> Option<String> {
    let missing = only_in(expected, found).into_iter().map(|line| format!("  missing: {line}"));
    let extra = only_in(found, expected).into_iter().map(|line| format!("  extra: {line}"));
    let lines: Vec<String> = missing.chain(extra).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// What is left of a multiset when another is taken from it.
fn only_in(lines: &[String], others: &[String]) -> Vec<String> {
    let mut left = lines.to_vec();
    for other in others {
        if let Some(index) = left.iter().position(|line| line == other) {
            left.remove(index);
        }
    }
    left
}

fn children(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in children(from) {
        let target = to.join(path.file_name().expect("an entry of a folder has a name"));
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}
