//! The exports of a component: each is a few lines between the contract's types and the SDK's.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Once;

use super::registry::{describe, take};
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
use crate::host::wit::WitHost;
use crate::host::{Batch, Host, TimerBatch};
use crate::log::Level;
use crate::operator::definition::Definition;
use crate::stream::environment::job_parts;
use crate::timers::TimeDomain;

thread_local! {
    /// The opened chain: a component instance runs exactly one.
    static INSTANCE: RefCell<Option<Instance>> = const { RefCell::new(None) };
}

/// The exports of a plugin.
pub struct PluginComponent<P>(PhantomData<P>);

/// The exports of a job.
pub struct JobComponent<J>(PhantomData<J>);

fn registered<P: Plugin>() -> Vec<Definition> {
    let mut plugin = PluginBuilder::default();
    P::register(&mut plugin);
    plugin.operators
}

impl<P: Plugin> PluginGuest for PluginComponent<P> {
    fn describe(_arguments: Vec<String>) -> Result<Description, String> {
        log_panics();
        describe(P::NAME, P::VERSION, &registered::<P>()).map_err(|error| error.to_string())
    }
}

impl<J: Job> PluginGuest for JobComponent<J> {
    fn describe(arguments: Vec<String>) -> Result<Description, String> {
        log_panics();
        job_parts(J::NAME, J::define, &arguments)
            .and_then(|(_, operators)| describe(J::NAME, J::VERSION, &operators))
            .map_err(|error| error.to_string())
    }
}

impl<J: Job> JobGuest for JobComponent<J> {
    fn define(arguments: Vec<String>) -> Result<String, String> {
        log_panics();
        let (spec, _) =
            job_parts(J::NAME, J::define, &arguments).map_err(|error| error.to_string())?;
        Ok(spec)
    }
}

impl<P: Plugin> OperatorGuest for PluginComponent<P> {
    fn open(chain: Vec<WitChained>) -> Result<(), WitError> {
        open_instance(chain, |operator| take(registered::<P>(), &operator.operator))
    }

    fn process(input: u32, batch: Batch) -> Result<(), WitError> {
        call(|instance| instance.process(input, &batch))
    }

    fn on_watermark(watermark: i64) -> Result<(), WitError> {
        call(|instance| instance.on_watermark(watermark))
    }

    fn on_timers(operator: u32, domain: WitDomain, timers: TimerBatch) -> Result<(), WitError> {
        call(|instance| instance.on_timers(operator, domain_of(domain), &timers))
    }

    fn before_checkpoint(_checkpoint_id: u64) -> Result<(), WitError> {
        call(Instance::before_checkpoint)
    }

    fn finish() -> Result<(), WitError> {
        call(Instance::finish)
    }

    fn close() -> Result<(), WitError> {
        call(Instance::close)
    }
}

impl<J: Job> OperatorGuest for JobComponent<J> {
    fn open(chain: Vec<WitChained>) -> Result<(), WitError> {
        // The builder runs once for all operators of the chain; one that is asked for twice, a key
        // selector behind two inputs of a union, makes it run again.
        let mut built: Vec<Definition> = Vec::new();
        open_instance(chain, |operator| {
            let known = |definition: &Definition| definition.name == operator.operator;
            if !built.iter().any(known) {
                (_, built) = job_parts(J::NAME, J::define, &operator.arguments)?;
            }
            match built.iter().position(known) {
                Some(position) => Ok(built.swap_remove(position)),
                None => take(std::mem::take(&mut built), &operator.operator),
            }
        })
    }

    fn process(input: u32, batch: Batch) -> Result<(), WitError> {
        call(|instance| instance.process(input, &batch))
    }

    fn on_watermark(watermark: i64) -> Result<(), WitError> {
        call(|instance| instance.on_watermark(watermark))
    }

    fn on_timers(operator: u32, domain: WitDomain, timers: TimerBatch) -> Result<(), WitError> {
        call(|instance| instance.on_timers(operator, domain_of(domain), &timers))
    }

    fn before_checkpoint(_checkpoint_id: u64) -> Result<(), WitError> {
        call(Instance::before_checkpoint)
    }

    fn finish() -> Result<(), WitError> {
        call(Instance::finish)
    }

    fn close() -> Result<(), WitError> {
        call(Instance::close)
    }
}

fn open_instance(
    chain: Vec<WitChained>,
    define: impl FnMut(&ChainedOperator) -> Result<Definition, Error>,
) -> Result<(), WitError> {
    log_panics();
    let chain: Vec<ChainedOperator> = chain.into_iter().map(chained).collect();
    let instance = open(Rc::new(WitHost), &chain, define)
        .map_err(|error| WitError::Fatal(error.to_string()))?;
    INSTANCE.with_borrow_mut(|slot| *slot = Some(instance));
    Ok(())
}

fn chained(operator: WitChained) -> ChainedOperator {
    let target = |target: OutputTarget| match target {
        OutputTarget::Chained(position) => Target::Chained(position),
        OutputTarget::External(number) => Target::External(number),
    };
    ChainedOperator {
        operator: operator.operator,
        uid: operator.uid,
        name: operator.name,
        config: operator.config,
        arguments: operator.arguments,
        outputs: operator
            .outputs
            .into_iter()
            .map(|targets| targets.into_iter().map(target).collect())
            .collect(),
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

fn domain_of(domain: WitDomain) -> TimeDomain {
    match domain {
        WitDomain::EventTime => TimeDomain::EventTime,
        WitDomain::ProcessingTime => TimeDomain::ProcessingTime,
    }
}

/// Makes a panic write its message and place to the log before it traps.
fn log_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            WitHost.log(0, Level::Error, &info.to_string());
        }));
    });
}
