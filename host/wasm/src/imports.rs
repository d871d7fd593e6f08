//! The imports of the contract, one file an interface, linked to the [`crate::OperatorHost`].
//!
//! Law: nothing here keeps a column beyond its call, and every number a guest passes is checked.

mod collector;
mod keyed_state;
mod logging;
mod metrics;
mod operator_state;
mod runtime_context;
mod timers;

use wasmtime::component::{Linker, LinkerInstance};

use crate::contract::interface;
use crate::store::StoreState;

type Functions<'a> = LinkerInstance<'a, StoreState>;

/// Links every import of the contract.
pub(crate) fn add_to_linker(linker: &mut Linker<StoreState>) -> wasmtime::Result<()> {
    runtime_context::add(&mut linker.instance(&interface("runtime-context"))?)?;
    collector::add(&mut linker.instance(&interface("collector"))?)?;
    keyed_state::add(&mut linker.instance(&interface("keyed-state"))?)?;
    operator_state::add(&mut linker.instance(&interface("operator-state"))?)?;
    timers::add(&mut linker.instance(&interface("timers"))?)?;
    logging::add(&mut linker.instance(&interface("logging"))?)?;
    metrics::add(&mut linker.instance(&interface("metrics"))?)?;
    Ok(())
}
