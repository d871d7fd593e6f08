//! The interval join: pairs whose timestamps are close to each other.
//! Source: Flink, `IntervalJoinOperator`; outer rows after Flink SQL's `TimeIntervalJoin`.

mod buffers;

use self::buffers::{Buffers, Keeping};
use super::function::{
    JoinContext, JoinType, Padded, Pairs, ProcessJoinFunction, event_time, is_refused,
};
use crate::codec::{Data, Key};
use crate::collector::{Collector, OutputTag};
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::KeyedTwoInputProcessFunction;
use crate::metrics::Counter;
use crate::state::{ValueState, ValueStateDescriptor};
use crate::timers::Timer;

/// The name of the one state.
pub(crate) const BUFFERS: &str = "buffers";

/// The counter of late records without a side output, by Flink's name for it.
const LATE_DROPPED: &str = "numLateRecordsDropped";

/// Joins each record of the left input with those of the right input that have the same key and a
/// timestamp from `left + lower` to `left + upper`, in milliseconds. By event time only.
///
/// - A pair is emitted when its second record arrives, with the larger of the two timestamps;
///   the partners of a record are visited in the order of their timestamps.
/// - A record with a timestamp below the watermark is late: it goes to a side output if there is
///   one for its input, else it is dropped and counted in `numLateRecordsDropped`. A record without
///   a timestamp is bad.
/// - A record with exactly the watermark's timestamp is not late; it may miss partners that are no
///   longer kept.
/// - A left record is kept until the watermark reaches `left + upper`, or its own timestamp if
///   `upper` is negative; a right record likewise with `-lower`. All with about one timer per key.
///   Inner joins keep a record for up to an eighth of the interval longer, so that many go
///   together.
/// - In an outer join ([`IntervalJoin::join_type`]) a record that found no partner is processed
///   when it is no longer kept, with that time as its timestamp, since its own would be late by
///   then. Late records take no part.
///
/// What it keeps of a key is stored as one value: where an interval holds very many records of one
/// key, checkpoints write all of them.
///
/// ```
/// use sandbar_sdk::join::IntervalJoin;
/// use sandbar_sdk::prelude::*;
///
/// type Click = (String, String);
/// type Purchase = (String, u64);
///
/// sandbar_sdk::plugin! {
///     name: "shop",
///     version: "1.0.0",
///     operators: |plugin| {
///         plugin
///             .keyed_two_input_process::<String, Click, Purchase, String>(
///                 "clicks-to-purchases",
///                 IntervalJoin::between(0, 60_000)
///                     .upper_bound_exclusive()
///                     .apply(|click: &Click, purchase: &Purchase| {
///                         format!("{} paid {} after {}", click.0, purchase.1, click.1)
///                     }),
///             )
///             .first_input(Json)
///             .second_input(Json)
///             .output(Text);
///     },
/// }
/// # fn main() {}
/// ```
pub struct IntervalJoin<Left, Right, F = ()> {
    lower: i64,
    upper: i64,
    lower_exclusive: bool,
    upper_exclusive: bool,
    join_type: JoinType,
    left_late: Option<OutputTag<Left>>,
    right_late: Option<OutputTag<Right>>,
    function: F,
    buffers: ValueState<Buffers<Left, Right>>,
    late_dropped: Counter,
}

impl<Left, Right> IntervalJoin<Left, Right> {
    /// Joins within bounds in milliseconds, which may be negative; both are included.
    ///
    /// A lower bound above the upper one is refused when the operator opens.
    pub fn between(lower: i64, upper: i64) -> IntervalJoin<Left, Right> {
        IntervalJoin {
            lower,
            upper,
            lower_exclusive: false,
            upper_exclusive: false,
            join_type: JoinType::Inner,
            left_late: None,
            right_late: None,
            function: (),
            buffers: ValueState::default(),
            late_dropped: Counter::default(),
        }
    }

    /// Leaves out pairs that are exactly the lower bound apart.
    #[must_use]
    pub fn lower_bound_exclusive(mut self) -> Self {
        self.lower_exclusive = true;
        self
    }

