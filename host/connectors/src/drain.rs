//! Drives sources and sinks as a task does, for tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use sandbar_model::{Clock, ManualClock, RecordBatch, SystemClock};
use serde_json::Value;

use crate::{
    ConnectorError, Console, ReaderContext, ReaderStatus, Sink, Source, SourceReader, Split,
    SplitEnumerator, WriterContext,
};

/// A wait this long means that the test hangs.
const WAIT_MAX: Duration = Duration::from_secs(20);

pub(crate) fn source(name: &str, options: Value) -> Result<Box<dyn Source>, ConnectorError> {
    crate::source(name, &table(options), None)
}

pub(crate) fn sink(name: &str, options: Value) -> Result<Box<dyn Sink>, ConnectorError> {
    crate::sink(name, &table(options), None)
}

pub(crate) fn table(options: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(options).unwrap()
}

/// A reader and what wakes its task.
pub(crate) struct Driver {
    pub(crate) reader: Box<dyn SourceReader>,
    subtask: u32,
    wakes: Receiver<()>,
    pub(crate) statuses: Vec<ReaderStatus>,
}

impl Driver {
    pub(crate) fn new(source: &dyn Source, subtask: u32, clock: Arc<dyn Clock>) -> Driver {
        let (tx, wakes) = bounded(1);
        let waker = Arc::new(move || {
            // A full channel holds a wake already.
            let _ = tx.try_send(());
        });
        let ctx = ReaderContext { subtask, parallelism: 8, waker, clock };
        Driver { reader: source.reader(ctx).unwrap(), subtask, wakes, statuses: Vec::new() }
    }

    /// Polls once, fetches a split when asked to, waits when told to. False at the end.
    pub(crate) fn step(
        &mut self,
        splits: &mut dyn SplitEnumerator,
        out: &mut RecordBatch,
    ) -> Result<bool, ConnectorError> {
        let mut batch = RecordBatch::new();
        let status = self.reader.poll(&mut batch)?;
        batch.view().validate().unwrap();
        out.append(batch.view());
        self.statuses.push(status);
        match status {
            ReaderStatus::Ready => {}
            ReaderStatus::Finished => return Ok(false),
            ReaderStatus::NeedsSplit => match splits.next_split(self.subtask)? {
                Some(split) => self.reader.add_split(split),
                None => return Ok(false),
            },
            ReaderStatus::Pending { wake_at_ms } => {
                assert_eq!(wake_at_ms, None, "only streams are driven to their end");
                self.wakes.recv_timeout(WAIT_MAX).expect("the reader wakes its task");
            }
        }
        Ok(true)
    }
}

/// Reads everything with one reader a subtask, in turns.
pub(crate) fn drain(source: &dyn Source, parallelism: u32) -> Result<RecordBatch, ConnectorError> {
    let mut splits = source.enumerator(parallelism)?;
    let mut drivers: Vec<Driver> = (0..parallelism)
        .map(|subtask| Driver::new(source, subtask, Arc::new(SystemClock)))
        .collect();
    let mut out = RecordBatch::new();
    while !drivers.is_empty() {
        let mut running = Vec::new();
        for mut driver in drivers {
            if driver.step(&mut *splits, &mut out)? {
                running.push(driver);
            }
        }
        drivers = running;
    }
    Ok(out)
}

/// Reads with one reader, which after every `polls` polls is replaced by one that goes on from
/// its snapshot, sent through JSON.
pub(crate) fn drain_resuming(
    source: &dyn Source,
    polls: usize,
) -> Result<RecordBatch, ConnectorError> {
    let mut splits = source.enumerator(1)?;
    let mut out = RecordBatch::new();
    let mut driver = Driver::new(source, 0, Arc::new(SystemClock));
    let mut count = 0;
    while driver.step(&mut *splits, &mut out)? {
        count += 1;
        if count % polls == 0 {
            let snapshot = serde_json::to_string(&driver.reader.snapshot()).unwrap();
            driver = Driver::new(source, 0, Arc::new(SystemClock));
            for split in serde_json::from_str::<Vec<Split>>(&snapshot).unwrap() {
                driver.reader.add_split(split);
            }
        }
    }
    Ok(out)
}

pub(crate) fn texts(batch: &RecordBatch) -> Vec<String> {
    let view = batch.view();
    (0..batch.len()).map(|index| String::from_utf8_lossy(view.value(index)).into_owned()).collect()
}

pub(crate) fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

/// What a source reads at parallelism 1, or why it cannot.
pub(crate) fn read(name: &str, options: Value) -> Result<Vec<String>, String> {
    let read = source(name, options).and_then(|source| drain(&*source, 1));
    read.map(|batch| texts(&batch)).map_err(|error| error.to_string())
}

pub(crate) fn batch_of(lines: &[&str]) -> RecordBatch {
    let mut batch = RecordBatch::new();
    lines.iter().for_each(|line| batch.push(0, line.as_bytes()));
    batch
}

pub(crate) fn writer_context(subtask: u32, parallelism: u32) -> WriterContext {
    let clock = Arc::new(ManualClock::new(0));
    WriterContext { subtask, parallelism, clock, console: Console::captured().0 }
}

pub(crate) fn file(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}
