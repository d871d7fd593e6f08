//! Joins of keyed streams: what [`crate::join`] has, as methods of streams.

use std::any::type_name;
use std::fmt;
use std::time::Duration;

use super::connected_streams::KeyedConnectedStreams;
use super::data_stream::DataStream;
use super::keyed_stream::KeyedStream;
use crate::codec::{Data, Key};
use crate::collector::OutputTag;
use crate::join::{
    BUFFERS, IntervalJoin, JoinType, JoinedRow, LEFT_ROWS, LEFT_SEALED, PROBE, ProcessJoinFunction,
    RIGHT_ROWS, RIGHT_SEALED, RegularJoin, RowKind, TemporalJoin, VERSIONS, joined_row,
};

impl<K: Key, T: Data> KeyedStream<K, T> {
    /// Pairs this stream with another that is keyed alike, for operators with two inputs. Source:
    /// Flink, `KeyedStream.connect`.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    ///
    /// fn told<F>(users: &DataStream<u32>, names: &DataStream<String>, function: F)
    /// where
    ///     F: KeyedTwoInputProcessFunction<u64, u32, String, String>,
    /// {
    ///     let users = users.key_by(|user| u64::from(*user));
    ///     let told = users.connect(&names.key_by(|name| name.len() as u64)).process(function);
    ///     told.sink_to(PrintSink::text());
    /// }
    /// ```
    pub fn connect<U: Data>(&self, other: &KeyedStream<K, U>) -> KeyedConnectedStreams<K, T, U> {
        KeyedConnectedStreams::new(self, other)
    }

    /// Joins with the records of another stream whose timestamps are close; see [`IntervalJoin`].
    /// Source: Flink, `KeyedStream.intervalJoin`.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    ///
    /// const LATE: OutputTag<(String, u64)> = OutputTag::new("late payments");
    ///
    /// fn paid(
    ///     orders: &DataStream<(String, u32)>,
    ///     payments: &DataStream<(String, u64)>,
    /// ) -> DataStream<String> {
    ///     let orders = orders.key_by(|order| order.0.clone());
    ///     let paid = orders
    ///         .interval_join(&payments.key_by(|payment| payment.0.clone()))
    ///         .between(0, 3_600_000)
    ///         .upper_bound_exclusive()
    ///         .side_output_right_late_data(&LATE)
    ///         .apply_left_outer(|order, payment| match payment {
    ///             Some(payment) => format!("{}: {}", order.0, payment.1),
    ///             None => format!("{}: not within the hour", order.0),
    ///         });
    ///     paid.side_output(&LATE).sink_to(PrintSink::json());
    ///     paid
    /// }
    /// ```
    pub fn interval_join<U: Data>(&self, other: &KeyedStream<K, U>) -> IntervalJoinOf<K, T, U> {
        IntervalJoinOf(self.connect(other))
    }

    /// Joins with all records of another stream, whenever they come; see [`RegularJoin`]. Source:
    /// Flink, `docs/content/docs/dev/table/sql/queries/joins.md`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sandbar_sdk::join::{JoinType, JoinedRow};
    /// use sandbar_sdk::prelude::*;
    ///
    /// type Auction = (u64, String);
    /// type Bid = (u64, u32);
    ///
    /// fn bids(
    ///     auctions: &DataStream<Auction>,
    ///     bids: &DataStream<Bid>,
    /// ) -> DataStream<JoinedRow<Auction, Bid>> {
    ///     auctions
    ///         .key_by(|auction| auction.0)
    ///         .regular_join(&bids.key_by(|bid| bid.0), JoinType::LeftOuter)
    ///         .ttl(Duration::from_secs(86_400))
    ///         .rows()
    /// }
    /// ```
    pub fn regular_join<U: Data>(
        &self,
        other: &KeyedStream<K, U>,
        join_type: JoinType,
    ) -> RegularJoined<K, T, U> {
        RegularJoined { streams: self.connect(other), join: RegularJoin::new(join_type) }
    }