    /// Leaves out pairs that are exactly the upper bound apart.
    #[must_use]
    pub fn upper_bound_exclusive(mut self) -> Self {
        self.upper_exclusive = true;
        self
    }

    /// Keeps records without a partner, too.
    #[must_use]
    pub fn join_type(mut self, join_type: JoinType) -> Self {
        self.join_type = join_type;
        self
    }

    /// Sends late records of the left input to a side output.
    #[must_use]
    pub fn side_output_left_late_data(mut self, tag: &OutputTag<Left>) -> Self {
        self.left_late = Some(tag.clone());
        self
    }

    /// Sends late records of the right input to a side output.
    #[must_use]
    pub fn side_output_right_late_data(mut self, tag: &OutputTag<Right>) -> Self {
        self.right_late = Some(tag.clone());
        self
    }

    /// Completes the join with a function object.
    pub fn process<F>(self, function: F) -> IntervalJoin<Left, Right, F> {
        let IntervalJoin { lower, upper, lower_exclusive, upper_exclusive, .. } = self;
        let IntervalJoin { join_type, left_late, right_late, buffers, late_dropped, .. } = self;
        IntervalJoin {
            lower,
            upper,
            lower_exclusive,
            upper_exclusive,
            join_type,
            left_late,
            right_late,
            function,
            buffers,
            late_dropped,
        }
    }

    /// Completes the join with a closure over pairs.
    pub fn apply<Out, F>(self, function: F) -> IntervalJoin<Left, Right, Pairs<F>>
    where
        F: FnMut(&Left, &Right) -> Out + 'static,
    {
        self.process(Pairs(function))
    }

    /// Completes an outer join with a closure over pairs in which one side may be missing.
    pub fn apply_outer<Out, F>(self, function: F) -> IntervalJoin<Left, Right, Padded<F>>
    where
        F: FnMut(Option<&Left>, Option<&Right>) -> Out + 'static,
    {
        self.process(Padded(function))
    }

    /// Why it cannot be built.
    pub(crate) fn problem(&self) -> Option<String> {
        problem(self.lower, self.upper)
    }
}

/// Source: Flink, the constructor of `IntervalJoinOperator`.
fn problem(lower: i64, upper: i64) -> Option<String> {
    (lower > upper).then(|| {
        format!(
            "an interval join has the lower bound {lower} above its upper bound {upper}: \
             exchange them"
        )
    })
}

impl<Left: Data, Right: Data, F> IntervalJoin<Left, Right, F> {
    /// The bounds with both ends included.
    #[inline]
    fn bounds(&self) -> (i64, i64) {
        let lower = self.lower.saturating_add(i64::from(self.lower_exclusive));
        (lower, self.upper.saturating_sub(i64::from(self.upper_exclusive)))
    }

    #[inline]
    fn keeping(&self) -> Keeping {
        let (lower, upper) = self.bounds();
        let step = match self.join_type {
            JoinType::Inner => Keeping::step(lower, upper),
            JoinType::LeftOuter | JoinType::RightOuter | JoinType::FullOuter => 1,
        };
        Keeping { left: upper.max(0), right: lower.saturating_neg().max(0), step }
    }

    fn late<K, T: 'static>(
        dropped: &Counter,
        tag: Option<&OutputTag<T>>,
        value: T,
        ctx: &mut Context<K>,
    ) {
        match tag {
            Some(tag) => ctx.output(tag, value),
            None => dropped.increment(),
        }
    }
}

impl<K, Left, Right, Out, F> KeyedTwoInputProcessFunction<K, Left, Right, Out>
    for IntervalJoin<Left, Right, F>
