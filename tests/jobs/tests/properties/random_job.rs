//! Random jobs: drafts whose numbers are taken modulo what there is, so that every draft is a job,
//! built side by side with what it must write.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use sandbar_graph::JobSpec;
use sandbar_graph::spec::{
    Chaining, DetailedInput, InputSpec, KeySpec, KeyWord, OnError, OperatorSpec, PartitionerSpec,
    PluginSpec, SelectorKey, SinkSpec, SourceSpec,
};
use sandbar_jobs::guest;
use serde_json::json;

use crate::model::{Function, Keyed};

/// Unions and broadcasts stop when an operator would get more records than this.
const RECORDS_MAX: usize = 1500;

/// An operator before its inputs have names.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    function: Function,
    /// Per input of the operator, what is united there.
    inputs: [Vec<InputDraft>; 2],
    parallelism: Option<u32>,
    chaining: Option<Chaining>,
    group: Option<bool>,
    /// Whether its side output is printed if nobody else reads it, and its main output even if.
    printed: (bool, bool),
}

/// An input before it has a name.
#[derive(Clone, Debug)]
struct InputDraft {
    stream: usize,
    partitioner: Option<PartitionerSpec>,
    /// For keyed operators: by the first letter rather than by the whole record.
    by_letter: bool,
}

fn function() -> impl Strategy<Value = Function> {
    prop_oneof![
        any::<bool>().prop_map(|native| Function::Upper { native }),
        any::<bool>().prop_map(|native| Function::Split { native }),
        (0..6usize).prop_map(Function::LongerThan),
        Just(Function::Parity),
        Just(Function::Skip),
        Just(Function::DeadLetter),
        Just(Function::Count),
        Just(Function::Merge),
        Just(Function::KeyedMerge),
    ]
}

fn chaining() -> impl Strategy<Value = Chaining> {
    prop_oneof![Just(Chaining::Always), Just(Chaining::Head), Just(Chaining::Never)]
}

fn input() -> impl Strategy<Value = InputDraft> {
    let partitioner = prop_oneof![
        Just(PartitionerSpec::Rebalance),
        Just(PartitionerSpec::Rescale),
        Just(PartitionerSpec::Shuffle),
        Just(PartitionerSpec::Broadcast),
        Just(PartitionerSpec::Global),
        Just(PartitionerSpec::Hash),
        Just(PartitionerSpec::Custom),
    ];
    (any::<usize>(), option::of(partitioner), any::<bool>())
        .prop_map(|(stream, partitioner, by_letter)| InputDraft { stream, partitioner, by_letter })
}

/// Any operator.
pub(crate) fn draft() -> impl Strategy<Value = Draft> {
    (
        function(),
        [vec(input(), 1..4), vec(input(), 1..4)],
        option::weighted(0.4, 1..5u32),
        option::weighted(0.3, chaining()),
        option::weighted(0.2, any::<bool>()),
        any::<(bool, bool)>(),
    )
        .prop_map(|(function, inputs, parallelism, chaining, group, printed)| Draft {
            function,
            inputs,
            parallelism,
            chaining,
            group,
            printed,
        })
}

/// An output that others may read.
struct Stream {
    output: String,
    records: Vec<String>,
    is_read: bool,
    /// Whether it is printed if nobody reads it, and even if somebody does.
    printed: (bool, bool),
}

struct Builder {
    spec: JobSpec,
    streams: Vec<Stream>,
}

/// Makes a job that reads `input`, and the lines that it must write, in any order.
pub(crate) fn random_job(
    input: &[String],
    drafts: &[Draft],
    split_bytes: u64,
) -> (JobSpec, Vec<String>) {
    let mut builder = Builder::new(input, split_bytes);
    drafts.iter().enumerate().for_each(|(number, draft)| builder.add(number, draft));
    builder.finish()
}

fn source(split_bytes: u64) -> SourceSpec {
    let options = [("path", json!("input.txt")), ("split-size", json!(split_bytes))];
    SourceSpec {
        name: "lines".to_owned(),
        uid: None,
        connector: "files".to_owned(),
        options: options.map(|(key, value)| (key.to_owned(), value)).into(),
        parallelism: None,
        max_parallelism: None,
        slot_sharing_group: None,
        chaining: None,
        timestamp: None,
        on_error: None,
        watermarks: None,
    }
}

