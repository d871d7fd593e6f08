//! The examples, run on their real data and compared with what was worked out without Sandbar (see
//! the README of each).

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sandbar_cluster::JobSource;
use sandbar_config::Configuration;
use sandbar_graph::{FileFormat, JobSpec};
use sandbar_jobs::{Outcome, TestCluster, guest, root};
use sandbar_model::status::JobStatus;

const PARALLELISMS: [&str; 2] = ["1", "3"];

fn lines_of(path: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("examples").join(path)).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn finished(outcome: Outcome) -> Outcome {
    assert_eq!(outcome.result.status, JobStatus::Finished, "{:?}", outcome.result.failure);
    outcome
}

/// The lines of all files in a folder, sorted.
fn lines_in(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut lines: Vec<String> = files
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    lines.sort();
    lines
}

/// Counts of the words of the book, in order.
fn check_word_count(job: &JobSource) {
    let expected = lines_of("word-count/expected/counts.tsv");
    for parallelism in PARALLELISMS {
        let outcome = TestCluster::new().run(job, &[("parallelism.default", parallelism)]);
        assert_eq!(finished(outcome).lines, expected, "parallelism {parallelism}");
    }
}

#[test]
fn word_count_in_code_counts_every_word() {
    let text = root().join("examples/word-count/data/opticks.txt");
    check_word_count(&JobSource::Plugin {
        path: guest("word-count"),
        arguments: vec![text.display().to_string(), "all".to_owned()],
    });
}

#[test]
fn word_count_as_a_job_file_counts_every_word() {
    check_word_count(&JobSource::File(root().join("examples/word-count/job.toml")));
}

/// The job of the bird strikes, with its file sinks in another folder.
fn bird_strikes(target: &Path) -> JobSpec {
    let file = root().join("examples/bird-strikes/job.toml");
    let text = fs::read_to_string(&file).unwrap();
    let (mut spec, _) =
        sandbar_graph::parse(&text, FileFormat::Toml, &file.display().to_string()).unwrap();
    for sink in spec.sinks.iter_mut().filter(|sink| sink.connector == "files") {
        let folder = target.join(&sink.name).display().to_string();
        sink.options.insert("path".to_owned(), folder.into());
    }
    spec
}

/// Runs the job and returns what it printed, by the identifier of the sink.
fn run_bird_strikes(parallelism: &str, target: &Path) -> BTreeMap<String, Vec<String>> {
    let cluster = TestCluster::new();
    let overrides = Configuration::from_pairs([("parallelism.default", parallelism)]);
    let folder = root().join("examples/bird-strikes");
    let loader = cluster.cluster.loader(&overrides);
    let prepared = loader.prepare_spec(bird_strikes(target), Some(folder)).unwrap();
    let job = cluster.cluster.submit(prepared).unwrap();
    let mut printed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in finished(cluster.attend(&job)).lines {
        let (identifier, line) = line.split_once("> ").unwrap_or(("", &line));
        printed.entry(identifier.to_owned()).or_default().push(line.to_owned());
    }
    printed.values_mut().for_each(|lines| lines.sort());
    printed
}

#[test]
fn bird_strikes_are_counted_and_bad_rows_kept() {
    for parallelism in PARALLELISMS {
        let target = tempfile::tempdir().unwrap();
        let printed = run_bird_strikes(parallelism, target.path());
        assert_eq!(printed[""], lines_of("bird-strikes/expected/phases.tsv"));
        assert_eq!(printed["refused"], lines_of("bird-strikes/expected/dead-letters.tsv"));
        let damaged = lines_in(&target.path().join("damaged"));
        assert_eq!(damaged, lines_of("bird-strikes/expected/damaged.csv"));
        check_letters(&lines_in(&target.path().join("dead-letters")));
    }
}

/// Each dead letter holds a whole row, and each has the reason for which it was refused.
fn check_letters(letters: &[String]) {
    assert_eq!(letters.len(), 2850);
    for letter in letters {
        let letter: BTreeMap<String, serde_json::Value> = serde_json::from_str(letter).unwrap();
        assert_eq!(letter["operator"], "parse");
        let row: BTreeMap<String, String> =
            serde_json::from_str(letter["value"].as_str().unwrap()).unwrap();
        assert_eq!(row.len(), 14);
        let expected = match row["Speed IAS in knots"].as_str() {
            "" => "speed is blank",
            _ => "unknown damage code",
        };
        assert_eq!(letter["message"], expected);
    }
}
