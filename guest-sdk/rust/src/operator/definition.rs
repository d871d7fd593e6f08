//! What is known of an operator before it runs: its ports, and how to build it.

use std::rc::Rc;

use crate::chain::erased::{AnyPipe, ErasedDecoder, ErasedEncoder};
use crate::context::RuntimeContext;
use crate::error::Error;

/// What an operator is to the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperatorKind {
    Process,
    KeyedProcess,
    TwoInputProcess,
    KeyedTwoInputProcess,
    /// Its second input is broadcast and has no keys.
    KeyedBroadcastProcess,
    KeySelector,
    Partitioner,
}

impl OperatorKind {
    /// Whether it has keyed state and timers: its first input carries keys.
    pub(crate) fn is_keyed(self) -> bool {
        match self {
            OperatorKind::KeyedProcess
            | OperatorKind::KeyedTwoInputProcess
            | OperatorKind::KeyedBroadcastProcess => true,
            OperatorKind::Process
            | OperatorKind::TwoInputProcess
            | OperatorKind::KeySelector
            | OperatorKind::Partitioner => false,
        }
    }

    /// Whether an input carries keys.
    pub(crate) fn is_keyed_input(self, input: usize) -> bool {
        self.is_keyed() && (input == 0 || self != OperatorKind::KeyedBroadcastProcess)
    }
}

/// An operator before it runs.
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) kind: OperatorKind,
    pub(crate) inputs: Vec<InputPort>,
    pub(crate) outputs: Vec<OutputPort>,
    pub(crate) states: Vec<StateShape>,
    pub(crate) config_schema: String,
    pub(crate) build: Build,
}

/// Builds an operator: one pipe an input.
pub(crate) type Build = Box<dyn FnOnce(Wiring) -> Result<Vec<AnyPipe>, Error>>;

/// What an operator is built with.
pub(crate) struct Wiring {
    pub(crate) runtime: RuntimeContext,
    /// Per output, the pipes to all its readers.
    pub(crate) outputs: Vec<Vec<AnyPipe>>,
    /// JSON; empty when the job gives none.
    pub(crate) config: String,
    /// For a partitioner: how many subtasks it chooses from.
    pub(crate) partitions: u32,
}

/// An input as the host knows it.
#[derive(Clone)]
pub(crate) struct InputPort {
    pub(crate) name: &'static str,
    /// The format and its decoder; none until the author of the plugin has said.
    pub(crate) decoder: Option<(String, Rc<dyn ErasedDecoder>)>,
}

/// An output as the host knows it. Several ports may encode one output in different formats.
pub(crate) struct OutputPort {
    pub(crate) name: String,
    /// Which output of the operator.
    pub(crate) output: usize,
    pub(crate) format: Option<String>,
    /// None for a port that nobody can read.
    pub(crate) encoder: Option<Rc<dyn ErasedEncoder>>,
}

/// A keyed state as the description tells it.
#[derive(Clone, Debug)]
pub(crate) struct StateShape {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) schema: String,
}

/// Name of the first output of every operator.
pub(crate) const MAIN: &str = "main";

impl Definition {
    /// The decoders of all inputs.
    pub(crate) fn decoders(&self) -> Result<Vec<Rc<dyn ErasedDecoder>>, Error> {
        let decoder = |input: &InputPort| match &input.decoder {
            Some((_, decoder)) => Ok(Rc::clone(decoder)),
            None => Err(input.undeclared(&self.name)),
        };
        self.inputs.iter().map(decoder).collect()
    }

    /// Number of outputs, counted by what the operator emits, not by ports.
    pub(crate) fn output_count(&self) -> usize {
        self.outputs.iter().map(|port| port.output + 1).max().unwrap_or(0)
    }
}

impl InputPort {
    /// The error of a port whose format the plugin's author has not given.
    pub(crate) fn undeclared(&self, operator: &str) -> Error {
        Error::fatal(format!(
            "input '{}' of operator '{operator}' has no format: give it one, such as .input(Text)",
            self.name
        ))
    }
}

impl OutputPort {
    /// The encoder, where there is one.
    pub(crate) fn encoder(&self) -> Result<&Rc<dyn ErasedEncoder>, Error> {
        self.encoder.as_ref().ok_or_else(|| {
            Error::fatal(format!("output '{}' has no format and cannot be read", self.name))
        })
    }
}
