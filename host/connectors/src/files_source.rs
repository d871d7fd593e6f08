//! The `files` source: a file, a folder or a glob, read as text lines, JSON lines or CSV rows,
//! plain or compressed. Owns the options; `discover` finds files, `splits` cuts them, `reader`
//! reads them.
//!
//! Law: a split owns the lines that start in it, so all splits together are exactly the input,
//! whatever their size. Source: Hadoop, `LineRecordReader`; Flink, `DelimitedInputFormat`.

mod compression;
mod csv_rows;
mod discover;
mod reader;
mod splits;

use std::path::Path;
use std::sync::Arc;

use crate::error::ConnectorError;
use crate::options::{OptionKind, OptionSpec, Options};
use crate::source::{ReaderContext, Source, SourceReader, SplitEnumerator};
use crate::stdin::{LINE_BYTES_DOC, LINE_BYTES_LIMIT};

use compression::Compression;
use discover::InputPath;
use reader::FilesReader;
use splits::FilesEnumerator;

pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::required(
        "path",
        OptionKind::Path,
        "A file; a folder, for all its files and those of its folders that are not hidden; or a \
         glob (*, ?, [..], **).",
    ),
    OptionSpec::optional(
        "format",
        OptionKind::OneOf(&["text", "json", "csv"]),
        "text: every line is a record. json: every line that is not blank is a JSON record. csv: \
         every row is a JSON record. By default .json, .jsonl and .ndjson are json, .csv is csv, \
         all else is text.",
    ),
    OptionSpec::defaulted(
        "compression",
        OptionKind::OneOf(&["auto", "none", "gzip", "zstd"]),
        "auto",
        "auto: .gz and .zst, or what the first bytes say. A compressed file is one split.",
    ),
    OptionSpec::defaulted(
        "split-size",
        OptionKind::Bytes,
        "16 MiB",
        "Files are shared among subtasks in parts of this size.",
    ),
    OptionSpec::defaulted("max-line-bytes", OptionKind::Bytes, "1 MiB", LINE_BYTES_DOC),
    OptionSpec::defaulted(
        "repeat",
        OptionKind::Integer,
        "1",
        "How many times to read the input; for benchmarks.",
    ),
    OptionSpec::defaulted(
        "header",
        OptionKind::Boolean,
        "true",
        "csv: the first row of a file names the columns, and records are objects of text; if \
         false, records are arrays of text.",
    ),
    OptionSpec::defaulted("delimiter", OptionKind::Text, ",", "csv: one ASCII character."),
    OptionSpec::defaulted(
        "multi-line",
        OptionKind::Boolean,
        "true",
        "csv: quoted fields may hold line ends, so a file is one split. Set to false to share a \
         large file among subtasks.",
    ),
];

/// The most passes over the input.
const REPEAT_LIMIT: i64 = 1_000_000_000;

pub(crate) fn open(options: &Options<'_>) -> Result<Box<dyn Source>, ConnectorError> {
    let input = InputPath::new(&options.text("path")?, &options.base_dir()?);
    let format = if options.is_set("format") {
        Format::parse(options.choice("format")?)
    } else {
        guess_format(&input, options)?
    };
    if format != Format::Csv
        && let Some(name) = CSV_OPTIONS.iter().find(|name| options.is_set(name))
    {
        let expected = "it only goes with the format csv; leave it out, or set 'format'";
        return Err(options.invalid(name, expected));
    }
    Ok(Box::new(FilesSource(Arc::new(Settings {
        input,
        format,
        compression: Compression::parse(options.choice("compression")?),
        split_bytes: options.bytes("split-size", 1..=1 << 50)?,
        line_bytes_max: options.bytes("max-line-bytes", 1..=LINE_BYTES_LIMIT)? as usize,
        repeat: options.integer("repeat", 1..=REPEAT_LIMIT)? as u32,
        header: options.flag("header")?,
        delimiter: csv_delimiter(options)?,
        multi_line: options.flag("multi-line")?,
    }))))
}

const CSV_OPTIONS: [&str; 3] = ["header", "delimiter", "multi-line"];

fn csv_delimiter(options: &Options<'_>) -> Result<u8, ConnectorError> {
    match options.text("delimiter")?.as_bytes() {
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => {
            let expected = "it must be one ASCII character, neither a quote nor a line end";
            Err(options.invalid("delimiter", expected))
        }
    }
}

struct Settings {
    input: InputPath,
    format: Format,
    /// None: whatever each file is.
    compression: Option<Compression>,
    split_bytes: u64,
    line_bytes_max: usize,
    repeat: u32,
    header: bool,
    delimiter: u8,
    multi_line: bool,
}

impl Settings {
    /// Whether lines can be told apart without reading the file from its start.
    fn is_splittable(&self) -> bool {
        match self.format {
            Format::Text | Format::Json => true,
            Format::Csv => !self.multi_line,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Csv,
}

impl Format {
    fn parse(word: &str) -> Format {
        match word {
            "json" => Format::Json,
            "csv" => Format::Csv,
            _ => Format::Text,
        }
    }

    /// By extension, looking through that of a compression; none when there is no extension or
    /// it holds a wildcard.
    fn of_path(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "gz" | "zst" => Format::of_path(Path::new(path.file_stem()?)),
            "json" | "jsonl" | "ndjson" => Some(Format::Json),
            "csv" => Some(Format::Csv),
            wildcard if wildcard.contains(['*', '?', '[', ']']) => None,
            _ => Some(Format::Text),
        }
    }
}

/// The format of a source is one; a folder or glob whose files disagree needs the option.
fn guess_format(input: &InputPath, options: &Options<'_>) -> Result<Format, ConnectorError> {
    if !input.is_folder()
        && let Some(format) = Format::of_path(input.path())
    {
        return Ok(format);
    }
    let files = match input.discover() {
        // Said when the source starts, since files may be made until then.
        Err(ConnectorError::NoInput { .. }) => return Ok(Format::Text),
        found => found?,
    };
    let mut formats = files.iter().map(|file| Format::of_path(&file.path).unwrap_or(Format::Text));
    let first = formats.next().unwrap_or(Format::Text);
    if formats.all(|format| format == first) {
        return Ok(first);
    }
    let expected = format!(
        "it must be set to text, json or csv, since the files of {} have extensions of several \
         formats",
        input.path().display()
    );
    Err(options.invalid("format", expected))
}

struct FilesSource(Arc<Settings>);

impl Source for FilesSource {
    fn format(&self) -> &str {
        match self.0.format {
            Format::Text => "text",
            Format::Json | Format::Csv => "json",
        }
    }

    fn is_bounded(&self) -> bool {
        true
    }

    fn waits(&self) -> bool {
        false
    }

    fn enumerator(&self, _parallelism: u32) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        Ok(Box::new(FilesEnumerator::new(&self.0)?))
    }

    fn reader(&self, _ctx: ReaderContext) -> Result<Box<dyn SourceReader>, ConnectorError> {
        Ok(Box::new(FilesReader::new(Arc::clone(&self.0))))
    }
}

#[cfg(test)]
mod tests;
