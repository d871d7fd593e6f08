//! A guest that misbehaves: one operator for each way in which a guest can. Speaks the contract
//! without the SDK, which would not let it.

#![expect(
    unsafe_code,
    missing_docs,
    reason = "wit-bindgen generates exports and undocumented types"
)]

mod behaviour;

use std::cell::RefCell;

use exports::sandbar::operator::operator::{ChainedOperator, Guest as OperatorGuest};
use exports::sandbar::operator::plugin::{
    Description, Guest as PluginGuest, Operator, OperatorKind, Port,
};
use sandbar::operator::timers::{TimeDomain, TimerBatch};
use sandbar::operator::types::{Batch, Error};

wit_bindgen::generate!({
    path: "../../../wit",
    world: "operator-plugin",
    generate_all,
});

struct Faults;

export!(Faults);

thread_local! {
    static BEHAVIOUR: RefCell<String> = const { RefCell::new(String::new()) };
}

impl PluginGuest for Faults {
    fn describe(_arguments: Vec<String>) -> Result<Description, String> {
        let port = || Port { name: "main".into(), format: "bytes".into() };
        let operator = |name: &&str| Operator {
            name: (*name).into(),
            doc: "Misbehaves.".into(),
            kind: OperatorKind::Process,
            inputs: vec![port()],
            outputs: vec![port()],
            states: Vec::new(),
            config_schema: String::new(),
        };
        Ok(Description {
            name: "faults".into(),
            version: "0.1.0".into(),
            contract: "0.1.0".into(),
            operators: behaviour::NAMES.iter().map(operator).collect(),
        })
    }
}

impl OperatorGuest for Faults {
    fn open(chain: Vec<ChainedOperator>) -> Result<(), Error> {
        let name = chain.into_iter().next().map(|head| head.operator).unwrap_or_default();
        if name == "open-fails" {
            return Err(Error::Fatal("it will not open".into()));
        }
        BEHAVIOUR.set(name);
        Ok(())
    }

    fn process(_input: u32, batch: Batch) -> Result<(), Error> {
        BEHAVIOUR.with_borrow(|name| behaviour::process(name, &batch))
    }

    fn on_watermark(_watermark: i64) -> Result<(), Error> {
        Ok(())
    }

    fn on_timers(_operator: u32, _domain: TimeDomain, _timers: TimerBatch) -> Result<(), Error> {
        Ok(())
    }

    fn on_cached_timers(_up_to: i64) -> Result<(), Error> {
        Ok(())
    }

    fn before_checkpoint(_checkpoint_id: u64) -> Result<(), Error> {
        Ok(())
    }

    fn before_query(_state: u32, _key: Vec<u8>) -> Result<(), Error> {
        Ok(())
    }

    fn finish() -> Result<(), Error> {
        Ok(())
    }

    fn close() -> Result<(), Error> {
        match BEHAVIOUR.with_borrow(|name| name == "close-fails") {
            true => Err(Error::Fatal("it will not close".into())),
            false => Ok(()),
        }
    }
}