fn sink(name: &str, inputs: Vec<InputSpec>, identifier: Option<&str>) -> SinkSpec {
    let options = identifier.map(|identifier| ("identifier".to_owned(), json!(identifier)));
    SinkSpec {
        name: name.to_owned(),
        uid: None,
        connector: "print".to_owned(),
        inputs,
        options: options.into_iter().collect(),
        parallelism: None,
        max_parallelism: None,
        slot_sharing_group: None,
        chaining: None,
    }
}

fn operator(name: &str, plugin: &str, operator: &str, inputs: Vec<InputSpec>) -> OperatorSpec {
    OperatorSpec {
        name: name.to_owned(),
        uid: None,
        plugin: plugin.to_owned(),
        operator: operator.to_owned(),
        inputs,
        config: None,
        on_error: None,
        parallelism: None,
        max_parallelism: None,
        slot_sharing_group: None,
        chaining: None,
        watermarks: None,
    }
}

fn job(source: SourceSpec) -> JobSpec {
    let guests = [
        ("operators", "guest-operators"),
        ("selectors", "guest-selectors"),
        ("counters", "counters"),
    ];
    let plugin = |(name, package): (&str, &str)| {
        (name.to_owned(), PluginSpec { path: guest(package).display().to_string() })
    };
    JobSpec {
        name: "random".to_owned(),
        plugins: guests.map(plugin).into(),
        sources: vec![source],
        ..JobSpec::default()
    }
}

fn selector(name: &str) -> KeySpec {
    KeySpec::Selector(SelectorKey {
        selector: name.to_owned(),
        plugin: Some("selectors".to_owned()),
    })
}

/// The key that a partitioner needs.
fn key_for(partitioner: Option<PartitionerSpec>) -> Option<KeySpec> {
    match partitioner {
        Some(PartitionerSpec::Hash) => Some(KeySpec::Word(KeyWord::Value)),
        Some(PartitionerSpec::Custom) => Some(selector("by-length")),
        _ => None,
    }
}

/// A job that sends its input through a partitioner to so many subtasks of an operator.
pub(crate) fn pass_through(partitioner: PartitionerSpec, subtasks: u32) -> JobSpec {
    let mut spec = job(source(1000));
    let input = DetailedInput {
        from: "lines".to_owned(),
        partitioner: Some(partitioner),
        key: key_for(Some(partitioner)),
        ..DetailedInput::default()
    };
    let mut same = operator("same", "operators", "refuse", vec![InputSpec::Detailed(input)]);
    same.config = Some(json!({ "containing": "\n" }));
    same.parallelism = Some(subtasks);
    spec.operators = vec![same];
    spec.sinks = vec![sink("out", vec![InputSpec::Output("same".to_owned())], None)];
    spec
}

impl Builder {
    fn new(input: &[String], split_bytes: u64) -> Builder {
        let mut builder = Builder { spec: job(source(split_bytes)), streams: Vec::new() };
        builder.offer("lines".to_owned(), input.to_vec(), (true, false));
        builder
    }

    fn offer(&mut self, output: String, records: Vec<String>, printed: (bool, bool)) {
        self.streams.push(Stream { output, records, is_read: false, printed });
    }

    fn add(&mut self, number: usize, draft: &Draft) {
        let function = draft.function;
        let (mut specs, mut inputs) = (Vec::new(), Vec::new());
        let mut total = 0;
        for (index, united) in draft.inputs.iter().enumerate().take(function.inputs()) {
            let mut records = Vec::new();
            for (position, input) in united.iter().enumerate() {
                let Some((spec, read)) = self.read(draft, input, index, total, position == 0)
                else {
                    continue;
                };
                total += read.len();
                specs.push(spec);
                records.extend(read);
            }
            inputs.push(records);
        }
        let name = format!("o{number}");
        let (main, side) = function.apply(&inputs);
        let mut spec = spec_of(function, &name, specs);
        spec.parallelism = draft.parallelism;
        spec.chaining = draft.chaining;
        spec.slot_sharing_group = draft.group.map(|group| format!("group-{group}"));
        self.spec.operators.push(spec);
        self.offer(name.clone(), main, (true, draft.printed.1));
        match function {
            Function::Parity => self.offer(format!("{name}.odd"), side, (draft.printed.0, false)),
            Function::DeadLetter => {
                let letters = vec![InputSpec::Output(format!("{name}.dead-letter"))];
                let value = format!("{name}-value");
                let mut member = operator(&value, "operators", "member", letters);
                member.config = Some(json!({ "name": "value" }));
                self.spec.operators.push(member);
                self.offer(value, side, (true, false));
            }
            Function::Upper { .. }
            | Function::Split { .. }
            | Function::LongerThan(_)
            | Function::Skip
            | Function::Count
            | Function::Merge
            | Function::KeyedMerge => {}
        }
    }

