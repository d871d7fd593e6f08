//! A keyed count that asks the host for every access to its state: what the SDK's cache spares, for
//! `sandbar bench boundary` to show.

#![expect(
    unsafe_code,
    missing_docs,
    reason = "wit-bindgen generates exports and undocumented types"
)]

use std::cell::Cell;

use exports::sandbar::operator::operator::{ChainedOperator, Guest as OperatorGuest};
use exports::sandbar::operator::plugin::{
    Description, Guest as PluginGuest, Operator, OperatorKind, Port, State,
};
use sandbar::operator::keyed_state::{self, Descriptor, Formats, Packed, StateKind};
use sandbar::operator::timers::{TimeDomain, TimerBatch};
use sandbar::operator::types::{Batch, Error};

wit_bindgen::generate!({
    path: "../../../wit",
    world: "operator-plugin",
    generate_all,
});

struct Uncached;

export!(Uncached);

thread_local! {
    static STATE: Cell<u32> = const { Cell::new(0) };
}

impl PluginGuest for Uncached {
    fn describe(_arguments: Vec<String>) -> Result<Description, String> {
        let port = || Port { name: "main".into(), format: "bytes".into() };
        let operator = Operator {
            name: "count".into(),
            doc: "Counts records by key and emits nothing.".into(),
            kind: OperatorKind::KeyedProcess,
            inputs: vec![port()],
            outputs: vec![port()],
            states: vec![State {
                name: "count".into(),
                kind: "value".into(),
                schema: "u64".into(),
            }],
            config_schema: String::new(),
        };
        Ok(Description {
            name: "uncached".into(),
            version: "0.1.0".into(),
            contract: "0.1.0".into(),
            operators: vec![operator],
        })
    }
}

impl OperatorGuest for Uncached {
    fn open(_chain: Vec<ChainedOperator>) -> Result<(), Error> {
        let formats =
            Formats { key: "text".into(), user_key: String::new(), value: "bytes".into() };
        let count = Descriptor { name: "count".into(), kind: StateKind::Value, ttl: None, formats };
        STATE.set(keyed_state::declare(0, &count).map_err(Error::Fatal)?);
        Ok(())
    }

    fn process(_input: u32, batch: Batch) -> Result<(), Error> {
        let nothing = Packed { ends: Vec::new(), bytes: Vec::new() };
        let (ends, keys) = match batch.key_ends.is_empty() {
            true => (&batch.value_ends, &batch.values),
            false => (&batch.key_ends, &batch.keys),
        };
        let mut start = 0;
        for end in ends {
            let bytes = keys[start as usize..*end as usize].to_vec();
            start = *end;
            let key = Packed { ends: vec![bytes.len() as u32], bytes };
            let found = keyed_state::multi_get(STATE.get(), &key, &nothing);
            let count = found.values.bytes.try_into().map_or(0, u64::from_le_bytes);
            let next = (count + 1).to_le_bytes().to_vec();
            let value = Packed { ends: vec![8], bytes: next };
            keyed_state::multi_put(STATE.get(), &key, &nothing, &value).map_err(Error::Fatal)?;
        }
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
