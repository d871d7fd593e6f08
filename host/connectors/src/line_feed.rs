//! A line feed: a thread that reads a stream which may block, and hands batches of lines to the
//! reader on the task's thread through a bounded channel.
//!
//! Law: lines are handed on after every read of the stream, so nothing waits for a batch to fill.

use std::io::{self, Read};
use std::mem;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use sandbar_model::RecordBatch;
use sandbar_model::time::NO_TIMESTAMP;

use crate::error::ConnectorError;
use crate::line_buffer::{LineBuffer, LineError};
use crate::source::{ReaderStatus, Waker, has_room};

/// Batches that wait between the thread and the task; at 32 KiB each, about 256 KiB.
const FEED_BATCHES_MAX: usize = 8;

/// What the thread tells the reader.
pub(crate) enum Feed {
    /// More lines.
    Lines(RecordBatch),
    /// The source cannot go on.
    Failed(ConnectorError),
    /// The stream has ended.
    Ended,
}

/// The reader's end. Dropping it stops the thread as soon as the thread is not blocked in a read.
pub(crate) struct LineFeed {
    input: String,
    feed: Receiver<Feed>,
    ended: bool,
    /// Never sent on: the thread sees it disconnect.
    _stop: Sender<()>,
}

impl LineFeed {
    /// Starts a thread that runs `run`.
    pub(crate) fn spawn(
        thread: String,
        input: String,
        waker: Waker,
        run: impl FnOnce(&FeedOutput) + Send + 'static,
    ) -> Result<LineFeed, ConnectorError> {
        let (tx, feed) = bounded(FEED_BATCHES_MAX);
        let (stop_tx, stop) = bounded(0);
        let output = FeedOutput { feed: Some(tx), waker, stop };
        let spawned = std::thread::Builder::new().name(thread).spawn(move || run(&output));
        match spawned {
            Ok(_detached) => Ok(LineFeed { input, feed, ended: false, _stop: stop_tx }),
            Err(source) => {
                Err(ConnectorError::Io { action: "start a thread to read", path: input, source })
            }
        }
    }

    /// As [`crate::SourceReader::poll`].
    pub(crate) fn poll(&mut self, batch: &mut RecordBatch) -> Result<ReaderStatus, ConnectorError> {
        if self.ended {
            return Ok(ReaderStatus::Finished);
        }
        match self.feed.try_recv() {
            Ok(Feed::Lines(mut lines)) => {
                if batch.is_empty() {
                    mem::swap(batch, &mut lines);
                } else {
                    batch.append(lines.view());
                }
                Ok(ReaderStatus::Ready)
            }
            Ok(Feed::Failed(error)) => Err(error),
            Ok(Feed::Ended) => {
                self.ended = true;
                Ok(ReaderStatus::Finished)
            }
            Err(TryRecvError::Empty) => Ok(ReaderStatus::Pending { wake_at_ms: None }),
            Err(TryRecvError::Disconnected) => {
                Err(ConnectorError::ReaderThread { input: self.input.clone() })
            }
        }
    }

    /// Whether the stream may still bring something.
    pub(crate) fn is_open(&self) -> bool {
        !self.ended
    }
}

/// The thread's end.
pub(crate) struct FeedOutput {
    /// Taken only by `drop`.
    feed: Option<Sender<Feed>>,
    waker: Waker,
    stop: Receiver<()>,
}

impl FeedOutput {
    /// Hands something on, waiting for room; false when nobody wants it any more.
    pub(crate) fn send(&self, feed: Feed) -> bool {
        let sent = self.feed.as_ref().is_some_and(|tx| tx.send(feed).is_ok());
        if sent {
            (self.waker)();
        }
        sent
    }

    /// Waits; false when the reader was dropped meanwhile.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        matches!(self.stop.recv_timeout(duration), Err(RecvTimeoutError::Timeout))
    }

    fn is_stopped(&self) -> bool {
        matches!(self.stop.try_recv(), Err(TryRecvError::Disconnected))
    }
}

impl Drop for FeedOutput {
    fn drop(&mut self) {
        // The task has to see the end even if the thread panicked.
        self.feed.take();
        (self.waker)();
    }
}

/// How a stream ended.
#[derive(Debug)]
pub(crate) enum StreamEnd {
    /// The other side closed it.
    Closed,
    /// The stream failed.
    Broken(io::Error),
    /// A line is too long.
    BadLine(LineError),
    /// The reader was dropped.
    Stopped,
}

/// Hands on lines until the stream ends, and how many lines there were. What comes after the last
/// delimiter is a line too. A read that times out only looks whether to stop.
pub(crate) fn pump<R: Read>(
    lines: &mut LineBuffer<R>,
    skip_blank: bool,
    output: &FeedOutput,
) -> (u64, StreamEnd) {
    let mut count = 0;
    loop {
        let goes_on = match lines.fill() {
            Ok(goes_on) => goes_on,
            Err(LineError::Read(error)) if is_timeout(&error) && !output.is_stopped() => continue,
            Err(LineError::Read(error)) if is_timeout(&error) => {
                return (count, StreamEnd::Stopped);
            }
            Err(LineError::Read(error)) => return (count, StreamEnd::Broken(error)),
            Err(error @ LineError::TooLong { .. }) => return (count, StreamEnd::BadLine(error)),
        };
        match send_buffered(lines, skip_blank, output) {
            Ok(sent) => count += sent,
            Err(end) => return (count, end),
        }
        if !goes_on {
            return (count, StreamEnd::Closed);
        }
    }
}

fn send_buffered<R: Read>(
    lines: &mut LineBuffer<R>,
    skip_blank: bool,
    output: &FeedOutput,
) -> Result<u64, StreamEnd> {
    let mut count = 0;
    let mut batch = RecordBatch::new();
    let bad = loop {
        match lines.buffered_line() {
            Ok(Some(line)) if skip_blank && line.is_blank() => {}
            Ok(Some(line)) => batch.push(NO_TIMESTAMP, line.text()),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
        if !has_room(&batch) {
            count += batch.len() as u64;
            if !output.send(Feed::Lines(mem::take(&mut batch))) {
                return Err(StreamEnd::Stopped);
            }
        }
    };
    count += batch.len() as u64;
    if !batch.is_empty() && !output.send(Feed::Lines(batch)) {
        return Err(StreamEnd::Stopped);
    }
    bad.map_or(Ok(count), |error| Err(StreamEnd::BadLine(error)))
}

fn is_timeout(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.kind() == io::ErrorKind::TimedOut
}
