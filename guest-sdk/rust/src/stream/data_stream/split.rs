//! A stream as its parts, each of one operator's output, for operators that are to be chained to
//! what they read.

use super::{DataStream, Part};

impl<T: 'static> DataStream<T> {
    /// Each part alone, as if nothing had been said of how it is dealt out.
    pub(crate) fn parts(&self) -> Vec<DataStream<T>> {
        let alone = |part: &Part<T>| {
            let part = Part { partitioner: None, selector: None, ..part.clone() };
            DataStream { graph: std::rc::Rc::clone(&self.graph), parts: vec![part] }
        };
        self.parts.iter().map(alone).collect()
    }

    /// The number of the operator that this stream comes out of.
    pub(crate) fn node(&self) -> usize {
        self.parts[0].node
    }

    /// Notes the operators that do part of the work of the one that the stream comes out of.
    pub(crate) fn set_fronts(&self, fronts: Vec<usize>) {
        if let Some(operator) = self.graph.borrow_mut().operator(self.node()) {
            operator.fronts = fronts;
        }
    }

    /// Makes the operator that the stream comes out of as wide as another.
    pub(crate) fn set_parallelism_of(&self, node: usize) {
        if let Some(operator) = self.graph.borrow_mut().operator(self.node()) {
            operator.parallelism_of = Some(node);
        }
    }
}
