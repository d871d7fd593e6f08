//! Rows of a CSV file as JSON records. Rows are fed to `csv-core` line by line, so that the
//! position is always that of a line, the same as in text.

use csv_core::{ReadRecordResult, Terminator};
use sandbar_model::RecordBatch;
use sandbar_model::time::NO_TIMESTAMP;

use super::reader::FileLines;
use crate::error::ConnectorError;
use crate::line_buffer::LineError;
use crate::source::has_room;

pub(super) struct CsvRows {
    lines: FileLines,
    parser: csv_core::Reader,
    row: Row,
    multi_line: bool,
    /// What precedes each value in an object: `{"name":`, `,"name":`, ... None makes arrays.
    header: Option<Vec<Vec<u8>>>,
}

/// The fields of a row, back to back.
#[derive(Default)]
struct Row {
    offset: u64,
    bytes: Vec<u8>,
    bytes_len: usize,
    ends: Vec<usize>,
    ends_len: usize,
}

/// What is known of a row after a line of it.
enum RowState {
    Complete,
    QuoteOpen,
}

impl CsvRows {
    pub(super) fn new(lines: FileLines, delimiter: u8, multi_line: bool) -> CsvRows {
        let parser = csv_core::ReaderBuilder::new()
            .delimiter(delimiter)
            .terminator(Terminator::Any(b'\n'))
            .build();
        CsvRows { lines, parser, row: Row::default(), multi_line, header: None }
    }

    /// Offset of the row that comes next.
    pub(super) fn position(&self) -> u64 {
        self.lines.position()
    }

    /// Takes the next row for the names of the columns.
    pub(super) fn take_header(&mut self, path: &str) -> Result<(), ConnectorError> {
        let mut header = Vec::new();
        if self.next_row(path)? {
            for (index, name) in self.row.fields(path)?.enumerate() {
                let mut lead = vec![if index == 0 { b'{' } else { b',' }];
                write_text(&mut lead, name);
                lead.push(b':');
                if header.iter().any(|known: &Vec<u8>| known[1..] == lead[1..]) {
                    let message = format!(
                        "is the header and names '{name}' twice; rename one, or set option \
                         'header' to false"
                    );
                    return Err(self.row.error(path, message));
                }
                header.push(lead);
            }
        }
        self.header = Some(header);
        Ok(())
    }

    pub(super) fn header_mut(&mut self) -> &mut Option<Vec<Vec<u8>>> {
        &mut self.header
    }

    pub(super) fn set_header(&mut self, header: Option<Vec<Vec<u8>>>) {
        self.header = header;
    }

    /// As [`crate::line_buffer::LineBuffer::fill_batch`].
    pub(super) fn fill_batch(
        &mut self,
        batch: &mut RecordBatch,
        end: u64,
        path: &str,
    ) -> Result<bool, ConnectorError> {
        while has_room(batch) {
            if self.position() >= end || !self.next_row(path)? {
                return Ok(false);
            }
            self.push_record(batch, path)?;
        }
        Ok(true)
    }

    fn push_record(&self, batch: &mut RecordBatch, path: &str) -> Result<(), ConnectorError> {
        let count = self.row.ends_len;
        if let Some(header) = &self.header
            && header.len() != count
        {
            let message = format!(
                "has {count} field(s), but the header has {}; mend the row, or set option \
                 'header' to false",
                header.len()
            );
            return Err(self.row.error(path, message));
        }
        let fields = self.row.fields(path)?;
        let values = &mut batch.values;
        for (index, field) in fields.enumerate() {
            match &self.header {
                Some(header) => values.extend_from_slice(&header[index]),
                None => values.push(if index == 0 { b'[' } else { b',' }),
            }
            write_text(values, field);
        }
        values.push(if self.header.is_some() { b'}' } else { b']' });
        batch.value_ends.push(batch.values.len() as u32);
        batch.timestamps.push(NO_TIMESTAMP);
        Ok(())
    }

