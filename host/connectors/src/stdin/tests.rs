//! Standard input is read to its end by subtask 0 alone.

use std::io::Cursor;
use std::sync::Arc;

use super::*;
use crate::drain::{drain, texts};

fn check(format: &'static str, input: &'static str, expected: &[&str]) {
    let source = StdinSource {
        format,
        line_bytes_max: 10,
        stream: Arc::new(move || Box::new(Cursor::new(input))),
    };
    assert_eq!(texts(&drain(&source, 2).unwrap()), expected);
}

#[test]
fn lines_are_records() {
    check("text", "", &[]);
    check("text", "a\r\n\nb", &["a", "", "b"]);
    check("json", "{}\n \n[]\n", &["{}", "[]"]);
}

#[test]
fn many_lines_come_in_bounded_batches() {
    let source = StdinSource {
        format: "text",
        line_bytes_max: 10,
        stream: Arc::new(|| Box::new(Cursor::new("x\n".repeat(100_000)))),
    };
    assert_eq!(drain(&source, 1).unwrap().len(), 100_000);
}

#[test]
fn a_long_line_fails_after_those_in_front_of_it() {
    let source = StdinSource {
        format: "text",
        line_bytes_max: 10,
        stream: Arc::new(|| Box::new(Cursor::new("a\n12345678901\n"))),
    };
    let expected = "the line at byte 2 of standard input is longer than 10 bytes; raise option \
                    'max-line-bytes' if it is meant to be";
    assert_eq!(drain(&source, 1).unwrap_err().to_string(), expected);
}

#[test]
fn a_thread_that_panics_fails_the_reader() {
    let source = StdinSource {
        format: "text",
        line_bytes_max: 10,
        stream: Arc::new(|| panic!("as the test wants")),
    };
    let expected = "the reader thread of standard input ended unexpectedly; see the log for its \
                    panic";
    assert_eq!(drain(&source, 1).unwrap_err().to_string(), expected);
}
