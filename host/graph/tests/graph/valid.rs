//! What a valid job becomes: settings that are worked out, hidden operators, outputs.

use sandbar_graph::{FileFormat, GraphSettings, JobSpec, Places, json_schema, parse};
use sandbar_model::job_graph::{ErrorPolicy, JobGraph, OperatorBody, OutputTarget, Partitioner};
use sandbar_model::plugin::OperatorKind;

use crate::catalog::TestCatalog;
use crate::{build, build_default};

fn job_graph(text: &str) -> JobGraph {
    sandbar_graph::job_graph(&build_default(text))
}

const EVENTS: &str = "name = 'job'\n[[sources]]\nname = 'events'\nconnector = 'files'\n\
                      options.format = 'json'\n";

/// A `count` over `events` with this key.
fn count(name: &str, key: &str) -> String {
    format!(
        "[[operators]]\nname = '{name}'\nplugin = 'words'\noperator = 'count'\n\
         inputs = [{{ from = 'events', key = {key} }}]\n"
    )
}

#[test]
fn consumers_with_one_key_share_a_hidden_operator() {
    let text = [
        EVENTS.to_owned(),
        count("a", "{ json = '/user' }"),
        count("b", "'value'"),
        count("c", "{ json = '/user' }"),
        count("d", "{ selector = 'by-word' }"),
        count("e", "{ bytes = [0, 8] }"),
    ]
    .concat();
    let graph = job_graph(&text);
    let source = &graph.vertices[0];
    assert_eq!(source.name, "Source: events");
    let operators: Vec<(&str, &str)> =
        source.operators.iter().map(|it| (it.uid.as_str(), it.name.as_str())).collect();
    assert_eq!(
        operators,
        [
            ("events", "events"),
            ("events.key-0", "key by json \"/user\""),
            ("events.key-1", "key by value"),
            ("events.key-2", "key by words.by-word"),
            ("events.key-3", "key by bytes 0..8"),
        ]
    );
    let chained: Vec<OutputTarget> = (1..5).map(OutputTarget::Chained).collect();
    assert_eq!(source.operators[0].outputs[0].targets, chained);
    assert_eq!(source.operators[1].outputs[0].targets.len(), 2);
    assert!(graph.edges.iter().all(|edge| edge.partitioner == Partitioner::Hash));
}

#[test]
fn a_broadcast_input_needs_no_word_for_it() {
    for second in ["", ", partitioner = 'broadcast'"] {
        let text = format!(
            "{EVENTS}[[operators]]\nname = 'it'\nplugin = 'words'\noperator = 'match'\n\
             inputs = [{{ from = 'events', key = 'value' }}, \
             {{ from = 'events', input = 1{second} }}]\n"
        );
        let graph = job_graph(&text);
        let mut edges: Vec<(u32, Partitioner)> =
            graph.edges.iter().map(|edge| (edge.input, edge.partitioner)).collect();
        edges.sort_by_key(|(input, _)| *input);
        assert_eq!(edges, [(0, Partitioner::Hash), (1, Partitioner::Broadcast)]);
    }
}

#[test]
fn a_hidden_operator_has_the_error_policy_of_what_reads_it() {
    let with = |name: &str, key: &str, policy: &str| {
        format!("{}on-error = '{policy}'\n", count(name, key))
    };
    let text = [
        EVENTS.to_owned(),
        count("a", "{ json = '/user' }"),
        with("b", "{ json = '/user' }", "skip"),
        with("c", "{ json = '/user' }", "skip"),
        with("d", "{ selector = 'by-word' }", "dead-letter"),
        with("e", "'value'", "skip"),
    ]
    .concat();
    let hidden: Vec<(String, ErrorPolicy, usize)> = job_graph(&text).vertices[0].operators[1..]
        .iter()
        .map(|it| (it.name.clone(), it.on_error, it.outputs[0].targets.len()))
        .collect();
    let (json, selector) = ("key by json \"/user\"", "key by words.by-word");
    let expected = [
        (json, ErrorPolicy::Fail, 1),
        (json, ErrorPolicy::Skip, 2),
        (selector, ErrorPolicy::DeadLetter, 1),
        // Every record has this key: no policy keeps the operator from being fused.
        ("key by value", ErrorPolicy::Fail, 1),
    ];
    assert_eq!(hidden, expected.map(|(name, policy, targets)| (name.to_owned(), policy, targets)));
}

