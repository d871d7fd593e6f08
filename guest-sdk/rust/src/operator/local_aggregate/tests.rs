//! When partial results leave, and that two phases give what one gives.

mod chunks;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;

use crate::aggregates::CountAggregate;
use crate::chain::instance::{CallError, Instance};
use crate::chain::wiring::{ChainedOperator, Target, open};
use crate::codec::Text;
use crate::host::harness::HarnessHost;
use crate::host::{self, Host};
use crate::plugin::PluginBuilder;
use crate::prelude::*;
use crate::testing::OperatorHarness;
use crate::{LocalAggregate, TwoPhase};

/// A sum, and of how many.
#[derive(Clone, Copy)]
struct Total;

impl AggregateFunction for Total {
    type In = i64;
    type Accumulator = (i64, u64);
    type Output = (i64, u64);

    fn create_accumulator(&self) -> (i64, u64) {
        (0, 0)
    }

    fn add(&self, accumulator: &mut (i64, u64), value: i64) {
        self.merge(accumulator, (value, 1));
    }

    fn result(&self, accumulator: &(i64, u64)) -> (i64, u64) {
        *accumulator
    }

    fn merge(&self, accumulator: &mut (i64, u64), other: (i64, u64)) {
        accumulator.0 += other.0;
        accumulator.1 += other.1;
    }
}

type Record = (String, i64);
type Local = OperatorHarness<Record, (String, (i64, u64))>;

fn keyed(settings: TwoPhase) -> Local {
    let local = LocalAggregate::keyed(settings, Ok::<Record, Error>, Total).unwrap();
    OperatorHarness::setup().local_aggregate(local).unwrap()
}

fn second() -> TumblingEventTimeWindows {
    TumblingEventTimeWindows::of(Duration::from_secs(1))
}

fn windowed(settings: TwoPhase) -> Local {
    let local =
        LocalAggregate::windows(&Windowing::of(second()), settings, Ok::<Record, Error>, Total)
            .unwrap();
    OperatorHarness::setup().local_aggregate(local).unwrap()
}

/// Pushes `key=value@timestamp` as one batch.
fn push(local: &mut Local, records: &[&str]) {
    let record = |record: &&str| {
        let (key, rest) = record.split_once('=').unwrap();
        let (value, timestamp) = rest.split_once('@').unwrap();
        ((key.to_owned(), value.parse().unwrap()), timestamp.parse().unwrap())
    };
    local.push_batch(records.iter().map(record)).unwrap();
}