    /// Reads a stream as an input, unless there would be too many records and it can be left out.
    fn read(
        &mut self,
        draft: &Draft,
        input: &InputDraft,
        index: usize,
        total: usize,
        is_needed: bool,
    ) -> Option<(InputSpec, Vec<Keyed>)> {
        let number = input.stream % self.streams.len();
        let stream = &mut self.streams[number];
        if total + stream.records.len() > RECORDS_MAX && !is_needed {
            return None;
        }
        stream.is_read = true;
        let is_keyed = draft.function.is_keyed();
        let mut partitioner = input.partitioner.filter(|_| !is_keyed);
        let mut copies = 1;
        if partitioner == Some(PartitionerSpec::Broadcast) {
            // How many copies arrive is only known where the parallelism is.
            match draft.parallelism {
                Some(subtasks) if stream.records.len() < RECORDS_MAX / 4 => copies = subtasks,
                _ => partitioner = Some(PartitionerSpec::Rebalance),
            }
        }
        let key = match (is_keyed, input.by_letter) {
            (true, true) => Some(selector("first-letter")),
            (true, false) => Some(KeySpec::Word(KeyWord::Value)),
            (false, _) => key_for(partitioner),
        };
        let key_of = |record: &String| match is_keyed && input.by_letter {
            true => record.chars().take(1).collect(),
            false => record.clone(),
        };
        let keyed = |record: &String| (key_of(record), record.clone());
        let records = (0..copies).flat_map(|_| stream.records.iter().map(keyed)).collect();
        let spec = DetailedInput {
            from: stream.output.clone(),
            output: None,
            input: (draft.function.inputs() == 2).then_some(index as u32),
            partitioner,
            key,
        };
        Some((InputSpec::Detailed(spec), records))
    }

    /// Prints what nobody reads, and some more.
    fn finish(mut self) -> (JobSpec, Vec<String>) {
        let mut expected = Vec::new();
        for (number, stream) in self.streams.iter().enumerate() {
            let (if_unread, always) = stream.printed;
            if always || (if_unread && !stream.is_read) {
                let identifier = format!("s{number}");
                let input = vec![InputSpec::Output(stream.output.clone())];
                self.spec.sinks.push(sink(&identifier, input, Some(&identifier)));
                expected.extend(stream.records.iter().map(|line| format!("{identifier}> {line}")));
            }
        }
        (self.spec, expected)
    }
}

/// The operator of a function.
fn spec_of(function: Function, name: &str, inputs: Vec<InputSpec>) -> OperatorSpec {
    let native = |is_native: bool| if is_native { "native" } else { "operators" };
    let refuse = |on_error: OnError, refused: Vec<InputSpec>| OperatorSpec {
        on_error: Some(on_error),
        config: Some(json!({ "containing": "a" })),
        ..operator(name, "operators", "refuse", refused)
    };
    match function {
        Function::Upper { native: is_native } => operator(name, native(is_native), "upper", inputs),
        Function::Split { native: is_native } => operator(name, native(is_native), "split", inputs),
        Function::LongerThan(length) => OperatorSpec {
            config: Some(json!({ "length": length })),
            ..operator(name, "operators", "longer-than", inputs)
        },
        Function::Parity => operator(name, "operators", "parity", inputs),
        Function::Skip => refuse(OnError::Skip, inputs),
        Function::DeadLetter => refuse(OnError::DeadLetter, inputs),
        Function::Count => operator(name, "counters", "count", inputs),
        Function::Merge => operator(name, "operators", "merge", inputs),
        Function::KeyedMerge => operator(name, "operators", "keyed-merge", inputs),
    }
}
