//! A guest that calls WASI: the clock, randomness and the environment. Its operators emit what they
//! got, so that a test sees that nothing is had that was not granted.

#![expect(
    unsafe_code,
    missing_docs,
    reason = "wit-bindgen generates exports and undocumented types"
)]

use std::cell::RefCell;

use exports::sandbar::operator::operator::{ChainedOperator, Guest as OperatorGuest};
use exports::sandbar::operator::plugin::{
    Description, Guest as PluginGuest, Operator, OperatorKind, Port,
};
use sandbar::operator::collector;
use sandbar::operator::timers::{TimeDomain, TimerBatch};
use sandbar::operator::types::{Batch, Error};

wit_bindgen::generate!({
    path: ["../../../wit", "wit"],
    world: "sandbar:denied/denied",
    generate_all,
});

struct Denied;

export!(Denied);

thread_local! {
    static OPERATOR: RefCell<String> = const { RefCell::new(String::new()) };
}

impl PluginGuest for Denied {
    fn describe(_arguments: Vec<String>) -> Result<Description, String> {
        let port = || Port { name: "main".into(), format: "text".into() };
        let operator = |name: &str| Operator {
            name: name.into(),
            doc: "Calls WASI.".into(),
            kind: OperatorKind::Process,
            inputs: vec![port()],
            outputs: vec![port()],
            states: Vec::new(),
            config_schema: String::new(),
        };
        Ok(Description {
            name: "denied".into(),
            version: "0.1.0".into(),
            contract: "0.1.0".into(),
            operators: ["clock", "random", "environment"].map(operator).into(),
        })
    }
}

impl OperatorGuest for Denied {
    fn open(chain: Vec<ChainedOperator>) -> Result<(), Error> {
        OPERATOR.set(chain.into_iter().next().map(|head| head.operator).unwrap_or_default());
        Ok(())
    }

    fn process(_input: u32, batch: Batch) -> Result<(), Error> {
        let text = OPERATOR.with_borrow(|operator| match operator.as_str() {
            "clock" => format!("clock {}", wasi::clocks::wall_clock::now().seconds > 0),
            "random" => {
                let (one, other) = (
                    wasi::random::random::get_random_u64(),
                    wasi::random::random::get_random_u64(),
                );
                format!("random {}", one != other)
            }
            _ => format!("environment {}", wasi::cli::environment::get_environment().len()),
        });
        let result = Batch {
            timestamps: vec![batch.timestamps[0]],
            key_ends: Vec::new(),
            keys: Vec::new(),
            value_ends: vec![text.len() as u32],
            values: text.into_bytes(),
        };
        collector::emit(0, &result);
        Ok(())
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
        Ok(())
    }
}
