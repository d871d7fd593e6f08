//! Time to live through the harness, with a clock moved by hand: what an operator sees, whatever
//! its cache holds. Source: Flink, `docs/dev/datastream/fault-tolerance/state`, State TTL.

use super::*;

/// What to do to the expiring state of a key.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
enum Act {
    Write(u32),
    Read,
    Nothing,
}

/// Keeps a number, a list, a map and a maximum for a second each.
struct Expiring {
    config: StateTtlConfig,
    value: ValueState<u32>,
    list: ListState<u32>,
    map: MapState<u32, u32>,
    max: ReducingState<u32>,
}

/// Value, list, map and maximum.
type Seen = (Option<u32>, Vec<u32>, Vec<u32>, Option<u32>);

impl KeyedProcessFunction<u8, (u8, Act), Seen> for Expiring {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        let config = self.config;
        self.value =
            ctx.value_state(ValueStateDescriptor::new("value").enable_time_to_live(config))?;
        self.list = ctx.list_state(ListStateDescriptor::new("list").enable_time_to_live(config))?;
        self.map = ctx.map_state(MapStateDescriptor::new("map").enable_time_to_live(config))?;
        let max = ReducingStateDescriptor::new("max", u32::max).enable_time_to_live(config);
        self.max = ctx.reducing_state(max)?;
        Ok(())
    }

    fn process(
        &mut self,
        (_, act): (u8, Act),
        _ctx: &mut Context<u8>,
        out: &mut Collector<Seen>,
    ) -> Result<()> {
        match act {
            Act::Write(number) => {
                self.value.update(number);
                self.list.add(number);
                self.map.put(&number, number)?;
                self.max.add(number);
            }
            Act::Read => {
                let map = self.map.entries()?.into_iter().map(|(key, _)| key).collect();
                out.collect((self.value.value(), self.list.get(), map, self.max.get()));
            }
            Act::Nothing => {}
        }
        Ok(())
    }
}

fn open(setup: HarnessSetup, config: StateTtlConfig) -> OperatorHarness<(u8, Act), Seen> {
    let function = Expiring {
        config,
        value: ValueState::default(),
        list: ListState::default(),
        map: MapState::default(),
        max: ReducingState::default(),
    };
    setup.keyed_process(function, |(key, _): &(u8, Act)| *key).unwrap()
}

fn second() -> StateTtlConfig {
    StateTtlConfig::new(Duration::from_secs(1))
}

fn act(harness: &mut OperatorHarness<(u8, Act), Seen>, acts: &[Act]) -> Vec<Seen> {
    harness.push_batch(acts.iter().map(|act| ((1, *act), 0))).unwrap();
    harness.take_values()
}

#[test]
fn elements_and_entries_expire_one_by_one() {
    let mut harness = open(OperatorHarness::setup(), second());
    act(&mut harness, &[Act::Write(1)]);
    harness.advance_processing_time(600).unwrap();
    act(&mut harness, &[Act::Write(2)]);
    harness.advance_processing_time(400).unwrap();
    let seen = act(&mut harness, &[Act::Read]);
    assert_eq!(seen, [(Some(2), vec![2], vec![2], Some(2))]);
    assert_eq!(harness.expiring_list_state::<u8, u32>("list", &1).unwrap(), [2]);
    harness.advance_processing_time(600).unwrap();
    assert_eq!(act(&mut harness, &[Act::Read]), [(None, vec![], vec![], None)]);
}

#[test]
fn reads_renew_only_where_that_is_the_update_type() {
    for (update, is_renewed) in
        [(UpdateType::OnCreateAndWrite, false), (UpdateType::OnReadAndWrite, true)]
    {
        let mut harness = open(OperatorHarness::setup(), second().update_type(update));
        act(&mut harness, &[Act::Write(1)]);
        harness.advance_processing_time(600).unwrap();
        act(&mut harness, &[Act::Read]);
        harness.advance_processing_time(600).unwrap();
        let seen = match is_renewed {
            true => (Some(1), vec![1], vec![1], Some(1)),
            false => (None, vec![], vec![], None),
        };
        assert_eq!(act(&mut harness, &[Act::Read]), [seen]);
    }
}