/// The partial results so far, as `key=sum/count@timestamp`.
fn taken(local: &mut Local) -> Vec<String> {
    let show = |((key, (sum, count)), timestamp): ((String, (i64, u64)), Option<i64>)| {
        format!("{key}={sum}/{count}@{}", timestamp.unwrap())
    };
    local.take_output().into_iter().map(show).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn all_of_a_key_is_put_together_until_it_must_leave() {
    type Leave = fn(&mut Local) -> Result<()>;
    let occasions: [Leave; 5] = [
        |local| local.watermark(7),
        |local| local.idle(),
        |local| local.snapshot().map(|_| ()),
        |local| local.finish(),
        |local| local.advance_processing_time(100),
    ];
    for (occasion, leave) in occasions.into_iter().enumerate() {
        let mut local = keyed(TwoPhase::new());
        push(&mut local, &["a=1@7", "b=2@8", "a=3@9"]);
        assert_eq!(taken(&mut local), NOTHING, "{occasion}");
        leave(&mut local).unwrap();
        assert_eq!(taken(&mut local), ["a=4/2@9", "b=2/1@8"], "{occasion}");
        leave(&mut local).unwrap();
        assert_eq!(taken(&mut local), NOTHING, "{occasion}");
    }
}

#[test]
fn a_watermark_before_all_that_is_held_lets_it_stay() {
    let mut local = keyed(TwoPhase::new());
    push(&mut local, &["a=1@7"]);
    local.watermark(6).unwrap();
    local.advance_processing_time(99).unwrap();
    assert_eq!(taken(&mut local), NOTHING);
    push(&mut local, &["a=1@8"]);
    local.advance_processing_time(1).unwrap();
    assert_eq!(taken(&mut local), ["a=2/2@8"], "the time counts from the first record");
}

#[test]
fn a_time_that_was_asked_for_earlier_does_not_count() {
    let mut local = keyed(TwoPhase::new().latency(Duration::from_millis(50)).records_max(2));
    push(&mut local, &["a=1@7", "a=1@7"]);
    assert_eq!(taken(&mut local), ["a=2/2@7"]);
    local.advance_processing_time(30).unwrap();
    push(&mut local, &["a=5@9"]);
    local.advance_processing_time(20).unwrap();
    assert_eq!(taken(&mut local), NOTHING, "the time of what has left");
    local.advance_processing_time(30).unwrap();
    assert_eq!(taken(&mut local), ["a=5/1@9"]);
}

#[test]
fn what_is_held_is_bounded() {
    let mut local = keyed(TwoPhase::new().keys_max(2));
    push(&mut local, &["a=1@1", "a=1@2", "b=1@3", "c=1@4"]);
    assert_eq!(taken(&mut local), ["a=2/2@2", "b=1/1@3"]);
    let mut few_records = keyed(TwoPhase::new().records_max(3));
    push(&mut few_records, &["a=1@1", "a=1@2", "a=1@3", "a=1@4"]);
    assert_eq!(taken(&mut few_records), ["a=3/3@3"]);
    let mut few_panes = windowed(TwoPhase::new().keys_max(2).records_max(1));
    push(&mut few_panes, &["a=1@1", "a=1@2", "a=1@1000", "b=1@1"]);
    assert_eq!(taken(&mut few_panes), ["a=2/2@999", "a=1/1@1999"]);
    few_panes.finish().unwrap();
    assert_eq!(taken(&mut few_panes), ["b=1/1@999"]);
}

#[test]
fn a_window_leaves_whole_before_the_watermark_passes_it() {
    let mut local = windowed(TwoPhase::new());
    push(&mut local, &["a=1@10", "a=2@1500", "a=4@990"]);
    local.watermark(998).unwrap();
    local.advance_processing_time(10_000).unwrap();
    assert_eq!(taken(&mut local), NOTHING);
    local.watermark(999).unwrap();
    assert_eq!(taken(&mut local), ["a=5/2@999"]);
    push(&mut local, &["a=9@20", "a=8@1600"]);
    assert_eq!(taken(&mut local), ["a=9/1@20"], "what may be late does not wait");
    local.watermark(i64::MAX).unwrap();
    assert_eq!(taken(&mut local), ["a=10/2@1999"]);
}

#[test]
fn an_idle_stream_holds_nothing_of_windows() {
    let mut local = windowed(TwoPhase::new());
    push(&mut local, &["a=1@10"]);
    local.idle().unwrap();
    push(&mut local, &["a=2@20"]);
    assert_eq!(taken(&mut local), ["a=1/1@999", "a=2/1@20"]);
    local.watermark(5).unwrap();
    push(&mut local, &["a=4@30"]);
    assert_eq!(taken(&mut local), NOTHING);
}

#[test]
fn long_keys_are_told_apart() {
    let mut local = keyed(TwoPhase::new());
    let keys: Vec<String> = (0..100).map(|n| format!("a key longer than a digest {n}")).collect();
    let records = keys.iter().chain(&keys).map(|key| ((key.clone(), 1), 5));
    local.push_batch(records).unwrap();
    local.finish().unwrap();
    let expected = keys.into_iter().map(|key| (key, (2, 2)));
    assert_eq!(local.take_values(), expected.collect::<Vec<_>>());
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let zero = "two-phase aggregation with 0 keys, 100000 records and 100 ms: each must be at \
                least 1";
    let one_salt = "two-phase aggregation with 1 salts: use at least 2, or none";
    for (settings, expected) in
        [(TwoPhase::new().keys_max(0), zero), (TwoPhase::new().salt(1), one_salt)]
    {
        let local = LocalAggregate::keyed(settings, Ok::<Record, Error>, Total);
        assert_eq!(local.unwrap_err().to_string(), expected);
    }
}

/// Opens a chain of operators of a plugin, in their order.
fn chain(register: impl FnOnce(&mut PluginBuilder)) -> (Rc<HarnessHost>, Instance) {
    let mut plugin = PluginBuilder::default();
    register(&mut plugin);
    let last = plugin.operators.len() as u32 - 1;
    let link = |number: u32, name: &str| ChainedOperator {
        operator: name.to_owned(),
        name: name.to_owned(),
        outputs: vec![vec![match number == last {
            true => Target::External(0),
            false => Target::Chained(number + 1),
        }]],
        ..ChainedOperator::default()
    };
    let names = plugin.operators.iter().map(|operator| operator.name.clone());
    let links: Vec<_> = (0..).zip(names).map(|(number, name)| link(number, &name)).collect();
    let host = Rc::new(HarnessHost::default());
    let take = |wanted: &ChainedOperator| {
        let mut operators = plugin.operators.iter();
        let position = operators.position(|operator| operator.name == wanted.operator).unwrap();
        Ok(plugin.operators.remove(position))
    };
    let instance = open(Rc::clone(&host) as Rc<dyn Host>, &links, take).unwrap();
    (host, instance)
}

#[derive(serde::Deserialize)]
struct NoConfig {}

/// Counts words by themselves.
fn count(plugin: &mut PluginBuilder) {
    let read = |word: String| Ok((word.clone(), word));
    plugin
        .local_aggregate_with("count", move |NoConfig {}| {
            LocalAggregate::keyed(TwoPhase::new(), read, CountAggregate::default())
        })
        .input(Text)
        .output(Json);
}

fn lines(lines: &[&str]) -> host::Batch {
    let mut batch = host::batch();
    for line in lines {
        batch.values.extend(line.as_bytes());
        batch.value_ends.push(batch.values.len() as u32);
        batch.timestamps.push(0);
    }
    batch
}

fn emitted(host: &HarnessHost) -> Vec<String> {
    let batches = host.emitted.take();
    let of_batch = |batch: &host::Batch| -> Vec<String> {
        let value = |index| host::cut(&batch.value_ends, &batch.values, index).to_vec();
        (0..batch.value_ends.len()).map(|index| String::from_utf8(value(index)).unwrap()).collect()
    };
    batches.iter().flat_map(|(_, batch)| of_batch(batch)).collect()
}

#[test]
fn what_a_refused_record_has_emitted_is_not_counted() {
    let (host, mut instance) = chain(|plugin| {
        plugin
            .flat_map(
                "split",
                crate::Try(|line: String, out: &mut Collector<String>| {
                    for word in line.split(' ') {
                        if word == "bad" {
                            return Err(Error::bad_record("it is bad"));
                        }
                        out.collect(word.to_owned());
                    }
                    Ok(())
                }),
            )
            .input(Text)
            .output(Text);
        count(plugin);
    });
    let refused = instance.process(0, lines(&["a b", "a b bad", "a"]));
    assert!(matches!(refused, Err(CallError::BadRecord { operator: 0, index: 1, .. })));
    instance.process(0, lines(&["a"])).unwrap();
    instance.finish().unwrap();
    assert_eq!(emitted(&host), [r#"["a",2]"#, r#"["b",1]"#]);
}

#[test]
fn operators_in_front_let_go_before_those_behind() {
    let (host, mut instance) = chain(|plugin| {
        count(plugin);
        let read = |(word, count): (String, u64)| {
            Ok((word.len() as u32, i64::try_from(count).unwrap_or(i64::MAX)))
        };
        plugin
            .local_aggregate_with("by length", move |NoConfig {}| {
                LocalAggregate::keyed(TwoPhase::new(), read, Total)
            })
            .input(Json)
            .output(Json);
    });
    instance.process(0, lines(&["a", "b", "cc", "b"])).unwrap();
    assert_eq!(emitted(&host), NOTHING);
    instance.on_watermark(5).unwrap();
    assert_eq!(emitted(&host), ["[1,[3,2]]", "[2,[1,1]]"]);
    instance.process(0, lines(&["a"])).unwrap();
    instance.before_checkpoint().unwrap();
    assert_eq!(emitted(&host), ["[1,[1,1]]"]);
}

#[test]
fn results_of_timers_in_front_wait_for_the_watermark_that_fires_them() {
    let (host, mut instance) = chain(|plugin| {
        let counts = || Windowing::of(second()).aggregate(CountAggregate::default());
        plugin
            .keyed_process_with("count", move |NoConfig {}| {
                Ok::<crate::WindowedOperator<String, String, u64>, Error>(counts())
            })
            .input(Text)
            .output(Compact);
        plugin
            .local_aggregate_with("sum", |NoConfig {}| {
                let read = |count: u64| Ok(((), i64::try_from(count).unwrap_or(i64::MAX)));
                LocalAggregate::windows(&Windowing::of(second()), TwoPhase::new(), read, Total)
            })
            .input(Compact)
            .output(Json);
    });
    let mut words = lines(&["a", "b", "a"]);
    (words.key_ends, words.keys) = (words.value_ends.clone(), words.values.clone());
    instance.process(0, words).unwrap();
    host.watermark.set(999);
    let mut due = crate::timers::empty();
    (due.timestamps, due.key_ends, due.keys) = (vec![999, 999], vec![1, 2], b"ab".to_vec());
    instance.on_timers(0, TimeDomain::EventTime, &due).unwrap();
    assert_eq!(emitted(&host), NOTHING);
    instance.on_watermark(999).unwrap();
    assert_eq!(emitted(&host), ["[null,[3,2]]"]);
}

/// What happens to one of several subtasks in front of the exchange.
#[derive(Clone, Debug)]
enum Event {
    Record { key: u8, value: i64, timestamp: i64 },
    Watermark { ahead: i64 },
    Idle,
    Checkpoint,
}

fn events() -> impl Strategy<Value = Vec<(usize, Event)>> {
    let record = (0u8..4, -5i64..5, -40i64..40);
    let event = prop_oneof![
        12 => record.prop_map(|(key, value, timestamp)| Event::Record { key, value, timestamp }),
        4 => (0i64..25).prop_map(|ahead| Event::Watermark { ahead }),
        1 => Just(Event::Idle),
        1 => Just(Event::Checkpoint),
    ];
    prop::collection::vec((0usize..3, event), 0..120)
}

/// Some subtasks: their watermarks, none of those that are idle, and what they have in common.
struct Subtasks {
    reached: Vec<Option<i64>>,
    combined: i64,
}

impl Subtasks {
    /// The watermark that the subtasks send on, if it is another.
    fn advance(&mut self) -> Option<i64> {
        let min = self.reached.iter().copied().flatten().min()?;
        (min > self.combined).then(|| {
            self.combined = min;
            min
        })
    }
}

type Totals = OperatorHarness<Record, (i64, u64)>;
type Merging = OperatorHarness<(String, (i64, u64)), (i64, u64)>;

/// Emits the sum, and puts the key into the count, so that results tell whose they are.
struct Emit;

impl<T: Data> ProcessWindowFunction<String, T, (i64, u64), TimeWindow> for Emit
where
    (i64, u64): From<T>,
{
    type State = ();

    fn process(
        &mut self,
        ctx: &mut crate::WindowContext<'_, String, TimeWindow, ()>,
        elements: &[T],
        out: &mut Collector<(i64, u64)>,
    ) -> Result<()> {
        let (sum, count) = <(i64, u64)>::from(elements[0].clone());
        let key: u64 = ctx.current_key().parse()?;
        out.collect((sum, key * 1000 + count));
        Ok(())
    }
}

/// Sums of values with their records' keys in front, in one phase.
struct OfRecords;

impl AggregateFunction for OfRecords {
    type In = Record;
    type Accumulator = (i64, u64);
    type Output = (i64, u64);

    fn create_accumulator(&self) -> (i64, u64) {
        (0, 0)
    }

    fn add(&self, accumulator: &mut (i64, u64), (_, value): Record) {
        Total.add(accumulator, value);
    }

    fn result(&self, accumulator: &(i64, u64)) -> (i64, u64) {
        *accumulator
    }

    fn merge(&self, accumulator: &mut (i64, u64), other: (i64, u64)) {
        Total.merge(accumulator, other);
    }
}

/// Runs the same records and watermarks through one phase and through two; what each has emitted,
/// and its late records, in order.
macro_rules! compare {
    ($assigner:expr, $events:expr, $lateness:expr, $settings:expr) => {{
        let lateness = Duration::from_millis($lateness);
        let one = Windowing::of($assigner).allowed_lateness(lateness);
        let mut plain: Totals = OperatorHarness::keyed_process(
            one.aggregate_with(OfRecords, Emit),
            |record: &Record| record.0.clone(),
        )?;
        let two = Windowing::<i64, _, _>::of($assigner).allowed_lateness(lateness);
        let mut locals = Vec::new();
        for _ in 0..3 {
            let local = LocalAggregate::windows(&two, $settings, Ok::<Record, Error>, Total)?;
            locals.push(OperatorHarness::setup().local_aggregate(local)?);
        }
        let mut merging: Merging = OperatorHarness::keyed_process(
            two.merge_with(Total, Emit)?,
            |partial: &(String, (i64, u64))| partial.0.clone(),
        )?;
        run($events, &mut plain, &mut locals, &mut merging)
    }};
}

type Compared = [(BTreeMap<(Option<i64>, (i64, u64)), usize>, Vec<f64>); 2];

fn run(
    events: &[(usize, Event)],
    plain: &mut Totals,
    locals: &mut [Local],
    merging: &mut Merging,
) -> Result<Compared> {
    let mut subtasks = Subtasks { reached: vec![Some(i64::MIN); 3], combined: i64::MIN };
    let end = (0..3).map(|subtask| (subtask, Event::Watermark { ahead: i64::MAX }));
    for (subtask, event) in events.iter().cloned().chain(end) {
        let local = &mut locals[subtask];
        match event {
            Event::Record { key, value, timestamp } => {
                let at = subtasks.reached[subtask].unwrap_or(subtasks.combined).max(0) + timestamp;
                plain.push((key.to_string(), value), at)?;
                local.push((key.to_string(), value), at)?;
            }
            Event::Watermark { ahead } => {
                let from = subtasks.reached[subtask].unwrap_or(subtasks.combined).max(0);
                let watermark = from.saturating_add(ahead);
                subtasks.reached[subtask] = Some(watermark);
                local.watermark(watermark)?;
            }
            Event::Idle => {
                local.idle()?;
                subtasks.reached[subtask] = None;
            }
            Event::Checkpoint => {
                local.snapshot()?;
            }
        }
        // Partial results travel in front of the watermark.
        for (partial, timestamp) in local.take_output() {
            merging.push(partial, timestamp.unwrap())?;
        }
        if let Some(watermark) = subtasks.advance() {
            plain.watermark(watermark)?;
            merging.watermark(watermark)?;
        }
    }
    let counted = |output: Vec<((i64, u64), Option<i64>)>| {
        let mut counts = BTreeMap::new();
        for (value, timestamp) in output {
            *counts.entry((timestamp, value)).or_default() += 1;
        }
        counts
    };
    let late = "numLateRecordsDropped";
    Ok([
        (counted(plain.take_output()), plain.metric(late)),
        (counted(merging.take_output()), merging.metric(late)),
    ])
}

proptest! {
    #[test]
    fn two_phases_give_what_one_gives(
        events in events(),
        size in 1u64..12,
        slide in 1u64..12,
        lateness in 0u64..15,
        keys_max in 1usize..6,
        tumbles: bool,
    ) {
        let (size, slide) = (Duration::from_millis(size), Duration::from_millis(slide));
        let settings = TwoPhase::new().keys_max(keys_max);
        let compared: Result<Compared> = (|| match tumbles {
            true => compare!(TumblingEventTimeWindows::of(size), &events, lateness, settings),
            false => {
                compare!(SlidingEventTimeWindows::of(size, slide), &events, lateness, settings)
            }
        })();
        let [one, two] = compared.unwrap();
        prop_assert_eq!(one, two);
    }

    #[test]
    fn sums_of_partial_results_are_the_sums(
        values in prop::collection::vec((0u8..6, -9i64..9), 0..200),
        keys_max in 1usize..8,
        records_max in 1u64..40,
    ) {
        let mut local = keyed(TwoPhase::new().keys_max(keys_max).records_max(records_max));
        let mut expected: BTreeMap<String, (i64, u64)> = BTreeMap::new();
        for (key, value) in &values {
            Total.add(expected.entry(key.to_string()).or_default(), *value);
        }
        let records = values.iter().map(|(key, value)| ((key.to_string(), *value), 0));
        local.push_batch(records).unwrap();
        let before_the_end = local.take_values();
        local.finish().unwrap();
        let at_the_end = local.take_values();
        prop_assert!(at_the_end.len() < keys_max.max(1) || at_the_end.is_empty());
        let mut found: BTreeMap<String, (i64, u64)> = BTreeMap::new();
        for (key, partial) in before_the_end.into_iter().chain(at_the_end) {
            Total.merge(found.entry(key).or_default(), partial);
        }
        prop_assert_eq!(found, expected);
    }
}