    /// Joins each record with the version of another stream's key that was valid at its time; see
    /// [`TemporalJoin`]. Source: Flink,
    /// `docs/content/docs/dev/table/sql/queries/joins.md`, event time temporal join.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    ///
    /// type Amount = (String, u64);
    ///
    /// fn in_euros(orders: &DataStream<Amount>, rates: &DataStream<Amount>) -> DataStream<u64> {
    ///     orders
    ///         .key_by(|order| order.0.clone())
    ///         .temporal_join(&rates.key_by(|rate| rate.0.clone()))
    ///         .apply(|order, rate| order.1 * rate.1)
    /// }
    /// ```
    pub fn temporal_join<U: Data>(&self, versions: &KeyedStream<K, U>) -> TemporalJoined<K, T, U> {
        TemporalJoined { streams: self.connect(versions), join: TemporalJoin::new() }
    }
}

/// Two keyed streams that are to be joined by time.
pub struct IntervalJoinOf<K, Left, Right>(KeyedConnectedStreams<K, Left, Right>);

impl<K: Key, Left: Data, Right: Data> IntervalJoinOf<K, Left, Right> {
    /// Joins within bounds in milliseconds, as [`IntervalJoin::between`].
    pub fn between(self, lower: i64, upper: i64) -> IntervalJoined<K, Left, Right> {
        let join = IntervalJoin::between(lower, upper);
        self.0.refuse(join.problem());
        IntervalJoined { streams: self.0, join }
    }
}

/// Two keyed streams and the interval within which they are joined.
pub struct IntervalJoined<K, Left, Right> {
    streams: KeyedConnectedStreams<K, Left, Right>,
    join: IntervalJoin<Left, Right>,
}

impl<K: Key, Left: Data, Right: Data> IntervalJoined<K, Left, Right> {
    /// As [`IntervalJoin::lower_bound_exclusive`].
    #[must_use]
    pub fn lower_bound_exclusive(mut self) -> Self {
        self.join = self.join.lower_bound_exclusive();
        self
    }

    /// As [`IntervalJoin::upper_bound_exclusive`].
    #[must_use]
    pub fn upper_bound_exclusive(mut self) -> Self {
        self.join = self.join.upper_bound_exclusive();
        self
    }

    /// As [`IntervalJoin::join_type`].
    #[must_use]
    pub fn join_type(mut self, join_type: JoinType) -> Self {
        self.join = self.join.join_type(join_type);
        self
    }

    /// As [`IntervalJoin::side_output_left_late_data`].
    #[must_use]
    pub fn side_output_left_late_data(mut self, tag: &OutputTag<Left>) -> Self {
        self.join = self.join.side_output_left_late_data(tag);
        self
    }

    /// As [`IntervalJoin::side_output_right_late_data`].
    #[must_use]
    pub fn side_output_right_late_data(mut self, tag: &OutputTag<Right>) -> Self {
        self.join = self.join.side_output_right_late_data(tag);
        self
    }

    /// Processes the pairs with a function object.
    pub fn process<Out: Clone + 'static>(
        self,
        function: impl ProcessJoinFunction<Left, Right, Out>,
    ) -> DataStream<Out> {
        let states = [(BUFFERS, "value", type_name::<(Left, Right)>())];
        self.streams.add("Interval Join", self.join.process(function), &states)
    }

    /// Makes a result of each pair.
    pub fn apply<Out: Clone + 'static>(
        self,
        function: impl FnMut(&Left, &Right) -> Out + 'static,
    ) -> DataStream<Out> {
        self.process(crate::join::Pairs(function))
    }

    /// Makes a result of each pair, and of each record without a partner that the join type keeps.
    pub fn apply_outer<Out: Clone + 'static>(
        self,
        function: impl FnMut(Option<&Left>, Option<&Right>) -> Out + 'static,
    ) -> DataStream<Out> {
        self.process(crate::join::Padded(function))
    }

    /// Makes a result of each pair, and of each record of the left stream without a partner,
    /// whatever the join type was.
    pub fn apply_left_outer<Out: Clone + 'static>(
        self,
        function: impl FnMut(&Left, Option<&Right>) -> Out + 'static,
    ) -> DataStream<Out> {
        self.join_type(JoinType::LeftOuter).process(crate::join::PaddedRight(function))
    }
}

