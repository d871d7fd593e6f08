//! Tests of timers that wait in the cache, against a plain model: keys that leave the cache and
//! come back, snapshots, timers that timers register, and many that fire in parts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use crate::prelude::*;
use crate::testing::OperatorHarness;

/// What is done to a key's timers.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
enum Command {
    Register(i64),
    Delete(i64),
}
use Command::{Delete, Register};

/// What happens to the operator.
#[derive(Clone, Debug)]
enum Step {
    Batch(Vec<(u8, Command)>),
    Watermark(i64),
    Snapshot,
}

/// The timers that a timer registers when it fires, behind it and ahead of it.
fn follow_ups(at: i64) -> impl Iterator<Item = i64> {
    let behind = (at % 7 == 0).then_some(at - 2);
    behind.into_iter().chain((at % 5 == 0).then_some(at + 3))
}

/// Obeys, and tells which timers fire. It has state that expires if it is to.
#[derive(Default)]
struct Obey {
    expires: bool,
    fired: ValueState<u32>,
}

impl KeyedProcessFunction<u8, (u8, Command), (u8, i64, u32)> for Obey {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        let mut descriptor = ValueStateDescriptor::new("fired");
        if self.expires {
            descriptor = descriptor.ttl(Duration::from_secs(3600));
        }
        self.fired = ctx.value_state(descriptor)?;
        Ok(())
    }

    fn process(
        &mut self,
        (_, command): (u8, Command),
        ctx: &mut Context<u8>,
        _out: &mut Collector<(u8, i64, u32)>,
    ) -> Result<()> {
        match command {
            Register(at) => ctx.register_event_time_timer(at),
            Delete(at) => ctx.delete_event_time_timer(at),
        }
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<u8>,
        out: &mut Collector<(u8, i64, u32)>,
    ) -> Result<()> {
        let fired = self.fired.value().unwrap_or(0) + 1;
        self.fired.update(fired);
        out.collect((*ctx.current_key(), timer.timestamp, fired));
        follow_ups(timer.timestamp).try_for_each(|at| ctx.register_event_time_timer(at))
    }
}

fn obey(expires: bool, cached_keys: usize) -> OperatorHarness<(u8, Command), (u8, i64, u32)> {
    OperatorHarness::setup()
        .config("sandbar.state.cache.entries", &cached_keys.to_string())
        .keyed_process(Obey { expires, ..Obey::default() }, |record: &(u8, Command)| record.0)
        .unwrap()
}

/// The timers of each key, and how many have fired.
#[derive(Default)]
struct Model(BTreeMap<u8, (BTreeSet<i64>, u32)>);

impl Model {
    fn obey(&mut self, key: u8, command: Command) {
        let (timers, _) = self.0.entry(key).or_default();
        match command {
            Register(at) => timers.insert(at),
            Delete(at) => timers.remove(&at),
        };
    }

    /// What fires, by key.
    fn watermark(&mut self, watermark: i64) -> BTreeMap<u8, Vec<(i64, u32)>> {
        let mut all = BTreeMap::new();
        for (key, (timers, count)) in &mut self.0 {
            let mut fired = Vec::new();
            while let Some(at) = timers.first().copied().filter(|at| *at <= watermark) {
                timers.remove(&at);
                *count += 1;
                fired.push((at, *count));
                timers.extend(follow_ups(at));
            }
            if !fired.is_empty() {
                all.insert(*key, fired);
            }
        }
        all
    }

    fn timers(&self) -> Vec<i64> {
        let mut all: Vec<i64> = self.0.values().flat_map(|(timers, _)| timers.clone()).collect();
        all.sort_unstable();
        all
    }
}

fn by_key(fired: Vec<(u8, i64, u32)>) -> BTreeMap<u8, Vec<(i64, u32)>> {
    let mut all: BTreeMap<u8, Vec<(i64, u32)>> = BTreeMap::new();
    for (key, at, count) in fired {
        all.entry(key).or_default().push((at, count));
    }
    all
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![4 => (0i64..120).prop_map(Register), 1 => (0i64..120).prop_map(Delete)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec((0u8..12, command()), 1..20).prop_map(Step::Batch),
        2 => (1i64..30).prop_map(Step::Watermark),
        1 => Just(Step::Snapshot),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 300 }))]

    #[test]
    fn timers_of_each_key_fire_once_and_in_order_wherever_they_wait(
        steps in prop::collection::vec(step(), 1..30),
        cached_keys in 1usize..16,
        expires: bool,
    ) {
        let (mut harness, mut model) = (obey(expires, cached_keys), Model::default());
        let mut watermark = 0;
        for step in steps.into_iter().chain([Step::Watermark(1000)]) {
            match step {
                Step::Batch(commands) => {
                    commands.iter().for_each(|(key, command)| model.obey(*key, *command));
                    harness.push_batch(commands.into_iter().map(|record| (record, 0))).unwrap();
                }
                Step::Watermark(by) => {
                    watermark += by;
                    harness.watermark(watermark).unwrap();
                    prop_assert_eq!(by_key(harness.take_values()), model.watermark(watermark));
                }
                Step::Snapshot => drop(harness.snapshot().unwrap()),
            }
            prop_assert_eq!(harness.timers(TimeDomain::EventTime), model.timers());
        }
    }
}

#[test]
fn timers_of_many_keys_cost_no_call_of_the_host_and_fire_in_parts() {
    let mut harness = OperatorHarness::keyed_process(Many, |record: &u32| *record).unwrap();
    for part in 0..10 {
        harness.push_batch((part * 1000..(part + 1) * 1000).map(|key| (key, 0))).unwrap();
    }
    harness.watermark(99).unwrap();
    assert_eq!(harness.take_values(), Vec::<u32>::new());
    harness.watermark(i64::MAX).unwrap();
    let mut fired = harness.take_values();
    fired.sort_unstable();
    assert_eq!(fired, (0..10_000).collect::<Vec<u32>>());
    assert_eq!(harness.host().calls.register_timers.get(), 0);
    assert!(harness.timers(TimeDomain::EventTime).is_empty());
}

/// Has a timer for each key, the same for odd ones and at the end of time for the others.
struct Many;

impl KeyedProcessFunction<u32, u32, u32> for Many {
    fn process(
        &mut self,
        key: u32,
        ctx: &mut Context<u32>,
        _out: &mut Collector<u32>,
    ) -> Result<()> {
        ctx.register_event_time_timer(if key % 2 == 1 { 100 } else { i64::MAX })
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        ctx: &mut Context<u32>,
        out: &mut Collector<u32>,
    ) -> Result<()> {
        out.collect(*ctx.current_key());
        Ok(())
    }
}
