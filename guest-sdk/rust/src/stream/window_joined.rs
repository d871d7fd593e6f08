//! Joins and co-groups of keyed streams by windows: [`WindowJoin`] as methods of streams.

use std::fmt;
use std::time::Duration;

use super::connected_streams::KeyedConnectedStreams;
use super::data_stream::DataStream;
use super::keyed_stream::KeyedStream;
use crate::codec::{Data, Key};
use crate::collector::{Collector, OutputTag};
use crate::join::{ProcessJoinFunction, TaggedUnion, WindowJoin, WindowJoinOperator as Joined};
use crate::window::{Evictor, STATE, Trigger, WindowAssigner};

impl<K: Key, T: Data> KeyedStream<K, T> {
    /// Joins or co-groups with the records of another stream that are in the same window; see
    /// [`WindowJoin`]. Source: Flink, `DataStream.join` and `DataStream.coGroup`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sandbar_sdk::prelude::*;
    ///
    /// type Amount = (String, u64);
    ///
    /// fn balances(ins: &DataStream<Amount>, outs: &DataStream<Amount>) -> DataStream<i64> {
    ///     let day = TumblingEventTimeWindows::of(Duration::from_secs(86_400));
    ///     ins.key_by(|amount| amount.0.clone())
    ///         .window_join(&outs.key_by(|amount| amount.0.clone()), day)
    ///         .allowed_lateness(Duration::from_secs(60))
    ///         .co_group(|ins, outs, out| {
    ///             let sum = |of: &[&Amount]| of.iter().map(|amount| amount.1 as i64).sum::<i64>();
    ///             out.collect(sum(ins) - sum(outs));
    ///         })
    ///         .name("Balances")
    /// }
    /// ```
    pub fn window_join<U: Data, A: WindowAssigner<TaggedUnion<T, U>>>(
        &self,
        other: &KeyedStream<K, U>,
        assigner: A,
    ) -> WindowJoined<K, T, U, A, A::OwnTrigger> {
        WindowJoined { streams: self.connect(other), join: WindowJoin::of(assigner) }
    }
}

/// Two keyed streams and the windows in which they are joined.
pub struct WindowJoined<K, Left, Right, A, Tr>
where
    A: WindowAssigner<TaggedUnion<Left, Right>>,
{
    streams: KeyedConnectedStreams<K, Left, Right>,
    join: WindowJoin<Left, Right, A, Tr>,
}

impl<K, Left, Right, A, Tr> WindowJoined<K, Left, Right, A, Tr>
where
    K: Key,
    Left: Data,
    Right: Data,
    A: WindowAssigner<TaggedUnion<Left, Right>>,
    Tr: Trigger<TaggedUnion<Left, Right>, A::Window>,
{
    fn map<Other>(
        self,
        change: impl FnOnce(WindowJoin<Left, Right, A, Tr>) -> WindowJoin<Left, Right, A, Other>,
    ) -> WindowJoined<K, Left, Right, A, Other> {
        WindowJoined { streams: self.streams, join: change(self.join) }
    }

    /// As [`WindowJoin::trigger`].
    #[must_use]
    pub fn trigger<Other>(self, trigger: Other) -> WindowJoined<K, Left, Right, A, Other>
    where
        Other: Trigger<TaggedUnion<Left, Right>, A::Window>,
    {
        self.map(|join| join.trigger(trigger))
    }

    /// As [`WindowJoin::evictor`].
    #[must_use]
    pub fn evictor(self, evictor: impl Evictor<TaggedUnion<Left, Right>, A::Window>) -> Self {
        self.map(|join| join.evictor(evictor))
    }

    /// As [`WindowJoin::allowed_lateness`].
    #[must_use]
    pub fn allowed_lateness(self, lateness: Duration) -> Self {
        self.map(|join| join.allowed_lateness(lateness))
    }

    /// As [`WindowJoin::side_output_late_data`].
    #[must_use]
    pub fn side_output_late_data(self, tag: &OutputTag<TaggedUnion<Left, Right>>) -> Self {
        self.map(|join| join.side_output_late_data(tag))
    }

    /// As [`WindowJoin::apply`].
    pub fn apply<Out: Clone + 'static>(
        self,
        function: impl FnMut(&Left, &Right) -> Out + 'static,
    ) -> DataStream<Out> {
        self.add("Window Join", |join| join.apply(function))
    }

    /// As [`WindowJoin::process`].
    pub fn process<Out: Clone + 'static>(
        self,
        function: impl ProcessJoinFunction<Left, Right, Out>,
    ) -> DataStream<Out> {
        self.add("Window Join", |join| join.process(function))
    }

    /// As [`WindowJoin::co_group`].
    pub fn co_group<Out: Clone + 'static>(
        self,
        function: impl FnMut(&[&Left], &[&Right], &mut Collector<Out>) + 'static,
    ) -> DataStream<Out> {
        self.add("Window Co-Group", |join| join.co_group(function))
    }

    fn add<Out: Clone + 'static>(
        self,
        kind_name: &'static str,
        build: impl FnOnce(WindowJoin<Left, Right, A, Tr>) -> Joined<K, Left, Right, Out>,
    ) -> DataStream<Out> {
        let operator = build(self.join);
        self.streams.refuse(operator.0.refusal.clone());
        let state = (STATE, "value", operator.0.state_type);
        self.streams.add(kind_name, operator, &[state])
    }
}

impl<K, Left, Right, A, Tr> fmt::Debug for WindowJoined<K, Left, Right, A, Tr>
where
    A: WindowAssigner<TaggedUnion<Left, Right>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowJoined").field("join", &self.join).finish_non_exhaustive()
    }
}
