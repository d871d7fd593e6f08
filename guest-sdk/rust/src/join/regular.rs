//! The regular join: all records of both inputs, whenever they come.
//! Source: Flink, `StreamingJoinOperator`.

mod rows;

use std::fmt;
use std::time::Duration;

use self::rows::{Names, Place, Rows};
use super::function::{JoinType, is_refused};
use super::joined_row::{JoinedRow, RowKind};
use crate::codec::{Data, Key};
use crate::collector::Collector;
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::KeyedTwoInputProcessFunction;

/// Names of the states.
pub(crate) const LEFT_ROWS: &str = "left-records";
pub(crate) const LEFT_SEALED: &str = "left-records-sealed";
pub(crate) const RIGHT_ROWS: &str = "right-records";
pub(crate) const RIGHT_SEALED: &str = "right-records-sealed";

const LEFT: Names = (LEFT_ROWS, LEFT_SEALED);
const RIGHT: Names = (RIGHT_ROWS, RIGHT_SEALED);

type Condition<Left, Right> = Box<dyn Fn(&Left, &Right) -> bool>;

/// Joins each record of the left input with all records of the right input that have the same key,
/// before it or after it. The inputs only ever add records; timestamps play no part, and results
/// have that of the record that made them.
///
/// A row of an outer join that lacks a side, emitted for a record without a partner, is taken back
/// when the first partner comes: a [`RowKind::Delete`] with the same sides goes before the
/// [`RowKind::Insert`] of the pair. An inner join only inserts. As in Flink, updates are written as
/// a delete and an insert.
///
/// All records are kept for ever unless [`RegularJoin::ttl`] is given. A record then expires that
/// long after it came, by processing time, or, if its input is an outer one, after the last time it
/// found a partner, since that writes it. What expires takes no result back. Equal records expire
/// one by one; in Flink, which stores them as one, each renews the others.
///
/// ```
/// use sandbar_sdk::join::{JoinType, RegularJoin};
/// use sandbar_sdk::testing::OperatorHarness;
///
/// let mut harness = OperatorHarness::setup().keyed_two_input_process(
///     RegularJoin::new(JoinType::LeftOuter).rows(),
///     |order: &(u32, String)| order.0,
///     |payment: &(u32, u64)| payment.0,
/// )?;
/// harness.push_first((1, "sand".to_owned()), 0)?;
/// harness.push_second((1, 30), 0)?;
/// let rows = harness.take_values().into_iter().map(|row| {
///     (row.kind.to_string(), row.left.map(|order| order.1), row.right.map(|payment| payment.1))
/// });
/// let sand = || Some("sand".to_owned());
/// assert_eq!(
///     rows.collect::<Vec<_>>(),
///     [
///         ("+I".to_owned(), sand(), None),
///         ("-D".to_owned(), sand(), None),
///         ("+I".to_owned(), sand(), Some(30)),
///     ]
/// );
/// # Ok::<(), sandbar_sdk::Error>(())
/// ```
pub struct RegularJoin<Left, Right, F = ()> {
    join_type: JoinType,
    condition: Option<Condition<Left, Right>>,
    left_ttl: Option<Duration>,
    right_ttl: Option<Duration>,
    function: F,
    left: Rows<Left>,
    right: Rows<Right>,
    /// Where partners of the current record are that must be written; kept for its memory.
    partners: Vec<Place>,
}

/// Makes a [`JoinedRow`] of a result.
pub(crate) type MakeRow<Left, Right> =
    fn(RowKind, Option<&Left>, Option<&Right>) -> JoinedRow<Left, Right>;

pub(crate) fn joined_row<Left: Clone, Right: Clone>(
    kind: RowKind,
    left: Option<&Left>,
    right: Option<&Right>,
) -> JoinedRow<Left, Right> {
    JoinedRow { kind, left: left.cloned(), right: right.cloned() }
}

impl<Left, Right> RegularJoin<Left, Right> {
    /// Joins all records of a key.
    pub fn new(join_type: JoinType) -> RegularJoin<Left, Right> {
        RegularJoin {
            join_type,
            condition: None,
            left_ttl: None,
            right_ttl: None,
            function: (),
            left: Rows::default(),
            right: Rows::default(),
            partners: Vec::new(),
        }
    }

    /// Also asks this of a pair; records that have only partners for which it is false have none.
    #[must_use]
    pub fn condition(mut self, condition: impl Fn(&Left, &Right) -> bool + 'static) -> Self {
        self.condition = Some(Box::new(condition));
        self
    }

