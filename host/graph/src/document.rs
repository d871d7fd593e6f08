//! A job file read as far as its syntax goes: a JSON value, and the position of everything in it.

mod json;
mod toml;

use std::collections::BTreeMap;

use crate::error::{self, GraphError, SyntaxProblem};
use crate::parse::FileFormat;
use crate::place::{self, Place, Places};

/// Size of a job file, in bytes.
pub(crate) const JOB_FILE_BYTES_MAX: usize = 4 << 20;
/// Depth of nested tables and lists in a job file; serde_json's own limit for values is 128.
const NESTING_DEPTH_MAX: u32 = 64;
/// Bytes of text between two counts of its characters.
const BLOCK_BYTES: usize = 256;

/// What a file says, whatever its format.
pub(crate) struct Document {
    pub(crate) value: serde_json::Value,
    pub(crate) places: Places,
}

/// Reads a file.
///
/// # Errors
/// Every violation of the syntax that can be told apart.
pub(crate) fn read(
    text: &str,
    format: FileFormat,
    file: &str,
) -> Result<Document, Vec<GraphError>> {
    let mut reading = Reading::new(text, file);
    let value = if text.len() > JOB_FILE_BYTES_MAX {
        let limit = JOB_FILE_BYTES_MAX;
        reading.error("", 0, SyntaxProblem::TooLarge { bytes: text.len(), limit });
        serde_json::Value::Null
    } else {
        match format {
            FileFormat::Toml => toml::read(text, &mut reading),
            FileFormat::Json => json::read(text, &mut reading),
        }
    };
    if reading.errors.is_empty() {
        let places = Places::new(file, reading.positions);
        Ok(Document { value, places })
    } else {
        Err(error::in_text_order(reading.errors))
    }
}

/// Characters that begin in these bytes of a text.
fn characters_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// What is collected while a file is read.
struct Reading<'a> {
    text: &'a str,
    file: &'a str,
    line_starts: Vec<usize>,
    /// Characters in front of each [`BLOCK_BYTES`] of the text, so that a place in a long line is
    /// found without counting the line.
    characters: Vec<usize>,
    positions: BTreeMap<String, (u32, u32)>,
    errors: Vec<GraphError>,
}

impl<'a> Reading<'a> {
    fn new(text: &'a str, file: &'a str) -> Reading<'a> {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = [0].into_iter().chain(after_breaks.map(|(idx, _)| idx + 1)).collect();
        let mut characters = vec![0];
        for block in text.as_bytes().chunks(BLOCK_BYTES) {
            characters.push(characters[characters.len() - 1] + characters_in(block));
        }
        let (positions, errors) = (BTreeMap::new(), Vec::new());
        Reading { text, file, line_starts, characters, positions, errors }
    }

    /// Line and column of a byte of the text, both from 1, the column in characters.
    fn position(&self, offset: usize) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1];
        let column = self.characters_before(offset) - self.characters_before(start) + 1;
        (line as u32, column as u32)
    }

    fn characters_before(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        let block = offset / BLOCK_BYTES;
        let within = &self.text.as_bytes()[block * BLOCK_BYTES..offset];
        self.characters[block] + characters_in(within)
    }

    fn note(&mut self, path: &str, offset: usize) {
        let position = self.position(offset);
        self.positions.insert(path.to_owned(), position);
    }

    fn error(&mut self, path: &str, offset: usize, problem: SyntaxProblem) {
        let position = Some(self.position(offset));
        let place = Place { file: self.file.to_owned(), position, path: path.to_owned() };
        self.errors.push(GraphError { place, problem: problem.into() });
    }

    /// Whether a table or list may be entered; an error if not.
    fn may_enter(&mut self, path: &str, offset: usize, depth: u32) -> bool {
        let may = depth < NESTING_DEPTH_MAX;
        if !may {
            self.error(path, offset, SyntaxProblem::TooDeep { limit: NESTING_DEPTH_MAX });
        }
        may
    }
}

/// Where a value is: its path, the position to report, and how deep it is nested.
struct Spot {
    path: String,
    offset: usize,
    depth: u32,
}

impl Spot {
    fn root() -> Spot {
        Spot { path: String::new(), offset: 0, depth: 0 }
    }

    fn field(&self, name: &str, offset: usize) -> Spot {
        Spot { path: place::field(&self.path, name), offset, depth: self.depth + 1 }
    }

    fn element(&self, index: usize, offset: usize) -> Spot {
        Spot { path: place::element(&self.path, index), offset, depth: self.depth + 1 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn positions_are_lines_and_characters(text in "[aä\u{1F980}\n]{0,900}") {
            let reading = Reading::new(&text, "file");
            for (offset, _) in text.char_indices() {
                let before = &text[..offset];
                let line = before.matches('\n').count() + 1;
                let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
                prop_assert_eq!(reading.position(offset), (line as u32, column as u32));
            }
        }
    }
}
