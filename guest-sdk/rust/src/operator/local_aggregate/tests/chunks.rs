//! Values that no one can refuse, which come many at a time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::json;

use super::{chain, emitted, lines};
use crate::TwoPhase;
use crate::chain::erased::CodecOf;
use crate::chain::instance::CallError;
use crate::codec::{Encode, Format, Json, Key};
use crate::error::{Error, Result};
use crate::function::accumulate::{Shared, Summed};
use crate::operator::combine::Values;
use crate::operator::definition::{Definition, InputPort, MAIN, OperatorKind, OutputPort};
use crate::operator::local_aggregate::{Slices, local_aggregate};

/// Adds numbers up by key, as the first phase of a job in code does.
fn sums<K: Key>(
    settings: TwoPhase,
    key: impl FnMut(&i64) -> K + 'static,
    output: impl Encode<(K, i64)>,
) -> Definition {
    let accumulate = Shared::new(Summed::new(|number: &i64| *number));
    let values = Values { key: Rc::new(RefCell::new(key)), accumulate };
    let decoder = Some(("json".to_owned(), Rc::new(CodecOf::<i64, _>::new(Json)) as Rc<_>));
    let encoder = Some(Rc::new(CodecOf::<(K, i64), _>::new(output)) as Rc<_>);
    let format = Some("json".to_owned());
    Definition {
        name: "sums".to_owned(),
        doc: String::new(),
        kind: OperatorKind::Process,
        inputs: vec![InputPort { name: MAIN, decoder }],
        outputs: vec![OutputPort { name: MAIN.to_owned(), output: 0, format, encoder }],
        states: Vec::new(),
        config_schema: String::new(),
        build: Box::new(move |wiring| {
            local_aggregate(values, Slices::none(), settings.bounds(), wiring)
        }),
    }
}

/// Sums of 1,000 numbers by a key of theirs are what a map says, whatever the key is made of.
#[track_caller]
fn check_key<K: Key>(key: fn(&i64) -> K) {
    let numbers: Vec<String> = (-500..500).map(|number: i64| number.to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let (host, mut instance) = chain(|plugin| {
        plugin.operators.push(sums(TwoPhase::new(), key, Json));
    });
    // More than one call, and more than one chunk.
    numbers.chunks(300).for_each(|part| instance.process(0, lines(part)).unwrap());
    assert!(emitted(&host).is_empty());
    instance.finish().unwrap();
    let mut expected = BTreeMap::new();
    for number in -500..500 {
        *expected.entry(json!(key(&number)).to_string()).or_insert(0) += number;
    }
    let sum = |line: String| -> (String, i64) {
        let (found, sum) = serde_json::from_str::<(serde_json::Value, i64)>(&line).unwrap();
        (found.to_string(), sum)
    };
    let found: Vec<_> = emitted(&host).into_iter().map(sum).collect();
    assert_eq!(found.len(), expected.len(), "each key once");
    assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), expected);
}

#[test]
fn keys_of_all_types_are_told_apart() {
    check_key(|number| *number);
    check_key(|number| *number % 7);
    check_key(|number| (*number % 40) as i32);
    check_key(|number| number.unsigned_abs() << 40);
    check_key(|number| (number.unsigned_abs() % 300) as u32);
    check_key(|number| (number % 5 == 0, number % 3));
    check_key(|number| format!("{}", number % 11));
    check_key(|number| format!("a key of more than fifteen bytes: {}", number % 11));
}

/// Writes sums up to 5.
struct Small;

impl Format<(u64, i64)> for Small {
    fn format(&self) -> String {
        "json".to_owned()
    }
}

impl Encode<(u64, i64)> for Small {
    fn encode(&self, (_, sum): &(u64, i64), _bytes: &mut Vec<u8>) -> Result<()> {
        if *sum > 5 { Err(Error::bad_record(format!("{sum} is not small"))) } else { Ok(()) }
    }
}

#[test]
fn a_partial_result_that_cannot_leave_fails_the_task_and_no_record() {
    let (_, mut instance) = chain(|plugin| {
        let settings = TwoPhase::new().keys_max(2);
        plugin.operators.push(sums(settings, |number| number.unsigned_abs() % 2, Small));
    });
    instance.process(0, lines(&["4"])).unwrap();
    let refused = instance.process(0, lines(&["2", "1", "3"])).unwrap_err();
    let CallError::Fatal(message) = refused else { panic!("{refused:?}") };
    assert!(message.contains("'sums'") && message.contains("6 is not small"), "{message}");
}
