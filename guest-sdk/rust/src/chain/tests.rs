//! Tests of fused chains against the in-memory host: what comes out of which output, and what is
//! left of a record that is refused.

use std::cell::Cell;
use std::rc::Rc;

use proptest::prelude::{Just, prop, prop_assert_eq, prop_oneof, proptest};

use super::instance::{CallError, Instance};
use super::wiring::{ChainedOperator, Target, open};
use crate::codec::{Encode, Format};
use crate::host::harness::HarnessHost;
use crate::host::{self, Batch, Host, cut};
use crate::operator::partition;
use crate::plugin::PluginBuilder;
use crate::plugin::registry::Registry;
use crate::prelude::*;

const WIDE: OutputTag<String> = OutputTag::new("wide");

/// Sends words to a side output too, and refuses `bad..` after it has emitted something.
struct Route;

impl ProcessFunction<String, String> for Route {
    fn process(
        &mut self,
        word: String,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        if word.len().is_multiple_of(3) {
            out.collect_str(&word)
        } else {
            out.collect(word.clone())
        }
        ctx.output(&WIDE, word.clone());
        if word.starts_with("bad") { Err(Error::bad_record("it is bad")) } else { Ok(()) }
    }
}

/// Emits as many copies of a word as its config says, then refuses it.
#[derive(serde::Deserialize)]
struct Explode {
    copies: usize,
    bytes: usize,
}

fn register(plugin: &mut PluginBuilder) {
    plugin
        .flat_map("split", |line: String, out: &mut Collector<String>| {
            line.split(' ').for_each(|word| out.collect(word.to_owned()));
        })
        .input(Text)
        .output(Text);
    plugin
        .flat_map("cut", |line: TextSlice, out: &mut Collector<String>| {
            for (number, word) in line.split(' ').enumerate() {
                if number % 7 == 5 { out.collect(word.to_owned()) } else { out.collect_str(word) }
            }
        })
        .input(Text)
        .output(Text);
    plugin
        .flat_map("halves", |value: ByteSlice, out: &mut Collector<Vec<u8>>| {
            value.chunks(value.len().div_ceil(2).max(1)).for_each(|half| out.collect_bytes(half));
        })
        .input(Bytes)
        .output(Bytes);
    plugin.map("shout", |word: String| word.to_uppercase()).input(Text).output(Text);
    plugin.map("length", |bytes: Vec<u8>| bytes.len() as u64).input(Bytes).output(Compact);
    plugin.filter("short", |word: &String| word.len() < 4).input(Text).output(Text);
    plugin
        .map(
            "refuse-c",
            crate::Try(
                |word: String| {
                    if word == "c" { Err(Error::bad_record("no c")) } else { Ok(word) }
                },
            ),
        )
        .input(Text)
        .output(Text);
    plugin.process("odd-twice", Both).input(Text).output(Json).side_output(&TWICE, Json);
    plugin.map("blow-up", |_: String| Large::new()).input(Text).output(LargeText);
    plugin.process("route", Route).input(Text).output(Text).side_output(&WIDE, Text);
    plugin
        .flat_map_with("explode", |config: Explode| {
            Ok(crate::Try(move |_: String, out: &mut Collector<String>| {
                (0..config.copies).for_each(|_| out.collect("x".repeat(config.bytes)));
                Err(Error::bad_record("exploded"))
            }))
        })
        .input(Text)
        .output(Text);
}

thread_local! {
    /// Large values that are there, and the most that ever were.
    static ALIVE: Cell<usize> = const { Cell::new(0) };
    static MOST_ALIVE: Cell<usize> = const { Cell::new(0) };
}

/// A value of 100,000 bytes that is counted.
struct Large;

impl Large {
    fn new() -> Large {
        ALIVE.with(|alive| {
            alive.set(alive.get() + 1);
            MOST_ALIVE.with(|most| most.set(most.get().max(alive.get())));
        });
        Large
    }
}

impl Clone for Large {
    fn clone(&self) -> Large {
        Large::new()
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        ALIVE.with(|alive| alive.set(alive.get() - 1));
    }
}

/// Writes 100,000 bytes for each large value.
#[derive(Clone, Copy)]
struct LargeText;

impl Format<Large> for LargeText {
    fn format(&self) -> String {
        "text".to_owned()
    }
}

