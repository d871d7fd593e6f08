//! The ways to misbehave, by name.

use crate::sandbar::operator::types::{BadRecord, Batch, Error};
use crate::sandbar::operator::{collector, keyed_state, logging, metrics, runtime_context, timers};

/// Every behaviour.
pub(crate) const NAMES: &[&str] = &[
    "well-behaved",
    "open-fails",
    "close-fails",
    "trap",
    "panic",
    "loop",
    "grow-memory",
    "recurse",
    "emit-forever",
    "log-forever",
    "too-many-value-ends",
    "decreasing-value-ends",
    "value-ends-beyond-values",
    "too-few-key-ends",
    "decreasing-key-ends",
    "key-ends-beyond-keys",
    "too-many-timestamps",
    "batch-too-large",
    "host-call-too-large",
    "wrong-output",
    "bad-record-2",
    "bad-record-out-of-range",
    "bad-record-every-third",
    "fatal",
    "unknown-state",
    "bad-state-columns",
    "unknown-metric",
    "timers-without-keys",
    "slow-in-first",
];

/// Turns of a loop that a slow operator spends on a record: some hundredths of a second.
const SLOW_TURNS: u64 = 20_000_000;

/// Does what the name says.
pub(crate) fn process(name: &str, batch: &Batch) -> Result<(), Error> {
    match name {
        "trap" => trap::unreachable(),
        "panic" => panic!("this guest panics on purpose"),
        "loop" => endless_loop(),
        "grow-memory" => grow_memory(),
        "recurse" => recurse(std::hint::black_box(1)),
        "emit-forever" => loop {
            collector::emit(0, batch);
        },
        "log-forever" => log_forever(batch),
        "wrong-output" => collector::emit(7, batch),
        "batch-too-large" => emit_large(20 << 20),
        "host-call-too-large" => emit_large(80 << 20),
        "bad-record-2" => return Err(bad_record(2, "two is refused")),
        "bad-record-out-of-range" => return Err(bad_record(1_000_000, "there is no such record")),
        "bad-record-every-third" => return every_third(batch),
        "fatal" => return Err(Error::Fatal("it cannot go on".into())),
        "unknown-state" => {
            let empty = keyed_state::Packed { ends: vec![], bytes: vec![] };
            keyed_state::multi_get(99, &empty, &empty);
        }
        "bad-state-columns" => {
            let keys = keyed_state::Packed { ends: vec![5], bytes: vec![1] };
            let empty = keyed_state::Packed { ends: vec![], bytes: vec![] };
            keyed_state::multi_get(0, &keys, &empty);
        }
        "unknown-metric" => metrics::add(99, 1),
        "timers-without-keys" => timers_without_keys()?,
        "slow-in-first" => slow_in_first(batch),
        columns => return bad_columns(columns, batch),
    }
    Ok(())
}

mod trap {
    /// The `unreachable` instruction.
    pub(super) fn unreachable() {
        #[cfg(target_arch = "wasm32")]
        ::core::arch::wasm32::unreachable();
    }
}

#[inline(never)]
fn endless_loop() {
    let mut turns = 0u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

/// Passes records on, in the first subtask slowly.
fn slow_in_first(batch: &Batch) {
    if runtime_context::get_subtask().index == 0 {
        (0..SLOW_TURNS * batch.timestamps.len() as u64).for_each(|turn| {
            std::hint::black_box(turn);
        });
    }
    collector::emit(0, batch);
}

fn grow_memory() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        kept.push(vec![1; 1 << 20]);
        std::hint::black_box(&kept);
    }
}

#[inline(never)]
fn recurse(depth: u64) {
    let frame = [depth; 64];
    if std::hint::black_box(&frame)[0] > 0 {
        recurse(depth + 1);
        std::hint::black_box(&frame);
    }
}

fn log_forever(batch: &Batch) {
    let subtask = runtime_context::get_subtask().index;
    for line in 0..200_000 {
        logging::log(0, logging::Level::Info, &format!("line {line} of subtask {subtask}"));
    }
    collector::emit(0, batch);
}

fn emit_large(bytes: usize) {
    let values = vec![0; bytes];
    let batch = Batch {
        timestamps: vec![0],
        key_ends: vec![],
        keys: vec![],
        value_ends: vec![values.len() as u32],
        values,
    };
    collector::emit(0, &batch);
}

fn bad_record(index: u32, message: &str) -> Error {
    Error::BadRecord(BadRecord { operator: 0, index, message: message.into() })
}

/// Emits records one by one and refuses each whose value's length is divisible by three.
fn every_third(batch: &Batch) -> Result<(), Error> {
    let mut start = 0;
    for (index, end) in batch.value_ends.iter().enumerate() {
        let value = batch.values[start as usize..*end as usize].to_vec();
        start = *end;
        if value.len().is_multiple_of(3) {
            return Err(bad_record(index as u32, "its length is divisible by three"));
        }
        let one = Batch {
            timestamps: vec![batch.timestamps[index]],
            key_ends: vec![],
            keys: vec![],
            value_ends: vec![value.len() as u32],
            values: value,
        };
        collector::emit(0, &one);
    }
    Ok(())
}

fn timers_without_keys() -> Result<(), Error> {
    let timers = timers::TimerBatch {
        timestamps: vec![1, 2],
        key_ends: vec![],
        keys: vec![],
        namespace_ends: vec![],
        namespaces: vec![],
    };
    timers::register(0, timers::TimeDomain::EventTime, &timers).map_err(Error::Fatal)
}

/// Emits the batch with one column spoilt; as it is for every other name.
fn bad_columns(name: &str, batch: &Batch) -> Result<(), Error> {
    let mut spoilt = batch.clone();
    let records = spoilt.timestamps.len() as u32;
    match name {
        "too-many-value-ends" => spoilt.value_ends.push(spoilt.values.len() as u32),
        "decreasing-value-ends" => spoilt.value_ends[0] = u32::MAX,
        "value-ends-beyond-values" => {
            let last = spoilt.value_ends.len() - 1;
            spoilt.value_ends[last] += 1;
        }
        "too-few-key-ends" => {
            spoilt.keys = vec![1];
            spoilt.key_ends = vec![1; records as usize - 1];
        }
        "decreasing-key-ends" => {
            spoilt.keys = vec![1; records as usize];
            spoilt.key_ends = (0..records).rev().collect();
        }
        "key-ends-beyond-keys" => {
            spoilt.keys = vec![];
            spoilt.key_ends = vec![9; records as usize];
        }
        "too-many-timestamps" => spoilt.timestamps.push(1),
        _ => {}
    }
    collector::emit(0, &spoilt);
    Ok(())
}
