//! The temporal join: each record with the version of a table that was valid at its time.
//! Source: Flink, `TemporalRowTimeJoinOperator`.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::function::{JoinContext, PaddedRight, Pairs, ProcessJoinFunction, event_time};
use crate::codec::{Data, Key};
use crate::collector::Collector;
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::KeyedTwoInputProcessFunction;
use crate::state::{ValueState, ValueStateDescriptor};
use crate::timers::{TimeDomain, Timer};

/// Names of the states.
pub(crate) const PROBE: &str = "left";
pub(crate) const VERSIONS: &str = "right";

type IsDelete<Right> = Box<dyn Fn(&Right) -> bool>;

/// Joins each record of the left input with the version of its key that was valid at the record's
/// event time: the record of the right input with the largest timestamp that is not above the
/// left record's. By event time only.
///
/// - A left record waits until the watermark reaches its timestamp, which its result has. Results
///   of a key that become due together come in the order in which the left records arrived.
/// - A right record replaces one of the same key and timestamp. One for which
///   [`TemporalJoin::deletes`] is true ends the version before it: no version is valid until the
///   next.
/// - Versions behind the watermark are cleaned, but for the newest of these, which is still valid.
///   So a version per key is kept for ever, unless [`TemporalJoin::retention`] is given. As in
///   Flink a key is cleaned when its timer fires, which is set for the oldest of its left records
///   that wait, or for what came since it fired last.
/// - A late left record is joined at the next watermark with what versions there are. A late
///   version is taken in. As in Flink, nothing is dropped for being late.
/// - One timer per key.
///
/// ```
/// use sandbar_sdk::join::TemporalJoin;
/// use sandbar_sdk::testing::OperatorHarness;
///
/// type Order = (String, u64);
/// type Rate = (String, u64);
///
/// let mut harness = OperatorHarness::setup().keyed_two_input_process(
///     TemporalJoin::new().apply(|order: &Order, rate: &Rate| order.1 * rate.1),
///     |order: &Order| order.0.clone(),
///     |rate: &Rate| rate.0.clone(),
/// )?;
/// harness.push_second(("EUR".to_owned(), 114), 100)?;
/// harness.push_first(("EUR".to_owned(), 2), 150)?;
/// harness.push_second(("EUR".to_owned(), 119), 200)?;
/// harness.watermark(300)?;
/// assert_eq!(harness.take_output(), [(228, Some(150))]);
/// # Ok::<(), sandbar_sdk::Error>(())
/// ```
pub struct TemporalJoin<Left, Right, F = ()> {
    is_outer: bool,
    is_delete: Option<IsDelete<Right>>,
    retention: Option<(i64, i64)>,
    function: F,
    probe: ValueState<Probe<Left>>,
    versions: ValueState<VecDeque<(i64, Right)>>,
}

/// The left records of a key that wait, in the order of their arrival, and its timers.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Probe<Left> {
    waiting: Vec<(i64, Left)>,
    timer: Option<i64>,
    cleanup: Option<i64>,
}

impl<Left> Default for Probe<Left> {
    fn default() -> Probe<Left> {
        Probe { waiting: Vec::new(), timer: None, cleanup: None }
    }
}

impl<Left> Probe<Left> {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.timer.is_none() && self.cleanup.is_none()
    }
}

impl<Left, Right> Default for TemporalJoin<Left, Right> {
    fn default() -> TemporalJoin<Left, Right> {
        TemporalJoin::new()
    }
}

impl<Left, Right> TemporalJoin<Left, Right> {
    /// Joins with the versions of a key; left records without one come to nothing.
    pub fn new() -> TemporalJoin<Left, Right> {
        TemporalJoin {
            is_outer: false,
            is_delete: None,
            retention: None,
            function: (),
            probe: ValueState::default(),
            versions: ValueState::default(),
        }
    }

    /// Keeps left records without a version, too: the join is a left outer one.
    #[must_use]
    pub fn left_outer(mut self) -> Self {
        self.is_outer = true;
        self
    }

    /// Says which right records end a version without beginning one.
    #[must_use]
    pub fn deletes(mut self, is_delete: impl Fn(&Right) -> bool + 'static) -> Self {
        self.is_delete = Some(Box::new(is_delete));
        self
    }

