//! One function per interface: what it calls and what it says of the answers.

use std::cell::{Cell, RefCell};

use crate::sandbar::operator::keyed_state::{self, Descriptor, Formats, Packed, StateKind};
use crate::sandbar::operator::operator_state::{self, Redistribution};
use crate::sandbar::operator::timers::{self, TimeDomain, TimerBatch};
use crate::sandbar::operator::types::Batch;
use crate::sandbar::operator::{logging, metrics, runtime_context};
use crate::{emit, strings};

thread_local! {
    static STATE: Cell<u32> = const { Cell::new(0) };
    /// Timers that are kept here.
    static CACHED: RefCell<Vec<i64>> = const { RefCell::new(Vec::new()) };
}

fn packed(of: &[&str]) -> Packed {
    let mut packed = Packed { ends: Vec::new(), bytes: Vec::new() };
    for string in of {
        packed.bytes.extend_from_slice(string.as_bytes());
        packed.ends.push(packed.bytes.len() as u32);
    }
    packed
}

fn none() -> Packed {
    packed(&[])
}

fn descriptor(name: &str, kind: StateKind) -> Descriptor {
    let formats = Formats { key: "text".into(), user_key: "text".into(), value: "text".into() };
    Descriptor { name: name.into(), kind, ttl: None, formats }
}

pub(crate) fn open(operator: &str) -> Result<(), String> {
    match operator {
        "keyed-state" => {
            let count = descriptor("count", StateKind::Value);
            let state = keyed_state::declare(0, &count)?;
            if keyed_state::declare(0, &count)? != state {
                return Err("declaring a state twice gave two ids".into());
            }
            let other = keyed_state::declare(0, &descriptor("count", StateKind::Map));
            if other.is_ok() {
                return Err("a state could change its kind".into());
            }
            STATE.set(state);
        }
        "keyed-state-keys" => {
            STATE.set(keyed_state::declare(0, &descriptor("keys", StateKind::Value))?);
        }
        "keyed-state-pages" => {
            STATE.set(keyed_state::declare(0, &descriptor("pages", StateKind::Map))?);
        }
        _ => {}
    }
    Ok(())
}

pub(crate) fn process(operator: &str, batch: &Batch) -> Result<(), String> {
    let values = strings(&batch.value_ends, &batch.values);
    let keys = match batch.key_ends.is_empty() {
        true => values.clone(),
        false => strings(&batch.key_ends, &batch.keys),
    };
    match operator {
        "runtime-context" => context(),
        "collector" => values.iter().enumerate().for_each(|(i, value)| emit(i % 2, value)),
        "keyed-state" => keys.iter().try_for_each(|key| count(key))?,
        "keyed-state-pages" => keys.iter().zip(&values).try_for_each(|(k, v)| pages(k, v))?,
        "keyed-state-keys" => keys.iter().try_for_each(|key| all_keys(key))?,
        "wake-at" => {
            timers::wake_at(20);
            timers::wake_at(10);
            emit(0, "asked");
        }
        "operator-state" => operator_state()?,
        "event-timers" => keys.iter().try_for_each(|key| timer(key, TimeDomain::EventTime))?,
        "cached-timers" => keys.iter().try_for_each(|key| cached_timers(key))?,
        "processing-timers" => {
            keys.iter().try_for_each(|key| timer(key, TimeDomain::ProcessingTime))?;
        }
        "logging" => values.iter().for_each(|value| log(value)),
        "metrics" => measure(values.len())?,
        "lifecycle" => emit(0, &format!("process {}", values.len())),
        _ => {}
    }
    Ok(())
}

fn context() {
    let job = runtime_context::get_job();
    let subtask = runtime_context::get_subtask();
    emit(0, &format!("job {} {}", job.id.len(), job.name));
    emit(
        0,
        &format!(
            "subtask {} of {}, {} key groups, attempt {}",
            subtask.index, subtask.parallelism, subtask.max_parallelism, subtask.attempt
        ),
    );
    let set = runtime_context::get_config("test.key");
    let unset = runtime_context::get_config("test.other");
    emit(0, &format!("config {set:?} {unset:?}"));
    let now = runtime_context::current_processing_time();
    emit(0, &format!("time {}", now == runtime_context::current_processing_time()));
}

fn count(key: &str) -> Result<(), String> {
    let state = STATE.get();
    let found = keyed_state::multi_get(state, &packed(&[key, key]), &none());
    let values = strings(&found.values.ends, &found.values.bytes);
    let seen: u64 = if found.present[0] == 1 { values[0].parse().unwrap_or(0) } else { 0 };
    if found.present[0] != found.present[1] || values[0] != values[1] {
        return Err("two reads of one key differ".into());
    }
    if seen == 2 {
        keyed_state::multi_delete(state, &packed(&[key]), &none());
        emit(0, &format!("{key} deleted at 2"));
        return Ok(());
    }
    let next = (seen + 1).to_string();
    keyed_state::multi_put(state, &packed(&[key, key]), &none(), &packed(&["0", &next]))?;
    keyed_state::touch(state, &packed(&[key, "no such key"]), &none());
    emit(0, &format!("{key} {next}"));
    Ok(())
}