/// Two keyed streams of which all records are joined.
pub struct RegularJoined<K, Left, Right> {
    streams: KeyedConnectedStreams<K, Left, Right>,
    join: RegularJoin<Left, Right>,
}

impl<K: Key, Left: Data, Right: Data> RegularJoined<K, Left, Right> {
    /// As [`RegularJoin::condition`].
    #[must_use]
    pub fn condition(mut self, condition: impl Fn(&Left, &Right) -> bool + 'static) -> Self {
        self.join = self.join.condition(condition);
        self
    }

    /// As [`RegularJoin::ttl`].
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.join = self.join.ttl(ttl);
        self
    }

    /// As [`RegularJoin::left_ttl`].
    #[must_use]
    pub fn left_ttl(mut self, ttl: Duration) -> Self {
        self.join = self.join.left_ttl(ttl);
        self
    }

    /// As [`RegularJoin::right_ttl`].
    #[must_use]
    pub fn right_ttl(mut self, ttl: Duration) -> Self {
        self.join = self.join.right_ttl(ttl);
        self
    }

    /// A changelog of the joined rows.
    pub fn rows(self) -> DataStream<JoinedRow<Left, Right>> {
        self.apply(joined_row::<Left, Right>)
    }

    /// Makes a result of each joined row, which is added or taken back, and its sides.
    pub fn apply<Out: Clone + 'static>(
        self,
        function: impl FnMut(RowKind, Option<&Left>, Option<&Right>) -> Out + 'static,
    ) -> DataStream<Out> {
        let states = [
            (LEFT_ROWS, "value", type_name::<Left>()),
            (LEFT_SEALED, "map", type_name::<Left>()),
            (RIGHT_ROWS, "value", type_name::<Right>()),
            (RIGHT_SEALED, "map", type_name::<Right>()),
        ];
        self.streams.add("Join", self.join.apply(function), &states)
    }
}

/// A keyed stream and the versions that its records are joined with.
pub struct TemporalJoined<K, Left, Right> {
    streams: KeyedConnectedStreams<K, Left, Right>,
    join: TemporalJoin<Left, Right>,
}

impl<K: Key, Left: Data, Right: Data> TemporalJoined<K, Left, Right> {
    /// As [`TemporalJoin::left_outer`].
    #[must_use]
    pub fn left_outer(mut self) -> Self {
        self.join = self.join.left_outer();
        self
    }

    /// As [`TemporalJoin::deletes`].
    #[must_use]
    pub fn deletes(mut self, is_delete: impl Fn(&Right) -> bool + 'static) -> Self {
        self.join = self.join.deletes(is_delete);
        self
    }

    /// As [`TemporalJoin::retention`].
    #[must_use]
    pub fn retention(mut self, minimum: Duration, maximum: Duration) -> Self {
        self.join = self.join.retention(minimum, maximum);
        self
    }

    /// Processes the pairs with a function object.
    pub fn process<Out: Clone + 'static>(
        self,
        function: impl ProcessJoinFunction<Left, Right, Out>,
    ) -> DataStream<Out> {
        let states =
            [(PROBE, "value", type_name::<Left>()), (VERSIONS, "value", type_name::<Right>())];
        self.streams.add("Temporal Join", self.join.process(function), &states)
    }

    /// Makes a result of each record and its version.
    pub fn apply<Out: Clone + 'static>(
        self,
        function: impl FnMut(&Left, &Right) -> Out + 'static,
    ) -> DataStream<Out> {
        self.process(crate::join::Pairs(function))
    }

    /// Makes a result of each record and its version, if it has one.
    pub fn apply_outer<Out: Clone + 'static>(
        self,
        function: impl FnMut(&Left, Option<&Right>) -> Out + 'static,
    ) -> DataStream<Out> {
        self.left_outer().process(crate::join::PaddedRight(function))
    }
}

macro_rules! opaque_debug {
    ($($name:ident),+) => {$(
        impl<K, Left, Right> fmt::Debug for $name<K, Left, Right> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

opaque_debug!(IntervalJoinOf, IntervalJoined, RegularJoined, TemporalJoined);
