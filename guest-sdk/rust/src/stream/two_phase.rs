//! Two-phase aggregation: what can be put together of a key is put together before the exchange, so
//! that a key that most records have costs one subtask no more than any other.
//!
//! Law: results are those of the aggregation in one phase, but for how many updates there are on
//! the way and for functions to which the order of records matters.

use std::cell::RefCell;
use std::fmt;
use std::ops::Add;
use std::rc::Rc;
use std::time::Duration;

use super::data_stream::{Consumed, DataStream, OperatorSpec};
use super::graph::Graph;
use super::key_value::KeyValue;
use super::keyed_stream::KeyedStream;
use crate::codec::{Data, Key};
use crate::function::AggregateFunction;
use crate::function::accumulate::{
    Accumulate, Aggregated, Extreme, Merged, Partial, Reduced, Shared, Summed,
};
use crate::operator::combine::{Partials, Values};
use crate::operator::definition::OperatorKind;
use crate::operator::local_aggregate::{Bounds, Combine, Slices, local_aggregate};
use crate::window::assigner::millis;

/// Keys that an operator holds partial results of, unless [`TwoPhase::keys_max`] says otherwise;
/// with windows, counted once a pane.
const KEYS_MAX_DEFAULT: usize = 16_384;
/// Records after which partial results leave, unless [`TwoPhase::records_max`] says otherwise.
const RECORDS_MAX_DEFAULT: u64 = 100_000;
/// Time after which partial results leave, unless [`TwoPhase::latency`] says otherwise.
const LATENCY_DEFAULT: Duration = Duration::from_millis(100);

/// How much is put together before the exchange, and for how long.
///
/// Partial results wait in memory, not in state, and leave when there are too many of them; when
/// the watermark passes what they are of, before it does; when their stream becomes idle; before a
/// checkpoint; and at the end. Without windows they also leave after a number of records, after a
/// time by the host's clock, and with every watermark that passes one of their records.
///
/// Source: Flink, `docs/content/docs/dev/table/tuning.md`, "Local-Global Aggregation" and
/// "MiniBatch Aggregation".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwoPhase {
    keys_max: usize,
    records_max: u64,
    latency: Duration,
    salt: Option<u32>,
}

impl Default for TwoPhase {
    fn default() -> TwoPhase {
        TwoPhase::new()
    }
}

impl TwoPhase {
    /// Holds 16,384 keys, 100,000 records and 100 ms, without salt.
    pub const fn new() -> TwoPhase {
        TwoPhase {
            keys_max: KEYS_MAX_DEFAULT,
            records_max: RECORDS_MAX_DEFAULT,
            latency: LATENCY_DEFAULT,
            salt: None,
        }
    }

    /// Sets how many keys each subtask holds partial results of, at least 1; with windows each is
    /// counted once a pane. When there are as many, all leave.
    #[must_use]
    pub const fn keys_max(self, keys_max: usize) -> TwoPhase {
        TwoPhase { keys_max, ..self }
    }

    /// Sets how many records partial results are held of, at least 1. Without windows only.
    #[must_use]
    pub const fn records_max(self, records_max: u64) -> TwoPhase {
        TwoPhase { records_max, ..self }
    }

    /// Sets how long partial results are held, by the host's clock and at least 1 ms. Without
    /// windows only: the results of windows have to wait for the watermark anyway.
    #[must_use]
    pub const fn latency(self, latency: Duration) -> TwoPhase {
        TwoPhase { latency, ..self }
    }

    /// Salts keys: the partial results of a key are dealt out in turn over up to `salts`
    /// subtasks, at least 2, which put them together once more before the one subtask of the key
    /// does. For hot keys whose partial results are many, since there are many subtasks before the
    /// exchange, or costly to merge. Which salt a partial result gets does not matter to the
    /// results.
    #[must_use]
    pub const fn salt(self, salts: u32) -> TwoPhase {
        TwoPhase { salt: Some(salts), ..self }
    }

    /// Why these settings cannot be, if so.
    pub(crate) fn refusal(&self) -> Option<String> {
        let latency_ms = millis(self.latency);
        if self.keys_max == 0 || self.records_max == 0 || latency_ms == 0 {
            let (keys, records) = (self.keys_max, self.records_max);
            return Some(format!(
                "two-phase aggregation with {keys} keys, {records} records and {latency_ms} ms: \
                 each must be at least 1"
            ));
        }
        self.salt.filter(|salts| *salts < 2).map(|salts| {
            format!("two-phase aggregation with {salts} salts: use at least 2, or none")
        })
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds {
            keys_max: self.keys_max,
            records_max: self.records_max,
            latency_ms: millis(self.latency),
        }
    }
}

/// A keyed stream whose aggregations run in two phases; see [`KeyedStream::two_phase`].
pub struct TwoPhaseStream<K, T> {
    stream: KeyedStream<K, T>,
    settings: TwoPhase,
}

impl<K: Key, T: Data> KeyedStream<K, T> {
    /// Aggregates in two phases: each subtask before the exchange puts together what it has of a
    /// key, and sends that. For keys that many records have.
    ///
    /// An update is emitted for each partial result, where an aggregation in one phase emits one
    /// for each record: the last update of a key is the same. It has the latest timestamp of the
    /// records behind the partial result. Numbers with a fraction may be added up in another order.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    ///
    /// fn views(pages: &DataStream<String>) -> DataStream<KeyValue<String, u64>> {
    ///     pages.key_by(|page| page.clone()).two_phase(TwoPhase::new().salt(4)).count()
    /// }
    /// ```
    pub fn two_phase(&self, settings: TwoPhase) -> TwoPhaseStream<K, T> {
        if let Some(why) = settings.refusal() {
            self.graph.borrow_mut().errors.push(why);
        }
        TwoPhaseStream { stream: self.copy(), settings }
    }
}

