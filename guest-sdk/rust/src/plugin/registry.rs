//! The operators of a component by name, and their description in the contract's terms.

use crate::bindings::exports::sandbar::operator::plugin::{
    Description, Operator, OperatorKind as WitKind, Port, State,
};
use crate::chain::wiring::ChainedOperator;
use crate::error::Error;
use crate::operator::definition::{Definition, OperatorKind};

/// The version of the contract in `wit/`.
const CONTRACT: &str = "0.1.0";

/// Describes a component.
///
/// # Errors
/// Two operators share a name, or a port has no format.
pub(crate) fn describe(
    name: &str,
    version: &str,
    operators: &[Definition],
) -> Result<Description, Error> {
    for (index, operator) in operators.iter().enumerate() {
        if operators[..index].iter().any(|other| other.name == operator.name) {
            return Err(Error::fatal(format!("there are two operators '{}'", operator.name)));
        }
    }
    Ok(Description {
        name: name.to_owned(),
        version: version.to_owned(),
        contract: CONTRACT.to_owned(),
        operators: operators.iter().map(describe_operator).collect::<Result<_, Error>>()?,
    })
}

/// Hands out the operators of a component by name.
pub(crate) struct Registry<F> {
    build: F,
    built: Vec<Definition>,
}

impl<F: FnMut(&[String]) -> Result<Vec<Definition>, Error>> Registry<F> {
    /// Makes a registry of the operators that `build` makes from the arguments of the job.
    pub(crate) fn new(build: F) -> Registry<F> {
        Registry { build, built: Vec::new() }
    }

    /// Takes an operator. One run of the builder serves all operators of a chain; an operator that
    /// the chain has twice makes it run again.
    ///
    /// # Errors
    /// The builder fails, or has no operator of that name; the message tells which there are.
    pub(crate) fn take(&mut self, wanted: &ChainedOperator) -> Result<Definition, Error> {
        let is_wanted = |definition: &Definition| definition.name == wanted.operator;
        if !self.built.iter().any(is_wanted) {
            self.built = (self.build)(&wanted.arguments)?;
        }
        match self.built.iter().position(is_wanted) {
            Some(position) => Ok(self.built.swap_remove(position)),
            None => {
                let known: Vec<&str> = self.built.iter().map(|known| known.name.as_str()).collect();
                let (wanted, known) = (&wanted.operator, known.join(", "));
                Err(Error::fatal(format!("there is no operator '{wanted}', only: {known}")))
            }
        }
    }
}

fn describe_operator(operator: &Definition) -> Result<Operator, Error> {
    let input = |port: &crate::operator::definition::InputPort| match &port.decoder {
        Some((format, _)) => Ok(Port { name: port.name.to_owned(), format: format.clone() }),
        None => Err(port.undeclared(&operator.name)),
    };
    let output = |port: &crate::operator::definition::OutputPort| match &port.format {
        Some(format) => Ok(Port { name: port.name.clone(), format: format.clone() }),
        None => Err(Error::fatal(format!(
            "output '{}' of operator '{}' has no format: give it one, such as .output(Text)",
            port.name, operator.name
        ))),
    };
    let states = operator.states.iter().map(|state| State {
        name: state.name.clone(),
        kind: state.kind.clone(),
        schema: state.schema.clone(),
    });
    Ok(Operator {
        name: operator.name.clone(),
        doc: operator.doc.clone(),
        kind: kind_of(operator.kind),
        inputs: operator.inputs.iter().map(input).collect::<Result<_, Error>>()?,
        outputs: operator.outputs.iter().map(output).collect::<Result<_, Error>>()?,
        states: states.collect(),
        config_schema: operator.config_schema.clone(),
    })
}

fn kind_of(kind: OperatorKind) -> WitKind {
    match kind {
        OperatorKind::Process => WitKind::Process,
        OperatorKind::KeyedProcess => WitKind::KeyedProcess,
        OperatorKind::TwoInputProcess => WitKind::TwoInputProcess,
        OperatorKind::KeyedTwoInputProcess => WitKind::KeyedTwoInputProcess,
        OperatorKind::KeyedBroadcastProcess => WitKind::KeyedBroadcastProcess,
        OperatorKind::KeySelector => WitKind::KeySelector,
        OperatorKind::Partitioner => WitKind::Partitioner,
    }
}
