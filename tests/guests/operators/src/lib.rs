//! Small operators for the jobs of the tests: one per kind of function, all of them over text, so
//! that a job may wire any of them to any other and the expected output is easy to work out.

mod functions;
mod watermarks;

use functions::{KeyedMerge, Merge, ODD, Parity, Recent, Refuse, Share};
use sandbar_sdk::Try;
use sandbar_sdk::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use watermarks::{EachRecord, SecondBehind};

/// Config of `longer-than`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongerThan {
    length: usize,
}

/// Config of `member`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    name: String,
}

/// What `initial` reads of a record.
#[derive(Clone, Deserialize)]
struct Fruit {
    fruit: String,
}

/// The member of an object: a text as itself, anything else as its JSON.
fn member(record: &Value, name: &str) -> Result<String> {
    match record.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None => Err(Error::bad_record(format!("it has no member '{name}'"))),
    }
}

fn stateless(plugin: &mut sandbar_sdk::plugin::PluginBuilder) {
    plugin
        .map("upper", |line: String| line.to_ascii_uppercase())
        .input(Text)
        .output(Text)
        .doc("Makes ASCII letters upper case.");
    plugin
        .flat_map("split", |line: String, out: &mut Collector<String>| {
            line.split(' ')
                .filter(|word| !word.is_empty())
                .for_each(|word| out.collect(word.to_owned()));
        })
        .input(Text)
        .output(Text)
        .doc("Splits lines at blanks.");
    plugin
        .filter_with("longer-than", |config: LongerThan| {
            Ok(move |line: &String| line.len() > config.length)
        })
        .input(Text)
        .output(Text)
        .config_schema(r#"{"type":"object","required":["length"]}"#)
        .doc("Keeps lines of more bytes than `length`.");
    plugin
        .map_with("member", |config: Member| {
            Ok(Try(move |record: Value| member(&record, &config.name)))
        })
        .input(Json)
        .output(Text)
        .config_schema(r#"{"type":"object","required":["name"]}"#)
        .doc("Takes a member out of each object; refuses what has none.");
}

fn timed(plugin: &mut sandbar_sdk::plugin::PluginBuilder) {
    plugin
        .timestamps("second-behind", WatermarkStrategy::for_generator(SecondBehind::default()))
        .input(Text)
        .output(Text)
        .doc("Once a period, a watermark a second and a millisecond behind the latest timestamp.");
    plugin
        .timestamps("each-record", WatermarkStrategy::for_generator(EachRecord))
        .input(Text)
        .output(Text)
        .doc("A watermark with each record, at its timestamp.");
}

fn selectors(plugin: &mut sandbar_sdk::plugin::PluginBuilder) {
    plugin
        .key_selector("initial", |record: &Fruit| record.fruit.chars().take(1).collect::<String>())
        .input(Json)
        .doc("Keys by the first letter of the member `fruit`.");
    plugin
        .partitioner("by-length", |line: &String, subtasks| line.len() as u32 % subtasks)
        .input(Text)
        .doc("The subtask is the number of bytes, modulo how many there are.");
    plugin
        .partitioner("out-of-range", |_: &String, subtasks| subtasks)
        .input(Text)
        .doc("Chooses a subtask that there is not.");
}

sandbar_sdk::plugin! {
    name: "operators",
    version: env!("CARGO_PKG_VERSION"),
    operators: |plugin| {
        stateless(plugin);
    timed(plugin);
        selectors(plugin);
        plugin
            .process("parity", Parity)
            .input(Text)
            .output(Text)
            .side_output(&ODD, Text)
            .doc("Lines of an even number of bytes; the others go to the side output `odd`.");
        plugin
            .process_with("refuse", |config: functions::RefuseConfig| Ok(Refuse::new(config)))
            .input(Text)
            .output(Text)
            .doc("Refuses lines that hold a text.");
        plugin
            .process("share", Share::default())
            .input(Text)
            .output(Text)
            .doc("Says, when the input ends, how many records this subtask was given.");
        plugin
            .two_input_process("merge", Merge)
            .first_input(Text)
            .second_input(Text)
            .output(Text)
            .doc("Puts in front of each line which input it came by.");
        plugin
            .keyed_process_with("recent", |config: functions::RecentConfig| {
                Ok(Recent::new(&config))
            })
            .input(Text)
            .output(Text)
            .config_schema(r#"{"type":"object","required":["ttl-ms"]}"#)
            .state("count", "value", "u64")
            .state("seen", "map", "u64")
            .doc("Counts lines by key in state that expires.");
        plugin
            .keyed_two_input_process("keyed-merge", KeyedMerge::default())
            .first_input(Text)
            .second_input(Text)
            .output(Text)
            .state("counts", "value", "(u64, u64)")
            .doc("Says, when both inputs end, how many records of each came by each key.");
    },
}
