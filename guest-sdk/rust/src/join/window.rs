//! Joins and co-groups of the records of two inputs that are in the same window.
//! Source: Flink, `JoinedStreams` and `CoGroupedStreams`, which are windows over a tagged union.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::function::{JoinContext, Pairs, ProcessJoinFunction};
use crate::codec::{Data, Key};
use crate::collector::{Collector, OutputTag};
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::{KeyedProcessFunction, KeyedTwoInputProcessFunction};
use crate::timers::Timer;
use crate::window::{
    Evictor, ProcessWindowFunction, Trigger, Window, WindowAssigner, WindowContext,
    WindowedOperator, Windowing,
};

/// A record of either input, as the windows of a join hold it. Source: Flink, `TaggedUnion`.
///
/// ```
/// use sandbar_sdk::OutputTag;
/// use sandbar_sdk::join::TaggedUnion;
///
/// const LATE: OutputTag<TaggedUnion<u32, String>> = OutputTag::new("late");
///
/// fn told(late: &TaggedUnion<u32, String>) -> String {
///     match late {
///         TaggedUnion::Left(number) => format!("the number {number} is late"),
///         TaggedUnion::Right(text) => format!("the text {text} is late"),
///     }
/// }
/// # assert_eq!(told(&TaggedUnion::Left(1)), "the number 1 is late");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaggedUnion<Left, Right> {
    /// A record of the left input.
    Left(Left),
    /// A record of the right input.
    Right(Right),
}

/// Joins or co-groups the records of two inputs with equal keys that are in the same window.
///
/// Results come when the window fires, with its last timestamp. Triggers, evictors and lateness are
/// those of [`Windowing`], over the records of both inputs; so is `numLateRecordsDropped`. All
/// records of a window are kept until it is cleaned up, a key's windows as one value.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::TumblingEventTimeWindows;
/// use sandbar_sdk::join::WindowJoin;
/// use sandbar_sdk::testing::OperatorHarness;
///
/// let seconds = TumblingEventTimeWindows::of(Duration::from_secs(1));
/// let join = WindowJoin::of(seconds)
///     .apply(|left: &(u32, String), right: &(u32, String)| format!("{}{}", left.1, right.1));
/// let mut harness =
///     OperatorHarness::setup().keyed_two_input_process(join, |left| left.0, |right| right.0)?;
/// harness.push_first((1, "a".to_owned()), 100)?;
/// harness.push_second((1, "x".to_owned()), 900)?;
/// harness.push_second((1, "y".to_owned()), 1000)?;
/// harness.watermark(2000)?;
/// assert_eq!(harness.take_output(), [("ax".to_owned(), Some(999))]);
/// # Ok::<(), sandbar_sdk::Error>(())
/// ```
pub struct WindowJoin<Left, Right, A, Tr>
where
    A: WindowAssigner<TaggedUnion<Left, Right>>,
{
    windowing: Windowing<TaggedUnion<Left, Right>, A, Tr>,
}

impl<Left, Right, A> WindowJoin<Left, Right, A, A::OwnTrigger>
where
    Left: Data,
    Right: Data,
    A: WindowAssigner<TaggedUnion<Left, Right>>,
{
    /// Starts with an assigner and its default trigger.
    pub fn of(assigner: A) -> Self {
        WindowJoin { windowing: Windowing::of(assigner) }
    }
}

impl<Left, Right, A, Tr> WindowJoin<Left, Right, A, Tr>
where
    Left: Data,
    Right: Data,
    A: WindowAssigner<TaggedUnion<Left, Right>>,
    Tr: Trigger<TaggedUnion<Left, Right>, A::Window>,
{
    /// Replaces the trigger.
    #[must_use]
    pub fn trigger<Other>(self, trigger: Other) -> WindowJoin<Left, Right, A, Other>
    where
        Other: Trigger<TaggedUnion<Left, Right>, A::Window>,
    {
        WindowJoin { windowing: self.windowing.trigger(trigger) }
    }

    /// As [`Windowing::evictor`].
    #[must_use]
    pub fn evictor(self, evictor: impl Evictor<TaggedUnion<Left, Right>, A::Window>) -> Self {
        WindowJoin { windowing: self.windowing.evictor(evictor) }
    }

    /// As [`Windowing::allowed_lateness`]: a late record makes its window fire again, with all of
    /// its pairs.
    #[must_use]
    pub fn allowed_lateness(self, lateness: Duration) -> Self {
        WindowJoin { windowing: self.windowing.allowed_lateness(lateness) }
    }

    /// As [`Windowing::side_output_late_data`]. Flink's joins have none.
    #[must_use]
    pub fn side_output_late_data(self, tag: &OutputTag<TaggedUnion<Left, Right>>) -> Self {
        WindowJoin { windowing: self.windowing.side_output_late_data(tag) }
    }

    /// Makes a result of each pair in a window: for each left record, in the order in which they
    /// came, each right record.
    pub fn apply<K: Key, Out: 'static, F>(
        self,
        function: F,
    ) -> WindowJoinOperator<K, Left, Right, Out>
    where
        F: FnMut(&Left, &Right) -> Out + 'static,
    {
        self.process(Pairs(function))
    }

    /// Processes each pair in a window with a function object. Pairs have no timestamps of their
    /// own.
    pub fn process<K: Key, Out: 'static>(
        self,
        function: impl ProcessJoinFunction<Left, Right, Out>,
    ) -> WindowJoinOperator<K, Left, Right, Out> {
        WindowJoinOperator(self.windowing.process(EachPair { function, marker: PhantomData }))
    }

    /// Gives the records of both inputs in a window to a closure, each in the order in which they
    /// came; one of the two may be empty. Source: Flink, `CoGroupFunction`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sandbar_sdk::TumblingEventTimeWindows;
    /// use sandbar_sdk::join::WindowJoin;
    /// use sandbar_sdk::testing::OperatorHarness;
    ///
    /// let seconds = TumblingEventTimeWindows::of(Duration::from_secs(1));
    /// let counts = WindowJoin::of(seconds)
    ///     .co_group(|lefts: &[&u32], rights: &[&u64], out| {
    ///         out.collect((lefts.len(), rights.len()));
    ///     });
    /// let mut harness =
    ///     OperatorHarness::setup().keyed_two_input_process(counts, |_| (), |_| ())?;
    /// harness.push_first(7, 0)?;
    /// harness.push_first(8, 0)?;
    /// harness.watermark(999)?;
    /// assert_eq!(harness.take_values(), [(2, 0)]);
    /// # Ok::<(), sandbar_sdk::Error>(())
    /// ```
    pub fn co_group<K: Key, Out: 'static, F>(
        self,
        function: F,
    ) -> WindowJoinOperator<K, Left, Right, Out>
    where
        F: FnMut(&[&Left], &[&Right], &mut Collector<Out>) + 'static,
    {
        WindowJoinOperator(self.windowing.process(Groups { function, marker: PhantomData }))
    }
}

