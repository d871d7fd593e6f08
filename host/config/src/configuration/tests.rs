//! What is read from text, which value wins, and what errors say.

use std::time::Duration;

use super::*;
use crate::options::{checkpointing, cluster, execution, memory, state};
use crate::value::MemorySize;

/// The skeleton of a Flink configuration that must be accepted as it is.
const SKELETON: &str = "\
parallelism.default: 4
taskmanager.numberOfTaskSlots: 4
taskmanager.memory.process.size: 4096m
taskmanager.memory.managed.size: 1024m
execution.checkpointing.interval: 10000
execution.checkpointing.timeout: 60000
execution.checkpointing.max-concurrent-checkpoints: 1
state.checkpoints.dir: file:///var/lib/sandbar/checkpoints
state.savepoints.dir: file:///var/lib/sandbar/savepoints
high-availability: none
";

fn check_yaml(text: &str, expected: &[(&str, &str)]) {
    let configuration = Configuration::from_yaml(text).expect(text);
    assert_eq!(configuration.iter().collect::<Vec<_>>(), expected, "{text}");
}

fn check_error(text: &str, expected: &str) {
    let error = Configuration::from_yaml(text).expect_err(text);
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_usual_skeleton_is_accepted() {
    let configuration = Configuration::from_yaml(SKELETON).unwrap();
    assert_eq!(configuration.errors(), []);
    assert_eq!(configuration.unknown_keys(), []);
    let get = &configuration;
    assert_eq!(get.get(&execution::PARALLELISM_DEFAULT).unwrap().get(), 4);
    assert_eq!(
        get.get(&memory::TASKMANAGER_PROCESS_SIZE).unwrap(),
        Some(MemorySize::from_bytes(4 << 30))
    );
    assert_eq!(
        get.get(&checkpointing::CHECKPOINTING_INTERVAL).unwrap(),
        Some(Duration::from_secs(10))
    );
    assert_eq!(
        get.get(&state::CHECKPOINTS_DIR).unwrap().as_deref(),
        Some("file:///var/lib/sandbar/checkpoints")
    );
    assert_eq!(get.get(&cluster::HIGH_AVAILABILITY).unwrap(), "none");
}

#[test]
fn flat_nested_and_mixed_yaml_say_the_same() {
    let expected = [("a.b.c", "1"), ("a.b.d", "x y"), ("e", "true")];
    check_yaml("a.b.c: 1\na.b.d: x y\ne: true\n", &expected);
    check_yaml("a:\n  b:\n    c: 1\n    d: 'x y'\ne: true\n", &expected);
    check_yaml("a.b:\n  c: 1\na:\n  b.d: x y\ne: true\n", &expected);
    check_yaml("# nothing\n", &[]);
    check_yaml("", &[]);
    check_yaml("list: [a, 2]", &[("list", "a;2")]);
    check_yaml("n: -1\nf: 0.5\nd: 10 s", &[("d", "10 s"), ("f", "0.5"), ("n", "-1")]);
}

#[test]
fn two_settings_of_one_option_are_an_error() {
    check_error(
        "a.b: 1\na:\n  b: 2\n",
        "option `a.b` is set twice: as `a.b: 1` and as `a.b: 2 (nested)`; keep one of them",
    );
    check_error(
        "a.b: 1\na.b: 1\n",
        "option `a.b` is set twice: as `a.b: 1` and as `a.b: 1`; keep one of them",
    );
    check_error(
        "pipeline.operator-chaining: true\npipeline.operator-chaining.enabled: false\n",
        "option `pipeline.operator-chaining.enabled` is set twice: as \
         `pipeline.operator-chaining: true` and as \
         `pipeline.operator-chaining.enabled: false`; keep one of them",
    );
}

#[test]
fn text_that_is_no_mapping_is_an_error() {
    check_error("a:\n", "option `a` has no value; give it one or remove the line");
    check_error("a: {}\n", "option `a` has no value; give it one or remove the line");
    check_error(
        "- a\n",
        "configuration is not valid YAML: expected a mapping such as `parallelism.default: 2`",
    );
    let error = Configuration::from_yaml("a: [").expect_err("not YAML").to_string();
    assert!(error.contains("line 2"), "{error}");
}

#[test]
fn a_later_layer_wins_whatever_name_it_uses() {
    let mut configuration =
        Configuration::from_yaml("pipeline.operator-chaining.enabled: true").unwrap();
    let (key, value) = Configuration::parse_override("pipeline.operator-chaining=false").unwrap();
    configuration.merge(Configuration::from_pairs([(key, value)]));
    assert_eq!(configuration.get(&execution::PIPELINE_OPERATOR_CHAINING), Ok(false));
    assert_eq!(configuration.text("pipeline.operator-chaining"), Some("false"));
}

#[test]
fn overrides_are_split_at_the_first_equals_sign() {
    let pair = Configuration::parse_override("a.b = c=d").unwrap();
    assert_eq!(pair, ("a.b".to_owned(), "c=d".to_owned()));
    for text in ["a.b", "=c", "a.b=", ""] {
        assert_eq!(
            Configuration::parse_override(text).unwrap_err().to_string(),
            format!("`{text}` is not an override of an option; write it as key=value")
        );
    }
}

#[test]
fn an_error_names_key_value_and_what_is_expected() {
    let configuration = Configuration::from_pairs([
        ("parallelism.default", "0"),
        ("taskmanager.memory.segment-size", "32 kilos"),
    ]);
    let message = "option `parallelism.default` has the value `0`, expected a whole number from \
                   1 to 4294967295";
    let error = configuration.get(&execution::PARALLELISM_DEFAULT).unwrap_err();
    assert_eq!(error.to_string(), message);
    let errors = configuration.errors();
    assert_eq!(errors[0].to_string(), message);
    assert_eq!(
        errors[1].to_string(),
        "option `taskmanager.memory.segment-size` has the value `32 kilos`, expected a memory \
         size: a whole number and a unit of b, kb, mb, gb or tb, such as `64 mb` (without a \
         unit: bytes)"
    );
}

#[test]
fn options_that_are_set_in_vain_are_told() {
    let pairs = [("execution.checkpointing.interval", "10 s"), ("rest.port", "8082"), ("x", "y")];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let configuration = Configuration::from_pairs(pairs);
    assert_eq!(configuration.idle_keys(), ["execution.checkpointing.interval"]);
}

#[test]
fn unknown_keys_come_with_the_nearest_known_one() {
    let configuration = Configuration::from_pairs([
        ("paralelism.default", "2"),
        ("my.own.key", "x"),
        ("user.k", "y"),
    ]);
    let unknown: Vec<String> =
        configuration.unknown_keys().iter().map(|key| key.to_string()).collect();
    assert_eq!(
        unknown,
        [
            "there is no option `my.own.key`; begin keys of your own with `user.`",
            "there is no option `paralelism.default`; did you mean `parallelism.default`?"
        ]
    );
}
