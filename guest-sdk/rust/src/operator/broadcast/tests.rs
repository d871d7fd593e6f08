//! Tests of process functions with a broadcast input.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::prelude::*;
use crate::testing::{HarnessSetup, OperatorHarness};

/// A record: a key and an amount.
type Amount = (u32, i64);

/// What a broadcast record tells.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
enum Rule {
    /// From here on amounts count this many times.
    Factor(i64),
    /// All sums change by this much; sums of 0 are forgotten.
    AddToAll(i64),
    /// The amounts of all keys are listed.
    List,
    Refuse,
}
use Rule::{AddToAll, Factor, List, Refuse};

/// Sums per key; emits a sum when it changes by a record, and once more at a timer.
#[derive(Default)]
struct Sums {
    factor: BroadcastState<String, i64>,
    sum: ValueState<i64>,
    amounts: MapState<i64, u32>,
    writes_everywhere: bool,
}

impl KeyedBroadcastProcessFunction<u32, Amount, Rule, Amount> for Sums {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.factor = ctx.broadcast_state("factor")?;
        self.sum = ctx.value_state(ValueStateDescriptor::new("sum"))?;
        self.amounts = ctx.map_state(MapStateDescriptor::new("amounts"))?;
        Ok(())
    }

    fn process_element(
        &mut self,
        (key, amount): Amount,
        ctx: &mut Context<u32>,
        out: &mut Collector<Amount>,
    ) -> Result<()> {
        assert_eq!(*ctx.current_key(), key);
        if self.writes_everywhere {
            self.factor.put(&"factor".to_owned(), 2)?;
        }
        let factor = self.factor.get(&"factor".to_owned())?.unwrap_or(1);
        let sum = self.sum.value().unwrap_or(0) + amount * factor;
        self.sum.update(sum);
        self.amounts.modify(&amount, |times| *times.get_or_insert_default() += 1)?;
        out.collect((key, sum));
        if let Some(at) = ctx.timestamp() {
            ctx.register_event_time_timer(at + 10)?;
        }
        Ok(())
    }

    fn process_broadcast_element(
        &mut self,
        rule: Rule,
        ctx: &mut BroadcastContext<'_, u32>,
        out: &mut Collector<Amount>,
    ) -> Result<()> {
        match rule {
            Factor(factor) => self.factor.put(&"factor".to_owned(), factor),
            AddToAll(amount) => ctx.apply_to_keyed_state(&self.sum, |_key, state| {
                let sum = state.value().unwrap_or(0) + amount;
                if sum == 0 {
                    state.clear()
                } else {
                    state.update(sum)
                }
                Ok(())
            }),
            List => ctx.apply_to_keyed_state(&self.amounts, |key, amounts| {
                amounts.for_each(|amount, times| {
                    (0..times).for_each(|_| out.collect((*key, amount)));
                    Ok(())
                })
            }),
            Refuse => Err(Error::bad_record("told to")),
        }
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        ctx: &mut Context<u32>,
        out: &mut Collector<Amount>,
    ) -> Result<()> {
        if self.writes_everywhere {
            self.factor.remove(&"factor".to_owned())?;
        }
        out.collect((*ctx.current_key(), self.sum.value().unwrap_or(0)));
        Ok(())
    }
}

fn sums(setup: HarnessSetup) -> OperatorHarness<Amount, Amount, Rule> {
    setup.keyed_broadcast_process(Sums::default(), |amount: &Amount| amount.0).unwrap()
}

#[test]
fn rules_count_for_all_keys_from_when_they_come() {
    let mut harness = sums(OperatorHarness::setup());
    harness.push_first((1, 5), 0).unwrap();
    harness.push_second(Factor(10), 1).unwrap();
    harness.push_first_batch([((1, 5), 2), ((2, 1), 3)]).unwrap();
    harness.watermark(10).unwrap();
    let sums = [(1, 5), (1, 55), (2, 10), (1, 55)];
    assert_eq!(harness.take_values(), sums);
}

#[test]
fn rules_and_sums_survive_a_restart() {
    let mut harness = sums(OperatorHarness::setup());
    harness.push_second(Factor(10), 1).unwrap();
    harness.push_first((1, 5), 0).unwrap();
    let snapshot = harness.snapshot().unwrap();
    let mut restored = sums(OperatorHarness::setup().restore(&snapshot));
    restored.push_second(AddToAll(1), 0).unwrap();
    restored.push_first((1, 5), 0).unwrap();
    assert_eq!(restored.take_values(), [(1, 101)]);
}

