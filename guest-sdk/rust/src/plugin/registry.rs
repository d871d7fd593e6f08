//! The operators of a component by name, and their description in the contract's terms.

use crate::bindings::exports::sandbar::operator::plugin::{
    Description, Operator, OperatorKind as WitKind, Port, State,
};
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

/// Takes the definition of an operator out of a list.
///
/// # Errors
/// There is none of that name; the message tells which there are.
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "only a component is given this by a host")
)]
pub(crate) fn take(mut operators: Vec<Definition>, name: &str) -> Result<Definition, Error> {
    match operators.iter().position(|operator| operator.name == name) {
        Some(position) => Ok(operators.swap_remove(position)),
        None => {
            let known: Vec<&str> = operators.iter().map(|known| known.name.as_str()).collect();
            Err(Error::fatal(format!("no operator '{name}', only: {}", known.join(", "))))
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
        OperatorKind::KeySelector => WitKind::KeySelector,
        OperatorKind::Partitioner => WitKind::Partitioner,
    }
}
