//! What joins call for pairs of records, and for records that found no partner.

use std::fmt;

use crate::collector::{Collector, OutputTag, SideOutputs};
use crate::context::{Context, RuntimeContext};
use crate::error::Error;

/// Which records of a join come out although they found no partner.
///
/// ```
/// use sandbar_sdk::join::JoinType;
///
/// assert!(JoinType::LeftOuter.is_left_outer() && !JoinType::LeftOuter.is_right_outer());
/// assert!(JoinType::FullOuter.is_left_outer() && JoinType::FullOuter.is_right_outer());
/// assert_eq!(JoinType::default(), JoinType::Inner);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum JoinType {
    /// None do. The default.
    #[default]
    Inner,
    /// Those of the left input.
    LeftOuter,
    /// Those of the right input.
    RightOuter,
    /// Those of both inputs.
    FullOuter,
}

impl JoinType {
    /// Whether records of the left input come out without a partner.
    pub fn is_left_outer(self) -> bool {
        matches!(self, JoinType::LeftOuter | JoinType::FullOuter)
    }

    /// Whether records of the right input come out without a partner.
    pub fn is_right_outer(self) -> bool {
        matches!(self, JoinType::RightOuter | JoinType::FullOuter)
    }
}

/// A function over joined pairs. Source: Flink, `ProcessJoinFunction`, which has no counterpart of
/// the last two methods: in Flink outer joins by time are SQL's.
///
/// ```
/// use sandbar_sdk::join::{IntervalJoin, JoinContext, ProcessJoinFunction};
/// use sandbar_sdk::prelude::*;
/// use sandbar_sdk::testing::OperatorHarness;
///
/// type Order = (u32, String);
/// type Payment = (u32, u64);
///
/// const SLOW: OutputTag<u32> = OutputTag::new("slow");
///
/// struct Paid;
///
/// impl ProcessJoinFunction<Order, Payment, String> for Paid {
///     fn process(
///         &mut self,
///         order: &Order,
///         payment: &Payment,
///         ctx: &mut JoinContext<'_>,
///         out: &mut Collector<String>,
///     ) -> Result<()> {
///         if ctx.right_timestamp() > ctx.left_timestamp().map(|ordered| ordered + 10) {
///             ctx.output(&SLOW, order.0);
///         }
///         out.collect(format!("{} for {}", order.1, payment.1));
///         Ok(())
///     }
/// }
///
/// let mut harness = OperatorHarness::setup().side_output(&SLOW).keyed_two_input_process(
///     IntervalJoin::between(0, 60).process(Paid),
///     |order: &Order| order.0,
///     |payment: &Payment| payment.0,
/// )?;
/// harness.push_first((1, "sand".to_owned()), 100)?;
/// harness.push_second((1, 30), 120)?;
/// assert_eq!(harness.take_output(), [("sand for 30".to_owned(), Some(120))]);
/// assert_eq!(harness.take_side_output(&SLOW), [1]);
/// # Ok::<(), Error>(())
/// ```
pub trait ProcessJoinFunction<Left, Right, Out>: 'static {
    /// Prepares for the first pair: metrics, operator state.
    ///
    /// # Errors
    /// Any error fails the task.
    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    /// Processes a pair. What is emitted has the timestamp of the pair.
    ///
    /// # Errors
    /// An error refuses the record that arrived last of the two; see [`Error`]. In a join that
    /// waits for the watermark any error fails the task.
    fn process(
        &mut self,
        left: &Left,
        right: &Right,
        ctx: &mut JoinContext<'_>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;

    /// Processes a record of the left input that found no partner; only called if the join type
    /// keeps these.
    ///
    /// # Errors
    /// Any error fails the task.
    fn process_unmatched_left(
        &mut self,
        _left: &Left,
        _ctx: &mut JoinContext<'_>,
        _out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Processes a record of the right input that found no partner; only called if the join type
    /// keeps these.
    ///
    /// # Errors
    /// Any error fails the task.
    fn process_unmatched_right(
        &mut self,
        _right: &Right,
        _ctx: &mut JoinContext<'_>,
        _out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Cleans up. Nothing may be emitted.
    ///
    /// # Errors
    /// Any error fails the task.
    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Makes a join function of a closure over pairs. Records without a partner yield nothing.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<F>(pub(crate) F);

impl<Left, Right, Out, F> ProcessJoinFunction<Left, Right, Out> for Pairs<F>
where
    Out: 'static,
    F: FnMut(&Left, &Right) -> Out + 'static,
{
    #[inline]
    fn process(
        &mut self,
        left: &Left,
        right: &Right,
        _ctx: &mut JoinContext<'_>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        out.collect((self.0)(left, right));
        Ok(())
    }
}

/// Makes a join function of a closure over pairs in which one side may be missing.
#[derive(Clone, Copy, Debug)]
pub struct Padded<F>(pub(crate) F);

impl<Left, Right, Out, F> ProcessJoinFunction<Left, Right, Out> for Padded<F>
where
    Out: 'static,
    F: FnMut(Option<&Left>, Option<&Right>) -> Out + 'static,
{
    #[inline]
    fn process(
        &mut self,
        left: &Left,
        right: &Right,
        _ctx: &mut JoinContext<'_>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        out.collect((self.0)(Some(left), Some(right)));
        Ok(())
    }

    fn process_unmatched_left(
        &mut self,
        left: &Left,
        _ctx: &mut JoinContext<'_>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        out.collect((self.0)(Some(left), None));
        Ok(())
    }

    fn process_unmatched_right(
        &mut self,
        right: &Right,
        _ctx: &mut JoinContext<'_>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        out.collect((self.0)(None, Some(right)));
        Ok(())
    }
}

/// Makes a join function of a closure over left records and their right ones, if they have any.
#[derive(Clone, Copy, Debug)]
pub struct PaddedRight<F>(pub(crate) F);

impl<Left, Right, Out, F> ProcessJoinFunction<Left, Right, Out> for PaddedRight<F>
where
    Out: 'static,
    F: FnMut(&Left, Option<&Right>) -> Out + 'static,
{
    #[inline]
    fn process(
        &mut self,
        left: &Left,
        right: &Right,
        _ctx: &mut JoinContext<'_>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        out.collect((self.0)(left, Some(right)));
        Ok(())
    }

    fn process_unmatched_left(
        &mut self,
        left: &Left,
        _ctx: &mut JoinContext<'_>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        out.collect((self.0)(left, None));
        Ok(())
    }
}

/// What a join function can see of a pair: the timestamps, in milliseconds since the Unix epoch,
/// and the side outputs.
pub struct JoinContext<'a> {
    left: Option<i64>,
    right: Option<i64>,
    timestamp: i64,
    operator: u32,
    sides: &'a mut SideOutputs,
}

impl<'a> JoinContext<'a> {
    /// The context of a pair, of which what is emitted has the timestamp `timestamp`.
    #[inline]
    pub(crate) fn new<K, Out: 'static>(
        (left, right): (Option<i64>, Option<i64>),
        timestamp: i64,
        ctx: &'a mut Context<K>,
        out: &mut Collector<Out>,
    ) -> JoinContext<'a> {
        out.set_timestamp(timestamp);
        let (operator, sides) = ctx.sides();
        JoinContext { left, right, timestamp, operator, sides }
    }

    /// The timestamp of the left record; none if there is no left record.
    pub fn left_timestamp(&self) -> Option<i64> {
        self.left
    }

    /// The timestamp of the right record; none if there is no right record.
    pub fn right_timestamp(&self) -> Option<i64> {
        self.right
    }

    /// The timestamp of what is emitted.
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// Emits to a side output, with the timestamp of the pair. Dropped if nobody reads it.
    pub fn output<T: 'static>(&mut self, tag: &OutputTag<T>, value: T) {
        self.sides.push(self.operator, tag, self.timestamp, value);
    }
}

impl fmt::Debug for JoinContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinContext")
            .field("left", &self.left)
            .field("right", &self.right)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

/// Whether the current record will be refused although its function has not failed: something that
/// it emitted could not be taken.
#[inline]
pub(super) fn is_refused<K, Out: 'static>(ctx: &mut Context<K>, out: &Collector<Out>) -> bool {
    out.has_failed() || ctx.sides().1.has_failed()
}

/// The timestamp of the current record, which a join by event time cannot do without.
///
/// # Errors
/// The record has none: it is bad. Source: Flink, `IntervalJoinOperator.processElement`.
#[inline]
pub(super) fn event_time<K>(ctx: &Context<K>) -> Result<i64, Error> {
    ctx.timestamp().ok_or_else(|| {
        Error::bad_record("a record of a join by event time has no timestamp: assign timestamps")
    })
}