impl<Left, Right, A, Tr> fmt::Debug for WindowJoin<Left, Right, A, Tr>
where
    A: WindowAssigner<TaggedUnion<Left, Right>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowJoin").field("windowing", &self.windowing).finish()
    }
}

/// The records of a window by their input.
fn split<Left, Right>(elements: &[TaggedUnion<Left, Right>]) -> (Vec<&Left>, Vec<&Right>) {
    let (mut lefts, mut rights) = (Vec::new(), Vec::new());
    for element in elements {
        match element {
            TaggedUnion::Left(left) => lefts.push(left),
            TaggedUnion::Right(right) => rights.push(right),
        }
    }
    (lefts, rights)
}

/// Calls a join function for each pair of a window.
struct EachPair<F, Left, Right> {
    function: F,
    marker: PhantomData<fn(Left, Right)>,
}

impl<K, Left, Right, Out, W, F> ProcessWindowFunction<K, TaggedUnion<Left, Right>, Out, W>
    for EachPair<F, Left, Right>
where
    K: Key,
    Left: 'static,
    Right: 'static,
    Out: 'static,
    W: Window,
    F: ProcessJoinFunction<Left, Right, Out>,
{
    type State = ();

    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.function.open(ctx)
    }

    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, K, W, ()>,
        elements: &[TaggedUnion<Left, Right>],
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let (lefts, rights) = split(elements);
        let at = ctx.window.max_timestamp();
        let mut pair = JoinContext::new((None, None), at, ctx.ctx, out);
        for left in lefts {
            for right in &rights {
                self.function.process(left, right, &mut pair, out)?;
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        self.function.close()
    }
}

/// Calls a closure for the groups of a window.
struct Groups<F, Left, Right> {
    function: F,
    marker: PhantomData<fn(Left, Right)>,
}

impl<K, Left, Right, Out, W, F> ProcessWindowFunction<K, TaggedUnion<Left, Right>, Out, W>
    for Groups<F, Left, Right>
where
    K: Key,
    Left: 'static,
    Right: 'static,
    F: FnMut(&[&Left], &[&Right], &mut Collector<Out>) + 'static,
{
    type State = ();

    fn process(
        &mut self,
        _ctx: &mut WindowContext<'_, K, W, ()>,
        elements: &[TaggedUnion<Left, Right>],
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let (lefts, rights) = split(elements);
        (self.function)(&lefts, &rights, out);
        Ok(())
    }
}

/// A window join or co-group with its function: a [`KeyedTwoInputProcessFunction`].
pub struct WindowJoinOperator<K, Left, Right, Out>(
    pub(crate) WindowedOperator<K, TaggedUnion<Left, Right>, Out>,
);

impl<K, Left, Right, Out> KeyedTwoInputProcessFunction<K, Left, Right, Out>
    for WindowJoinOperator<K, Left, Right, Out>
where
    K: Key,
    Left: 'static,
    Right: 'static,
    Out: 'static,
{
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.0.open(ctx)
    }

    fn process_first(
        &mut self,
        left: Left,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.0.process(TaggedUnion::Left(left), ctx, out)
    }

    fn process_second(
        &mut self,
        right: Right,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.0.process(TaggedUnion::Right(right), ctx, out)
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        self.0.on_timer(timer, ctx, out)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.0.close()
    }
}

impl<K, Left, Right, Out> fmt::Debug for WindowJoinOperator<K, Left, Right, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WindowJoinOperator").field(&self.0).finish()
    }
}
