//! Windows in two phases for plugins: the operator in front of the exchange, and the one behind it.

use std::fmt;

use super::assigner::WindowAssigner;
use super::contents::{By, OfFolded};
use super::function::ProcessWindowFunction;
use super::trigger::Trigger;
use super::windowing::{WindowedOperator, Windowing};
use crate::chain::erased::AnyPipe;
use crate::codec::{Data, Key};
use crate::error::{Error, Result};
use crate::function::AggregateFunction;
use crate::function::accumulate::{Aggregated, Merged, Partial};
use crate::operator::combine::Read;
use crate::operator::definition::Wiring;
use crate::operator::local_aggregate::{Slices, local_aggregate};
use crate::stream::TwoPhase;

type Build = dyn FnOnce(Wiring) -> Result<Vec<AnyPipe>>;

/// The first phase of an aggregation in two: an operator without keys that puts together what it
/// can of each key, and emits keys with accumulators. A plugin registers it with
/// [`crate::plugin::PluginBuilder::local_aggregate_with`].
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::aggregates::CountAggregate;
/// use sandbar_sdk::prelude::*;
/// use sandbar_sdk::testing::OperatorHarness;
/// use sandbar_sdk::LocalAggregate;
///
/// let seconds = Windowing::of(TumblingEventTimeWindows::of(Duration::from_secs(1)));
/// let read = |word: String| Ok((word.clone(), word));
/// let local =
///     LocalAggregate::windows(&seconds, TwoPhase::new(), read, CountAggregate::default())?;
/// let mut harness = OperatorHarness::setup().local_aggregate(local)?;
/// harness.push_batch([("a".to_owned(), 10), ("b".to_owned(), 20), ("a".to_owned(), 900)])?;
/// assert_eq!(harness.take_output(), []);
/// harness.watermark(999)?;
/// assert_eq!(
///     harness.take_output(),
///     [(("a".to_owned(), 2), Some(999)), (("b".to_owned(), 1), Some(999))]
/// );
/// # Ok::<(), Error>(())
/// ```
pub struct LocalAggregate<In, K, S> {
    build: Box<Build>,
    marker: std::marker::PhantomData<fn(In) -> Partial<K, S>>,
}

impl<In: 'static, K: Key, S: Data> LocalAggregate<In, K, S> {
    /// Without windows: puts together what `read` reads of records under the keys that it reads.
    ///
    /// # Errors
    /// The settings are none.
    pub fn keyed<T: Data, G>(
        settings: TwoPhase,
        read: impl FnMut(In) -> Result<(K, T)> + 'static,
        aggregate: G,
    ) -> Result<LocalAggregate<In, K, S>>
    where
        G: AggregateFunction<In = T, Accumulator = S, Output: Clone + 'static>,
    {
        LocalAggregate::of(settings, Slices::none(), Read::new(read, Aggregated(aggregate)))
    }

    /// For windows: puts together what is in the same windows.
    ///
    /// # Errors
    /// The settings are none, or the windows are of no kind that can be aggregated in two phases;
    /// see [`crate::WindowedStream::two_phase`].
    pub fn windows<T: Data, G, A: WindowAssigner<T>, Tr: Trigger<T, A::Window>>(
        windowing: &Windowing<T, A, Tr>,
        settings: TwoPhase,
        read: impl FnMut(In) -> Result<(K, T)> + 'static,
        aggregate: G,
    ) -> Result<LocalAggregate<In, K, S>>
    where
        G: AggregateFunction<In = T, Accumulator = S, Output: Clone + 'static>,
    {
        let panes = windowing.two_phase_panes().map_err(Error::fatal)?;
        let combine = Read::new(read, Aggregated(aggregate));
        LocalAggregate::of(settings, Slices::of_panes(&panes), combine)
    }

    fn of<T, F, C>(settings: TwoPhase, slices: Slices, combine: Read<In, F, C>) -> Result<Self>
    where
        T: Data,
        F: FnMut(In) -> Result<(K, T)> + 'static,
        C: crate::function::accumulate::Accumulate<In = T, Stored = S>,
    {
        if let Some(why) = settings.refusal() {
            return Err(Error::fatal(why));
        }
        let bounds = settings.bounds();
        let build = Box::new(move |wiring| local_aggregate(combine, slices, bounds, wiring));
        Ok(LocalAggregate { build, marker: std::marker::PhantomData })
    }

    pub(crate) fn build(self, wiring: Wiring) -> Result<Vec<AnyPipe>> {
        (self.build)(wiring)
    }
}

impl<In, K, S> fmt::Debug for LocalAggregate<In, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalAggregate").finish_non_exhaustive()
    }
}

impl<T: Data, A: WindowAssigner<T>, Tr: Trigger<T, A::Window>> Windowing<T, A, Tr> {
    /// The second phase of windows in two: merges the accumulators that a [`LocalAggregate`] of the
    /// same windows has emitted, and gives the result of each window to a function.
    ///
    /// # Errors
    /// The windows are of no kind that can be aggregated in two phases.
    pub fn merge_with<K: Key, G, Out: 'static>(
        self,
        aggregate: G,
        function: impl ProcessWindowFunction<K, G::Output, Out, A::Window>,
    ) -> Result<WindowedOperator<K, (K, G::Accumulator), Out>>
    where
        G: AggregateFunction<In = T, Accumulator: Data, Output: Clone + 'static>,
    {
        let panes = self.two_phase_panes().map_err(Error::fatal)?;
        let windows = self.of_partials(panes);
        let function = By(function, std::marker::PhantomData);
        Ok(windows.build_folded(function.of(Merged::new(Aggregated(aggregate)))))
    }
}
