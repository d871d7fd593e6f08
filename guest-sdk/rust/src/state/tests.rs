//! Tests of state through the harness: what the host ends up with, and how often it is asked.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::prelude::*;
use crate::testing::{HarnessSetup, OperatorHarness};

mod query;
mod ttl;

/// What to do to the state of a key.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
enum Step {
    Set(u32),
    Add(u32),
    Clear,
    Put(u8, u32),
    Remove(u8),
    ClearMap,
    Scan,
}

/// Applies steps to a state of each kind, and emits what it sees.
#[derive(Default)]
struct Steps {
    value: ValueState<u32>,
    list: ListState<u32>,
    max: ReducingState<u32>,
    average: AggregatingState<Average>,
    map: MapState<u8, u32>,
}

#[derive(Clone, Copy)]
struct Average;

impl AggregateFunction for Average {
    type In = u32;
    type Accumulator = (u64, u64);
    type Output = f64;

    fn create_accumulator(&self) -> (u64, u64) {
        (0, 0)
    }

    fn add(&self, accumulator: &mut (u64, u64), value: u32) {
        accumulator.0 += u64::from(value);
        accumulator.1 += 1;
    }

    fn result(&self, accumulator: &(u64, u64)) -> f64 {
        accumulator.0 as f64 / accumulator.1 as f64
    }

    fn merge(&self, accumulator: &mut (u64, u64), other: (u64, u64)) {
        accumulator.0 += other.0;
        accumulator.1 += other.1;
    }
}

type Keyed = (u16, Step);

impl KeyedProcessFunction<u16, Keyed, String> for Steps {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.value = ctx.value_state(ValueStateDescriptor::new("value"))?;
        self.list = ctx.list_state(ListStateDescriptor::new("list"))?;
        self.max = ctx.reducing_state(ReducingStateDescriptor::new("max", u32::max))?;
        self.average = ctx.aggregating_state(AggregatingStateDescriptor::new("avg", Average))?;
        self.map = ctx.map_state(MapStateDescriptor::new("map"))?;
        Ok(())
    }

    fn process(
        &mut self,
        (_, step): Keyed,
        _ctx: &mut Context<u16>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        match step {
            Step::Set(value) => self.value.update(value),
            Step::Add(value) => {
                self.list.add(value);
                self.max.add(value);
                self.average.add(value);
            }
            Step::Clear => {
                self.value.clear();
                self.list.clear();
                self.max.clear();
                self.average.clear();
            }
            Step::Put(entry, value) => self.map.put(&entry, value)?,
            Step::Remove(entry) => self.map.remove(&entry)?,
            Step::ClearMap => self.map.clear()?,
            Step::Scan => {
                let read = (self.value.value(), self.list.get(), self.max.get());
                out.collect(format!("{read:?} {:?} {:?}", self.average.get(), self.map.entries()?));
            }
        }
        Ok(())
    }
}

/// The same in plain maps.
#[derive(Default)]
struct Model(BTreeMap<u16, ModelKey>);

#[derive(Default)]
struct ModelKey {
    value: Option<u32>,
    list: Vec<u32>,
    map: BTreeMap<u8, u32>,
}

impl Model {
    fn apply(&mut self, (key, step): &Keyed) -> Option<String> {
        let state = self.0.entry(*key).or_default();
        match step {
            Step::Set(value) => state.value = Some(*value),
            Step::Add(value) => state.list.push(*value),
            Step::Clear => (state.value, state.list) = (None, Vec::new()),
            Step::Put(entry, value) => drop(state.map.insert(*entry, *value)),
            Step::Remove(entry) => drop(state.map.remove(entry)),
            Step::ClearMap => state.map.clear(),
            Step::Scan => {
                let sum: u32 = state.list.iter().sum();
                let average =
                    (!state.list.is_empty()).then(|| f64::from(sum) / state.list.len() as f64);
                let read = (state.value, state.list.clone(), state.list.iter().max().copied());
                let mut entries: Vec<(u8, u32)> = state.map.clone().into_iter().collect();
                entries.sort_unstable();
                return Some(format!("{read:?} {average:?} {entries:?}"));
            }
        }
        None
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..1000u32).prop_map(Step::Set),
        (0..1000u32).prop_map(Step::Add),
        Just(Step::Clear),
        (0..20u8, 0..1000u32).prop_map(|(entry, value)| Step::Put(entry, value)),
        (0..20u8).prop_map(Step::Remove),
        Just(Step::ClearMap),
        Just(Step::Scan),
        Just(Step::Scan),
    ]
}

