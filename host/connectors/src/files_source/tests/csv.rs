//! CSV rows become JSON records.

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::tempdir;

use super::{check, check_refused, gzip};
use crate::drain::{drain, drain_resuming, file, sorted, source, texts};

fn check_csv(text: &str, options: Value, expected: &[&str]) {
    check("a.csv", text, options.clone(), expected);
    check("a.csv.gz", gzip(text), options, expected);
}

#[test]
fn rows_are_objects_of_the_header_or_arrays() {
    let text = "id,name\n1,Ann\r\n\n2,\n";
    let objects = [r#"{"id":"1","name":"Ann"}"#, r#"{"id":"2","name":""}"#];
    check_csv(text, json!({}), &objects);
    check_csv(&format!("\u{feff}{text}"), json!({}), &objects);
    let arrays = [r#"["id","name"]"#, r#"["1","Ann"]"#, r#"["2",""]"#];
    check_csv(text, json!({ "header": false }), &arrays);
    check_csv("a;b\tc", json!({ "header": false, "delimiter": "\t" }), &[r#"["a;b","c"]"#]);
    check_csv("", json!({}), &[]);
    check_csv("id\n", json!({}), &[]);
    check_csv("1\n1,2,3", json!({ "header": false }), &[r#"["1"]"#, r#"["1","2","3"]"#]);
}

#[test]
fn quoted_fields_may_hold_anything() {
    let text = "a,b\r\n\"x, \"\"y\"\"\",\"line 1\r\n\r\nline 2\"\r\n\"\",\"\\\"";
    let rows = [r#"{"a":"x, \"y\"","b":"line 1\r\n\r\nline 2"}"#, r#"{"a":"","b":"\\"}"#];
    check_csv(text, json!({}), &rows);
    check_csv("\"a\nb\",c\n1,2", json!({}), &[r#"{"a\nb":"1","c":"2"}"#]);
    let long = "x".repeat(5000);
    let wide = vec!["1"; 300].join(",");
    check_csv(&long, json!({ "header": false }), &[&format!("[\"{long}\"]")]);
    let texts = vec!["\"1\""; 300].join(",");
    check_csv(&wide, json!({ "header": false }), &[&format!("[{texts}]")]);
}

#[test]
fn rows_that_make_no_record_are_named() {
    let row = "the CSV row at byte 4 of {path} ";
    check_refused(
        "a.csv",
        "a,b\n1,2,3\n",
        json!({}),
        &format!(
            "{row}has 3 field(s), but the header has 2; mend the row, or set option 'header' to \
             false"
        ),
    );
    check_refused(
        "a.csv",
        b"a,b\n1,\xff\n",
        json!({}),
        &format!("{row}is not UTF-8; convert the file"),
    );
    check_refused(
        "a.csv",
        b"a,b\n\xc3,\xa9\n",
        json!({}),
        &format!("{row}is not UTF-8; convert the file"),
    );
    check_refused(
        "a.csv",
        "a,b\n1,\"2\n3,4\n",
        json!({}),
        &format!("{row}has a quote that is never closed"),
    );
    check_refused(
        "a.csv",
        "a,b\n1,\"2\n3\"\n",
        json!({ "multi-line": false }),
        &format!(
            "{row}has a quote that is not closed in its line; set option 'multi-line' to true if \
             fields hold line ends"
        ),
    );
    check_refused(
        "a.csv",
        "a,b\n\"12\n34\n56\n",
        json!({ "max-line-bytes": 5 }),
        "the line at byte 4 of {path} is longer than 5 bytes; raise option 'max-line-bytes' if it \
         is meant to be",
    );
    check_refused(
        "a.csv",
        "a,b,a\n",
        json!({}),
        "the CSV row at byte 0 of {path} is the header and names 'a' twice; rename one, or set \
         option 'header' to false",
    );
    check_refused(
        "a.txt",
        "",
        json!({ "delimiter": ";" }),
        "option 'delimiter' of source 'files' is \";\", but it only goes with the format csv; \
         leave it out, or set 'format'",
    );
}

proptest! {
    #[test]
    fn rows_survive_any_way_of_reading(
        rows in prop::collection::vec(("[ab,\"\r\n]{0,6}", "[xyz\"]{0,3}"), 0..12),
        split_size in 1u64..30,
        crlf: bool,
    ) {
        let quote = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
        let end = if crlf { "\r\n" } else { "\n" };
        let write = |pairs: &[(String, String)]| -> String {
            let lines = pairs.iter().map(|(a, b)| format!("{},{}{end}", quote(a), quote(b)));
            format!("a,b{end}{}", lines.collect::<String>())
        };
        let objects = |pairs: &[(String, String)]| -> Vec<String> {
            pairs.iter().map(|(a, b)| json!({ "a": a, "b": b }).to_string()).collect()
        };
        let folder = tempdir().unwrap();

        let path = file(folder.path(), "whole.csv", write(&rows));
        let whole = source("files", json!({ "path": path, "split-size": split_size })).unwrap();
        prop_assert_eq!(texts(&drain_resuming(&*whole, 1).unwrap()), objects(&rows));

        let flat: Vec<_> = rows.iter().map(|(_, b)| (b.clone(), b.clone())).collect();
        let flat_path = file(folder.path(), "flat.csv", write(&flat));
        let options = json!({ "path": flat_path, "split-size": split_size, "multi-line": false });
        let split = source("files", options).unwrap();
        prop_assert_eq!(texts(&drain_resuming(&*split, 1).unwrap()), objects(&flat));
        let shared = sorted(texts(&drain(&*split, 3).unwrap()));
        prop_assert_eq!(shared, sorted(objects(&flat)));
    }
}

#[test]
fn a_reader_goes_on_in_the_middle_of_a_file() {
    let rows = |end: &str| -> String {
        (0..10_000).map(|n| format!("{n},\"{}{end}\"\n", "x".repeat(n % 50))).collect()
    };
    let objects = |end: &str| -> Vec<String> {
        let row = |n: usize| format!("{}{end}", "x".repeat(n % 50));
        (0..10_000).map(|n| json!({ "id": n.to_string(), "x": row(n) }).to_string()).collect()
    };
    let folder = tempdir().unwrap();
    let multi = format!("id,x\n{}", rows("\n\n"));
    for (name, bytes) in [("a.csv", multi.clone().into_bytes()), ("a.csv.gz", gzip(&multi))] {
        let path = file(folder.path(), name, bytes);
        let source = source("files", json!({ "path": path })).unwrap();
        assert_eq!(texts(&drain_resuming(&*source, 2).unwrap()), objects("\n\n"), "{name}");
    }
    let path = file(folder.path(), "b.csv", format!("id,x\n{}", rows("")));
    let options = json!({ "path": path, "split-size": "100 KiB", "multi-line": false });
    let source = source("files", options).unwrap();
    assert_eq!(texts(&drain_resuming(&*source, 2).unwrap()), objects(""));
}
