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

const PARALLELISMS: [&str; 2] = ["1", "4"];

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

/// What a job that has finished printed: sorted, by the identifier of the sink.
fn printed(outcome: Outcome) -> BTreeMap<String, Vec<String>> {
    let mut printed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in finished(outcome).lines {
        let (identifier, line) = line.split_once("> ").unwrap_or(("", &line));
        printed.entry(identifier.to_owned()).or_default().push(line.to_owned());
    }
    printed.values_mut().for_each(|lines| lines.sort());
    printed
}

/// Runs the job and returns what it printed.
fn run_bird_strikes(parallelism: &str, target: &Path) -> BTreeMap<String, Vec<String>> {
    let cluster = TestCluster::new();
    let overrides = Configuration::from_pairs([("parallelism.default", parallelism)]);
    let folder = root().join("examples/bird-strikes");
    let loader = cluster.cluster.loader(&overrides);
    let prepared = loader.prepare_spec(bird_strikes(target), Some(folder)).unwrap();
    let job = cluster.cluster.submit(prepared).unwrap();
    printed(cluster.attend(&job))
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

/// Compares all that a job prints, by the identifier of the sink, with files of the example. The
/// watermark follows each batch closely, so that records which are out of order by more than the
/// job allows for are late.
fn check_printed(job: &JobSource, example: &str, expected: &[(&str, &str)]) {
    let expected: BTreeMap<String, Vec<String>> = expected
        .iter()
        .map(|(identifier, file)| {
            let lines = lines_of(&format!("{example}/expected/{file}"));
            ((*identifier).to_owned(), lines)
        })
        .collect();
    for parallelism in PARALLELISMS {
        let overrides =
            [("parallelism.default", parallelism), ("pipeline.auto-watermark-interval", "1 ms")];
        let outcome = TestCluster::new().run(job, &overrides);
        assert_eq!(printed(outcome), expected, "{example} at parallelism {parallelism}");
    }
}

/// A job in code, whose arguments are files in the data of its example.
fn job_in_code(example: &str, data: &[&str]) -> JobSource {
    let folder = root().join("examples").join(example).join("data");
    let argument = |file: &&str| folder.join(file).display().to_string();
    JobSource::Plugin { path: guest(example), arguments: data.iter().map(argument).collect() }
}

#[test]
fn aircraft_days_are_counted_by_hour_and_session() {
    let job = job_in_code("aircraft-days", &[""]);
    check_printed(&job, "aircraft-days", &[("hour", "hours.tsv"), ("day", "days.tsv")]);
}

#[test]
fn foreshocks_are_told() {
    let job = job_in_code("foreshocks", &["earthquakes.jsonl"]);
    check_printed(&job, "foreshocks", &[("", "alerts.tsv")]);
}

#[test]
fn delays_are_joined_with_the_weather() {
    let job = job_in_code("delays-and-weather", &["flights.csv", "weather.csv"]);
    check_printed(&job, "delays-and-weather", &[("", "days.tsv")]);
}

#[test]
fn delays_by_carrier_need_no_code() {
    let job = JobSource::File(root().join("examples/delays-by-carrier/job.toml"));
    let files = [("carrier", "carriers.jsonl"), ("delay", "delays.jsonl")];
    check_printed(&job, "delays-by-carrier", &files);
}
