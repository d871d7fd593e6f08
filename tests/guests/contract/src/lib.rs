//! A guest that calls every function of the contract. Each operator emits one line of text for what
//! it saw, so that a test compares lines.

#![expect(
    unsafe_code,
    missing_docs,
    reason = "wit-bindgen generates exports and undocumented types"
)]

mod calls;

use std::cell::RefCell;

use exports::sandbar::operator::operator::{ChainedOperator, Guest as OperatorGuest, OutputTarget};
use exports::sandbar::operator::plugin::{
    Description, Guest as PluginGuest, Operator, OperatorKind, Port, State,
};
use sandbar::operator::collector;
use sandbar::operator::timers::{TimeDomain, TimerBatch};
use sandbar::operator::types::{Batch, Error};

wit_bindgen::generate!({
    path: "../../../wit",
    world: "operator-plugin",
    generate_all,
});

struct Contract;

export!(Contract);

thread_local! {
    static CHAIN: RefCell<Vec<ChainedOperator>> = const { RefCell::new(Vec::new()) };
}

/// Operators: name, whether keyed, number of outputs.
const OPERATORS: &[(&str, bool, usize)] = &[
    ("runtime-context", false, 1),
    ("collector", false, 2),
    ("keyed-state", true, 1),
    ("keyed-state-pages", true, 1),
    ("keyed-state-keys", true, 1),
    ("operator-state", false, 1),
    ("event-timers", true, 1),
    ("cached-timers", true, 1),
    ("processing-timers", true, 1),
    ("wake-at", false, 1),
    ("idle", false, 1),
    ("logging", false, 1),
    ("metrics", false, 1),
    ("lifecycle", false, 1),
];

impl PluginGuest for Contract {
    fn describe(arguments: Vec<String>) -> Result<Description, String> {
        if arguments.first().is_some_and(|first| first == "fail") {
            return Err("it was asked to fail".into());
        }
        let port = |name: &str| Port { name: name.into(), format: "text".into() };
        let operator = |(name, keyed, outputs): &(&str, bool, usize)| Operator {
            name: (*name).into(),
            doc: format!("Calls {name}."),
            kind: if *keyed { OperatorKind::KeyedProcess } else { OperatorKind::Process },
            inputs: vec![port("main")],
            outputs: ["main", "side"][..*outputs].iter().map(|output| port(output)).collect(),
            states: if *keyed {
                vec![State { name: "count".into(), kind: "value".into(), schema: "u64".into() }]
            } else {
                Vec::new()
            },
            config_schema: String::new(),
        };
        Ok(Description {
            name: "contract".into(),
            version: "0.1.0".into(),
            contract: "0.1.0".into(),
            operators: OPERATORS.iter().map(operator).collect(),
        })
    }
}

/// The name of the head.
fn head() -> String {
    CHAIN.with_borrow(|chain| chain[0].operator.clone())
}

/// The external number of an output of the head, if anybody reads it.
fn external(output: usize) -> Option<u32> {
    CHAIN.with_borrow(|chain| {
        chain[0].outputs.get(output)?.iter().find_map(|target| match target {
            OutputTarget::External(number) => Some(*number),
            OutputTarget::Chained(_) => None,
        })
    })
}

/// Emits one line.
fn emit(output: usize, line: &str) {
    let Some(number) = external(output) else { return };
    let batch = Batch {
        timestamps: vec![0],
        key_ends: Vec::new(),
        keys: Vec::new(),
        value_ends: vec![line.len() as u32],
        values: line.as_bytes().to_vec(),
    };
    collector::emit(number, &batch);
}

/// What `*_ends` cut out of bytes.
fn strings(ends: &[u32], bytes: &[u8]) -> Vec<String> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts
        .zip(ends)
        .map(|(start, end)| {
            String::from_utf8_lossy(&bytes[start as usize..*end as usize]).into_owned()
        })
        .collect()
}

impl OperatorGuest for Contract {
    fn open(chain: Vec<ChainedOperator>) -> Result<(), Error> {
        CHAIN.set(chain);
        calls::open(&head()).map_err(Error::Fatal)
    }

    fn process(_input: u32, batch: Batch) -> Result<(), Error> {
        calls::process(&head(), &batch).map_err(Error::Fatal)
    }

    fn on_watermark(watermark: i64) -> Result<(), Error> {
        if head() == "lifecycle" {
            emit(0, &format!("on-watermark {watermark}"));
        }
        Ok(())
    }

    fn on_timers(operator: u32, domain: TimeDomain, timers: TimerBatch) -> Result<(), Error> {
        if timers.timestamps.is_empty() {
            emit(0, &format!("told {domain:?}"));
        }
        let keys = strings(&timers.key_ends, &timers.keys);
        let namespaces = strings(&timers.namespace_ends, &timers.namespaces);
        for (index, timestamp) in timers.timestamps.iter().enumerate() {
            let namespace = namespaces.get(index).map_or("", |namespace| namespace);
            let key = &keys[index];
            emit(0, &format!("fired {operator} {domain:?} {timestamp} {key} {namespace}"));
        }
        Ok(())
    }

    fn on_cached_timers(up_to: i64) -> Result<(), Error> {
        emit(0, &format!("on-cached-timers {up_to}"));
        calls::fire_cached(up_to);
        Ok(())
    }

    fn before_checkpoint(checkpoint_id: u64) -> Result<(), Error> {
        emit(0, &format!("before-checkpoint {checkpoint_id}"));
        Ok(())
    }

    fn before_query(state: u32, key: Vec<u8>) -> Result<(), Error> {
        emit(0, &format!("before-query {state} {}", String::from_utf8_lossy(&key)));
        Ok(())
    }

    fn finish() -> Result<(), Error> {
        if head() == "lifecycle" {
            emit(0, "finish");
        }
        Ok(())
    }

    fn close() -> Result<(), Error> {
        Ok(())
    }
}
