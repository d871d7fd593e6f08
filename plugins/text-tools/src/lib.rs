//! Operators on text for job files: `words` splits lines, `contains` keeps lines.

use sandbar_sdk::prelude::*;
use serde::Deserialize;

/// Config of `words`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Words {
    /// Whether letters are made lower case.
    #[serde(default = "yes")]
    lower_case: bool,
}

/// Config of `contains`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Contains {
    /// What a line must hold.
    text: String,
}

fn yes() -> bool {
    true
}

/// A word is a maximal run of ASCII letters.
fn split(line: &str, lower_case: bool, out: &mut Collector<String>) {
    let words = line.split(|letter: char| !letter.is_ascii_alphabetic());
    for word in words.filter(|word| !word.is_empty()) {
        out.collect(if lower_case { word.to_ascii_lowercase() } else { word.to_owned() });
    }
}

sandbar_sdk::plugin! {
    name: "text-tools",
    version: env!("CARGO_PKG_VERSION"),
    operators: |plugin| {
        plugin
            .flat_map_with("words", |config: Words| {
                Ok(move |line: String, out: &mut Collector<String>| {
                    split(&line, config.lower_case, out);
                })
            })
            .input(Text)
            .output(Text)
            .config_schema(
                r#"{"type":"object","additionalProperties":false,
                    "properties":{"lower-case":{"type":"boolean","default":true}}}"#,
            )
            .doc("Splits lines into words: maximal runs of ASCII letters.");
        plugin
            .filter_with("contains", |config: Contains| {
                Ok(move |line: &String| line.contains(&config.text))
            })
            .input(Text)
            .output(Text)
            .config_schema(
                r#"{"type":"object","additionalProperties":false,"required":["text"],
                    "properties":{"text":{"type":"string"}}}"#,
            )
            .doc("Keeps the lines that hold a text.");
    },
}
