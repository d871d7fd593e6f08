//! The `stdin` source: lines of the process's standard input.
//!
//! A thread reads it; one that is blocked in a read when its reader is dropped stays until the
//! next input and swallows it, since such a read cannot be interrupted.

use std::io::{self, Read};
use std::sync::Arc;

use sandbar_model::RecordBatch;

use crate::error::ConnectorError;
use crate::line_buffer::{LineBuffer, LineRules};
use crate::line_feed::{Feed, FeedOutput, LineFeed, StreamEnd, pump};
use crate::options::{OptionKind, OptionSpec, Options};
use crate::source::{
    ReaderContext, ReaderStatus, SingleSplit, Source, SourceReader, Split, SplitEnumerator,
};

pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::defaulted("format", STREAM_FORMAT, "text", STREAM_FORMAT_DOC),
    OptionSpec::defaulted("max-line-bytes", OptionKind::Bytes, "1 MiB", LINE_BYTES_DOC),
];

/// Formats of sources that read a stream of lines.
pub(crate) const STREAM_FORMAT: OptionKind = OptionKind::OneOf(&["text", "json"]);
/// What they mean.
pub(crate) const STREAM_FORMAT_DOC: &str =
    "text: every line is a record; json: every line that is not blank is a JSON record.";
/// What the limit on lines does.
pub(crate) const LINE_BYTES_DOC: &str = "A longer line is an error.";
/// The largest limit on lines: a batch has to hold one.
pub(crate) const LINE_BYTES_LIMIT: u64 = 256 << 20;

const INPUT: &str = "standard input";

pub(crate) fn open(options: &Options<'_>) -> Result<Box<dyn Source>, ConnectorError> {
    Ok(Box::new(StdinSource {
        format: options.choice("format")?,
        line_bytes_max: options.bytes("max-line-bytes", 1..=LINE_BYTES_LIMIT)? as usize,
        stream: Arc::new(|| Box::new(io::stdin())),
    }))
}

type OpenStream = Arc<dyn Fn() -> Box<dyn Read + Send> + Send + Sync>;

struct StdinSource {
    format: &'static str,
    line_bytes_max: usize,
    stream: OpenStream,
}

impl Source for StdinSource {
    fn format(&self) -> &str {
        self.format
    }

    fn is_bounded(&self) -> bool {
        false
    }

    fn waits(&self) -> bool {
        true
    }

    fn enumerator(&self, _parallelism: u32) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        Ok(Box::new(SingleSplit::new("stdin")))
    }

    fn reader(&self, ctx: ReaderContext) -> Result<Box<dyn SourceReader>, ConnectorError> {
        Ok(Box::new(StdinReader {
            ctx,
            stream: Arc::clone(&self.stream),
            skip_blank: self.format == "json",
            rules: LineRules::newline(self.line_bytes_max),
            split: None,
            feed: None,
        }))
    }
}

struct StdinReader {
    ctx: ReaderContext,
    stream: OpenStream,
    skip_blank: bool,
    rules: LineRules,
    split: Option<Split>,
    feed: Option<LineFeed>,
}

impl StdinReader {
    fn start(&self) -> Result<LineFeed, ConnectorError> {
        let (open, rules, skip_blank) =
            (Arc::clone(&self.stream), self.rules.clone(), self.skip_blank);
        let waker = Arc::clone(&self.ctx.waker);
        LineFeed::spawn("stdin-source".to_owned(), INPUT.to_owned(), waker, move |output| {
            read_all(open(), rules, skip_blank, output);
        })
    }
}

fn read_all(stream: Box<dyn Read + Send>, rules: LineRules, skip_blank: bool, out: &FeedOutput) {
    let mut lines = LineBuffer::new(stream, rules, 0);
    let last = match pump(&mut lines, skip_blank, out).1 {
        StreamEnd::Closed => Feed::Ended,
        StreamEnd::Stopped => return,
        StreamEnd::BadLine(error) => Feed::Failed(error.of(INPUT)),
        StreamEnd::Broken(source) => {
            Feed::Failed(ConnectorError::Io { action: "read", path: INPUT.to_owned(), source })
        }
    };
    out.send(last);
}

impl SourceReader for StdinReader {
    fn add_split(&mut self, split: Split) {
        self.split = Some(split);
    }

    fn poll(&mut self, batch: &mut RecordBatch) -> Result<ReaderStatus, ConnectorError> {
        if self.split.is_none() {
            return Ok(ReaderStatus::NeedsSplit);
        }
        if self.feed.is_none() {
            self.feed = Some(self.start()?);
        }
        let feed = self.feed.as_mut().expect("started above");
        feed.poll(batch)
    }

    fn snapshot(&self) -> Vec<Split> {
        let open = self.feed.as_ref().is_none_or(LineFeed::is_open);
        self.split.iter().filter(|_| open).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
