//! Opens an instance: builds the operators of a chain from the tail, each with its outputs joined
//! to the operators behind it or to the host.

use std::rc::Rc;

use super::erased::{AnyPipe, FusedInput};
use super::external::Columns;
use super::instance::{Instance, InstanceContext};
use crate::context::RuntimeContext;
use crate::error::Error;
use crate::host::Host;
use crate::operator::definition::{Definition, OperatorKind, Wiring};

/// Where the records of an output go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The operator at this position of the chain.
    Chained(u32),
    /// The host, under this number.
    External(u32),
}

/// One operator of a chain, as the host asks for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChainedOperator {
    pub(crate) operator: String,
    pub(crate) uid: String,
    pub(crate) name: String,
    pub(crate) config: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) outputs: Vec<Vec<Target>>,
    pub(crate) partitions: u32,
}

/// Opens the operators of a chain. `define` makes the definition of an operator.
///
/// # Errors
/// The chain does not fit the definitions, or an operator fails to open.
pub(crate) fn open(
    host: Rc<dyn Host>,
    chain: &[ChainedOperator],
    mut define: impl FnMut(&ChainedOperator) -> Result<Definition, Error>,
) -> Result<Instance, Error> {
    let context = InstanceContext::new(host)?;
    let mut inputs: Vec<Option<FusedInput>> = chain.iter().map(|_| None).collect();
    let mut heads = Vec::new();
    for position in (0..chain.len()).rev() {
        let operator = &chain[position];
        let doing = |error: Error| error.context(format!("opening operator '{}'", operator.name));
        let definition = define(operator).map_err(doing)?;
        let kind = definition.kind;
        let wiring =
            wire(&context, &definition, operator, position as u32, &mut inputs).map_err(doing)?;
        let decoders = definition.decoders()?;
        let pipes = (definition.build)(wiring).map_err(doing)?;
        if position == 0 {
            for (input, (pipe, decoder)) in pipes.into_iter().zip(decoders).enumerate() {
                let keyed = kind.is_keyed_input(input);
                heads.push(decoder.head(pipe, &context, keyed).map_err(doing)?);
            }
        } else if kind.is_keyed() || pipes.len() != 1 {
            let why = "a keyed or two-input operator must be the head of its chain";
            return Err(doing(Error::fatal(why)));
        } else {
            inputs[position] = pipes
                .into_iter()
                .zip(decoders)
                .next()
                .map(|(pipe, decoder)| FusedInput { pipe, decoder, operator: position as u32 });
        }
    }
    if heads.is_empty() {
        return Err(Error::fatal("the chain has no operators"));
    }
    let names = chain.iter().map(|operator| operator.name.clone()).collect();
    Ok(Instance::new(context, heads, names))
}

/// Makes the pipes behind an operator.
fn wire(
    context: &Rc<InstanceContext>,
    definition: &Definition,
    operator: &ChainedOperator,
    position: u32,
    inputs: &mut [Option<FusedInput>],
) -> Result<Wiring, Error> {
    let mut outputs: Vec<Vec<AnyPipe>> =
        (0..definition.output_count()).map(|_| Vec::new()).collect();
    for (port, targets) in definition.outputs.iter().zip(&operator.outputs) {
        for target in targets {
            let encoder = port.encoder()?;
            let pipe = match *target {
                Target::External(number) => {
                    encoder.external(Columns::new(number, position, context))
                }
                Target::Chained(next) => {
                    let input = inputs.get_mut(next as usize).and_then(Option::take);
                    let input = input.ok_or_else(|| {
                        Error::fatal(format!("operator number {next} is not free to be chained"))
                    })?;
                    encoder.fused(input, position)?
                }
            };
            outputs[port.output].push(pipe);
        }
    }
    let is_keyed = definition.kind.is_keyed();
    Ok(Wiring {
        runtime: RuntimeContext::new(context, position, operator, is_keyed),
        outputs,
        config: operator.config.clone(),
        partitions: match definition.kind {
            OperatorKind::Partitioner => operator.partitions,
            OperatorKind::Process
            | OperatorKind::KeyedProcess
            | OperatorKind::TwoInputProcess
            | OperatorKind::KeyedTwoInputProcess
            | OperatorKind::KeyedBroadcastProcess
            | OperatorKind::KeySelector => 0,
        },
    })
}