#[test]
fn a_partitioner_knows_how_many_it_chooses_from() {
    let limit = |name: &str, parallelism: u32| {
        format!(
            "[[operators]]\nname = '{name}'\nplugin = 'words'\noperator = 'limit'\nconfig.max = 1\n\
             parallelism = {parallelism}\ninputs = [{{ from = 'events', partitioner = 'custom', \
             key.selector = 'spread' }}]\n"
        )
    };
    let graph = job_graph(&[EVENTS, &limit("a", 2), &limit("b", 3), &limit("c", 2)].concat());
    let partitions: Vec<u32> = graph.vertices[0]
        .operators
        .iter()
        .filter_map(|operator| match operator.body {
            OperatorBody::Plugin { kind: OperatorKind::Partitioner, partitions, .. } => {
                Some(partitions)
            }
            OperatorBody::Plugin { .. }
            | OperatorBody::Source(_)
            | OperatorBody::Sink(_)
            | OperatorBody::Key(_) => None,
        })
        .collect();
    assert_eq!(partitions, [2, 3]);
    let OperatorBody::Plugin { config, .. } = &graph.vertices[1].operators[0].body else {
        panic!("{:?}", graph.vertices[1]);
    };
    assert_eq!(config, "{\"max\":1}");
}

#[test]
fn bad_records_have_an_output_of_their_own() {
    let graph = job_graph(
        "name = 'job'\n[[sources]]\nname = 'lines'\nconnector = 'files'\n[[operators]]\n\
         name = 'split'\nplugin = 'words'\noperator = 'split'\ninputs = ['lines']\n\
         on-error = 'dead-letter'\n[[sinks]]\nname = 'bad'\nconnector = 'lines'\n\
         inputs = ['split.dead-letter', { from = 'split', output = 'rejected' }]\n",
    );
    let split = &graph.vertices[0].operators[1];
    let names: Vec<&str> = split.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["main", "rejected", "dead-letter"]);
    assert_eq!(split.dead_letter_output, Some(2));
    assert!(split.outputs[0].targets.is_empty());
    assert_eq!(graph.edges_into(graph.vertices[1].id).count(), 2);
}

#[test]
fn parallelism_is_the_operators_then_the_jobs_then_the_callers() {
    let settings = GraphSettings {
        default_parallelism: 7,
        max_parallelism: Some(70),
        ..GraphSettings::default()
    };
    let source = |name: &str, fields: &str| {
        format!("[[sources]]\nname = '{name}'\nconnector = 'files'\n{fields}\n")
    };
    let sizes = |text: &str| -> Vec<(u32, u32)> {
        let graph = build(text, &settings).expect("a valid job");
        graph.nodes.iter().map(|node| (node.parallelism, node.max_parallelism)).collect()
    };
    let sources = [source("a", ""), source("b", "parallelism = 2\nmax-parallelism = 20")].concat();
    assert_eq!(sizes(&format!("name = 'job'\n{sources}")), [(7, 70), (2, 20)]);
    let of_job = "name = 'job'\nparallelism = 3\nmax-parallelism = 30\n";
    assert_eq!(sizes(&format!("{of_job}{sources}")), [(3, 30), (2, 20)]);
    let socket = "[[sources]]\nname = 's'\nconnector = 'socket'\n";
    assert_eq!(sizes(&format!("{of_job}{socket}")), [(1, 30)]);
    let derived = build_default(&format!("name = 'job'\n{}", source("a", "parallelism = 86")));
    assert_eq!(derived.nodes[0].max_parallelism, 256);
}

#[test]
fn slot_sharing_groups_are_inherited_where_all_inputs_agree() {
    let graph = build_default(
        "name = 'job'\n\
         [[sources]]\nname = 'a'\nconnector = 'files'\nslot-sharing-group = 'red'\n\
         [[sources]]\nname = 'b'\nconnector = 'files'\nslot-sharing-group = 'red'\n\
         [[sources]]\nname = 'c'\nconnector = 'files'\n\
         [[sinks]]\nname = 'ab'\nconnector = 'print'\ninputs = ['a', 'b']\n\
         [[sinks]]\nname = 'bc'\nconnector = 'print'\ninputs = ['b', 'c']\n\
         [[sinks]]\nname = 'own'\nconnector = 'print'\ninputs = ['a']\n\
         slot-sharing-group = 'blue'\n",
    );
    let groups: Vec<&str> =
        graph.nodes.iter().map(|node| node.slot_sharing_group.as_str()).collect();
    assert_eq!(groups, ["red", "red", "default", "red", "default", "blue"]);
}

