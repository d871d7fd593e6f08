//! Where functions put results: the main output, and side outputs by tag.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::rc::Rc;

use crate::chain::erased::{AnyPipe, Typed, join};
use crate::chain::instance::InstanceContext;
use crate::chain::pipe::{CHUNK_RECORDS, Chunk, Pipe, Reads, Signal};
use crate::error::{Error, Failure, Outcome};
use crate::host::NO_TIMESTAMP;
use crate::memory;

/// Takes the results of a function for its main output.
///
/// Results go straight to the next operator. If that one fails, the collector keeps the failure
/// and drops further results; it surfaces when the function returns. Where the operators behind
/// cannot fail, results of several records are gathered and go to them together.
pub struct Collector<Out> {
    pipe: Box<dyn Pipe<Out>>,
    timestamp: i64,
    failure: Option<Failure>,
    instance: Rc<InstanceContext>,
    /// Results that are gathered; those from `mark` on are of the input record `record`.
    chunk: Chunk<Out>,
    record: u32,
    mark: usize,
    /// Results that may be gathered before they must go on: none if the pipe can fail.
    room: usize,
    /// No result will be taken back.
    keeps_all: bool,
    reads: Reads,
}

impl Collector<String> {
    /// Emits a text with the timestamp of the record or event time timer being processed. Faster
    /// than [`Collector::collect`] for a part of a larger text: where the output is text, the
    /// bytes go there without a `String` in between.
    ///
    /// ```
    /// use sandbar_sdk::Collector;
    ///
    /// fn words(line: String, out: &mut Collector<String>) {
    ///     line.split_whitespace().for_each(|word| out.collect_str(word));
    /// }
    /// ```
    #[inline]
    pub fn collect_str(&mut self, text: &str) {
        if !self.push_raw(text.as_bytes()) {
            self.collect(memory::to_string(text));
        }
    }
}

impl Collector<Vec<u8>> {
    /// Emits bytes with the timestamp of the record or event time timer being processed. Faster
    /// than [`Collector::collect`] for bytes that the function does not own, as
    /// [`Collector::collect_str`] is for text.
    ///
    /// ```
    /// use sandbar_sdk::{ByteSlice, Collector};
    ///
    /// fn halves(value: ByteSlice, out: &mut Collector<Vec<u8>>) {
    ///     value.chunks(value.len().div_ceil(2).max(1)).for_each(|half| out.collect_bytes(half));
    /// }
    /// ```
    #[inline]
    pub fn collect_bytes(&mut self, bytes: &[u8]) {
        if !self.push_raw(bytes) {
            self.collect(memory::to_vec(bytes));
        }
    }
}

