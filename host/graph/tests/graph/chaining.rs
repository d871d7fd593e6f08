//! One case for every rule of chaining, as one edge or two; and names of the chains.

use sandbar_graph::dump::explain_chaining_text;
use sandbar_graph::{GraphSettings, chaining_decisions, job_graph};

use crate::{build, build_default};

/// A job `lines -> a -> b`, where each may have fields of its own.
struct Job {
    job: &'static str,
    source: &'static str,
    a: &'static str,
    a_inputs: &'static str,
    b: &'static str,
    b_inputs: &'static str,
}

const PLAIN: Job = Job { job: "", source: "", a: "", a_inputs: "'lines'", b: "", b_inputs: "'a'" };

impl Job {
    fn text(&self) -> String {
        let operator = |name: &str, fields: &str, inputs: &str| {
            format!(
                "[[operators]]\nname = '{name}'\nplugin = 'words'\noperator = 'upper'\n\
                 inputs = [{inputs}]\n{fields}\n"
            )
        };
        format!(
            "name = 'job'\n{}\n[[sources]]\nname = 'lines'\nconnector = 'files'\n{}\n{}{}",
            self.job,
            self.source,
            operator("a", self.a, self.a_inputs),
            operator("b", self.b, self.b_inputs)
        )
    }
}

/// What becomes of the edges into `b`.
fn check(job: &Job, settings: &GraphSettings, expected: &str) {
    let graph = build(&job.text(), settings).expect("a valid job");
    let decisions: Vec<_> =
        chaining_decisions(&graph).into_iter().filter(|it| it.downstream == "b").collect();
    assert_eq!(explain_chaining_text(&decisions), expected, "{}", job.text());
}

fn check_default(job: &Job, expected: &str) {
    check(job, &GraphSettings::default(), expected);
}

#[test]
fn equals_are_chained() {
    check_default(&PLAIN, "a.main -> b: chained\n");
    check_default(
        &Job { b_inputs: "{ from = 'a', partitioner = 'forward' }", ..PLAIN },
        "a.main -> b: chained\n",
    );
}

#[test]
fn rule_1_one_input_edge_and_rule_11_no_union() {
    check_default(
        &Job { b_inputs: "'a', 'lines'", ..PLAIN },
        "a.main -> b: not chained\n  \
           more-than-one-input: the downstream operator has 2 input edges\n  \
           union: another edge feeds input 0 of the downstream operator too\n\
         lines.main -> b: not chained\n  \
           more-than-one-input: the downstream operator has 2 input edges\n  \
           union: another edge feeds input 0 of the downstream operator too\n",
    );
    let graph = build_default(
        "name = 'job'\n[[sources]]\nname = 'x'\nconnector = 'files'\n[[sources]]\nname = 'y'\n\
         connector = 'files'\n[[operators]]\nname = 'zip'\nplugin = 'words'\noperator = 'zip'\n\
         inputs = ['x', 'y']\n",
    );
    assert_eq!(
        explain_chaining_text(&chaining_decisions(&graph)),
        "x.main -> zip: not chained\n  \
           more-than-one-input: the downstream operator has 2 input edges\n\
         y.main -> zip: not chained\n  \
           more-than-one-input: the downstream operator has 2 input edges\n"
    );
}

#[test]
fn rule_2_chaining_enabled() {
    check(
        &PLAIN,
        &GraphSettings { chaining_enabled: false, ..GraphSettings::default() },
        "a.main -> b: not chained\n  \
           chaining-disabled: pipeline.operator-chaining.enabled is false\n",
    );
}

#[test]
fn rule_3_slot_sharing_groups() {
    check_default(
        &Job { b: "slot-sharing-group = 'red'", ..PLAIN },
        "a.main -> b: not chained\n  \
           different-slot-sharing-group: the slot sharing groups differ: `default` and `red`\n",
    );
    check_default(&Job { source: "slot-sharing-group = 'red'", ..PLAIN }, "a.main -> b: chained\n");
}

