//! Names and options are checked, and what is wrong is named with what would be right.

use serde_json::{Value, json};

use super::*;
use crate::drain::{sink as open_sink, source as open_source, table};

fn check_source(name: &str, options: Value, expected: &str) {
    let error = open_source(name, options).err().expect("the options are wrong");
    assert_eq!(error.to_string(), expected);
}

fn check_sink(name: &str, options: Value, expected: &str) {
    let error = open_sink(name, options).err().expect("the options are wrong");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn unknown_names_are_hinted_at() {
    check_source(
        "file",
        json!({}),
        "unknown source 'file', did you mean 'files'?; the sources are: files, socket, stdin, \
         datagen",
    );
    check_source(
        "print",
        json!({}),
        "unknown source 'print', which is a sink; the sources are: files, socket, stdin, datagen",
    );
    check_source(
        "stdin",
        json!({ "formt": "text" }),
        "source 'stdin' has no option 'formt', did you mean 'format'?; its options are: format, \
         max-line-bytes",
    );
    check_sink(
        "discard",
        json!({ "path": "x" }),
        "sink 'discard' has no option 'path'; its options are: none",
    );
    check_sink("kafka", json!({}), "unknown sink 'kafka'; the sinks are: print, files, discard");
}

#[test]
fn wrong_values_are_named() {
    check_source(
        "files",
        json!({}),
        "source 'files' needs the option 'path': A file; a folder, for all its files and those of \
         its folders that are not hidden; or a glob (*, ?, [..], **).",
    );
    let invalid = |option: &str, value: &str, connector: &str, expected: &str| {
        format!("option '{option}' of source '{connector}' is {value}, but {expected}")
    };
    check_source(
        "socket",
        json!({ "host": "localhost", "port": 70_000 }),
        &invalid("port", "70000", "socket", "it must be a whole number from 1 to 65535"),
    );
    check_source(
        "stdin",
        json!({ "format": "xml" }),
        &invalid("format", "\"xml\"", "stdin", "it must be one of text, json"),
    );
    check_source(
        "datagen",
        json!({ "rate": 0 }),
        &invalid(
            "rate",
            "0",
            "datagen",
            "it must be a number of at least 1e-9, which is a record in 31 years",
        ),
    );
    check_source(
        "stdin",
        json!({ "max-line-bytes": "1 MiBi" }),
        &invalid(
            "max-line-bytes",
            "\"1 MiBi\"",
            "stdin",
            "it must be a size from 1 to 268435456 bytes, as a number of bytes or as text such \
             as \"16 MiB\"",
        ),
    );
}

#[test]
fn sizes_and_durations_take_units() {
    for size in [json!(2048), json!("2048"), json!("2k"), json!("2 KiB"), json!("2 kb")] {
        let spec = find(ConnectorRole::Source, "stdin").unwrap();
        let values = table(json!({ "max-line-bytes": size }));
        let options = Options::open(spec, &values, None).unwrap();
        assert_eq!(options.bytes("max-line-bytes", 0..=u64::MAX).unwrap(), 2048);
    }
    for duration in [json!(60_000), json!("60000"), json!("60 s"), json!("1min"), json!("1 m")] {
        let spec = find(ConnectorRole::Sink, "files").unwrap();
        let values = table(json!({ "rolling-interval": duration }));
        let options = Options::open(spec, &values, None).unwrap();
        assert_eq!(options.duration_ms("rolling-interval").unwrap(), 60_000);
    }
}

#[test]
fn every_connector_opens_with_its_defaults() {
    let folder = tempfile::tempdir().unwrap();
    for spec in catalogue() {
        let mut values = BTreeMap::new();
        for option in spec.options {
            assert!(option.doc.ends_with('.'), "{spec} {}", option.name);
            assert!(!(option.required && option.default.is_some()), "{spec} {}", option.name);
            if option.required {
                let value = match option.name {
                    "port" => json!(9999),
                    _ => json!("x"),
                };
                values.insert(option.name.to_owned(), value);
            }
        }
        let base = Some(folder.path());
        match spec.role {
            ConnectorRole::Source => source(spec.name, &values, base).map(drop).unwrap(),
            ConnectorRole::Sink => sink(spec.name, &values, base).map(drop).unwrap(),
        }
    }
}
