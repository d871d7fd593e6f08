//! Where functions put results: the main output, and side outputs by tag.

use std::borrow::Cow;
use std::marker::PhantomData;

use crate::chain::erased::{AnyPipe, Typed, join};
use crate::chain::pipe::{Pipe, Signal};
use crate::error::{Error, Failure, Outcome};
use crate::host::NO_TIMESTAMP;

/// Takes the results of a function for its main output.
///
/// Results go straight to the next operator. If that one fails, the collector keeps the failure
/// and drops further results; it surfaces when the function returns.
pub struct Collector<Out> {
    pipe: Box<dyn Pipe<Out>>,
    timestamp: i64,
    failure: Option<Failure>,
}

impl<Out: 'static> Collector<Out> {
    pub(crate) fn new(pipe: Box<dyn Pipe<Out>>) -> Collector<Out> {
        Collector { pipe, timestamp: NO_TIMESTAMP, failure: None }
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

    #[inline]
    fn push(&mut self, timestamp: i64, value: Out) {
        if self.failure.is_none()
            && let Err(failure) = self.pipe.push(timestamp, value)
        {
            self.failure = Some(failure);
        }
    }

    /// Sets the timestamp of results to come.
    #[inline]
    pub(crate) fn set_timestamp(&mut self, timestamp: i64) {
        self.timestamp = timestamp;
    }

    /// The outcome of a function of `operator` that returned `result`.
    #[inline]
    pub(crate) fn outcome(&mut self, operator: u32, result: Result<(), Error>) -> Outcome {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        result.map_err(|error| Failure::new(operator, error))
    }

    pub(crate) fn signal(&mut self, signal: Signal<'_>) -> Outcome {
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
