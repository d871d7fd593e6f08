//! Jobs of tests, as specs.

use serde_json::{Value, json};

use crate::guest;

/// A source that makes numbers up, slowly and without end, and a sink in a vertex of its own that
/// drops them: `2 * parallelism` tasks that are tied together.
pub fn endless(name: &str, parallelism: u32) -> Value {
    json!({
        "name": name,
        "sources": [{
            "name": "numbers",
            "connector": "datagen",
            "options": { "rate": 1000 },
            "parallelism": parallelism,
        }],
        "sinks": [{
            "name": "nothing",
            "connector": "discard",
            "inputs": [{ "from": "numbers", "partitioner": "rebalance" }],
            "parallelism": parallelism,
        }],
    })
}

/// The same, but as one vertex whose subtasks have nothing to do with each other.
pub fn apart(name: &str, parallelism: u32) -> Value {
    let mut job = endless(name, parallelism);
    job["sinks"][0]["inputs"] = json!(["numbers"]);
    job
}

/// Counts `count` made-up words with a keyed operator at this parallelism and prints
/// `word<TAB>count`.
pub fn count_words(name: &str, parallelism: u32, count: u64) -> Value {
    json!({
        "name": name,
        "plugins": { "counters": { "path": guest("counters") } },
        "sources": [{
            "name": "words",
            "connector": "datagen",
            "options": { "count": count, "format": "text", "words-per-line": 1, "vocabulary": 97 },
            "parallelism": parallelism,
        }],
        "operators": [{
            "name": "count",
            "plugin": "counters",
            "operator": "count",
            "inputs": [{ "from": "words", "key": "value" }],
            "parallelism": parallelism,
        }],
        "sinks": [{
            "name": "out",
            "connector": "print",
            "inputs": ["count"],
            "parallelism": parallelism,
        }],
    })
}

/// A source that makes lines up without end, and an operator chained to it that misbehaves in this
/// way at its first record.
pub fn misbehaving(name: &str, operator: &str) -> Value {
    json!({
        "name": name,
        "plugins": { "faults": { "path": guest("guest-faults") } },
        "sources": [{
            "name": "lines",
            "connector": "datagen",
            "options": { "format": "text" },
            "parallelism": 1,
        }],
        "operators": [{
            "name": "faulty",
            "plugin": "faults",
            "operator": operator,
            "inputs": ["lines"],
            "parallelism": 1,
        }],
        "sinks": [{
            "name": "out",
            "connector": "discard",
            "inputs": ["faulty"],
            "parallelism": 1,
        }],
    })
}

/// The same, whose operator never returns, in a vertex of its own.
pub fn stuck(name: &str) -> Value {
    let mut job = misbehaving(name, "loop");
    job["configuration"] = json!({ "sandbar.guest.call.deadline": "10 min" });
    job["operators"][0]["inputs"] = json!([{ "from": "lines", "partitioner": "rebalance" }]);
    job
}