impl Encode<Large> for LargeText {
    fn encode(&self, _value: &Large, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.resize(bytes.len() + 100_000, b'x');
        Ok(())
    }

    fn never_fails(&self) -> bool {
        true
    }
}

/// Text that has no form in JSON when it is odd.
#[derive(Clone, serde::Serialize)]
struct Odd {
    #[serde(serialize_with = "even_only")]
    text: String,
}

fn even_only<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match text {
        "odd" => Err(serde::ser::Error::custom("it is odd")),
        even => serializer.serialize_str(even),
    }
}

const TWICE: OutputTag<Odd> = OutputTag::new("twice");

/// Emits each text to both outputs.
struct Both;

impl ProcessFunction<String, Odd> for Both {
    fn process(
        &mut self,
        text: String,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<Odd>,
    ) -> Result<()> {
        ctx.output(&TWICE, Odd { text: text.clone() });
        out.collect(Odd { text });
        Ok(())
    }
}

/// An operator of a chain: its name, with a config behind a blank, and its outputs.
type Link<'a> = (&'a str, &'a [&'a [Target]]);

/// Opens operators.
fn chain(operators: &[Link<'_>]) -> Result<(Rc<HarnessHost>, Instance)> {
    let chain: Vec<ChainedOperator> = operators
        .iter()
        .map(|(operator, outputs)| ChainedOperator {
            operator: operator.split(' ').next().unwrap().to_owned(),
            name: (*operator).to_owned(),
            config: operator.split(' ').nth(1).unwrap_or_default().to_owned(),
            outputs: outputs.iter().map(|targets| targets.to_vec()).collect(),
            ..ChainedOperator::default()
        })
        .collect();
    let host = Rc::new(HarnessHost::default());
    let mut registry = Registry::new(|_: &[String]| {
        let mut plugin = PluginBuilder::default();
        register(&mut plugin);
        Ok(plugin.operators)
    });
    let instance =
        open(Rc::clone(&host) as Rc<dyn Host>, &chain, |operator| registry.take(operator))?;
    Ok((host, instance))
}

fn batch(values: &[&[u8]]) -> Batch {
    let mut batch = host::batch();
    for (index, value) in values.iter().enumerate() {
        batch.timestamps.push(index as i64 * 10);
        batch.values.extend_from_slice(value);
        batch.value_ends.push(batch.values.len() as u32);
    }
    batch
}

fn lines(values: &[&str]) -> Batch {
    batch(&values.iter().map(|value| value.as_bytes()).collect::<Vec<_>>())
}

/// All records of an output so far, as `timestamp:value`.
fn emitted(host: &HarnessHost, output: u32) -> Vec<String> {
    let emitted = host.emitted.borrow();
    let of_output = emitted.iter().filter(|(number, _)| *number == output);
    of_output
        .flat_map(|(_, batch)| {
            batch.timestamps.iter().enumerate().map(|(index, timestamp)| {
                let value = cut(&batch.value_ends, &batch.values, index);
                format!("{timestamp}:{}", String::from_utf8_lossy(value))
            })
        })
        .collect()
}

const OUT: &[Target] = &[Target::External(0)];

#[test]
fn records_pass_through_fused_operators_with_their_timestamps() {
    let (host, mut instance) = chain(&[
        ("split", &[&[Target::Chained(1)]]),
        ("short", &[&[Target::Chained(2)]]),
        ("shout", &[OUT]),
    ])
    .unwrap();
    instance.process(0, lines(&["a long way", "", "to go"])).unwrap();
    assert_eq!(emitted(&host, 0), ["0:A", "0:WAY", "10:", "20:TO", "20:GO"]);
}

#[test]
fn an_output_with_several_targets_feeds_them_all() {
    let (host, mut instance) = chain(&[
        ("split", &[&[Target::Chained(1), Target::External(7), Target::Chained(2)]]),
        ("shout", &[OUT]),
        ("shout", &[&[Target::External(1)]]),
    ])
    .unwrap();
    instance.process(0, lines(&["a b"])).unwrap();
    assert_eq!(emitted(&host, 0), ["0:A", "0:B"]);
    assert_eq!(emitted(&host, 1), ["0:A", "0:B"]);
    assert_eq!(emitted(&host, 7), ["0:a", "0:b"]);
}

#[test]
fn fused_operators_of_different_types_meet_in_bytes() {
    let (host, mut instance) =
        chain(&[("shout", &[&[Target::Chained(1)]]), ("length", &[OUT])]).unwrap();
    instance.process(0, lines(&["four", ""])).unwrap();
    assert_eq!(emitted(&host, 0), ["0:\u{4}", "10:\0"]);
}

#[test]
fn an_output_nobody_reads_is_dropped() {
    let (host, mut instance) = chain(&[("route", &[&[], OUT])]).unwrap();
    instance.process(0, lines(&["a"])).unwrap();
    assert_eq!(emitted(&host, 0), ["0:a"]);
}

fn bad_record(operator: u32, index: u32, message: &str) -> Result<(), CallError> {
    Err(CallError::BadRecord { operator, index, message: message.to_owned() })
}

#[test]
fn a_refused_record_leaves_no_trace_in_any_output() {
    let (host, mut instance) = chain(&[("route", &[OUT, &[Target::External(1)]])]).unwrap();
    let refused = instance.process(0, lines(&["one", "two", "bad", "three"]));
    assert_eq!(refused, bad_record(0, 2, "it is bad"));
    assert_eq!(emitted(&host, 0), ["0:one", "10:two"]);
    assert_eq!(emitted(&host, 1), ["0:one", "10:two"]);
    instance.process(0, lines(&["three"])).unwrap();
    assert_eq!(emitted(&host, 0), ["0:one", "10:two", "0:three"]);
}

#[test]
fn a_fused_operator_refuses_the_input_record_that_led_to_it() {
    let (host, mut instance) =
        chain(&[("split", &[&[Target::Chained(1)]]), ("refuse-c", &[OUT])]).unwrap();
    let refused = instance.process(0, lines(&["a", "b c d", "e"]));
    assert_eq!(refused, bad_record(1, 1, "no c"));
    assert_eq!(emitted(&host, 0), ["0:a"]);
}

#[test]
fn an_undecodable_record_is_refused_by_the_head() {
    let (host, mut instance) = chain(&[("shout", &[OUT])]).unwrap();
    match instance.process(0, batch(&[b"a", b"\xff", b"b"])) {
        Err(CallError::BadRecord { operator: 0, index: 1, message }) => {
            assert!(message.starts_with("the value is not text"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(emitted(&host, 0), ["0:A"]);
}

#[test]
fn results_leave_in_batches_of_a_bounded_size() {
    let (host, mut instance) = chain(&[("shout", &[OUT])]).unwrap();
    let long = "y".repeat(1000);
    instance.process(0, lines(&vec![long.as_str(); 200])).unwrap();
    let sizes: Vec<usize> =
        host.emitted.borrow().iter().map(|(_, batch)| batch.values.len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 200_000);
    assert!(sizes.iter().all(|size| *size <= 33_000), "{sizes:?}");
    let short = vec!["z"; 20_000];
    host.emitted.borrow_mut().clear();
    instance.process(0, lines(&short)).unwrap();
    let records: Vec<usize> =
        host.emitted.borrow().iter().map(|(_, batch)| batch.timestamps.len()).collect();
    assert_eq!(records, [8192, 8192, 3616]);
}

#[test]
fn results_of_one_record_are_kept_back_up_to_a_megabyte() {
    let explode = |config: &str| {
        let name = format!("explode {config}");
        let (host, mut instance) = chain(&[(&name, &[OUT])]).unwrap();
        let failed = instance.process(0, lines(&["boom"]));
        (emitted(&host, 0).len(), failed)
    };
    let kept_back = explode(r#"{"copies":900,"bytes":1000}"#);
    assert_eq!(kept_back, (0, bad_record(0, 0, "exploded")));
    let (left, failed) = explode(r#"{"copies":2000,"bytes":1000}"#);
    assert_eq!(left, 1049);
    match failed {
        Err(CallError::Fatal(message)) => {
            assert!(message.contains("had left") && message.ends_with("exploded"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

fn check_refused(operators: &[(&str, &[&[Target]])], expected: &str) {
    let message = match chain(operators) {
        Ok(_) => panic!("opened, expected {expected}"),
        Err(error) => error.to_string(),
    };
    assert_eq!(message, expected);
}

#[test]
fn a_chain_that_does_not_fit_is_refused_with_the_operator_named() {
    check_refused(
        &[("shout", &[&[Target::Chained(1)]])],
        "opening operator 'shout': operator number 1 is not free to be chained",
    );
    check_refused(&[], "the chain has no operators");
    check_refused(
        &[("explode {}", &[OUT])],
        "opening operator 'explode {}': reading its config: missing field `copies` at line 1 \
         column 2",
    );
    check_refused(
        &[("nothing", &[OUT])],
        "opening operator 'nothing': there is no operator 'nothing', only: split, cut, halves, \
         shout, length, short, refuse-c, odd-twice, blow-up, route, explode",
    );
}

/// Runs a hidden operator and returns keys and values of what it emits.
fn keyed(
    build: impl FnOnce(crate::operator::definition::Wiring) -> Result<Vec<super::erased::AnyPipe>>
    + 'static,
    encoder: Rc<dyn super::erased::ErasedEncoder>,
    input: &Batch,
) -> (Vec<Vec<u8>>, Result<(), CallError>) {
    use crate::operator::definition::{Definition, InputPort, OperatorKind, OutputPort};
    let decoder = super::erased::CodecOf::<String, Text>::new(Text);
    let mut definition = Some(Definition {
        name: "key".into(),
        doc: String::new(),
        kind: OperatorKind::Partitioner,
        inputs: vec![InputPort { name: "main", decoder: Some(("text".into(), Rc::new(decoder))) }],
        outputs: vec![OutputPort {
            name: "main".into(),
            output: 0,
            format: Some("text".into()),
            encoder: Some(encoder),
        }],
        states: Vec::new(),
        config_schema: String::new(),
        build: Box::new(build),
    });
    let host = Rc::new(HarnessHost::default());
    let chained = ChainedOperator {
        outputs: vec![OUT.to_vec()],
        partitions: 3,
        ..ChainedOperator::default()
    };
    let mut instance =
        open(Rc::clone(&host) as Rc<dyn Host>, &[chained], |_| Ok(definition.take().unwrap()))
            .unwrap();
    let outcome = instance.process(0, input.clone());
    let emitted = host.emitted.borrow();
    let keys = emitted.iter().flat_map(|(_, batch)| {
        assert_eq!(batch.key_ends.len(), batch.timestamps.len());
        (0..batch.key_ends.len()).map(|index| cut(&batch.key_ends, &batch.keys, index).to_vec())
    });
    (keys.collect(), outcome)
}

#[test]
fn a_key_selector_writes_the_key_column() {
    use super::erased::KeyedCodecOf;
    use super::external::HashKey;
    let encoder = KeyedCodecOf::<HashKey<String>, String, Text>::new(Text);
    let (keys, outcome) = keyed(
        |wiring| partition::key_selector(|word: &String| word[..1].to_owned(), wiring),
        Rc::new(encoder),
        &lines(&["apple", "bean", "avocado"]),
    );
    assert_eq!((keys, outcome), (vec![b"a".to_vec(), b"b".to_vec(), b"a".to_vec()], Ok(())));
}

#[test]
fn a_partitioner_writes_the_number_of_the_subtask() {
    use super::erased::KeyedCodecOf;
    use super::external::Subtask;
    let encoder = KeyedCodecOf::<Subtask, String, Text>::new(Text);
    let (keys, outcome) = keyed(
        |wiring| partition::partitioner(|word: &String, _| word.len() as u32, wiring),
        Rc::new(encoder),
        &lines(&["a", "bb", "", "ccc"]),
    );
    assert_eq!(keys, [[1, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0]]);
    let message = "the partitioner chose subtask 3 of 3, counted from 0";
    assert_eq!(outcome, bad_record(0, 3, message));
}

proptest! {
    /// Whatever is gathered between operators that cannot fail, and however much of it: exactly
    /// the results of refused records are missing, whichever operator refuses them.
    #[test]
    fn results_that_are_gathered_are_those_of_the_good_records(
        records in prop::collection::vec(
            (0usize..150, prop_oneof![40 => Just("good"), 1 => Just("bad"), 1 => Just("\u{fffd}")]),
            0..300,
        ),
        shape in 0usize..5,
    ) {
        let line = |(words, first): &(usize, &str)| -> Vec<u8> {
            let first = if *first == "\u{fffd}" { b"\xff".as_slice() } else { first.as_bytes() };
            [first, " w".repeat(words % (words / 4 + 1)).as_bytes()].concat()
        };
        let input: Vec<Vec<u8>> = records.iter().map(line).collect();
        let next: [&[Target]; 4] = [1, 2, 3, 4].map(|next| &*vec![Target::Chained(next)].leak());
        let chains: [&[Link<'_>]; 5] = [
            &[("route", &[OUT, &[]])],
            &[("route", &[next[0], &[]]), ("split", &[next[1]]), ("split", &[next[2]]),
                ("shout", &[OUT])],
            &[("split", &[next[0]]), ("split", &[next[1]]), ("short", &[OUT])],
            &[("cut", &[OUT])],
            &[("route", &[next[0], &[]]), ("split", &[next[1]]), ("cut", &[OUT])],
        ];
        let (host, mut instance) = chain(chains[shape]).unwrap();
        let mut start = 0;
        while start < input.len() {
            let slice: Vec<&[u8]> = input[start..].iter().map(Vec::as_slice).collect();
            match instance.process(0, batch(&slice)) {
                Ok(()) => start = input.len(),
                Err(CallError::BadRecord { index, .. }) => start += index as usize + 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        let texts: Vec<&str> = input.iter().filter_map(|raw| str::from_utf8(raw).ok()).collect();
        let good = || texts.iter().filter(|text| text.starts_with("good"));
        let expected: Vec<String> = match shape {
            0 => good().map(|text| (*text).to_owned()).collect(),
            1 => good().flat_map(|text| text.split(' ')).map(str::to_uppercase).collect(),
            3 => texts.iter().flat_map(|text| text.split(' ')).map(str::to_owned).collect(),
            4 => good().flat_map(|text| text.split(' ')).map(str::to_owned).collect(),
            _ => texts.iter().flat_map(|text| text.split(' ')).filter(|word| word.len() < 4)
                .map(str::to_owned).collect(),
        };
        let found: Vec<String> = emitted(&host, 0)
            .iter()
            .map(|record| record.split_once(':').unwrap().1.to_owned())
            .collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_failure_of_both_outputs_refuses_one_record() {
    let (host, mut instance) = chain(&[("odd-twice", &[OUT, &[Target::External(1)]])]).unwrap();
    let refused = instance.process(0, lines(&["a", "odd", "b"]));
    assert!(matches!(refused, Err(CallError::BadRecord { index: 1, .. })), "{refused:?}");
    instance.process(0, lines(&["b"])).unwrap();
    assert_eq!(emitted(&host, 0), [r#"0:{"text":"a"}"#, r#"0:{"text":"b"}"#]);
    assert_eq!(emitted(&host, 1), emitted(&host, 0));
}

#[test]
fn borrowed_texts_leave_in_batches_of_a_bounded_size() {
    let (host, mut instance) = chain(&[("cut", &[OUT])]).unwrap();
    let line = "word ".repeat(30_000);
    instance.process(0, lines(&[line.trim_end(), "the end"])).unwrap();
    let batches = host.emitted.borrow();
    let sizes = batches.iter().map(|(_, batch)| batch.values.len());
    assert!(sizes.clone().all(|size| size <= 33_000), "{sizes:?}");
    let records: usize = batches.iter().map(|(_, batch)| batch.timestamps.len()).sum();
    assert_eq!(records, 30_002);
}

#[test]
fn borrowed_bytes_reach_the_output_and_a_fused_operator() {
    let (alone, mut one) = chain(&[("halves", &[OUT])]).unwrap();
    one.process(0, batch(&[b"left-right", b"", b"odd"])).unwrap();
    assert_eq!(emitted(&alone, 0), ["0:left-", "0:right", "20:od", "20:d"]);
    let (host, mut instance) =
        chain(&[("halves", &[&[Target::Chained(1)]]), ("halves", &[OUT])]).unwrap();
    instance.process(0, batch(&[b"left-right"])).unwrap();
    assert_eq!(emitted(&host, 0), ["0:lef", "0:t-", "0:rig", "0:ht"]);
}

#[test]
fn few_large_values_are_gathered() {
    let (host, mut instance) = chain(&[("blow-up", &[OUT])]).unwrap();
    let input = vec!["x"; 200];
    instance.process(0, lines(&input)).unwrap();
    assert_eq!(emitted(&host, 0).len(), 200);
    let most = MOST_ALIVE.with(|alive| alive.get());
    assert!(most <= 8, "{most} of the large values were there at once");
}