impl<Out: 'static> Collector<Out> {
    pub(crate) fn new(pipe: Box<dyn Pipe<Out>>, instance: &Rc<InstanceContext>) -> Collector<Out> {
        let capacity = if pipe.never_fails() { CHUNK_RECORDS } else { 0 };
        let reads = pipe.reads();
        Collector {
            pipe,
            timestamp: NO_TIMESTAMP,
            failure: None,
            instance: Rc::clone(instance),
            chunk: Vec::with_capacity(capacity),
            record: 0,
            mark: 0,
            room: capacity.min(instance.chunk_records.get()),
            keeps_all: false,
            reads,
        }
    }

    /// Emits a result with the timestamp of the record or event time timer being processed.
    #[inline]
    pub fn collect(&mut self, value: Out) {
        self.push(self.timestamp, value);
    }

    /// Emits a result with a timestamp of its own, in milliseconds since the Unix epoch.
    #[inline]
    pub fn collect_at(&mut self, value: Out, timestamp: i64) {
        self.push(timestamp, value);
    }

    /// Emits a value that is these bytes, if the pipe takes it as such.
    #[inline(always)]
    fn push_raw(&mut self, bytes: &[u8]) -> bool {
        if self.reads != Reads::ValuesAndBytes || !self.chunk.is_empty() {
            return false;
        }
        if self.failure.is_none()
            && let Err(failure) = self.pipe.push_raw(self.timestamp, bytes, self.keeps_all)
        {
            self.failure = Some(failure);
        }
        true
    }

    #[inline(always)]
    fn push(&mut self, timestamp: i64, value: Out) {
        if self.chunk.capacity() == 0 && self.reads != Reads::Nothing {
            if self.failure.is_none()
                && let Err(failure) = self.pipe.push_ref(timestamp, &value)
            {
                self.failure = Some(failure);
            }
        } else if self.chunk.len() < self.room {
            self.chunk.push((timestamp, value));
        } else if self.chunk.is_empty() {
            self.push_one(timestamp, value);
        } else {
            self.push_through(timestamp, value);
        }
    }

    /// Hands on what is gathered. If the current record's results may yet have to be taken back,
    /// they go one by one, since only what goes so can be; and so do the rest of them.
    #[inline(never)]
    fn push_through(&mut self, timestamp: i64, value: Out) {
        if self.keeps_all && self.room > 0 {
            self.pass_on();
            self.room = self.chunk.capacity().min(self.instance.chunk_records.get());
            self.chunk.push((timestamp, value));
            return;
        }
        if self.room > 0 {
            let current = self.chunk.split_off(self.mark);
            self.pass_on();
            self.room = 0;
            current.into_iter().for_each(|(at, earlier)| self.push_one(at, earlier));
        }
        self.push_one(timestamp, value);
    }

    #[inline]
    fn push_one(&mut self, timestamp: i64, value: Out) {
        if self.failure.is_none()
            && let Err(failure) = self.pipe.push(timestamp, value)
        {
            self.failure = Some(failure);
        }
    }

    /// Gives results to come a timestamp of their own.
    #[inline]
    pub(crate) fn set_timestamp(&mut self, timestamp: i64) {
        self.timestamp = timestamp;
    }

    /// Whether a result of the current record could not be taken, so that it will be refused.
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    fn pass_on(&mut self) {
        if !self.chunk.is_empty() {
            self.pipe.push_all(&mut self.chunk);
        }
        self.mark = 0;
    }

    /// Starts a value of the current input record: results to come have its timestamp.
    #[inline]
    pub(crate) fn begin_record(&mut self, timestamp: i64) {
        self.timestamp = timestamp;
        if self.chunk.capacity() == 0 {
            return;
        }
        let record = self.instance.record.get();
        if record != self.record {
            self.record = record;
            if self.chunk.len() >= self.room / 2 {
                self.pass_on();
            }
            self.mark = self.chunk.len();
            self.room = self.chunk.capacity().min(self.instance.chunk_records.get());
        }
    }

    /// Says whether the function can fail for records to come, or any function before it: if not,
    /// no result is ever taken back.
    #[inline]
    pub(crate) fn keep_all(&mut self, keeps_all: bool) {
        self.keeps_all = keeps_all;
        if !keeps_all {
            // What was gathered meanwhile is of earlier records, whichever is the current one.
            self.mark = self.chunk.len();
        }
    }

    /// Whether neither the pipe nor any behind it can fail.
    pub(crate) fn never_fails(&self) -> bool {
        self.pipe.never_fails()
    }

    /// The outcome of a function of `operator` that returned `result`.
    #[inline]
    pub(crate) fn outcome(&mut self, operator: u32, result: Result<(), Error>) -> Outcome {
        if self.failure.is_some()
            && let Some(failure) = self.failure.take()
        {
            return Err(failure);
        }
        result.map_err(|error| Failure::new(operator, error))
    }

    pub(crate) fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        match signal {
            Signal::Rollback => {
                if self.record == self.instance.record.get() {
                    self.chunk.truncate(self.mark);
                }
            }
            Signal::Timers(..)
            | Signal::Watermark(_)
            | Signal::Release
            | Signal::Wake
            | Signal::Checkpoint
            | Signal::Finish
            | Signal::Flush
            | Signal::Close => self.pass_on(),
        }
        self.pipe.signal(signal)
    }
}