#[test]
fn two_inputs_are_fed_in_order_or_by_number() {
    let inputs = |inputs: &str| -> Vec<u32> {
        let graph = build_default(&format!(
            "name = 'job'\n[[sources]]\nname = 'x'\nconnector = 'files'\n[[operators]]\n\
             name = 'zip'\nplugin = 'words'\noperator = 'zip'\ninputs = [{inputs}]\n"
        ));
        graph.edges.iter().map(|edge| edge.input).collect()
    };
    assert_eq!(inputs("'x', 'x'"), [0, 1]);
    assert_eq!(inputs("{ from = 'x', input = 1 }, 'x'"), [1, 0]);
    assert_eq!(inputs("'x', 'x', { from = 'x', input = 1 }"), [0, 0, 1]);
}

#[test]
fn toml_and_json_say_the_same() {
    let toml = "name = 'job'\nparallelism = 2\narguments = ['a']\n[configuration]\n\
                'execution.buffer-timeout' = '10 ms'\nx = 1\ny = 0.5\nz = true\n[plugins]\n\
                words.path = 'words.wasm'\n[[sources]]\nname = 'events'\nconnector = 'files'\n\
                options = { format = 'json', since = 2026-01-01 }\n[[operators]]\nname = 'c'\n\
                plugin = 'words'\noperator = 'count'\non-error = 'skip'\n\
                inputs = [{ from = 'events', key.json = '/a' }]\n";
    let (spec, _) = parse(toml, FileFormat::Toml, "job.toml").expect("valid");
    let json = serde_json::to_string(&spec).expect("JSON");
    let (again, places) = parse(&json, FileFormat::Json, "job.json").expect("valid");
    assert_eq!(spec, again);
    assert_eq!(spec, serde_json::from_str::<JobSpec>(&json).expect("the same schema"));
    assert_eq!(places.place("operators[0].inputs[0].key").position.map(|(line, _)| line), Some(1));
    let graph = build_default(toml);
    let configuration: Vec<(&str, &str)> =
        graph.configuration.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        configuration,
        [("execution.buffer-timeout", "10 ms"), ("x", "1"), ("y", "0.5"), ("z", "true")]
    );
    assert_eq!(graph.arguments, ["a"]);
}

#[test]
fn a_job_without_text_has_paths_for_places() {
    let spec = JobSpec { name: "job".to_owned(), ..JobSpec::default() };
    let places = Places::without_text("words.wasm");
    let settings = GraphSettings::default();
    let errors = sandbar_graph::compile(&spec, &places, &TestCatalog::new(), &settings)
        .expect_err("no sources");
    assert_eq!(errors[0].to_string(), "words.wasm: the job has no sources; add one: [[sources]]");
}

#[test]
fn the_schema_names_every_field() {
    let schema = json_schema();
    let fields = schema["properties"].as_object().expect("an object");
    assert_eq!(fields.len(), 9);
    assert_eq!(schema["required"], serde_json::json!(["name"]));
    assert_eq!(schema["additionalProperties"], serde_json::json!(false));
}

#[test]
fn event_time_is_the_operators() {
    use sandbar_model::job_graph::{
        TimestampFormat, TimestampRule, WatermarkAlignment, WatermarkGenerator, WatermarkStrategy,
    };
    let graph = job_graph(
        "name = 'job'\n[[sources]]\nname = 'lines'\nconnector = 'files'\noptions.format = 'json'\n\
         timestamp = { json = '/at', format = 'seconds' }\non-error = 'dead-letter'\n\
         watermarks = { max-out-of-orderness-ms = 5, idle-timeout-ms = 7, alignment-group = 'g', \
         max-drift-ms = 9 }\n[[operators]]\nname = 'it'\nplugin = 'words'\noperator = 'upper'\n\
         inputs = ['lines', 'lines.dead-letter']\nwatermarks.generator = 'custom'\n",
    );
    let source = &graph.vertices[0].operators[0];
    let (pointer, format) = ("/at".to_owned(), TimestampFormat::Seconds);
    let alignment =
        WatermarkAlignment { group: "g".to_owned(), max_drift_ms: 9, update_interval_ms: 1000 };
    assert_eq!(
        source.watermarks,
        Some(WatermarkStrategy {
            timestamp: Some(TimestampRule { pointer, format }),
            generator: Some(WatermarkGenerator::BoundedOutOfOrderness {
                max_out_of_orderness_ms: 5
            }),
            idle_timeout_ms: Some(7),
            alignment: Some(alignment),
        })
    );
    assert_eq!((source.on_error, source.dead_letter_output), (ErrorPolicy::DeadLetter, Some(1)));
    let generator = Some(WatermarkGenerator::Custom);
    let custom = Some(WatermarkStrategy { generator, ..WatermarkStrategy::default() });
    assert_eq!(graph.vertices[1].operators[0].watermarks, custom);
}
