//! What selectors tell the host of themselves, and that records pass them unchanged.

use super::*;
use crate::bindings::exports::sandbar::operator::plugin::OperatorKind as WitKind;
use crate::codec::{Json, Text};
use crate::plugin::registry::describe;

#[derive(Clone, serde::Deserialize)]
struct Fruit {
    fruit: String,
}

#[test]
fn selectors_are_described_with_one_format_for_both_sides() {
    let mut plugin = PluginBuilder::default();
    plugin.key_selector("fruit", |row: &Fruit| row.fruit.clone()).input(Json).doc("Fruit.");
    plugin.partitioner("first", |_: &String, _| 0).input(Text).doc("Always the first.");
    let operators = describe("p", "1.0.0", &plugin.operators).unwrap().operators;
    let found: Vec<(&str, WitKind, &str, &str, &str)> = operators
        .iter()
        .map(|it| {
            let (input, output) = (&it.inputs[0].format, &it.outputs[0].format);
            (it.name.as_str(), it.kind, input.as_str(), output.as_str(), it.config_schema.as_str())
        })
        .collect();
    assert_eq!(
        found,
        [
            ("fruit", WitKind::KeySelector, "json", "json", ""),
            ("first", WitKind::Partitioner, "text", "text", ""),
        ]
    );
}

#[test]
fn a_selector_without_a_format_is_refused() {
    let mut plugin = PluginBuilder::default();
    plugin.key_selector("fruit", |row: &Fruit| row.fruit.clone());
    let error = describe("p", "1.0.0", &plugin.operators).unwrap_err().to_string();
    assert!(error.contains("input 'main' of operator 'fruit' has no format"), "{error}");
}

#[test]
fn what_a_selector_does_not_read_stays_in_the_record() {
    let record = br#"{ "weight": 3, "fruit": "fig" }"#;
    let codec = Keeping(Rc::new(Json));
    let whole: Whole<Fruit> = codec.decode(record).unwrap();
    let mut bytes = Vec::new();
    codec.encode(&whole, &mut bytes).unwrap();
    assert_eq!((whole.value.fruit.as_str(), bytes.as_slice()), ("fig", record.as_slice()));
}