#[test]
fn a_key_that_is_seen_but_whose_state_is_not_read_is_not_renewed() {
    let config = second().update_type(UpdateType::OnReadAndWrite);
    let mut harness = open(OperatorHarness::setup(), config);
    act(&mut harness, &[Act::Write(1)]);
    harness.advance_processing_time(600).unwrap();
    act(&mut harness, &[Act::Nothing]);
    harness.advance_processing_time(400).unwrap();
    assert_eq!(act(&mut harness, &[Act::Read]), [(None, vec![], vec![], None)]);
}

#[test]
fn what_has_expired_is_seen_once_where_that_is_asked_for() {
    let config = second().state_visibility(StateVisibility::ReturnExpiredIfNotCleanedUp);
    let mut harness = open(OperatorHarness::setup(), config);
    act(&mut harness, &[Act::Write(1)]);
    harness.advance_processing_time(5000).unwrap();
    let seen = act(&mut harness, &[Act::Read]);
    assert_eq!((seen[0].0, seen[0].3), (Some(1), Some(1)));
    let again = act(&mut harness, &[Act::Read]);
    assert_eq!((again[0].0, again[0].3), (None, None));
}

/// Of one key, with the times at which things were written.
#[derive(Default)]
struct Times {
    value: Option<(i64, u32)>,
    list: Vec<(i64, u32)>,
    map: BTreeMap<u32, i64>,
}

impl Times {
    fn apply(&mut self, act: Act, now: i64, renews: bool) -> Option<Seen> {
        let lives = |at: i64| now < at + 1000;
        self.value = self.value.filter(|(at, _)| lives(*at));
        self.list.retain(|(at, _)| lives(*at));
        self.map.retain(|_, at| lives(*at));
        match act {
            Act::Nothing => None,
            Act::Write(number) => {
                self.value = Some((now, number));
                self.list.push((now, number));
                self.map.insert(number, now);
                None
            }
            Act::Read => {
                if renews {
                    self.value = self.value.map(|(_, number)| (now, number));
                    self.list.iter_mut().for_each(|(at, _)| *at = now);
                    self.map.values_mut().for_each(|at| *at = now);
                }
                let list: Vec<u32> = self.list.iter().map(|(_, number)| *number).collect();
                let value = self.value.map(|(_, number)| number);
                Some((value, list, self.map.keys().copied().collect(), None))
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Value, list and map are those of the model at every time, with a cache of any size and
    /// wherever the operator is restarted. (A maximum may be that of values it outlives.)
    #[test]
    fn time_to_live_is_that_of_the_model(
        batches in prop::collection::vec(
            (prop::collection::vec((0..6u8, prop_oneof![
                (0..20u32).prop_map(Act::Write), Just(Act::Read), Just(Act::Nothing),
            ]), 0..6), 0..700i64),
            1..15,
        ),
        cached in 1..8usize,
        renews: bool,
        restart_at in 0..15usize,
    ) {
        let update = if renews { UpdateType::OnReadAndWrite } else { UpdateType::default() };
        let config = second().update_type(update);
        let setup =
            || OperatorHarness::setup().config("sandbar.state.cache.entries", &cached.to_string());
        let mut harness = open(setup(), config);
        let (mut model, mut now) = (BTreeMap::<u8, Times>::new(), 0);
        for (number, (batch, passes)) in batches.into_iter().enumerate() {
            if number == restart_at {
                let snapshot = harness.snapshot().unwrap();
                harness = open(setup().restore(&snapshot), config);
                harness.advance_processing_time(now).unwrap();
            }
            let expected: Vec<Seen> = batch
                .iter()
                .filter_map(|(key, act)| model.entry(*key).or_default().apply(*act, now, renews))
                .collect();
            harness.push_batch(batch.into_iter().map(|keyed| (keyed, 0))).unwrap();
            let found: Vec<Seen> = harness
                .take_values()
                .into_iter()
                .map(|(value, list, map, _)| (value, list, map, None))
                .collect();
            prop_assert_eq!(found, expected);
            harness.advance_processing_time(passes).unwrap();
            now += passes;
        }
    }
}