fn steps(setup: HarnessSetup) -> OperatorHarness<Keyed, String> {
    setup.keyed_process(Steps::default(), |(key, _): &Keyed| *key).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the size of the cache and wherever the harness is restarted, operators see the
    /// state they wrote.
    #[test]
    fn state_is_what_was_written(
        batches in prop::collection::vec(prop::collection::vec((0..12u16, step()), 0..12), 1..12),
        entries in 1..8usize,
        restart_at in 0..12usize,
    ) {
        let mut model = Model::default();
        let setup =
            || OperatorHarness::setup().config("sandbar.state.cache.entries", &entries.to_string());
        let mut harness = steps(setup());
        for (number, batch) in batches.into_iter().enumerate() {
            if number == restart_at {
                let snapshot = harness.snapshot().unwrap();
                harness = steps(setup().restore(&snapshot));
            }
            let expected: Vec<String> =
                batch.iter().filter_map(|keyed| model.apply(keyed)).collect();
            harness.push_batch(batch.into_iter().map(|keyed| (keyed, 0))).unwrap();
            prop_assert_eq!(harness.take_values(), expected);
        }
    }
}

#[test]
fn a_batch_asks_the_host_once_per_state_and_only_for_keys_it_lacks() {
    let mut harness = steps(OperatorHarness::setup());
    harness.push_batch((0..100).map(|key| ((key, Step::Set(1)), 0))).unwrap();
    // Value, list, reducing and aggregating; maps are fetched entry by entry.
    assert_eq!(harness.host().calls.multi_get.get(), 4);
    harness.push_batch((0..100).map(|key| ((key, Step::Set(2)), 0))).unwrap();
    assert_eq!(harness.host().calls.multi_get.get(), 4);
    assert_eq!(harness.host().calls.multi_put.get(), 0);
    harness.snapshot().unwrap();
    assert_eq!(harness.host().calls.multi_put.get(), 1);
    assert_eq!(harness.state::<u16, u32>("value", &7).unwrap(), Some(2));
    assert_eq!(harness.state::<u16, u32>("value", &100).unwrap(), None);
}

#[test]
fn a_large_dirty_set_is_written_behind() {
    let setup = OperatorHarness::setup().config("execution.checkpointing.interval", "10 s");
    let mut harness = steps(setup);
    for batch in 0..20u16 {
        let keys = batch * 1000..batch * 1000 + 1000;
        harness.push_batch(keys.map(|key| ((key, Step::Set(1)), 0))).unwrap();
    }
    // 16384 may wait; the batches after that write 1024 each.
    assert_eq!(harness.host().calls.multi_put.get(), 4);
}

#[test]
fn evicted_keys_are_written_in_one_call() {
    let setup = OperatorHarness::setup().config("sandbar.state.cache.entries", "100");
    let mut harness = steps(setup);
    harness.push_batch((0..100).map(|key| ((key, Step::Set(1)), 0))).unwrap();
    harness.push_batch((100..200).map(|key| ((key, Step::Set(2)), 0))).unwrap();
    assert_eq!(harness.host().calls.multi_put.get(), 1);
    assert_eq!(harness.state::<u16, u32>("value", &5).unwrap(), Some(1));
    assert_eq!(harness.state::<u16, u32>("value", &105).unwrap(), Some(2));
}

