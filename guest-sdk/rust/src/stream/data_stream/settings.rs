//! The settings of the operator that a stream comes out of.

use super::DataStream;
use crate::stream::graph::{ErrorPolicy, Node, settings_methods};

impl<T: 'static> DataStream<T> {
    settings_methods!();

    /// Sets what happens to a record that the operator refuses, or to one of a source that has no
    /// timestamp at its field.
    pub fn on_error(self, policy: ErrorPolicy) -> DataStream<T> {
        let node = self.parts[0].node;
        self.graph.borrow_mut().set_policy(node, policy);
        self
    }

    fn with_node(self, set: impl FnOnce(&mut Node)) -> DataStream<T> {
        let mut graph = self.graph.borrow_mut();
        match self.parts.as_slice() {
            [part] => set(&mut graph.nodes[part.node]),
            _ => graph.errors.push("a union has no name, uid or parallelism of its own".to_owned()),
        }
        drop(graph);
        self
    }
}