    /// Lets the records of both inputs expire.
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        self.left_ttl(ttl).right_ttl(ttl)
    }

    /// Lets the records of the left input expire.
    #[must_use]
    pub fn left_ttl(mut self, ttl: Duration) -> Self {
        self.left_ttl = Some(ttl);
        self
    }

    /// Lets the records of the right input expire.
    #[must_use]
    pub fn right_ttl(mut self, ttl: Duration) -> Self {
        self.right_ttl = Some(ttl);
        self
    }

    /// Completes the join: results are [`JoinedRow`]s.
    pub fn rows(self) -> RegularJoin<Left, Right, MakeRow<Left, Right>>
    where
        Left: Clone + 'static,
        Right: Clone + 'static,
    {
        self.apply(joined_row::<Left, Right> as MakeRow<Left, Right>)
    }

    /// Completes the join with a closure that makes a result of its kind and its sides.
    pub fn apply<Out, F>(self, function: F) -> RegularJoin<Left, Right, F>
    where
        F: FnMut(RowKind, Option<&Left>, Option<&Right>) -> Out + 'static,
    {
        let RegularJoin {
            join_type, condition, left_ttl, right_ttl, left, right, partners, ..
        } = self;
        RegularJoin { join_type, condition, left_ttl, right_ttl, function, left, right, partners }
    }
}

/// One arrival: the record's own side and the other.
struct Arrival<'a, Own, Other> {
    own: &'a Rows<Own>,
    other: &'a Rows<Other>,
    own_is_outer: bool,
    other_is_outer: bool,
    now: i64,
}

impl<Own: Data, Other: Data> Arrival<'_, Own, Other> {
    /// Emits what a record makes, and lists those of its partners that must be written. Says
    /// whether it has any.
    fn join(
        &self,
        record: &Own,
        partners: &mut Vec<Place>,
        condition: impl Fn(&Own, &Other) -> bool,
        mut emit: impl FnMut(RowKind, Option<&Own>, Option<&Other>),
    ) -> Result<bool, Error> {
        partners.clear();
        let mut is_matched = false;
        self.other.visit(self.now, |place, matched, other| {
            if condition(record, other) {
                if self.other_is_outer && !matched {
                    emit(RowKind::Delete, None, Some(other));
                }
                emit(RowKind::Insert, Some(record), Some(other));
                is_matched = true;
                if self.other_is_outer && (!matched || self.other.expires()) {
                    partners.push(place);
                }
            }
        })?;
        if self.own_is_outer && !is_matched {
            emit(RowKind::Insert, Some(record), None);
        }
        Ok(is_matched)
    }

    /// Stores the record, and that its partners have one.
    fn store(&self, record: Own, is_matched: bool, partners: &[Place]) -> Result<(), Error> {
        self.other.mark(partners, self.now)?;
        self.own.append(record, is_matched, self.now)
    }
}

impl<Left, Right, F> RegularJoin<Left, Right, F> {
    /// The clock, asked only where records expire.
    fn now<K>(&self, ctx: &Context<K>) -> i64 {
        match (self.left_ttl, self.right_ttl) {
            (None, None) => 0,
            _ => ctx.current_processing_time(),
        }
    }
}

impl<K, Left, Right, Out, F> KeyedTwoInputProcessFunction<K, Left, Right, Out>
    for RegularJoin<Left, Right, F>
where
    K: Key,
    Left: Data,
    Right: Data,
    Out: 'static,
    F: FnMut(RowKind, Option<&Left>, Option<&Right>) -> Out + 'static,
{
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.left.open(ctx, LEFT, self.left_ttl)?;
        self.right.open(ctx, RIGHT, self.right_ttl)
    }

    fn process_first(
        &mut self,
        left: Left,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let now = self.now(ctx);
        let RegularJoin { condition, function, partners, .. } = self;
        let arrival = Arrival {
            own: &self.left,
            other: &self.right,
            own_is_outer: self.join_type.is_left_outer(),
            other_is_outer: self.join_type.is_right_outer(),
            now,
        };
        let holds = |own: &Left, other: &Right| condition.as_ref().is_none_or(|it| it(own, other));
        let emit = |kind, own: Option<&Left>, other: Option<&Right>| {
            out.collect(function(kind, own, other));
        };
        let is_matched = arrival.join(&left, partners, holds, emit)?;
        if is_refused(ctx, out) { Ok(()) } else { arrival.store(left, is_matched, partners) }
    }

    fn process_second(
        &mut self,
        right: Right,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let now = self.now(ctx);
        let RegularJoin { condition, function, partners, .. } = self;
        let arrival = Arrival {
            own: &self.right,
            other: &self.left,
            own_is_outer: self.join_type.is_right_outer(),
            other_is_outer: self.join_type.is_left_outer(),
            now,
        };
        let holds = |own: &Right, other: &Left| condition.as_ref().is_none_or(|it| it(other, own));
        let emit = |kind, own: Option<&Right>, other: Option<&Left>| {
            out.collect(function(kind, other, own));
        };
        let is_matched = arrival.join(&right, partners, holds, emit)?;
        if is_refused(ctx, out) { Ok(()) } else { arrival.store(right, is_matched, partners) }
    }
}

impl<Left, Right, F> fmt::Debug for RegularJoin<Left, Right, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegularJoin")
            .field("join_type", &self.join_type)
            .field("left_ttl", &self.left_ttl)
            .field("right_ttl", &self.right_ttl)
            .finish_non_exhaustive()
    }
}