    /// Forgets all of a key, left records that wait included, when no record of it has come and no
    /// timer has fired for a time by the clock: for at least `minimum`, for at most `maximum`. The
    /// further these are apart, the fewer timers are moved. A minimum of at most a millisecond
    /// keeps all for ever.
    /// Source: Flink, `BaseTwoInputStreamOperatorWithStateRetention`.
    #[must_use]
    pub fn retention(mut self, minimum: Duration, maximum: Duration) -> Self {
        let ms = |it: Duration| i64::try_from(it.as_millis()).unwrap_or(i64::MAX);
        let (minimum, maximum) = (ms(minimum), ms(maximum));
        self.retention = (minimum > 1).then_some((minimum, maximum.max(minimum)));
        self
    }

    /// Completes the join with a function object.
    pub fn process<F>(self, function: F) -> TemporalJoin<Left, Right, F> {
        let TemporalJoin { is_outer, is_delete, retention, probe, versions, .. } = self;
        TemporalJoin { is_outer, is_delete, retention, function, probe, versions }
    }

    /// Completes the join with a closure over pairs.
    pub fn apply<Out, F>(self, function: F) -> TemporalJoin<Left, Right, Pairs<F>>
    where
        F: FnMut(&Left, &Right) -> Out + 'static,
    {
        self.process(Pairs(function))
    }

    /// Completes a left outer join with a closure over a left record and its version, if it has
    /// one.
    pub fn apply_outer<Out, F>(self, function: F) -> TemporalJoin<Left, Right, PaddedRight<F>>
    where
        F: FnMut(&Left, Option<&Right>) -> Out + 'static,
    {
        self.left_outer().process(PaddedRight(function))
    }
}

impl<Left: Data, Right: Data, F> TemporalJoin<Left, Right, F> {
    /// Sees to it that there is a timer at `at` or before.
    fn register_smallest<K: Key>(
        probe: &mut Probe<Left>,
        at: i64,
        ctx: &Context<K>,
    ) -> Result<(), Error> {
        match probe.timer {
            Some(timer) if timer <= at => return Ok(()),
            Some(later) => ctx.delete_event_time_timer(later)?,
            None => {}
        }
        probe.timer = Some(at);
        ctx.register_event_time_timer(at)
    }

    /// Puts the clean-up off.
    fn register_cleanup<K: Key>(
        retention: Option<(i64, i64)>,
        probe: &mut Probe<Left>,
        ctx: &Context<K>,
    ) -> Result<(), Error> {
        let Some((minimum, maximum)) = retention else { return Ok(()) };
        let now = ctx.current_processing_time();
        match probe.cleanup {
            Some(cleanup) if now.saturating_add(minimum) <= cleanup => return Ok(()),
            Some(cleanup) => ctx.delete_processing_time_timer(cleanup)?,
            None => {}
        }
        let cleanup = now.saturating_add(maximum);
        probe.cleanup = Some(cleanup);
        ctx.register_processing_time_timer(cleanup)
    }

    /// Notes that a record has come.
    fn arrive<K: Key>(&self, at: i64, left: Option<Left>, ctx: &Context<K>) -> Result<(), Error> {
        let retention = self.retention;
        self.probe.modify(|probe| {
            let probe = probe.get_or_insert_default();
            probe.waiting.extend(left.map(|left| (at, left)));
            Self::register_smallest(probe, at, ctx)?;
            Self::register_cleanup(retention, probe, ctx)
        })
    }

    /// Takes the left records that are due, and sets the timer for those that are not.
    fn take_due<K: Key>(
        &self,
        watermark: i64,
        ctx: &Context<K>,
    ) -> Result<Vec<(i64, Left)>, Error> {
        let has_versions = self.versions.with(|versions| versions.is_some());
        self.probe.modify(|cell| {
            let Some(probe) = cell else { return Ok(Vec::new()) };
            probe.timer = None;
            let due = probe.waiting.extract_if(.., |(at, _)| *at <= watermark).collect();
            if let Some(next) = probe.waiting.iter().map(|(at, _)| *at).min() {
                Self::register_smallest(probe, next, ctx)?;
            }
            if !probe.waiting.is_empty() || has_versions {
                Self::register_cleanup(self.retention, probe, ctx)?;
            } else if let Some(cleanup) = probe.cleanup.take() {
                ctx.delete_processing_time_timer(cleanup)?;
            }
            if probe.is_empty() {
                *cell = None;
            }
            Ok(due)
        })
    }

