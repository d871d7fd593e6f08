//! What the CLI writes: results to standard output, notes to standard error, colours only where
//! a terminal shows them.
//!
//! Law: a closed pipe is never a panic. On standard output it is an error, which ends the verb
//! without a message; on standard error it is nothing.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use serde_json::Value;

/// Width of paragraphs, in characters.
const COLUMNS_MAX: usize = 96;

/// SGR parameters of the three levels of notes: red, yellow and cyan, all bold.
const ERROR_COLOUR: &str = "1;31";
const WARNING_COLOUR: &str = "1;33";
const NOTE_COLOUR: &str = "1;36";

/// A name that others gave, for a line of its own: control characters are escaped, so that it can
/// neither begin a line nor colour the terminal.
pub(crate) fn printable(name: &str) -> String {
    name.chars()
        .flat_map(|one| match one.is_control() {
            true => one.escape_default().collect::<Vec<char>>(),
            false => vec![one],
        })
        .collect()
}

/// Writes text and a line break to standard output.
///
/// # Errors
/// Standard output is closed or its disk is full.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Writes JSON to standard output, indented.
///
/// # Errors
/// As [`line`].
pub(crate) fn json(value: &Value) -> io::Result<()> {
    line(&format!("{value:#}"))
}

/// Writes a line of text, such as progress, to standard error.
pub(crate) fn say(text: impl Display) {
    // Nobody is left to be told that standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Replaces the line that a terminal shows on standard error; an empty text removes it.
pub(crate) fn replace_line(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush());
}

/// Writes `error: message` to standard error.
pub(crate) fn error(message: impl Display) {
    note_with("error", ERROR_COLOUR, &message);
}

/// Writes `warning: message` to standard error.
pub(crate) fn warning(message: impl Display) {
    note_with("warning", WARNING_COLOUR, &message);
}

/// Writes `note: message` to standard error.
pub(crate) fn note(message: impl Display) {
    note_with("note", NOTE_COLOUR, &message);
}

fn note_with(level: &str, colour: &str, message: &dyn Display) {
    let stderr = io::stderr();
    // Nobody is left to be told that standard error is closed.
    let _ = if has_colours(stderr.is_terminal()) {
        writeln!(stderr.lock(), "\x1b[{colour}m{level}:\x1b[0m {message}")
    } else {
        writeln!(stderr.lock(), "{level}: {message}")
    };
}

/// `1 sink`, `2 sinks`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A paragraph in lines of at most [`COLUMNS_MAX`], each with this margin in front.
pub(crate) fn paragraph(text: &str, margin: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width <= COLUMNS_MAX {
            lines.push(' ');
            column += 1 + width;
        } else {
            lines.push_str(if column > 0 { "\n" } else { "" });
            lines.push_str(margin);
            column = margin.len() + width;
        }
        lines.push_str(word);
    }
    lines
}

/// Whether to colour what goes to a stream. Source: <https://no-color.org>.
pub(crate) fn has_colours(is_terminal: bool) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_terminal && !is_set("NO_COLOR") && !is_dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_neither_begins_a_line_nor_colours_it() {
        assert_eq!(printable("a\u{1b}[31m\nb : é"), "a\\u{1b}[31m\\nb : é");
    }

    #[test]
    fn paragraphs_are_broken_between_words() {
        assert_eq!(paragraph("a  b\n c", "  "), "  a b c");
        assert_eq!(paragraph("", "  "), "");
        let long = "w".repeat(COLUMNS_MAX);
        assert_eq!(paragraph(&format!("a {long} b"), ""), format!("a\n{long}\nb"));
    }
}
