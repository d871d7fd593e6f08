//! What operators tell the host of their config.

use super::*;
use crate::codec::Text;

/// Any config.
#[derive(serde::Deserialize)]
struct Length {
    length: usize,
}

fn check(register: impl FnOnce(&mut PluginBuilder), expected: &str) {
    let mut plugin = PluginBuilder::default();
    register(&mut plugin);
    assert_eq!(plugin.operators[0].config_schema, expected);
}

#[test]
fn an_operator_that_reads_a_config_takes_any_object_unless_it_says_which() {
    let shorter = |config: Length| Ok(move |line: &String| line.len() < config.length);
    check(|plugin| drop(plugin.filter_with("shorter", shorter)), r#"{"type":"object"}"#);
    let own = r#"{"required":["length"]}"#;
    check(|plugin| drop(plugin.filter_with("shorter", shorter).config_schema(own)), own);
}

#[test]
fn an_operator_that_reads_no_config_takes_none() {
    check(|plugin| drop(plugin.filter("all", |_: &String| true).input(Text)), "");
    check(|plugin| drop(plugin.map("same", |line: String| line)), "");
}