    /// Removes the versions that a later one behind the watermark has replaced.
    fn clean_versions(&self, watermark: i64) {
        let behind = self.versions.with(|versions| {
            versions.map_or(0, |it| it.partition_point(|(at, _)| *at <= watermark))
        });
        if behind > 1 {
            self.versions.modify(|versions| {
                versions.iter_mut().for_each(|versions| drop(versions.drain(..behind - 1)));
            });
        }
    }
}

impl<K, Left, Right, Out, F> KeyedTwoInputProcessFunction<K, Left, Right, Out>
    for TemporalJoin<Left, Right, F>
where
    K: Key,
    Left: Data,
    Right: Data,
    Out: 'static,
    F: ProcessJoinFunction<Left, Right, Out>,
{
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.probe = ctx.value_state(ValueStateDescriptor::new(PROBE))?;
        self.versions = ctx.value_state(ValueStateDescriptor::new(VERSIONS))?;
        self.function.open(ctx)
    }

    fn process_first(
        &mut self,
        left: Left,
        ctx: &mut Context<K>,
        _out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.arrive(event_time(ctx)?, Some(left), ctx)
    }

    fn process_second(
        &mut self,
        right: Right,
        ctx: &mut Context<K>,
        _out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let at = event_time(ctx)?;
        self.versions.modify(|versions| {
            let versions = versions.get_or_insert_default();
            match versions.binary_search_by_key(&at, |(version, _)| *version) {
                Ok(place) => versions[place].1 = right,
                Err(place) => versions.insert(place, (at, right)),
            }
        });
        self.arrive(at, None, ctx)
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        match timer.domain {
            TimeDomain::EventTime => {
                let watermark = ctx.current_watermark();
                let due = self.take_due(watermark, ctx)?;
                self.emit(due, ctx, out)?;
                self.clean_versions(watermark);
            }
            TimeDomain::ProcessingTime => {
                let is_due = |probe: &Probe<Left>| probe.cleanup == Some(timer.timestamp);
                if self.probe.with(|probe| probe.is_some_and(is_due)) {
                    let pending = self.probe.with(|probe| probe.and_then(|probe| probe.timer));
                    pending.map_or(Ok(()), |pending| ctx.delete_event_time_timer(pending))?;
                    self.probe.clear();
                    self.versions.clear();
                }
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        self.function.close()
    }
}

impl<Left: Data, Right: Data, F> TemporalJoin<Left, Right, F> {
    /// Joins left records with the versions valid at their times.
    fn emit<K, Out>(
        &mut self,
        due: Vec<(i64, Left)>,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>
    where
        Out: 'static,
        F: ProcessJoinFunction<Left, Right, Out>,
    {
        let (function, is_delete, is_outer) = (&mut self.function, &self.is_delete, self.is_outer);
        self.versions.with(|versions| {
            for (at, left) in &due {
                let latest = versions.and_then(|versions| {
                    let newer = versions.partition_point(|(version, _)| version <= at);
                    versions.get(newer.checked_sub(1)?)
                });
                let is_deleted = |right: &Right| is_delete.as_ref().is_some_and(|it| it(right));
                let valid = latest.filter(|(_, right)| !is_deleted(right));
                let times = (Some(*at), valid.map(|(version, _)| *version));
                let mut pair = JoinContext::new(times, *at, ctx, out);
                match valid {
                    Some((_, right)) => function.process(left, right, &mut pair, out)?,
                    None if is_outer => function.process_unmatched_left(left, &mut pair, out)?,
                    None => {}
                }
            }
            Ok(())
        })
    }
}

impl<Left, Right, F> fmt::Debug for TemporalJoin<Left, Right, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporalJoin")
            .field("is_outer", &self.is_outer)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}
