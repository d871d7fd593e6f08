//! Tests of the DataStream API: the JobSpec that a program builds, and the operators it offers.

mod two_phase;

use serde_json::{Value, json};

use crate::join::JoinType;
use crate::prelude::*;
use crate::stream::environment::job_parts;
use crate::testing::job_spec;

type Define = fn(&mut StreamExecutionEnvironment, &[String]) -> Result<()>;

#[track_caller]
fn check(define: Define, expected: Value) {
    let spec = job_spec(define, &[]).unwrap();
    assert_eq!(spec, expected, "{spec:#}");
}

fn lines(env: &mut StreamExecutionEnvironment) -> DataStream<String> {
    env.from_source(FileSource::text("in.txt"), "lines")
}

fn source() -> Value {
    json!({ "name": "lines", "uid": "lines", "connector": "files",
        "options": { "path": "in.txt", "format": "text" } })
}

fn print(input: Value) -> Value {
    json!({ "name": "Print", "uid": "Print", "connector": "print", "options": {},
        "inputs": [input] })
}

#[test]
fn a_word_count_is_three_nodes_and_a_hidden_key_selector() {
    check(
        |env, _| {
            lines(env)
                .flat_map(|line, out| line.split(' ').for_each(|word| out.collect(word.to_owned())))
                .name("Split")
                .key_by(|word| word.clone())
                .count()
                .set_parallelism(4)
                .sink_to(PrintSink::text());
            Ok(())
        },
        json!({
            "name": "job",
            "sources": [source()],
            "operators": [
                { "name": "Split", "uid": "Split", "plugin": "self", "operator": "flat-map-1",
                  "inputs": ["lines"], "on-error": "fail" },
                { "name": "Keyed Count", "uid": "Keyed Count", "plugin": "self",
                  "operator": "keyed-count-3", "parallelism": 4, "on-error": "fail",
                  "inputs": [{ "from": "Split", "key": { "selector": "key-selector-2" } }] },
            ],
            "sinks": [print(json!("Keyed Count"))],
        }),
    );
}

#[test]
fn settings_of_job_and_operators_are_written() {
    check(
        |env, _| {
            env.set_job_name("settings");
            env.set_parallelism(2);
            env.set_max_parallelism(64);
            env.disable_operator_chaining();
            env.configure("my.key", 7);
            lines(env)
                .rebalance()
                .filter(|line| !line.is_empty())
                .uid("full")
                .name("Full. Lines")
                .set_max_parallelism(32)
                .slot_sharing_group("heavy")
                .disable_chaining()
                .on_error(ErrorPolicy::Skip)
                .sink_to(FileSink::text("out"))
                .name("result")
                .start_new_chain();
            Ok(())
        },
        json!({
            "name": "settings", "parallelism": 2, "max-parallelism": 64,
            "configuration": { "my.key": 7, "pipeline.operator-chaining.enabled": false },
            "sources": [source()],
            "operators": [
                { "name": "Full. Lines", "uid": "full", "plugin": "self", "operator": "full",
                  "inputs": [{ "from": "lines", "partitioner": "rebalance" }], "on-error": "skip",
                  "max-parallelism": 32, "slot-sharing-group": "heavy", "chaining": "never" },
            ],
            "sinks": [{ "name": "result", "uid": "result", "connector": "files", "chaining": "head",
                "inputs": ["full"], "options": { "path": "out" } }],
        }),
    );
}

fn operators(define: Define) -> Vec<Value> {
    job_spec(define, &[]).unwrap()["operators"].as_array().unwrap().clone()
}