where
    K: Key,
    Left: Data,
    Right: Data,
    Out: 'static,
    F: ProcessJoinFunction<Left, Right, Out>,
{
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        if let Some(problem) = problem(self.lower, self.upper) {
            return Err(Error::fatal(problem));
        }
        self.buffers = ctx.value_state(ValueStateDescriptor::new(BUFFERS))?;
        self.buffers.touch_behind(|buffers| {
            buffers.left.touch();
            buffers.right.touch();
        });
        self.late_dropped = ctx.counter(LATE_DROPPED)?;
        self.function.open(ctx)
    }

    fn process_first(
        &mut self,
        left: Left,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let at = event_time(ctx)?;
        if at < ctx.current_watermark() {
            Self::late(&self.late_dropped, self.left_late.as_ref(), left, ctx);
            return Ok(());
        }
        let (keeping, (lower, upper)) = (self.keeping(), self.bounds());
        let low = at.saturating_add(lower);
        let high = at.saturating_add(upper);
        let (function, join_type) = (&mut self.function, self.join_type);
        self.buffers.modify(|cell| {
            let buffers = cell.get_or_insert_default();
            let found = buffers.right.find(low, high, |right_at, right| {
                let times = (Some(at), Some(right_at));
                let mut pair = JoinContext::new(times, at.max(right_at), ctx, out);
                function.process(&left, right, &mut pair, out)
            })?;
            if is_refused(ctx, out) {
                return Ok(());
            }
            let before = keeping.first_expiry(buffers);
            buffers.left.insert(at, found.is_any(), left);
            if join_type.is_right_outer() {
                buffers.right.mark(found);
            }
            keeping.move_timer(before, buffers, ctx)
        })
    }

    fn process_second(
        &mut self,
        right: Right,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let at = event_time(ctx)?;
        if at < ctx.current_watermark() {
            Self::late(&self.late_dropped, self.right_late.as_ref(), right, ctx);
            return Ok(());
        }
        let (keeping, (lower, upper)) = (self.keeping(), self.bounds());
        let low = at.saturating_sub(upper);
        let high = at.saturating_sub(lower);
        let (function, join_type) = (&mut self.function, self.join_type);
        self.buffers.modify(|cell| {
            let buffers = cell.get_or_insert_default();
            let found = buffers.left.find(low, high, |left_at, left| {
                let times = (Some(left_at), Some(at));
                let mut pair = JoinContext::new(times, at.max(left_at), ctx, out);
                function.process(left, &right, &mut pair, out)
            })?;
            if is_refused(ctx, out) {
                return Ok(());
            }
            let before = keeping.first_expiry(buffers);
            buffers.right.insert(at, found.is_any(), right);
            if join_type.is_left_outer() {
                buffers.left.mark(found);
            }
            keeping.move_timer(before, buffers, ctx)
        })
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let (watermark, keeping) = (ctx.current_watermark(), self.keeping());
        let (join_type, function) = (self.join_type, &mut self.function);
        let is_expired = |at: i64, kept: i64| at.saturating_add(kept) <= watermark;
        self.buffers.modify(|cell| {
            let Some(buffers) = cell else { return Ok(()) };
            buffers.left.expire(
                |at| is_expired(at, keeping.left),
                |at, left| {
                    if !join_type.is_left_outer() {
                        return Ok(());
                    }
                    let until = at.saturating_add(keeping.left);
                    let mut alone = JoinContext::new((Some(at), None), until, ctx, out);
                    function.process_unmatched_left(left, &mut alone, out)
                },
            )?;
            buffers.right.expire(
                |at| is_expired(at, keeping.right),
                |at, right| {
                    if !join_type.is_right_outer() {
                        return Ok(());
                    }
                    let until = at.saturating_add(keeping.right);
                    let mut alone = JoinContext::new((None, Some(at)), until, ctx, out);
                    function.process_unmatched_right(right, &mut alone, out)
                },
            )?;
            let registered = keeping.register(buffers, ctx);
            if buffers.left.first().is_none() && buffers.right.first().is_none() {
                *cell = None;
            }
            registered
        })
    }

    fn close(&mut self) -> Result<(), Error> {
        self.function.close()
    }
}

impl<Left, Right, F> std::fmt::Debug for IntervalJoin<Left, Right, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IntervalJoin")
            .field("lower", &self.lower)
            .field("upper", &self.upper)
            .field("join_type", &self.join_type)
            .finish_non_exhaustive()
    }
}
