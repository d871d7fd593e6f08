//! The graph that building a job makes: sources, operators and sinks in the order they were added,
//! with their edges. Types are gone here; codecs and pipes keep them.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::chain::erased::ErasedEncoder;
use crate::collector::SideOutputSpec;
use crate::operator::definition::{Build, InputPort, OperatorKind, StateShape};

/// What happens to a record that an operator refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorPolicy {
    /// The task fails. The default.
    Fail,
    /// The record is dropped and counted.
    Skip,
    /// The record and the message go to [`crate::DataStream::dead_letters`].
    DeadLetter,
}

/// A job being built.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) name: String,
    pub(crate) parallelism: Option<u32>,
    pub(crate) max_parallelism: Option<u32>,
    pub(crate) chaining_disabled: bool,
    pub(crate) configuration: Map<String, Value>,
    pub(crate) nodes: Vec<Node>,
    /// What the builder was asked for and cannot do; reported together when it is done.
    pub(crate) errors: Vec<String>,
}

/// A source, an operator or a sink.
pub(crate) struct Node {
    pub(crate) kind_name: &'static str,
    pub(crate) name: Option<String>,
    pub(crate) uid: Option<String>,
    pub(crate) parallelism: Option<u32>,
    pub(crate) max_parallelism: Option<u32>,
    pub(crate) slot_sharing_group: Option<String>,
    pub(crate) chaining: Option<&'static str>,
    /// `timestamp` and `watermarks` of the JobSpec.
    pub(crate) timestamp: Option<Value>,
    pub(crate) watermarks: Option<Value>,
    /// What a source with a timestamp does with records that have none.
    pub(crate) source_on_error: Option<ErrorPolicy>,
    pub(crate) inputs: Vec<Edge>,
    pub(crate) body: Body,
}

/// What a node is.
pub(crate) enum Body {
    Source(Connector),
    Operator(Box<Operator>),
    Sink(Connector),
}

/// A connector of the host.
pub(crate) struct Connector {
    pub(crate) name: String,
    pub(crate) options: Map<String, Value>,
}

/// An operator of the job's own component.
pub(crate) struct Operator {
    pub(crate) kind: OperatorKind,
    pub(crate) inputs: Vec<InputPort>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) sides: Sides,
    pub(crate) states: Vec<StateShape>,
    pub(crate) on_error: ErrorPolicy,
    pub(crate) build: Build,
    /// Runs as wide as this node.
    pub(crate) parallelism_of: Option<usize>,
    /// Operators that do part of its work in front of the exchange: what it does with records that
    /// it refuses, they do.
    pub(crate) fronts: Vec<usize>,
}

/// The side outputs that somebody reads, known to the operator's builder when it runs.
pub(crate) type Sides = Rc<RefCell<Vec<SideOutputSpec>>>;

/// An output, and the formats that its readers want it in.
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) type_name: &'static str,
    pub(crate) encodings: Vec<Encoding>,
}

/// A format of an output.
#[derive(Clone)]
pub(crate) struct Encoding {
    pub(crate) format: String,
    pub(crate) encoder: Rc<dyn ErasedEncoder>,
}

/// An edge into a node.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) port: Port,
    pub(crate) input: u32,
    pub(crate) partitioner: Option<&'static str>,
    /// The key selector or partitioner in front of it.
    pub(crate) selector: Option<usize>,
}

/// What of a node an edge reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// The output of a source.
    Source,
    /// An output of an operator in one of its formats.
    Output {
        output: usize,
        encoding: usize,
    },
    DeadLetters,
}

impl Graph {
    /// Adds a node and returns its number.
    pub(crate) fn add(&mut self, kind_name: &'static str, inputs: Vec<Edge>, body: Body) -> usize {
        self.nodes.push(Node {
            kind_name,
            name: None,
            uid: None,
            parallelism: None,
            max_parallelism: None,
            slot_sharing_group: None,
            chaining: None,
            timestamp: None,
            watermarks: None,
            source_on_error: None,
            inputs,
            body,
        });
        self.nodes.len() - 1
    }

    /// The operator of a node, if it is one.
    pub(crate) fn operator(&mut self, node: usize) -> Option<&mut Operator> {
        match &mut self.nodes[node].body {
            Body::Operator(operator) => Some(operator),
            Body::Source(_) | Body::Sink(_) => None,
        }
    }

    /// Sets what a node does with records that it refuses; false if it never refuses any.
    pub(crate) fn set_policy(&mut self, node: usize, policy: ErrorPolicy) -> bool {
        let Node { body, timestamp, source_on_error, .. } = &mut self.nodes[node];
        match body {
            Body::Operator(operator) => {
                operator.on_error = policy;
                for front in operator.fronts.clone() {
                    self.set_policy(front, policy);
                }
            }
            Body::Source(_) if timestamp.is_some() => *source_on_error = Some(policy),
            Body::Source(_) | Body::Sink(_) => return false,
        }
        true
    }

    /// Sees to it that an output is also offered in a format.
    pub(crate) fn encoding(&mut self, node: usize, output: usize, wanted: Encoding) -> Port {
        let operator = self.operator(node).expect("only operators have outputs with formats");
        let encodings = &mut operator.outputs[output].encodings;
        let known = encodings.iter().position(|encoding| encoding.format == wanted.format);
        let encoding = known.unwrap_or_else(|| {
            encodings.push(wanted);
            encodings.len() - 1
        });
        Port::Output { output, encoding }
    }
}

/// The settings that streams and sinks share; needs `fn with_node(self, impl FnOnce(&mut Node))`.
macro_rules! settings_methods {
    () => {
        /// Names the operator, for a person to read.
        pub fn name(self, name: &str) -> Self {
            self.with_node(|node| node.name = Some(name.to_owned()))
        }

        /// Sets the id that the operator's state belongs to across changes of the job; unique in
        /// the job, without a dot. The name unless given.
        pub fn uid(self, uid: &str) -> Self {
            self.with_node(|node| node.uid = Some(uid.to_owned()))
        }

        /// Sets the number of subtasks.
        pub fn set_parallelism(self, parallelism: u32) -> Self {
            self.with_node(|node| node.parallelism = Some(parallelism))
        }

        /// Sets the number of key groups, the upper bound of the parallelism for ever.
        pub fn set_max_parallelism(self, max_parallelism: u32) -> Self {
            self.with_node(|node| node.max_parallelism = Some(max_parallelism))
        }

        /// Puts the operator into a slot sharing group.
        pub fn slot_sharing_group(self, group: &str) -> Self {
            self.with_node(|node| node.slot_sharing_group = Some(group.to_owned()))
        }

        /// Never chains the operator with another.
        pub fn disable_chaining(self) -> Self {
            self.with_node(|node| node.chaining = Some("never"))
        }

        /// Never chains the operator with those before it.
        pub fn start_new_chain(self) -> Self {
            self.with_node(|node| node.chaining = Some("head"))
        }
    };
}

pub(crate) use settings_methods;
