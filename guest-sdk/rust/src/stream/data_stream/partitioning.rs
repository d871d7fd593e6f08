//! How the records of a stream are dealt out to the subtasks of its next operator.

use super::{DataStream, OperatorSpec, Part};
use crate::chain::erased::KeyedCodecOf;
use crate::chain::external::Subtask;
use crate::codec::{Compact, Data};
use crate::operator::definition::OperatorKind;
use crate::operator::partition;
use crate::stream::graph::Encoding;

impl<T: 'static> DataStream<T> {
    fn partitioned(&self, partitioner: &'static str) -> DataStream<T> {
        let mut stream = self.clone();
        for part in &mut stream.parts {
            part.partitioner = Some(partitioner);
            part.selector = None;
        }
        stream
    }

    /// Sends records to the subtask of the same index; needs equal parallelism.
    #[must_use]
    pub fn forward(&self) -> DataStream<T> {
        self.partitioned("forward")
    }

    /// Deals records out in turn.
    #[must_use]
    pub fn rebalance(&self) -> DataStream<T> {
        self.partitioned("rebalance")
    }

    /// Deals records out in turn to a subset of the subtasks.
    #[must_use]
    pub fn rescale(&self) -> DataStream<T> {
        self.partitioned("rescale")
    }

    /// Sends each record to a random subtask.
    #[must_use]
    pub fn shuffle(&self) -> DataStream<T> {
        self.partitioned("shuffle")
    }

    /// Sends each record to every subtask.
    #[must_use]
    pub fn broadcast(&self) -> DataStream<T> {
        self.partitioned("broadcast")
    }

    /// Sends all records to subtask 0.
    #[must_use]
    pub fn global(&self) -> DataStream<T> {
        self.partitioned("global")
    }
}

impl<T: Data> DataStream<T> {
    /// Lets `partition` choose the subtask from a record's key and the number of subtasks. A
    /// choice that is too large makes the record bad.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    ///
    /// fn by_region(stream: &DataStream<(u32, String)>) -> DataStream<(u32, String)> {
    ///     stream.partition_custom(|region, subtasks| region % subtasks, |record| record.0)
    /// }
    /// ```
    #[must_use]
    pub fn partition_custom<K: 'static>(
        &self,
        mut partition: impl FnMut(K, u32) -> u32 + 'static,
        mut key: impl FnMut(&T) -> K + 'static,
    ) -> DataStream<T> {
        let stream = self.in_compact();
        let consumed = stream.consume();
        let (format, inputs) = (consumed.format.clone(), vec![consumed]);
        let kind = OperatorKind::Partitioner;
        let spec = OperatorSpec { kind_name: "Partitioner", kind, inputs, states: &[] };
        let selector = DataStream::<T>::add(&stream.graph, spec, |_| {
            Box::new(move |wiring| {
                partition::partitioner(
                    move |value: &T, subtasks| partition(key(value), subtasks),
                    wiring,
                )
            })
        });
        let encoder = KeyedCodecOf::<Subtask, T, Compact>::new(Compact);
        selector.offer(Encoding { format, encoder: std::rc::Rc::new(encoder) });
        let node = selector.parts[0].node;
        let part = |part: &Part<T>| Part {
            partitioner: Some("custom"),
            selector: Some(node),
            ..part.clone()
        };
        DataStream { parts: stream.parts.iter().map(part).collect(), graph: stream.graph }
    }

    /// Sees to it that the main output of the operator is offered in a format.
    pub(crate) fn offer(&self, encoding: Encoding) {
        self.graph.borrow_mut().encoding(self.parts[0].node, 0, encoding);
    }
}
