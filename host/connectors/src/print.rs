//! The `print` sink: records as lines on the console, prefixed as Flink prefixes them.
//!
//! Law: whole lines only, one batch under one lock, so that subtasks never mix within a line.
//! Source: Flink, `PrintSinkOutputWriter`: `identifier:subtask> `, the subtask counted from 1 and
//! left out at parallelism 1, the identifier left out where there is none.

use std::io;
use std::sync::{Arc, PoisonError};

use sandbar_model::RecordBatchView;

use crate::error::ConnectorError;
use crate::options::{OptionKind, OptionSpec, Options};
use crate::sink::{ConsoleStream, Sink, SinkWriter, WriterContext};

pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::defaulted(
        "target",
        OptionKind::OneOf(&["stdout", "stderr"]),
        "stdout",
        "Stream to write to.",
    ),
    OptionSpec::optional("identifier", OptionKind::Text, "Put in front of every line."),
];

/// Lines are handed to the console when this many bytes have gathered, and at the end of a batch.
const CHUNK_BYTES: usize = 64 * 1024;

pub(crate) fn open(options: &Options<'_>) -> Result<Box<dyn Sink>, ConnectorError> {
    let identifier =
        if options.is_set("identifier") { options.text("identifier")? } else { String::new() };
    Ok(Box::new(PrintSink { to_stderr: options.choice("target")? == "stderr", identifier }))
}

struct PrintSink {
    to_stderr: bool,
    identifier: String,
}

impl Sink for PrintSink {
    fn formats(&self) -> &[&str] {
        &["text", "json", "bytes"]
    }

    fn writer(&self, ctx: WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        let (stream, stream_name) = if self.to_stderr {
            (&ctx.console.stderr, "standard error")
        } else {
            (&ctx.console.stdout, "standard output")
        };
        Ok(Box::new(PrintWriter {
            prefix: prefix(&self.identifier, ctx.subtask, ctx.parallelism),
            stream: Arc::clone(stream),
            stream_name,
            chunk: Vec::new(),
        }))
    }
}

fn prefix(identifier: &str, subtask: u32, parallelism: u32) -> String {
    match (identifier, parallelism) {
        ("", 0..=1) => String::new(),
        ("", _) => format!("{}> ", subtask + 1),
        (_, 0..=1) => format!("{identifier}> "),
        _ => format!("{identifier}:{}> ", subtask + 1),
    }
}

struct PrintWriter {
    prefix: String,
    stream: ConsoleStream,
    stream_name: &'static str,
    chunk: Vec<u8>,
}

impl PrintWriter {
    fn failed(&self, source: io::Error) -> ConnectorError {
        ConnectorError::Io { action: "write to", path: self.stream_name.to_owned(), source }
    }
}

impl SinkWriter for PrintWriter {
    fn write(&mut self, batch: RecordBatchView<'_>) -> Result<(), ConnectorError> {
        let stream = Arc::clone(&self.stream);
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        self.chunk.clear();
        for index in 0..batch.len() {
            self.chunk.extend_from_slice(self.prefix.as_bytes());
            self.chunk.extend_from_slice(batch.value(index));
            self.chunk.push(b'\n');
            if self.chunk.len() >= CHUNK_BYTES {
                stream.write_all(&self.chunk).map_err(|error| self.failed(error))?;
                self.chunk.clear();
            }
        }
        stream.write_all(&self.chunk).map_err(|error| self.failed(error))
    }

    fn flush(&mut self) -> Result<(), ConnectorError> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        stream.flush().map_err(|error| self.failed(error))
    }

    fn finish(&mut self) -> Result<(), ConnectorError> {
        self.flush()
    }
}

#[cfg(test)]
mod tests;
