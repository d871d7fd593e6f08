//! What the console shows.

use serde_json::{Value, json};

use crate::drain::{batch_of, sink, writer_context};
use crate::sink::Console;

fn check(options: Value, subtask: u32, parallelism: u32, expected: &str) {
    let (console, output) = Console::captured();
    let mut ctx = writer_context(subtask, parallelism);
    ctx.console = console;
    let mut writer = sink("print", options).unwrap().writer(ctx).unwrap();
    writer.write(batch_of(&["a", ""]).view()).unwrap();
    writer.write(batch_of(&[]).view()).unwrap();
    writer.write(batch_of(&["b"]).view()).unwrap();
    writer.finish().unwrap();
    assert_eq!(output.text(), expected);
}

#[test]
fn lines_are_prefixed_as_in_flink() {
    check(json!({}), 0, 1, "a\n\nb\n");
    check(json!({}), 2, 4, "3> a\n3> \n3> b\n");
    check(json!({ "identifier": "words" }), 0, 1, "words> a\nwords> \nwords> b\n");
    check(json!({ "identifier": "words" }), 0, 2, "words:1> a\nwords:1> \nwords:1> b\n");
}

#[test]
fn standard_error_is_another_stream() {
    check(json!({ "target": "stderr" }), 0, 1, "");
    let (captured, output) = Console::captured();
    let mut ctx = writer_context(0, 1);
    ctx.console.stderr = captured.stdout;
    let stderr = sink("print", json!({ "target": "stderr" })).unwrap();
    stderr.writer(ctx).unwrap().write(batch_of(&["a"]).view()).unwrap();
    assert_eq!(output.text(), "a\n");
}

#[test]
fn a_large_batch_is_written_in_chunks_without_loss() {
    let (console, output) = Console::captured();
    let mut ctx = writer_context(0, 2);
    ctx.console = console;
    let mut writer = sink("print", json!({})).unwrap().writer(ctx).unwrap();
    let line = "x".repeat(50_000);
    writer.write(batch_of(&[&line, &line, &line]).view()).unwrap();
    assert_eq!(output.text(), format!("1> {line}\n").repeat(3));
}
