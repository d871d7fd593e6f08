//! Reads splits of files, one after another, on the task's thread.

use std::collections::VecDeque;
use std::io::Read;
use std::mem;
use std::path::Path;
use std::sync::Arc;

use sandbar_model::RecordBatch;

use super::csv_rows::CsvRows;
use super::splits::FileSplit;
use super::{Format, Settings};
use crate::error::ConnectorError;
use crate::line_buffer::{LineBuffer, LineError, LineRules};
use crate::source::{ReaderStatus, SourceReader, Split, has_room};

/// The text of a file, cut into lines.
pub(super) type FileLines = LineBuffer<Box<dyn Read + Send>>;

pub(super) struct FilesReader {
    settings: Arc<Settings>,
    queue: VecDeque<Split>,
    current: Option<OpenSplit>,
}

impl FilesReader {
    pub(super) fn new(settings: Arc<Settings>) -> FilesReader {
        FilesReader { settings, queue: VecDeque::new(), current: None }
    }
}

impl SourceReader for FilesReader {
    fn add_split(&mut self, split: Split) {
        self.queue.push_back(split);
    }

    fn poll(&mut self, batch: &mut RecordBatch) -> Result<ReaderStatus, ConnectorError> {
        while has_room(batch) {
            if self.current.is_none() {
                let Some(split) = self.queue.front() else {
                    return Ok(ReaderStatus::NeedsSplit);
                };
                self.current = Some(OpenSplit::open(split, &self.settings)?);
                self.queue.pop_front();
            }
            let open = self.current.as_mut().expect("opened above");
            if !open.fill_batch(batch)? {
                self.current = None;
            }
        }
        Ok(ReaderStatus::Ready)
    }

    fn snapshot(&self) -> Vec<Split> {
        let current = self.current.as_ref().map(OpenSplit::rest);
        current.into_iter().chain(self.queue.iter().cloned()).collect()
    }
}

struct OpenSplit {
    id: String,
    split: FileSplit,
    rows: Rows,
}

enum Rows {
    Text(FileLines),
    Json(FileLines),
    Csv(Box<CsvRows>),
}

impl OpenSplit {
    fn open(split: &Split, settings: &Settings) -> Result<OpenSplit, ConnectorError> {
        let id = split.id.clone();
        let split: FileSplit = split.decode("files")?;
        let lines = open_lines(&split, settings)?;
        let rows = match settings.format {
            Format::Text => Rows::Text(lines),
            Format::Json => Rows::Json(lines),
            Format::Csv => Rows::Csv(Box::new(open_rows(lines, &split, settings)?)),
        };
        Ok(OpenSplit { id, split, rows })
    }

    /// Appends records while there is room; whether the split may have more.
    fn fill_batch(&mut self, batch: &mut RecordBatch) -> Result<bool, ConnectorError> {
        let end = self.split.end.unwrap_or(u64::MAX);
        let filled = match &mut self.rows {
            Rows::Text(lines) => lines.fill_batch(batch, end, false),
            Rows::Json(lines) => lines.fill_batch(batch, end, true),
            Rows::Csv(rows) => return rows.fill_batch(batch, end, &self.split.path),
        };
        filled.map_err(|error| error.of(&self.split.path))
    }

    fn rest(&self) -> Split {
        let start = match &self.rows {
            Rows::Text(lines) | Rows::Json(lines) => lines.position(),
            Rows::Csv(rows) => rows.position(),
        };
        Split::encode(self.id.clone(), &FileSplit { start, ..self.split.clone() })
    }
}

/// Lines from the first one that starts at or after the split's start. To tell whether a line
/// starts right there, reading begins with the byte in front: it ends a line or it does not.
fn open_lines(split: &FileSplit, settings: &Settings) -> Result<FileLines, ConnectorError> {
    let offset = split.start.saturating_sub(1);
    let rules = LineRules::newline(settings.line_bytes_max);
    let mut lines = LineBuffer::new(open_text(split, offset)?, rules, offset);
    let aligned = if split.start == 0 {
        lines.skip_byte_order_mark()
    } else {
        lines.skip_line(split.end.unwrap_or(u64::MAX))
    };
    aligned.map_err(|error| error.of(&split.path))?;
    Ok(lines)
}

fn open_text(split: &FileSplit, offset: u64) -> Result<Box<dyn Read + Send>, ConnectorError> {
    split
        .compression
        .open(Path::new(&split.path), offset)
        .map_err(|source| LineError::Read(source).of(&split.path))
}

/// Rows after `lines`; the header is always that of the file's first row.
fn open_rows(
    lines: FileLines,
    split: &FileSplit,
    settings: &Settings,
) -> Result<CsvRows, ConnectorError> {
    let mut rows = CsvRows::new(lines, settings.delimiter, settings.multi_line);
    if settings.header {
        if split.start == 0 {
            rows.take_header(&split.path)?;
        } else {
            let whole = FileSplit { start: 0, end: None, ..split.clone() };
            let start = open_lines(&whole, settings)?;
            let mut first = CsvRows::new(start, settings.delimiter, settings.multi_line);
            first.take_header(&split.path)?;
            rows.set_header(mem::take(first.header_mut()));
        }
    }
    Ok(rows)
}