#[test]
fn rules_6_and_7_strategies() {
    check_default(
        &Job { a: "chaining = 'never'", ..PLAIN },
        "a.main -> b: not chained\n  \
           upstream-never: the upstream operator has chaining = \"never\"\n",
    );
    check_default(&Job { a: "chaining = 'head'", ..PLAIN }, "a.main -> b: chained\n");
    check_default(
        &Job { b: "chaining = 'never'", ..PLAIN },
        "a.main -> b: not chained\n  \
           downstream-never: the downstream operator has chaining = \"never\"\n",
    );
    check_default(
        &Job { b: "chaining = 'head'", ..PLAIN },
        "a.main -> b: not chained\n  \
           downstream-head: the downstream operator has chaining = \"head\"\n",
    );
    check_default(&Job { b: "chaining = 'always'", ..PLAIN }, "a.main -> b: chained\n");
}

#[test]
fn rule_8_forward() {
    for partitioner in ["rebalance", "rescale", "shuffle", "broadcast", "global"] {
        let input = format!("{{ from = 'a', partitioner = '{partitioner}' }}");
        let job = Job { b_inputs: Box::leak(input.into_boxed_str()), ..PLAIN };
        let expected = format!(
            "a.main -> b: not chained\n  partitioner-not-forward: the partitioner is {}, not \
             FORWARD\n",
            partitioner.to_uppercase()
        );
        check_default(&job, &expected);
    }
    check_default(
        &Job { b_inputs: "{ from = 'a', key = 'value' }", ..PLAIN },
        "a.main -> b: not chained\n  partitioner-not-forward: the partitioner is HASH, not \
         FORWARD\n",
    );
}

#[test]
fn rule_9_parallelism() {
    check_default(
        &Job { b: "parallelism = 2", ..PLAIN },
        "a.main -> b: not chained\n  \
           partitioner-not-forward: the partitioner is REBALANCE, not FORWARD\n  \
           different-parallelism: the parallelism differs: 1 and 2\n",
    );
}

#[test]
fn rule_10_max_parallelism() {
    let job = Job { b: "max-parallelism = 4", ..PLAIN };
    check_default(&job, "a.main -> b: chained\n");
    let settings =
        GraphSettings { chain_different_max_parallelism: false, ..GraphSettings::default() };
    check(
        &job,
        &settings,
        "a.main -> b: not chained\n  different-max-parallelism: the max parallelism differs: 128 \
         and 4, and pipeline.operator-chaining.chain-operators-with-different-max-parallelism is \
         false\n",
    );
    check(&Job { job: "max-parallelism = 4", ..job }, &settings, "a.main -> b: chained\n");
}

/// Checks the names of the vertices of a job.
fn check_names(text: &str, expected: &[&str]) {
    let graph = job_graph(&build_default(text));
    let names: Vec<&str> = graph.vertices.iter().map(|vertex| vertex.name.as_str()).collect();
    assert_eq!(names, expected);
}

#[test]
fn vertices_are_named_as_in_flink() {
    check_names(&PLAIN.text(), &["Source: lines -> a -> b"]);
    check_names(&Job { b: "chaining = 'head'", ..PLAIN }.text(), &["Source: lines -> a", "b"]);
    check_names(&Job { b: "chaining = 'never'", ..PLAIN }.text(), &["Source: lines -> a", "b"]);
    check_names(&Job { b_inputs: "'lines'", ..PLAIN }.text(), &["Source: lines -> (a, b)"]);
    let sinks = "[[sinks]]\nname = 'p'\nconnector = 'print'\ninputs = ['a']\n\
                 [[sinks]]\nname = 'q'\nconnector = 'print'\ninputs = ['lines']\n";
    check_names(
        &format!("{}{sinks}", PLAIN.text()),
        &["Source: lines -> (a -> (b, Sink: p), Sink: q)"],
    );
}

#[test]
fn counts_of_vertices_are_those_of_the_feature_list() {
    // Four operators: `never` on the third makes 3 vertices, `head` on it makes 2.
    let job = |chaining: &str| {
        format!(
            "{}[[sinks]]\nname = 'out'\nconnector = 'print'\ninputs = ['b']\n",
            Job { b: Box::leak(format!("chaining = '{chaining}'").into_boxed_str()), ..PLAIN }
                .text()
        )
    };
    check_names(&job("never"), &["Source: lines -> a", "b", "Sink: out"]);
    check_names(&job("head"), &["Source: lines -> a", "b -> Sink: out"]);
}
