//! The exports of a component: each is a few lines between the contract's types and the SDK's.
//! Natively the same exports run on the in-memory host.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

use super::registry::{Registry, describe};
use super::{Job, Plugin, PluginBuilder};
use crate::bindings::exports::sandbar::operator::operator::{
    ChainedOperator as WitChained, Guest as OperatorGuest, OutputTarget,
};
use crate::bindings::exports::sandbar::operator::plugin::{Description, Guest as PluginGuest};
use crate::bindings::job::exports::sandbar::operator::job::Guest as JobGuest;
use crate::bindings::sandbar::operator::timers::TimeDomain as WitDomain;
use crate::bindings::sandbar::operator::types::{BadRecord, Error as WitError};
use crate::chain::instance::{CallError, Instance};
use crate::chain::wiring::{ChainedOperator, Target, open};
use crate::error::Error;
use crate::host::{Batch, Host, TimerBatch};
use crate::operator::definition::Definition;
use crate::stream::environment::job_parts;
use crate::timers::TimeDomain;

thread_local! {
    /// The opened chain: a component instance runs exactly one.
    static INSTANCE: RefCell<Option<Instance>> = const { RefCell::new(None) };
}

/// The exports of a component whose operators come from `S`.
pub struct Component<S>(PhantomData<S>);

/// The exports of a plugin.
pub type PluginComponent<P> = Component<OfPlugin<P>>;

/// The exports of a job.
pub type JobComponent<J> = Component<OfJob<J>>;

/// The operators that a plugin registers.
pub struct OfPlugin<P>(PhantomData<P>);

/// The operators that a job builds.
pub struct OfJob<J>(PhantomData<J>);

/// Where the operators of a component come from.
trait Operators: 'static {
    const NAME: &'static str;
    const VERSION: &'static str;
    fn operators(arguments: &[String]) -> Result<Vec<Definition>, Error>;
}

impl<P: Plugin> Operators for OfPlugin<P> {
    const NAME: &'static str = P::NAME;
    const VERSION: &'static str = P::VERSION;

    fn operators(_arguments: &[String]) -> Result<Vec<Definition>, Error> {
        let mut plugin = PluginBuilder::default();
        P::register(&mut plugin);
        Ok(plugin.operators)
    }
}

impl<J: Job> Operators for OfJob<J> {
    const NAME: &'static str = J::NAME;
    const VERSION: &'static str = J::VERSION;

    fn operators(arguments: &[String]) -> Result<Vec<Definition>, Error> {
        let (_, operators) = job_parts(J::NAME, J::define, arguments)?;
        Ok(operators)
    }
}

impl<S: Operators> PluginGuest for Component<S> {
    fn describe(arguments: Vec<String>) -> Result<Description, String> {
        log_panics();
        S::operators(&arguments)
            .and_then(|operators| describe(S::NAME, S::VERSION, &operators))
            .map_err(|error| error.to_string())
    }
}

impl<J: Job> JobGuest for JobComponent<J> {
    fn define(arguments: Vec<String>) -> Result<String, String> {
        log_panics();
        match job_parts(J::NAME, J::define, &arguments) {
            Ok((spec, _)) => Ok(spec),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl<S: Operators> OperatorGuest for Component<S> {
    fn open(chain: Vec<WitChained>) -> Result<(), WitError> {
        log_panics();
        let chain: Vec<ChainedOperator> = chain.into_iter().map(chained).collect();
        let mut registry = Registry::new(S::operators);
        let instance = open(host(), &chain, |operator| registry.take(operator))
            .map_err(|error| WitError::Fatal(error.to_string()))?;
        INSTANCE.with_borrow_mut(|slot| *slot = Some(instance));
        Ok(())
    }

    fn process(input: u32, batch: Batch) -> Result<(), WitError> {
        call(|instance| instance.process(input, batch))
    }

    fn on_watermark(watermark: i64) -> Result<(), WitError> {
        call(|instance| instance.on_watermark(watermark))
    }

    fn on_timers(operator: u32, domain: WitDomain, timers: TimerBatch) -> Result<(), WitError> {
        let domain = match domain {
            WitDomain::EventTime => TimeDomain::EventTime,
            WitDomain::ProcessingTime => TimeDomain::ProcessingTime,
        };
        call(|instance| instance.on_timers(operator, domain, &timers))
    }

    fn on_cached_timers(up_to: i64) -> Result<(), WitError> {
        call(|instance| instance.on_cached_timers(up_to))
    }

    fn before_checkpoint(_checkpoint_id: u64) -> Result<(), WitError> {
        call(Instance::before_checkpoint)
    }

    fn before_query(state: u32, key: Vec<u8>) -> Result<(), WitError> {
        call(|instance| instance.before_query(state, &key))
    }

    fn finish() -> Result<(), WitError> {
        call(Instance::finish)
    }

    fn close() -> Result<(), WitError> {
        call(Instance::close)
    }
}

fn chained(operator: WitChained) -> ChainedOperator {
    let target = |target: OutputTarget| match target {
        OutputTarget::Chained(position) => Target::Chained(position),
        OutputTarget::External(number) => Target::External(number),
    };
    let targets = |targets: Vec<OutputTarget>| targets.into_iter().map(target).collect();
    ChainedOperator {
        operator: operator.operator,
        uid: operator.uid,
        name: operator.name,
        config: operator.config,
        arguments: operator.arguments,
        outputs: operator.outputs.into_iter().map(targets).collect(),
        partitions: operator.partitions,
    }
}

fn call(run: impl FnOnce(&mut Instance) -> Result<(), CallError>) -> Result<(), WitError> {
    INSTANCE.with_borrow_mut(|instance| {
        let Some(instance) = instance else {
            return Err(WitError::Fatal("the instance was not opened".to_owned()));
        };
        run(instance).map_err(|error| match error {
            CallError::BadRecord { operator, index, message } => {
                WitError::BadRecord(BadRecord { operator, index, message })
            }
            CallError::Fatal(message) => WitError::Fatal(message),
        })
    })
}

#[cfg(target_arch = "wasm32")]
fn host() -> Rc<dyn Host> {
    Rc::new(crate::host::wit::WitHost)
}

#[cfg(not(target_arch = "wasm32"))]
fn host() -> Rc<dyn Host> {
    Rc::new(crate::host::harness::HarnessHost::default())
}

/// Makes a panic write its message and place to the log before it traps.
#[cfg(target_arch = "wasm32")]
fn log_panics() {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            crate::host::wit::WitHost.log(0, crate::log::Level::Error, &info.to_string());
        }));
    });
}

/// Leaves panics to the test that runs the exports.
#[cfg(not(target_arch = "wasm32"))]
fn log_panics() {}

#[cfg(test)]
mod tests;