impl<K: Key, T: Data> TwoPhaseStream<K, T> {
    /// As [`KeyedStream::reduce`]; `reduce` must not mind the order of records.
    pub fn reduce(&self, reduce: impl FnMut(T, T) -> T + 'static) -> DataStream<T> {
        self.fold("Keyed Reduce", Reduced::new(reduce), |_, reduced| reduced)
    }

    /// As [`KeyedStream::sum`].
    pub fn sum<N>(&self, number: impl FnMut(&T) -> N + 'static) -> DataStream<KeyValue<K, N>>
    where
        N: Data + Default + Add<Output = N>,
    {
        self.fold("Keyed Sum", Summed::new(number), KeyValue::of)
    }

    /// As [`KeyedStream::count`].
    pub fn count(&self) -> DataStream<KeyValue<K, u64>> {
        self.fold("Keyed Count", Summed::new(|_: &T| 1), KeyValue::of)
    }

    /// As [`KeyedStream::min`].
    pub fn min<N>(&self, read: impl FnMut(&T) -> N + 'static) -> DataStream<KeyValue<K, N>>
    where
        N: Data + PartialOrd,
    {
        self.fold("Keyed Min", Extreme::min(read), KeyValue::of)
    }

    /// As [`KeyedStream::max`].
    pub fn max<N>(&self, read: impl FnMut(&T) -> N + 'static) -> DataStream<KeyValue<K, N>>
    where
        N: Data + PartialOrd,
    {
        self.fold("Keyed Max", Extreme::max(read), KeyValue::of)
    }

    /// As [`KeyedStream::aggregate`].
    pub fn aggregate<G>(&self, aggregate: G) -> DataStream<KeyValue<K, G::Output>>
    where
        G: AggregateFunction<In = T, Accumulator: Data, Output: Clone + 'static>,
    {
        self.fold("Keyed Aggregate", Aggregated(aggregate), KeyValue::of)
    }

    fn fold<C: Accumulate<In = T>, Out: Clone + 'static>(
        &self,
        kind_name: &'static str,
        accumulate: C,
        emit: fn(&K, C::Result) -> Out,
    ) -> DataStream<Out> {
        let shared = Shared::new(accumulate);
        let phase = first_phase(&self.stream, self.settings, Slices::none(), &shared);
        let merged = Merged::new(shared);
        let results = phase.partials.fold(kind_name, merged, emit);
        phase.settle(&results, true);
        results
    }
}

/// What comes out of the first phase.
pub(super) struct FirstPhase<K, S> {
    pub(super) partials: KeyedStream<K, Partial<K, S>>,
    /// Its operators by number, that of salted keys last.
    operators: Vec<usize>,
    salted: Option<DataStream<Partial<K, S>>>,
}

impl<K: Key, S: Data> FirstPhase<K, S> {
    /// Lets the operators do with bad records what the one behind does; and if it runs as wide as
    /// it is told to, that of salted keys too.
    pub(super) fn settle<Out: 'static>(self, results: &DataStream<Out>, is_wide: bool) {
        results.set_fronts(self.operators);
        if let Some(salted) = self.salted.filter(|_| is_wide) {
            salted.set_parallelism_of(results.node());
        }
    }
}

/// Adds the operators of the first phase: one behind each part of the stream, so that it can be
/// chained to it, and one behind an exchange by salted key if keys are salted.
pub(super) fn first_phase<K: Key, T: Data, C: Accumulate<In = T>>(
    stream: &KeyedStream<K, T>,
    settings: TwoPhase,
    slices: Slices,
    accumulate: &Shared<C>,
) -> FirstPhase<K, C::Stored> {
    let bounds = settings.bounds();
    let mut partials: Option<DataStream<Partial<K, C::Stored>>> = None;
    let mut operators = Vec::new();
    for part in stream.records.parts() {
        let values = Values { key: Rc::clone(&stream.key), accumulate: accumulate.clone() };
        let name = "Local Aggregate";
        let local = add(&stream.graph, part.consume(), name, values, (slices.clone(), bounds));
        local.set_parallelism_of(part.node());
        operators.push(local.node());
        partials = Some(match partials {
            None => local,
            Some(others) => others.union(&local),
        });
    }
    let mut partials = partials.expect("a stream has at least one part");
    let mut salted = None;
    if let Some(salts) = settings.salt {
        let mut turn = 0;
        let by_salt = partials.key_by(move |(key, _)| {
            turn = (turn + 1) % salts.max(1);
            (turn, key.clone())
        });
        let merging = Partials::new(accumulate.clone());
        // The exchange is by key; what comes behind it has no use for keyed state.
        let name = "Salted Aggregate";
        partials = add(&stream.graph, by_salt.consume(), name, merging, (slices, bounds));
        operators.push(partials.node());
        salted = Some(partials.clone());
    }
    FirstPhase { partials: partials.key_by(|(key, _)| key.clone()), operators, salted }
}

fn add<C: Combine>(
    graph: &Rc<RefCell<Graph>>,
    input: Consumed,
    kind_name: &'static str,
    combine: C,
    (slices, bounds): (Slices, Bounds),
) -> DataStream<Partial<C::Key, C::Stored>> {
    let (kind, inputs) = (OperatorKind::Process, vec![input]);
    let spec = OperatorSpec { kind_name, kind, inputs, states: &[] };
    DataStream::add(graph, spec, |_| {
        Box::new(move |wiring| local_aggregate(combine, slices, bounds, wiring))
    })
}

impl<K, T> fmt::Debug for TwoPhaseStream<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwoPhaseStream").field("settings", &self.settings).finish_non_exhaustive()
    }
}