const READ_ONLY: &str = "broadcast state 'factor' is read-only here: change it in \
                         process_broadcast_element, so that all subtasks do";

fn writes_everywhere() -> Sums {
    Sums { writes_everywhere: true, ..Sums::default() }
}

#[test]
fn broadcast_state_is_read_only_for_keyed_records() {
    let mut harness = OperatorHarness::setup()
        .keyed_broadcast_process(writes_everywhere(), |amount: &Amount| amount.0)
        .unwrap();
    harness.push_second(Factor(3), 0).unwrap();
    let refused = harness.push_first((1, 5), 0).unwrap_err();
    assert!(refused.message().ends_with(READ_ONLY), "{refused}");
}

#[test]
fn broadcast_state_is_read_only_for_timers() {
    let mut harness = sums(OperatorHarness::setup());
    harness.push_first((1, 5), 0).unwrap();
    let snapshot = harness.snapshot().unwrap();
    let mut restored = OperatorHarness::setup()
        .restore(&snapshot)
        .keyed_broadcast_process(writes_everywhere(), |amount: &Amount| amount.0)
        .unwrap();
    let refused = restored.watermark(10).unwrap_err();
    assert!(refused.message().ends_with(READ_ONLY), "{refused}");
}

#[test]
fn after_a_refused_rule_broadcast_state_is_read_only_again() {
    let mut harness = OperatorHarness::setup()
        .keyed_broadcast_process(writes_everywhere(), |amount: &Amount| amount.0)
        .unwrap();
    assert_eq!(harness.push_second(Refuse, 0).unwrap_err().message(), "told to");
    assert!(harness.push_first((1, 5), 0).is_err());
}

/// What happens to the operator.
#[derive(Clone, Debug)]
enum Step {
    Amount(Amount),
    Rule(Rule),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0u32..30, -3i64..4).prop_map(Step::Amount),
        1 => (-2i64..3).prop_map(|factor| Step::Rule(Factor(factor))),
        2 => (-3i64..4).prop_map(|amount| Step::Rule(AddToAll(amount))),
        1 => Just(Step::Rule(List)),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 300 }))]

    /// A function is applied to every key with state, once, whether that is cached, written, both
    /// or neither.
    #[test]
    fn all_keys_are_applied_to(steps in steps(), cache in 1usize..40) {
        let setup = OperatorHarness::setup()
            .config("sandbar.state.cache.entries", &cache.to_string());
        let mut harness = sums(setup);
        let mut sums: BTreeMap<u32, i64> = BTreeMap::new();
        let mut amounts: Vec<Amount> = Vec::new();
        let mut factor = 1;
        for step in steps {
            let mut expected = Vec::new();
            match step.clone() {
                Step::Amount((key, amount)) => {
                    let sum = sums.entry(key).or_insert(0);
                    *sum += amount * factor;
                    expected.push((key, *sum));
                    amounts.push((key, amount));
                }
                Step::Rule(Factor(times)) => factor = times,
                Step::Rule(AddToAll(amount)) => {
                    sums.values_mut().for_each(|sum| *sum += amount);
                    sums.retain(|_, sum| *sum != 0);
                }
                Step::Rule(List) => expected.clone_from(&amounts),
                Step::Rule(Refuse) => {}
            }
            match step {
                Step::Amount(amount) => harness.push_first(amount, i64::MIN).unwrap(),
                Step::Rule(rule) => harness.push_second(rule, 0).unwrap(),
            }
            let mut found = harness.take_values();
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn keys_of_many_pages_are_applied_to() {
    let setup = OperatorHarness::setup().config("sandbar.state.cache.entries", "100");
    let mut harness = sums(setup);
    harness.push_first_batch((0..5000).map(|key| ((key, 1), i64::MIN))).unwrap();
    harness.push_second(AddToAll(1), 0).unwrap();
    harness.take_values();
    harness.push_second(List, 0).unwrap();
    assert_eq!(harness.take_values().len(), 5000);
    harness.push_first_batch((0..5000).map(|key| ((key, 0), i64::MIN))).unwrap();
    assert!(harness.take_values().iter().all(|(_, sum)| *sum == 2));
}
