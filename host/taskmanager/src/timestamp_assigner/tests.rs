//! Tests of timestamps from JSON, the lookup held against `serde_json`'s pointers.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn assigner(pointer: &str, format: TimestampFormat) -> TimestampAssigner {
    TimestampAssigner::new(TimestampRule { pointer: pointer.to_owned(), format })
}

fn check(format: TimestampFormat, found: &str, expected: Option<i64>) {
    let record = format!("{{\"a\": [1], \"time\": {found}, \"b\": {{}}}}");
    let timestamp = assigner("/time", format).timestamp_of(record.as_bytes());
    assert_eq!(timestamp.clone().ok(), expected, "{found}: {timestamp:?}");
}

#[test]
fn milliseconds_are_whole_numbers_or_text_of_them() {
    let check = |found, expected| check(TimestampFormat::Milliseconds, found, expected);
    check("1700000000123", Some(1_700_000_000_123));
    check("-5", Some(-5));
    check("1.7e12", Some(1_700_000_000_000));
    check("\" 42 \"", Some(42));
    check("1.5", None);
    check("\"1.5\"", None);
    check("1e300", None);
    check("18446744073709551615", None);
    check("-9223372036854775808", None);
    check("true", None);
    check("null", None);
    check("{}", None);
    check("[5]", None);
}

#[test]
fn seconds_may_have_a_fraction() {
    let check = |found, expected| check(TimestampFormat::Seconds, found, expected);
    check("1700000000", Some(1_700_000_000_000));
    check("1700000000.123", Some(1_700_000_000_123));
    check("\"1700000000.5\"", Some(1_700_000_000_500));
    check("\"-1\"", Some(-1000));
    check("9223372036854775807", None);
    check("\"NaN\"", None);
    check("\"\"", None);
}

#[test]
fn rfc_3339_needs_an_offset() {
    let check = |found, expected| check(TimestampFormat::Rfc3339, found, expected);
    check("\"1970-01-01T00:00:01.5Z\"", Some(1500));
    check("\"2026-11-21T14:03:05.250+01:00\"", Some(1_795_266_185_250));
    check("\"1969-12-31T23:59:59Z\"", Some(-1000));
    check("\"2026-11-21T14:03:05\"", None);
    check("\"2026-02-30T14:03:05Z\"", None);
    check("\"today\"", None);
    check("1700000000", None);
}

#[test]
fn refused_records_say_why_and_keep_no_timestamp() {
    let mut batch = RecordBatch::new();
    for value in ["{\"t\":1}", "{\"t\":\"x\"}", "{}", "no JSON", "{\"t\":2} 3", "{\"t\":4}"] {
        batch.push(99, value.as_bytes());
    }
    let refused = assigner("/t", TimestampFormat::Milliseconds).assign(&mut batch);
    let none = NO_TIMESTAMP;
    assert_eq!(batch.timestamps, [1, none, none, none, none, 4]);
    let messages: Vec<(usize, &str)> =
        refused.iter().map(|refused| (refused.index, refused.message.as_str())).collect();
    assert_eq!(
        messages[..2],
        [
            (1, "its timestamp \"/t\" is \"x\", which is no whole number of milliseconds"),
            (2, "it has nothing at the timestamp \"/t\""),
        ]
    );
    assert_eq!((messages[2].0, messages[3].0), (3, 4));
    let no_json = "cannot take the timestamp \"/t\" from what is no JSON: ";
    assert!(messages[2..].iter().all(|(_, message)| message.starts_with(no_json)));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| json!(number)),
        "[a-c/~é]{0,2}".prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[0-2a/~]{0,2}", inner, 0..4)
                .prop_map(|entries| json!(entries)),
        ]
    })
}

proptest! {
    /// What is found is what `serde_json` finds with the pointer.
    #[test]
    fn a_lookup_is_a_pointer(value in value(), pointer in "(/([0-2a]|~0|~1|00){0,2}){0,3}") {
        let assigner = assigner(&pointer, TimestampFormat::Milliseconds);
        let found = Lookup::run(&assigner.path, value.to_string().as_bytes()).unwrap();
        let expected = value.pointer(&pointer).map(|there| match there {
            Value::Number(number) => Scalar::Integer(number.as_i64().unwrap()),
            Value::String(text) => Scalar::Text(text.clone()),
            Value::Null => Scalar::Other("null"),
            Value::Bool(_) => Scalar::Other("a boolean"),
            Value::Array(_) => Scalar::Other("an array"),
            Value::Object(_) => Scalar::Other("an object"),
        });
        prop_assert_eq!(found, expected);
    }
}