#[test]
fn names_are_made_unique_and_uids_have_no_dots() {
    let operators = operators(|env, _| {
        let stream = lines(env).map(|line| line).map(|line| line).name("a.b").map(|line| line);
        stream.map(|line| line).name("a.b").sink_to(DiscardSink::text());
        Ok(())
    });
    let names = ["name", "uid"].map(|key| {
        operators.iter().map(|operator| operator[key].as_str().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(names[0], ["Map", "a.b", "Map 2", "a.b"]);
    assert_eq!(names[1], ["Map", "a-b", "Map 2", "a-b-2"]);
}

/// The formats of all ports of the operators, as `operator input>output,output`.
fn ports(define: Define) -> Vec<String> {
    let (_, operators) = job_parts("job", define, &[]).unwrap();
    let format = |format: &Option<String>| format.clone().unwrap();
    operators
        .iter()
        .map(|operator| {
            let inputs =
                operator.inputs.iter().map(|port| port.decoder.as_ref().unwrap().0.clone());
            let outputs = operator
                .outputs
                .iter()
                .map(|port| format!("{}={}", port.name, format(&port.format)));
            let (inputs, outputs): (Vec<_>, Vec<_>) = (inputs.collect(), outputs.collect());
            format!("{} {}>{}", operator.name, inputs.join(","), outputs.join(","))
        })
        .collect()
}

#[test]
fn an_output_has_a_port_for_each_format_it_is_read_in() {
    let define: Define = |env, _| {
        let lengths = lines(env).map(|line| line.len() as u64);
        lengths.sink_to(PrintSink::text());
        lengths.sink_to(PrintSink::json());
        lengths.map(|length| length + 1);
        Ok(())
    };
    assert_eq!(
        ports(define),
        [
            "map-1 text>main=text,main:json=json,main:compact=compact:u64",
            "map-4 compact:u64>main=compact:u64",
        ]
    );
    let spec = job_spec(define, &[]).unwrap();
    assert_eq!(spec["sinks"][0]["inputs"], json!(["Map"]));
    assert_eq!(spec["sinks"][1]["inputs"], json!([{ "from": "Map", "output": "main:json" }]));
    let input = json!([{ "from": "Map", "output": "main:compact" }]);
    assert_eq!(spec["operators"][1]["inputs"], input);
}

#[test]
fn a_union_of_several_formats_is_converted_to_one() {
    let define: Define = |env, _| {
        let first = lines(env).set_parallelism(1);
        let second = first.map(|line| line);
        first.union(&second).key_by(|line| line.clone()).count().sink_to(PrintSink::text());
        Ok(())
    };
    let text = "compact:alloc::string::String";
    assert_eq!(
        ports(define),
        [
            format!("map-1 text>main={text}"),
            format!("decode-2 text>main={text}"),
            format!("key-selector-3 {text}>main={text}"),
            format!("keyed-count-4 {text}>main=text"),
        ]
    );
    let spec = job_spec(define, &[]).unwrap();
    assert_eq!(spec["operators"][1]["parallelism"], 1);
    let key = json!({ "selector": "key-selector-3" });
    let inputs = json!([{ "from": "Decode", "key": key }, { "from": "Map", "key": key }]);
    assert_eq!(spec["operators"][2]["inputs"], inputs);
}

#[test]
fn a_keyed_source_is_read_in_its_own_format() {
    let define: Define = |env, _| {
        lines(env)
            .key_by(|line| line.len() as u64)
            .reduce(|left, _| left)
            .sink_to(PrintSink::text());
        Ok(())
    };
    assert_eq!(ports(define), ["key-selector-1 text>main=text", "keyed-reduce-2 text>main=text"]);
}

const LONG: OutputTag<String> = OutputTag::new("long");

struct Sort;

impl ProcessFunction<String, String> for Sort {
    fn process(
        &mut self,
        line: String,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        if line.len() > 80 {
            ctx.output(&LONG, line)
        } else {
            out.collect(line)
        }
        Ok(())
    }
}

#[test]
fn side_outputs_and_dead_letters_are_ports() {
    let define: Define = |env, _| {
        let sorted = lines(env).process(Sort);
        sorted.sink_to(PrintSink::text());
        sorted.side_output(&LONG).sink_to(PrintSink::text()).name("long");
        sorted.side_output(&LONG).sink_to(PrintSink::json()).name("long json");
        sorted.dead_letters().sink_to(PrintSink::json()).name("dead");
        sorted.dead_letters().map(|letter| letter.message).sink_to(PrintSink::text()).name("why");
        Ok(())
    };
    assert_eq!(
        ports(define),
        ["process-1 text>main=text,long=text,long:json=json", "map-6 json>main=text"]
    );
    let spec = job_spec(define, &[]).unwrap();
    let dead = json!([{ "from": "Process", "output": "dead-letter" }]);
    assert_eq!(spec["operators"][0]["on-error"], "dead-letter");
    assert_eq!(spec["operators"][1]["inputs"], dead);
    assert_eq!(spec["sinks"][1]["inputs"], json!([{ "from": "Process", "output": "long" }]));
    assert_eq!(spec["sinks"][2]["inputs"], json!([{ "from": "Process", "output": "long:json" }]));
    assert_eq!(spec["sinks"][3]["inputs"], dead);
}

#[test]
fn partitioners_are_written_on_the_edge_behind_them() {
    let operators = operators(|env, _| {
        let stream = lines(env).map(|line| line);
        let partitioned = [
            stream.forward(),
            stream.rebalance(),
            stream.rescale(),
            stream.shuffle(),
            stream.broadcast(),
            stream.global(),
            stream
                .partition_custom(|length: usize, subtasks| length as u32 % subtasks, String::len),
        ];
        partitioned.iter().for_each(|dealt| drop(dealt.map(|line| line)));
        Ok(())
    });
    let partitioners: Vec<&str> = operators[1..]
        .iter()
        .map(|operator| operator["inputs"][0]["partitioner"].as_str().unwrap())
        .collect();
    let expected = ["forward", "rebalance", "rescale", "shuffle", "broadcast", "global", "custom"];
    assert_eq!(partitioners, expected);
    assert_eq!(operators[7]["inputs"][0]["key"], json!({ "selector": "partitioner-2" }));
}

#[test]
fn connected_streams_feed_two_inputs() {
    let operators = operators(|env, _| {
        let text = lines(env).map(|line| line);
        let lengths = text.map(|line| line.len() as u64);
        text.connect(&lengths).map(|line| line, |length| length.to_string());
        text.connect(&lengths).key_by(|line| line.len() as u64, |length| *length).process(Pair);
        Ok(())
    });
    assert_eq!(operators[2]["inputs"], json!(["Map", { "from": "Map 2", "input": 1 }]));
    let inputs = json!([
        { "from": "Map", "key": { "selector": "key-selector-4" } },
        { "from": "Map 2", "input": 1, "key": { "selector": "key-selector-5" } },
    ]);
    assert_eq!(operators[3]["inputs"], inputs);
}

#[test]
fn joins_are_operators_over_two_keyed_inputs() {
    let operators = operators(|env, _| {
        let text = lines(env).map(|line| line).key_by(|line| line.len() as u64);
        let lengths = lines(env).map(|line| line.len() as u64).key_by(|length| *length);
        text.interval_join(&lengths).between(-1, 1).apply(|line, length| format!("{line}{length}"));
        text.regular_join(&lengths, JoinType::Inner).rows();
        text.temporal_join(&lengths).apply_outer(|line, _| line.clone());
        Ok(())
    });
    let names = operators[2..].iter().map(|operator| operator["name"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["Interval Join", "Join", "Temporal Join"]);
    let inputs = json!([
        { "from": "Map", "key": { "selector": "key-selector-2" } },
        { "from": "Map 2", "input": 1, "key": { "selector": "key-selector-5" } },
    ]);
    assert_eq!(operators[2]["inputs"], inputs);
}

#[test]
fn a_broadcast_input_is_dealt_to_all_subtasks() {
    let operators = operators(|env, _| {
        let text = lines(env).map(|line| line).key_by(|line| line.len() as u64);
        text.connect_broadcast(&lines(env)).process(Nothing);
        Ok(())
    });
    let inputs = json!([
        { "from": "Map", "key": { "selector": "key-selector-2" } },
        { "from": "lines-2", "input": 1, "partitioner": "broadcast" },
    ]);
    assert_eq!(operators[1]["inputs"], inputs);
}

struct Nothing;

impl KeyedBroadcastProcessFunction<u64, String, String, String> for Nothing {
    fn process_element(
        &mut self,
        _line: String,
        _ctx: &mut Context<u64>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        Ok(())
    }

    fn process_broadcast_element(
        &mut self,
        _line: String,
        _ctx: &mut BroadcastContext<'_, u64>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        Ok(())
    }
}

struct Pair;

impl KeyedTwoInputProcessFunction<u64, String, u64, String> for Pair {
    fn process_first(
        &mut self,
        line: String,
        _ctx: &mut Context<u64>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        out.collect(line);
        Ok(())
    }

    fn process_second(
        &mut self,
        _length: u64,
        _ctx: &mut Context<u64>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        Ok(())
    }
}

fn check_refused(define: Define, expected: &str) {
    assert_eq!(job_spec(define, &[]).unwrap_err().message(), expected);
}

#[test]
fn what_cannot_be_built_is_refused() {
    check_refused(
        |env, _| {
            let stream = lines(env);
            stream.side_output(&LONG);
            stream.dead_letters();
            let _ = stream.union(&stream).name("both");
            Ok(())
        },
        "side output 'long' of what is no operator's output; dead letters of what is no operator's \
         output; a union has no name, uid or parallelism of its own",
    );
    check_refused(
        |env, _| {
            let keyed = lines(env).map(|line| line).key_by(|line| line.clone());
            keyed.interval_join(&keyed).between(2, 1).apply(|line, _| line.clone());
            Ok(())
        },
        "an interval join has the lower bound 2 above its upper bound 1: exchange them",
    );
    check_refused(
        |env, _| {
            let _ = lines(env).map(|line| line).uid("same").map(|line| line).uid("same");
            Ok(())
        },
        "there are two operators 'same'",
    );
}

#[test]
fn arguments_reach_the_builder_and_the_spec() {
    let spec = job_spec(
        |env, arguments| {
            env.from_source(FileSource::text(&arguments[0]), "lines").sink_to(PrintSink::text());
            Ok(())
        },
        &["book.txt"],
    )
    .unwrap();
    assert_eq!(spec["arguments"], json!(["book.txt"]));
    assert_eq!(spec["sources"][0]["options"]["path"], "book.txt");
    assert_eq!(spec["sinks"][0]["inputs"], json!(["lines"]));
}

#[test]
fn watermarks_are_of_the_source_if_the_host_can_make_them() {
    use std::time::Duration;
    let define: Define = |env, _| {
        let bounded = || WatermarkStrategy::for_bounded_out_of_orderness(Duration::from_secs(2));
        let field = bounded()
            .with_timestamp_field("/at", TimestampFormat::Seconds)
            .with_idleness(Duration::from_secs(60))
            .with_watermark_alignment("g", Duration::from_secs(5), Duration::from_millis(300));
        let native = env.from_source_with_watermarks(lines_of("a"), field, "native");
        native.on_error(ErrorPolicy::Skip).sink_to(PrintSink::text());
        let assigned = bounded()
            .with_timestamp_assigner(|_: &String, _| 7)
            .with_watermark_alignment("g", Duration::from_secs(4), Duration::from_secs(1));
        env.from_source_with_watermarks(lines_of("b"), assigned, "guest")
            .assign_timestamps_and_watermarks(WatermarkStrategy::no_watermarks())
            .sink_to(PrintSink::text());
        Ok(())
    };
    let spec = job_spec(define, &[]).unwrap();
    let native = &spec["sources"][0];
    assert_eq!(native["timestamp"], json!({ "json": "/at", "format": "seconds" }));
    assert_eq!(native["on-error"], "skip");
    assert_eq!(
        native["watermarks"],
        json!({
            "max-out-of-orderness-ms": 2000, "idle-timeout-ms": 60_000, "alignment-group": "g",
            "max-drift-ms": 5000, "update-interval-ms": 300,
        })
    );
    assert_eq!(spec["sources"][1].get("watermarks"), None);
    let operators: Vec<_> = spec["operators"].as_array().unwrap().iter().collect();
    assert_eq!(operators[0]["name"], "Timestamps/Watermarks");
    assert_eq!(
        operators[0]["watermarks"],
        json!({
            "max-out-of-orderness-ms": 2000, "alignment-group": "g", "max-drift-ms": 4000,
            "update-interval-ms": 1000,
        })
    );
    assert_eq!(operators[1]["watermarks"], json!({ "generator": "none" }));
}

#[test]
fn an_assigner_finds_the_timestamp_that_the_source_has_read() {
    let define: Define = |env, _| {
        let strategy = WatermarkStrategy::for_monotonous_timestamps()
            .with_timestamp_assigner(|_: &String, hour| hour.unwrap_or_default() + 60_000)
            .with_timestamp_field("/hour", TimestampFormat::Rfc3339);
        let timed = env.from_source_with_watermarks(lines_of("a"), strategy, "rows");
        timed.sink_to(PrintSink::text());
        Ok(())
    };
    let spec = job_spec(define, &[]).unwrap();
    let source = &spec["sources"][0];
    assert_eq!(source["timestamp"], json!({ "json": "/hour", "format": "rfc3339" }));
    assert_eq!(source.get("watermarks"), None);
    assert_eq!(spec["operators"][0]["watermarks"], json!({ "max-out-of-orderness-ms": 0 }));
    assert_eq!(spec["sinks"][0]["inputs"][0], "Timestamps/Watermarks");
}

#[test]
fn what_only_sources_do_is_refused_behind_them() {
    let define: Define = |env, _| {
        let strategy = WatermarkStrategy::for_monotonous_timestamps()
            .with_timestamp_field("/at", TimestampFormat::Milliseconds);
        let _ = lines(env).assign_timestamps_and_watermarks(strategy);
        Ok(())
    };
    let error = job_spec(define, &[]).unwrap_err();
    assert!(error.message().contains("use from_source_with_watermarks"), "{error}");
}

fn lines_of(path: &str) -> Source<String> {
    FileSource::text(path)
}