impl<Out> std::fmt::Debug for Collector<Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}

/// Names a side output and the type of its records.
///
/// ```
/// use sandbar_sdk::OutputTag;
///
/// const LATE: OutputTag<String> = OutputTag::new("late");
/// assert_eq!(LATE.name(), "late");
/// ```
pub struct OutputTag<T> {
    name: Cow<'static, str>,
    marker: PhantomData<fn(T)>,
}

impl<T> OutputTag<T> {
    /// Makes the tag of the side output `name`, unique within its operator.
    pub const fn new(name: &'static str) -> OutputTag<T> {
        OutputTag { name: Cow::Borrowed(name), marker: PhantomData }
    }

    /// Makes a tag whose name is made when the job is built.
    pub fn named(name: impl Into<String>) -> OutputTag<T> {
        OutputTag { name: Cow::Owned(name.into()), marker: PhantomData }
    }

    /// The name of the side output.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<T> Clone for OutputTag<T> {
    fn clone(&self) -> OutputTag<T> {
        OutputTag { name: self.name.clone(), marker: PhantomData }
    }
}

impl<T> std::fmt::Debug for OutputTag<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OutputTag").field(&self.name).finish()
    }
}

/// The side outputs of an operator that somebody reads.
#[derive(Default)]
pub(crate) struct SideOutputs {
    entries: Vec<SideOutput>,
    failure: Option<Failure>,
}

/// A side output: its name, and how to join the pipes to its readers.
#[derive(Clone)]
pub(crate) struct SideOutputSpec {
    pub(crate) name: String,
    pub(crate) join: fn(Vec<AnyPipe>) -> Result<AnyPipe, Error>,
}

struct SideOutput {
    name: String,
    pipe: AnyPipe,
}

impl SideOutputSpec {
    /// Makes the spec of the side output of a tag.
    pub(crate) fn of<T: Clone + 'static>(tag: &OutputTag<T>) -> SideOutputSpec {
        SideOutputSpec {
            name: tag.name().to_owned(),
            join: |pipes| Ok(Box::new(Typed(join::<T>(pipes)?)) as AnyPipe),
        }
    }
}

impl SideOutputs {
    /// Joins the pipes of each side output. Outputs without pipes are left out.
    pub(crate) fn open(
        specs: &[SideOutputSpec],
        pipes: impl IntoIterator<Item = Vec<AnyPipe>>,
    ) -> Result<SideOutputs, Error> {
        let mut entries = Vec::new();
        for (spec, of_side) in specs.iter().zip(pipes) {
            if !of_side.is_empty() {
                entries.push(SideOutput { name: spec.name.clone(), pipe: (spec.join)(of_side)? });
            }
        }
        Ok(SideOutputs { entries, failure: None })
    }

    #[inline]
    pub(crate) fn push<T: 'static>(
        &mut self,
        operator: u32,
        tag: &OutputTag<T>,
        timestamp: i64,
        value: T,
    ) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.name == tag.name) else {
            return;
        };
        if self.failure.is_some() {
            return;
        }
        let pushed = match entry.pipe.as_any_mut().downcast_mut::<Typed<T>>() {
            Some(pipe) => pipe.0.push(timestamp, value),
            None => Err(Failure::new(operator, wrong_type::<T>(entry))),
        };
        self.failure = pushed.err();
    }

    /// Whether a result of the current record could not be taken.
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The first failure since the last call.
    #[inline]
    pub(crate) fn outcome(&mut self) -> Outcome {
        match self.failure.take() {
            None => Ok(()),
            Some(failure) => Err(failure),
        }
    }

    pub(crate) fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        self.entries.iter_mut().try_for_each(|entry| entry.pipe.signal(signal))
    }
}

#[cold]
fn wrong_type<T>(entry: &SideOutput) -> Error {
    Error::fatal(format!(
        "side output '{}' takes {}, not {}",
        entry.name,
        entry.pipe.type_name(),
        std::any::type_name::<T>()
    ))
}
