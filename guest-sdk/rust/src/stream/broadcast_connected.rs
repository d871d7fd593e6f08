//! A keyed stream and one that is broadcast to all subtasks of the next operator.

use std::fmt;
use std::marker::PhantomData;

use super::data_stream::{Consumed, DataStream, OperatorSpec};
use super::keyed_stream::KeyedStream;
use crate::codec::{Data, Key};
use crate::function::KeyedBroadcastProcessFunction;
use crate::operator::broadcast;
use crate::operator::definition::OperatorKind;

impl<K: Key, T: Data> KeyedStream<K, T> {
    /// Pairs this stream with one whose records go to every subtask. Source: Flink,
    /// `KeyedStream.connect(BroadcastStream)`.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    ///
    /// fn above(
    ///     values: &DataStream<u32>,
    ///     limits: &DataStream<u32>,
    ///     function: impl KeyedBroadcastProcessFunction<u32, u32, u32, u32>,
    /// ) -> DataStream<u32> {
    ///     values.key_by(|value| value % 10).connect_broadcast(limits).process(function)
    /// }
    /// ```
    pub fn connect_broadcast<U: Data>(
        &self,
        other: &DataStream<U>,
    ) -> BroadcastConnectedStream<K, T, U> {
        let broadcast = other.broadcast().consume();
        BroadcastConnectedStream { keyed: self.copy(), broadcast, marker: PhantomData }
    }
}

/// A keyed stream and a broadcast one.
pub struct BroadcastConnectedStream<K, T, U> {
    keyed: KeyedStream<K, T>,
    broadcast: Consumed,
    marker: PhantomData<fn() -> U>,
}

impl<K: Key, T: Data, U: Data> BroadcastConnectedStream<K, T, U> {
    /// Applies a keyed process function with a broadcast input.
    pub fn process<Out: Clone + 'static>(
        &self,
        function: impl KeyedBroadcastProcessFunction<K, T, U, Out>,
    ) -> DataStream<Out> {
        let spec = OperatorSpec {
            kind_name: "Co-Process-Broadcast-Keyed",
            kind: OperatorKind::KeyedBroadcastProcess,
            inputs: vec![self.keyed.consume(), self.broadcast.copy()],
            states: &[],
        };
        DataStream::add(&self.keyed.graph, spec, |sides| {
            Box::new(move |wiring| broadcast::keyed_broadcast(function, &sides.borrow(), wiring))
        })
    }
}

impl<K, T, U> fmt::Debug for BroadcastConnectedStream<K, T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastConnectedStream").finish_non_exhaustive()
    }
}
