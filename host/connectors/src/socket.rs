//! The `socket` source: connects to a TCP server and reads lines until the server closes.
//!
//! Source: Flink, `SocketTextStreamFunction`: same options and defaults. Differs in that failed
//! attempts to connect count as retries too, and that the count starts again after any line.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use sandbar_model::RecordBatch;

use crate::error::ConnectorError;
use crate::line_buffer::{LineBuffer, LineRules};
use crate::line_feed::{Feed, FeedOutput, LineFeed, StreamEnd, pump};
use crate::options::{OptionKind, OptionSpec, Options};
use crate::source::{
    ReaderContext, ReaderStatus, SingleSplit, Source, SourceReader, Split, SplitEnumerator,
};
use crate::stdin::{LINE_BYTES_DOC, LINE_BYTES_LIMIT, STREAM_FORMAT, STREAM_FORMAT_DOC};

pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::required("host", OptionKind::Text, "Name or address of the server."),
    OptionSpec::required("port", OptionKind::Integer, "Port of the server."),
    OptionSpec::defaulted(
        "delimiter",
        OptionKind::Text,
        "\n",
        "Ends a record; a carriage return in front of the default is dropped.",
    ),
    OptionSpec::defaulted(
        "max-retries",
        OptionKind::Integer,
        "0",
        "How often in a row to connect again after no or a lost connection. At 0 the stream ends \
         when the server closes it.",
    ),
    OptionSpec::defaulted(
        "retry-delay",
        OptionKind::Duration,
        "500 ms",
        "How long to wait before connecting again.",
    ),
    OptionSpec::defaulted("format", STREAM_FORMAT, "text", STREAM_FORMAT_DOC),
    OptionSpec::defaulted("max-line-bytes", OptionKind::Bytes, "1 MiB", LINE_BYTES_DOC),
];

/// How long to wait for a server to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A read returns this often without data, to see whether its reader was dropped.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The most retries that can be asked for.
const RETRIES_LIMIT: i64 = 1_000_000;

pub(crate) fn open(options: &Options<'_>) -> Result<Box<dyn Source>, ConnectorError> {
    let delimiter = options.text("delimiter")?.into_bytes();
    if delimiter.is_empty() {
        return Err(options.invalid("delimiter", "it must have at least one character"));
    }
    let line_bytes_max = options.bytes("max-line-bytes", 1..=LINE_BYTES_LIMIT)? as usize;
    Ok(Box::new(SocketSource(Settings {
        host: options.text("host")?,
        port: options.integer("port", 1..=65_535)? as u16,
        retries_max: options.integer("max-retries", 0..=RETRIES_LIMIT)? as u32,
        retry_delay: Duration::from_millis(options.duration_ms("retry-delay")?),
        format: options.choice("format")?,
        rules: LineRules { delimiter, line_bytes_max },
    })))
}

#[derive(Clone)]
struct Settings {
    host: String,
    port: u16,
    retries_max: u32,
    retry_delay: Duration,
    format: &'static str,
    rules: LineRules,
}

struct SocketSource(Settings);

impl Source for SocketSource {
    fn format(&self) -> &str {
        self.0.format
    }

    fn is_bounded(&self) -> bool {
        false
    }

    fn waits(&self) -> bool {
        true
    }

    fn enumerator(&self, _parallelism: u32) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        Ok(Box::new(SingleSplit::new("socket")))
    }

    fn reader(&self, ctx: ReaderContext) -> Result<Box<dyn SourceReader>, ConnectorError> {
        Ok(Box::new(SocketReader { settings: self.0.clone(), ctx, split: None, feed: None }))
    }
}

struct SocketReader {
    settings: Settings,
    ctx: ReaderContext,
    split: Option<Split>,
    feed: Option<LineFeed>,
}

impl SocketReader {
    fn start(&self) -> Result<LineFeed, ConnectorError> {
        let settings = self.settings.clone();
        let thread = format!("socket-source-{}", self.ctx.subtask);
        let waker = Arc::clone(&self.ctx.waker);
        LineFeed::spawn(thread, settings.address(), waker, move |output| {
            if let Some(last) = settings.read(output) {
                output.send(last);
            }
        })
    }
}

impl SourceReader for SocketReader {
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

impl Settings {
    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Reads one connection after another; the last word, or none when nobody listens.
    fn read(&self, output: &FeedOutput) -> Option<Feed> {
        let mut retries = 0;
        loop {
            let failure = match self.connect() {
                Ok(stream) => {
                    let mut lines = LineBuffer::new(stream, self.rules.clone(), 0);
                    let (count, end) = pump(&mut lines, self.format == "json", output);
                    if count > 0 {
                        retries = 0;
                    }
                    match end {
                        StreamEnd::Stopped => return None,
                        StreamEnd::BadLine(error) => {
                            return Some(Feed::Failed(error.of(&self.address())));
                        }
                        StreamEnd::Closed if retries == self.retries_max => {
                            return Some(Feed::Ended);
                        }
                        StreamEnd::Broken(error) if retries == self.retries_max => {
                            return Some(Feed::Failed(self.lost(error)));
                        }
                        StreamEnd::Closed | StreamEnd::Broken(_) => None,
                    }
                }
                Err(error) => Some(error),
            };
            if let Some(source) = failure
                && retries == self.retries_max
            {
                let attempts = retries + 1;
                let address = self.address();
                return Some(Feed::Failed(ConnectorError::Connect { address, attempts, source }));
            }
            retries += 1;
            if !output.wait(self.retry_delay) {
                return None;
            }
        }
    }

    fn lost(&self, source: io::Error) -> ConnectorError {
        ConnectorError::Io { action: "read from", path: self.address(), source }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(STOP_CHECK_INTERVAL))?;
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

#[cfg(test)]
mod tests;
