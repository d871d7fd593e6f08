//! A key selector and a partitioner for job files, written without the SDK: what stands behind
//! `key = { selector = ... }`.

#![expect(
    unsafe_code,
    missing_docs,
    reason = "wit-bindgen generates exports and undocumented types"
)]

use std::cell::RefCell;

use exports::sandbar::operator::operator::{ChainedOperator, Guest as OperatorGuest, OutputTarget};
use exports::sandbar::operator::plugin::{
    Description, Guest as PluginGuest, Operator, OperatorKind, Port,
};
use sandbar::operator::collector;
use sandbar::operator::timers::{TimeDomain, TimerBatch};
use sandbar::operator::types::{Batch, Error};

wit_bindgen::generate!({
    path: "../../../wit",
    world: "operator-plugin",
    generate_all,
});

struct Selectors;

export!(Selectors);

thread_local! {
    static CHAIN: RefCell<Vec<ChainedOperator>> = const { RefCell::new(Vec::new()) };
}

impl PluginGuest for Selectors {
    fn describe(_arguments: Vec<String>) -> Result<Description, String> {
        let port = || Port { name: "main".into(), format: "text".into() };
        let operator = |name: &str, doc: &str, kind| Operator {
            name: name.into(),
            doc: doc.into(),
            kind,
            inputs: vec![port()],
            outputs: vec![port()],
            states: Vec::new(),
            config_schema: String::new(),
        };
        Ok(Description {
            name: "selectors".into(),
            version: "0.1.0".into(),
            contract: "0.1.0".into(),
            operators: vec![
                operator("first-letter", "Keys by the first letter.", OperatorKind::KeySelector),
                operator("by-length", "Subtask length mod n.", OperatorKind::Partitioner),
                operator("out-of-range", "Subtask n of n.", OperatorKind::Partitioner),
            ],
        })
    }
}

/// The key of a value, by the operator.
fn key(operator: &ChainedOperator, value: &[u8]) -> Vec<u8> {
    let partitions = operator.partitions;
    match operator.operator.as_str() {
        "first-letter" => value.iter().take(1).copied().collect(),
        "by-length" => (value.len() as u32 % partitions).to_le_bytes().to_vec(),
        _ => partitions.to_le_bytes().to_vec(),
    }
}

impl OperatorGuest for Selectors {
    fn open(chain: Vec<ChainedOperator>) -> Result<(), Error> {
        match chain.len() {
            1 => CHAIN.set(chain),
            length => return Err(Error::Fatal(format!("a chain of {length}"))),
        }
        Ok(())
    }

    fn process(_input: u32, mut batch: Batch) -> Result<(), Error> {
        CHAIN.with_borrow(|chain| {
            let mut start = 0;
            for end in &batch.value_ends {
                batch.keys.extend(key(&chain[0], &batch.values[start..*end as usize]));
                batch.key_ends.push(batch.keys.len() as u32);
                start = *end as usize;
            }
            for target in &chain[0].outputs[0] {
                match target {
                    OutputTarget::External(output) => collector::emit(*output, &batch),
                    OutputTarget::Chained(_) => unreachable!("the chain has one operator"),
                }
            }
        });
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