    /// Parses the next row that is not an empty line; false at the end.
    fn next_row(&mut self, path: &str) -> Result<bool, ConnectorError> {
        self.row.bytes_len = 0;
        self.row.ends_len = 0;
        let mut started = false;
        loop {
            let offset = self.lines.position();
            let limit = self.lines.line_bytes_max();
            let Some(line) = self.lines.next_line().map_err(|error| error.of(path))? else {
                return if started { Err(self.unclosed(path)) } else { Ok(false) };
            };
            if !started {
                if line.text().is_empty() {
                    continue;
                }
                self.row.offset = offset;
                started = true;
            }
            let mut state = self.row.feed(&mut self.parser, line.raw());
            if !line.raw().ends_with(b"\n") {
                state = self.row.feed(&mut self.parser, b"\n");
            }
            let crlf = line.raw().ends_with(b"\r\n");
            match state {
                RowState::Complete => {
                    if crlf {
                        self.row.trim_carriage_return();
                    }
                    return Ok(true);
                }
                RowState::QuoteOpen if !self.multi_line => return Err(self.unclosed(path)),
                RowState::QuoteOpen if self.row.bytes_len > limit => {
                    let error = LineError::TooLong { offset: self.row.offset, limit };
                    return Err(error.of(path));
                }
                RowState::QuoteOpen => {}
            }
        }
    }

    fn unclosed(&self, path: &str) -> ConnectorError {
        let message = if self.multi_line {
            "has a quote that is never closed"
        } else {
            "has a quote that is not closed in its line; set option 'multi-line' to true if \
             fields hold line ends"
        };
        self.row.error(path, message.to_owned())
    }
}

impl Row {
    /// Parses a piece of a row that ends with a line feed, which only ends the row if no quote is
    /// open.
    fn feed(&mut self, parser: &mut csv_core::Reader, mut input: &[u8]) -> RowState {
        // An empty input would tell the parser that the file has ended.
        while !input.is_empty() {
            let (result, read, written, ended) = parser.read_record(
                input,
                &mut self.bytes[self.bytes_len..],
                &mut self.ends[self.ends_len..],
            );
            input = &input[read..];
            self.bytes_len += written;
            self.ends_len += ended;
            match result {
                ReadRecordResult::InputEmpty => return RowState::QuoteOpen,
                ReadRecordResult::OutputFull => {
                    // Bounded: fields are never longer than the row, which `next_row` limits.
                    self.bytes.resize((self.bytes.len() * 2).max(1024), 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    self.ends.resize((self.ends.len() * 2).max(32), 0);
                }
                ReadRecordResult::Record | ReadRecordResult::End => return RowState::Complete,
            }
        }
        RowState::QuoteOpen
    }

    /// The parser takes only the line feed for the end of the row.
    fn trim_carriage_return(&mut self) {
        if self.bytes_len > 0 && self.bytes[self.bytes_len - 1] == b'\r' {
            self.bytes_len -= 1;
            if let Some(last) = self.ends[..self.ends_len].last_mut() {
                *last = self.bytes_len;
            }
        }
    }

    fn fields(&self, path: &str) -> Result<impl Iterator<Item = &str>, ConnectorError> {
        let ends = &self.ends[..self.ends_len];
        let start = |index: usize| if index == 0 { 0 } else { ends[index - 1] };
        let whole = std::str::from_utf8(&self.bytes[..self.bytes_len])
            .ok()
            .filter(|text| ends.iter().all(|end| text.is_char_boundary(*end)));
        let Some(text) = whole else {
            let message = "is not UTF-8; convert the file".to_owned();
            return Err(self.error(path, message));
        };
        Ok((0..ends.len()).map(move |index| &text[start(index)..ends[index]]))
    }

    fn error(&self, path: &str, message: String) -> ConnectorError {
        ConnectorError::Row { path: path.to_owned(), offset: self.offset, message }
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("text can be written to memory");
}