#[test]
fn map_entries_are_stored_one_by_one_in_order() {
    let mut harness = steps(OperatorHarness::setup());
    let steps = [Step::Put(3, 30), Step::Put(1, 10), Step::Put(2, 20), Step::Remove(2)];
    harness.push_batch(steps.map(|step| ((9, step), 0))).unwrap();
    assert_eq!(harness.map_state::<u16, u8, u32>("map", &9).unwrap(), [(1, 10), (3, 30)]);
}

#[test]
fn a_cache_size_that_is_no_number_is_refused() {
    let setup = OperatorHarness::setup().config("sandbar.state.cache.entries", "many");
    let refused = setup.keyed_process(Steps::default(), |(key, _): &Keyed| *key).unwrap_err();
    let expected = "sandbar.state.cache.entries is 'many', expected a number of keys above 0";
    assert_eq!(refused.message(), expected);
}

/// Emits whether the key was seen within a second.
#[derive(Default)]
struct Recent {
    seen: ValueState<bool>,
    entries: MapState<u8, bool>,
}

impl KeyedProcessFunction<u8, u8, (bool, bool)> for Recent {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        let second = Duration::from_secs(1);
        self.seen = ctx.value_state(ValueStateDescriptor::new("seen").ttl(second))?;
        self.entries = ctx.map_state(MapStateDescriptor::new("entries").ttl(second))?;
        Ok(())
    }

    fn process(
        &mut self,
        key: u8,
        _ctx: &mut Context<u8>,
        out: &mut Collector<(bool, bool)>,
    ) -> Result<()> {
        out.collect((self.seen.value().is_some(), self.entries.get(&key)?.is_some()));
        self.seen.update(true);
        self.entries.put(&key, true)
    }
}

#[test]
fn state_with_a_time_to_live_expires_though_its_key_is_cached() {
    let mut harness = OperatorHarness::keyed_process(Recent::default(), |key: &u8| *key).unwrap();
    harness.push(1, 0).unwrap();
    harness.advance_processing_time(999).unwrap();
    harness.push(1, 0).unwrap();
    harness.advance_processing_time(1000).unwrap();
    harness.push(1, 0).unwrap();
    assert_eq!(harness.take_values(), [(false, false), (true, true), (false, false)]);
}

/// Keeps what it has seen in operator state.
#[derive(Default)]
struct Seen {
    list: OperatorListState<u32>,
    rules: BroadcastState<String, u32>,
}

impl ProcessFunction<u32, usize> for Seen {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.list = ctx.operator_list_state("seen", Redistribution::Split)?;
        self.rules = ctx.broadcast_state("rules")?;
        Ok(())
    }

    fn process(
        &mut self,
        value: u32,
        _ctx: &mut Context<Unkeyed>,
        out: &mut Collector<usize>,
    ) -> Result<()> {
        self.list.add(value);
        self.rules.put(&format!("rule {}", value % 2), value)?;
        out.collect(self.list.get().len() + self.rules.entries()?.len());
        Ok(())
    }
}

#[test]
fn operator_state_survives_a_restart() {
    let mut harness = OperatorHarness::process(Seen::default()).unwrap();
    harness.push_batch([(1, 0), (2, 0), (3, 0)]).unwrap();
    let snapshot = harness.snapshot().unwrap();
    let mut restored =
        OperatorHarness::setup().restore(&snapshot).process(Seen::default()).unwrap();
    restored.push(4, 0).unwrap();
    assert_eq!(restored.take_values(), [6]);
}

/// Asks for keyed state where there are no keys.
struct Misplaced;

impl ProcessFunction<u32, u32> for Misplaced {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        ctx.value_state(ValueStateDescriptor::<u32>::new("count")).map(drop)
    }

    fn process(
        &mut self,
        _value: u32,
        _ctx: &mut Context<Unkeyed>,
        _out: &mut Collector<u32>,
    ) -> Result<()> {
        Ok(())
    }
}

#[test]
fn keyed_state_without_keys_is_refused() {
    let refused = OperatorHarness::process(Misplaced).unwrap_err();
    let expected = "opening operator 'operator': keyed state 'count' needs keys: use it in a keyed \
                    operator, behind key_by";
    assert_eq!(refused.message(), expected);
}
