//! Dumps of the jobs in `tests/golden`, one folder a job. `UPDATE_EXPECT=1 cargo test` writes
//! them anew.

use std::fs;
use std::path::Path;

use sandbar_graph::{GraphSettings, chaining_decisions, dump, job_graph};
use sandbar_model::JobId;

use crate::{build, lines};

fn check(case: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case);
    let text = fs::read_to_string(folder.join("job.toml")).expect("a folder with a job.toml");
    let settings = GraphSettings { default_parallelism: 2, ..GraphSettings::default() };
    let stream = build(&text, &settings).unwrap_or_else(|errors| panic!("{}", lines(&errors)));
    let job = job_graph(&stream);
    let pretty = |value: &serde_json::Value| format!("{value:#}\n");
    let decisions = chaining_decisions(&stream);
    let dumps = [
        ("stream.txt", dump::stream_graph_text(&stream)),
        ("stream.json", pretty(&dump::stream_graph_json(&stream))),
        ("stream.dot", dump::stream_graph_dot(&stream)),
        ("job.txt", dump::job_graph_text(&job)),
        ("plan.json", dump::job_graph_json(&job, JobId(0xfeed)) + "\n"),
        ("job.dot", dump::job_graph_dot(&job)),
        ("chaining.txt", dump::explain_chaining_text(&decisions)),
        ("chaining.json", pretty(&dump::explain_chaining_json(&decisions))),
    ];
    let is_update = std::env::var_os("UPDATE_EXPECT").is_some();
    for (name, dump) in dumps {
        let path = folder.join(name);
        if is_update {
            fs::write(&path, &dump).expect("a folder that can be written to");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(dump, expected, "{}", path.display());
    }
}

#[test]
fn word_count() {
    check("word-count");
}

#[test]
fn branches() {
    check("branches");
}