/// Adds the value to the key's map, then reads the map in pages of two.
fn pages(key: &str, value: &str) -> Result<(), String> {
    let state = STATE.get();
    keyed_state::multi_put(state, &packed(&[key]), &packed(&[value]), &packed(&["x"]))?;
    let mut after: Option<Vec<u8>> = None;
    let mut line = format!("{key}:");
    loop {
        let page = keyed_state::scan(state, key.as_bytes(), b"a", after.as_deref(), 2);
        let found = strings(&page.user_keys.ends, &page.user_keys.bytes);
        let Some(last) = found.last() else { break };
        line.push_str(&format!(" [{}]", found.join(" ")));
        after = Some(last.clone().into_bytes());
    }
    emit(0, &line);
    Ok(())
}

/// Writes an entry of the key, then lists all keys in pages of two.
fn all_keys(key: &str) -> Result<(), String> {
    let state = STATE.get();
    keyed_state::multi_put(state, &packed(&[key]), &none(), &packed(&["x"]))?;
    let mut all: Vec<String> = Vec::new();
    let mut pages = 0;
    loop {
        let page = keyed_state::keys(state, all.last().map(String::as_bytes), 2);
        let found = strings(&page.ends, &page.bytes);
        if found.is_empty() {
            break;
        }
        all.extend(found);
        pages += 1;
    }
    all.sort();
    emit(0, &format!("{} in {pages}", all.join(" ")));
    Ok(())
}

fn operator_state() -> Result<(), String> {
    let before = operator_state::get_list(0, "list");
    let elements = [b"one".to_vec(), b"two".to_vec()];
    operator_state::set_list(0, "list", Redistribution::Split, &elements)?;
    let after = operator_state::get_list(0, "list");
    emit(0, &format!("list {} {}", before.len(), after.len()));
    operator_state::put_broadcast(0, "map", b"b", Some(b"2"))?;
    operator_state::put_broadcast(0, "map", b"a", Some(b"1"))?;
    operator_state::put_broadcast(0, "map", b"c", Some(b"3"))?;
    operator_state::put_broadcast(0, "map", b"c", None)?;
    let one = operator_state::get_broadcast(0, "map", b"a");
    let gone = operator_state::get_broadcast(0, "map", b"c");
    let keys: Vec<String> = operator_state::scan_broadcast(0, "map")
        .into_iter()
        .map(|(key, _)| String::from_utf8_lossy(&key).into_owned())
        .collect();
    emit(0, &format!("broadcast {one:?} {gone:?} {}", keys.join(",")));
    Ok(())
}

/// Timers at 10 and 30 that are kept here, beside those of the host at the same times and at 20.
fn cached_timers(key: &str) -> Result<(), String> {
    timer(key, TimeDomain::EventTime)?;
    let keys = packed(&[key]);
    timers::register(
        0,
        TimeDomain::EventTime,
        &TimerBatch {
            timestamps: vec![20],
            key_ends: keys.ends,
            keys: keys.bytes,
            namespace_ends: Vec::new(),
            namespaces: Vec::new(),
        },
    )?;
    CACHED.set(vec![10, 30]);
    timers::cached(Some(10));
    Ok(())
}

/// Fires one timer of those that are due, though the host would have all.
pub(crate) fn fire_cached(up_to: i64) {
    CACHED.with_borrow_mut(|cached| {
        if cached.first().is_some_and(|first| *first <= up_to) {
            emit(0, &format!("fired from the cache {}", cached.remove(0)));
        }
        timers::cached(cached.first().copied());
    });
}

/// Three timers, one of them twice, and one deleted.
fn timer(key: &str, domain: TimeDomain) -> Result<(), String> {
    let batch = |timestamps: &[i64]| {
        let keys = vec![key; timestamps.len()];
        let namespaces = vec!["w"; timestamps.len()];
        let (keys, namespaces) = (packed(&keys), packed(&namespaces));
        TimerBatch {
            timestamps: timestamps.to_vec(),
            key_ends: keys.ends,
            keys: keys.bytes,
            namespace_ends: namespaces.ends,
            namespaces: namespaces.bytes,
        }
    };
    timers::register(0, domain, &batch(&[30, 10, 20, 10]))?;
    timers::delete(0, domain, &batch(&[20, 40]));
    emit(0, &format!("watermark {}", timers::current_watermark()));
    Ok(())
}

fn log(value: &str) {
    use logging::Level;
    for level in [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error] {
        logging::log(0, level, value);
    }
    emit(0, "logged");
}

fn measure(records: usize) -> Result<(), String> {
    let counter = metrics::declare(0, "records", metrics::MetricKind::Counter)?;
    metrics::add(counter, records as i64);
    metrics::set(metrics::declare(0, "last", metrics::MetricKind::Gauge)?, 1.5);
    let histogram = metrics::declare(0, "sizes", metrics::MetricKind::Histogram)?;
    metrics::observe(histogram, 2.0);
    let same = metrics::declare(0, "records", metrics::MetricKind::Counter)? == counter;
    let other = metrics::declare(0, "records", metrics::MetricKind::Gauge).is_err();
    emit(0, &format!("metrics {same} {other}"));
    Ok(())
}
