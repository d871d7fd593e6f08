//! Tests of process functions through the harness: timers, two inputs, side outputs, metrics, logs.

use crate::Level;
use crate::prelude::*;
use crate::testing::OperatorHarness;

/// What a record tells the timers.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
enum Command {
    Register(i64),
    RegisterIn(i64, String),
    Delete(i64),
    Later(i64),
    Fail,
}
use Command::{Delete, Fail, Later, Register, RegisterIn};

/// Obeys commands and tells which timers fire.
struct Obey;

impl KeyedProcessFunction<u8, (u8, Command), String> for Obey {
    fn process(
        &mut self,
        (_, command): (u8, Command),
        ctx: &mut Context<u8>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        match command {
            Register(at) => ctx.register_event_time_timer(at),
            RegisterIn(at, window) => {
                ctx.register_timer(TimeDomain::EventTime, at, window.as_bytes())
            }
            Delete(at) => ctx.delete_event_time_timer(at),
            Later(by) => ctx.register_processing_time_timer(ctx.current_processing_time() + by),
            Fail => {
                ctx.register_event_time_timer(1)?;
                ctx.delete_event_time_timer(2)?;
                Err(Error::bad_record("told to"))
            }
        }
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<u8>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let window = String::from_utf8_lossy(&timer.namespace);
        let (key, mark) = (ctx.current_key(), ctx.current_watermark());
        out.collect(format!("{key}@{}{window} wm {mark}", timer.timestamp));
        if timer.timestamp == 7 {
            ctx.register_event_time_timer(8)?;
        }
        Ok(())
    }
}

fn obey() -> OperatorHarness<(u8, Command), String> {
    OperatorHarness::keyed_process(Obey, |record: &(u8, Command)| record.0).unwrap()
}

#[test]
fn timers_fire_once_in_order_under_their_keys() {
    let mut harness = obey();
    let commands = [(2, Register(20)), (1, Register(10)), (1, Register(10)), (1, Register(30))];
    harness.push_batch(commands.map(|command| (command, 0))).unwrap();
    assert_eq!(harness.timers(TimeDomain::EventTime), [10, 20, 30]);
    assert_eq!(harness.host().calls.register_timers.get(), 0);
    harness.watermark(25).unwrap();
    assert_eq!(
        harness.take_output(),
        [("1@10 wm 25".to_owned(), Some(10)), ("2@20 wm 25".to_owned(), Some(20))]
    );
    assert_eq!(harness.timers(TimeDomain::EventTime), [30]);
}

#[test]
fn of_all_changes_to_a_timer_in_a_batch_the_last_counts() {
    let mut harness = obey();
    harness.push((1, Register(5)), 0).unwrap();
    let commands = [Delete(5), Register(5), Register(6), Delete(6), Delete(7), Register(7)];
    harness.push_batch(commands.map(|command| ((1, command), 0))).unwrap();
    assert_eq!(harness.timers(TimeDomain::EventTime), [5, 7]);
}

#[test]
fn a_refused_record_leaves_timers_as_they_were() {
    let mut harness = obey();
    let commands = [Register(2), Fail, Register(3)];
    let refused = harness.push_batch(commands.map(|command| ((1, command), 0)));
    assert_eq!(refused.unwrap_err().message(), "told to");
    assert_eq!(harness.timers(TimeDomain::EventTime), [2]);
}

#[test]
fn timers_may_register_timers_and_have_namespaces() {
    let mut harness = obey();
    let commands = [RegisterIn(9, " b".to_owned()), RegisterIn(9, " a".to_owned()), Register(7)];
    harness.push_batch(commands.map(|command| ((1, command), 0))).unwrap();
    harness.watermark(8).unwrap();
    assert_eq!(harness.take_values(), ["1@7 wm 8", "1@8 wm 8"]);
    harness.watermark(9).unwrap();
    assert_eq!(harness.take_values(), ["1@9 a wm 9", "1@9 b wm 9"]);
}

#[test]
fn processing_time_timers_follow_the_clock_and_emit_without_timestamps() {
    let mut harness = obey();
    harness.advance_processing_time(1000).unwrap();
    harness.push((4, Later(500)), 0).unwrap();
    harness.advance_processing_time(500).unwrap();
    assert_eq!(harness.take_values(), Vec::<String>::new());
    harness.advance_processing_time(1).unwrap();
    let expected = format!("4@1500 wm {}", i64::MIN);
    assert_eq!(harness.take_output(), [(expected, None)]);
}

#[test]
fn timers_survive_a_restart() {
    let mut harness = obey();
    harness.push((1, Register(10)), 0).unwrap();
    let snapshot = harness.snapshot().unwrap();
    let mut restored = OperatorHarness::setup()
        .restore(&snapshot)
        .keyed_process(Obey, |record: &(u8, Command)| record.0)
        .unwrap();
    restored.watermark(10).unwrap();
    assert_eq!(restored.take_values(), ["1@10 wm 10"]);
}

const UNMATCHED: OutputTag<u32> = OutputTag::new("unmatched");

/// Joins a name and an amount per key, once both are there.
#[derive(Default)]
struct Join {
    name: ValueState<String>,
    amount: ValueState<u32>,
    matched: Counter,
    sizes: Histogram,
    last: Gauge,
    log: Option<Logger>,
}

type Name = (u32, String);
type Amount = (u32, u32);

impl KeyedTwoInputProcessFunction<u32, Name, Amount, String> for Join {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.name = ctx.value_state(ValueStateDescriptor::new("name"))?;
        self.amount = ctx.value_state(ValueStateDescriptor::new("amount"))?;
        self.matched = ctx.counter("matched")?;
        self.sizes = ctx.histogram("sizes")?;
        self.last = ctx.gauge("last")?;
        self.log = Some(ctx.logger());
        let subtask = ctx.subtask();
        crate::info!(ctx, "subtask {} of {}", subtask.index + 1, subtask.parallelism);
        Ok(())
    }

    fn process_first(
        &mut self,
        (_, name): Name,
        _ctx: &mut Context<u32>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        self.name.update(name);
        Ok(())
    }

    fn process_second(
        &mut self,
        (key, amount): Amount,
        ctx: &mut Context<u32>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        self.amount.update(amount);
        self.sizes.observe(f64::from(amount));
        self.last.set(f64::from(amount));
        match self.name.value() {
            Some(name) => {
                self.matched.increment();
                out.collect(format!("{name} {amount}"));
            }
            None => {
                if let Some(log) = &self.log {
                    crate::warn!(log, "no name for {key}");
                }
                ctx.output(&UNMATCHED, key);
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Collector<String>) -> Result<()> {
        out.collect("end".to_owned());
        Ok(())
    }
}

#[test]
fn two_inputs_share_the_state_of_their_key() {
    let mut harness = OperatorHarness::setup()
        .subtask(1, 4)
        .side_output(&UNMATCHED)
        .keyed_two_input_process(Join::default(), |name: &Name| name.0, |amount: &Amount| amount.0)
        .unwrap();
    harness.push_first((1, "sand".to_owned()), 10).unwrap();
    harness.push_second((1, 30), 20).unwrap();
    harness.push_second((2, 40), 20).unwrap();
    harness.finish().unwrap();
    assert_eq!(harness.take_output(), [("sand 30".to_owned(), Some(20)), ("end".to_owned(), None)]);
    assert_eq!(harness.take_side_output(&UNMATCHED), [2]);
    assert_eq!(harness.state::<u32, u32>("amount", &2).unwrap(), Some(40));
    assert_eq!(harness.metric("matched"), [1.0]);
    assert_eq!(harness.metric("sizes"), [30.0, 40.0]);
    assert_eq!(harness.metric("last"), [40.0]);
    let logs = [(Level::Info, "subtask 2 of 4"), (Level::Warn, "no name for 2")];
    assert_eq!(harness.logs(), logs.map(|(level, line)| (level, line.to_owned())));
    harness.close().unwrap();
}

/// Registers a timer of each clock per record of either input.
struct Echo;

impl KeyedTwoInputProcessFunction<u32, u32, u32, String> for Echo {
    fn process_first(
        &mut self,
        delay: u32,
        ctx: &mut Context<u32>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        ctx.register_event_time_timer(i64::from(delay))?;
        ctx.register_processing_time_timer(i64::from(delay) + 1)
    }

    fn process_second(
        &mut self,
        delay: u32,
        ctx: &mut Context<u32>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        self.process_first(delay, ctx, out)
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<u32>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        out.collect(format!("{}@{}", ctx.current_key(), timer.timestamp));
        Ok(())
    }
}

#[test]
fn both_inputs_have_timers_of_both_clocks_which_they_share() {
    let mut harness = OperatorHarness::setup()
        .keyed_two_input_process(Echo, |first: &u32| first / 10, |second: &u32| second / 10)
        .unwrap();
    harness.push_first_batch([(11, 0), (12, 0)]).unwrap();
    harness.push_second_batch([(11, 0), (21, 0)]).unwrap();
    harness.watermark(100).unwrap();
    assert_eq!(harness.take_values(), ["1@11", "1@12", "2@21"]);
    harness.advance_processing_time(100).unwrap();
    assert_eq!(harness.take_output(), ["1@12", "1@13", "2@22"].map(|it| (it.to_owned(), None)));
}

/// Calls back whatever it is given.
#[derive(Default)]
struct Merge;

impl TwoInputProcessFunction<u32, String, String> for Merge {
    fn process_first(
        &mut self,
        value: u32,
        _ctx: &mut Context<Unkeyed>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        out.collect_at(value.to_string(), i64::from(value));
        Ok(())
    }

    fn process_second(
        &mut self,
        value: String,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        out.collect(format!("{value} at {:?}", ctx.timestamp()));
        Ok(())
    }
}

#[test]
fn two_inputs_without_keys_are_merged() {
    let mut harness = OperatorHarness::setup().two_input_process(Merge).unwrap();
    harness.push_first(5, 1).unwrap();
    harness.push_second("b".to_owned(), 2).unwrap();
    assert_eq!(
        harness.take_output(),
        [("5".to_owned(), Some(5)), ("b at Some(2)".to_owned(), Some(2))]
    );
}

fn first_letter(word: &str) -> String {
    word[..1].to_owned()
}

fn words<const N: usize>(words: [&str; N]) -> [(String, i64); N] {
    words.map(|word| (word.to_owned(), 3))
}

#[test]
fn a_sum_is_emitted_for_each_record() {
    let sum = crate::operator::aggregate::Sum::new(|word: &String| word.len() as u64);
    let mut harness =
        OperatorHarness::keyed_process(sum, |word: &String| first_letter(word)).unwrap();
    harness.push_batch(words(["ab", "c", "abc"])).unwrap();
    let shown: Vec<String> = harness.take_values().iter().map(KeyValue::to_string).collect();
    assert_eq!(shown, ["(a,2)", "(c,1)", "(a,5)"]);
}

#[test]
fn a_reduced_record_is_emitted_for_each_record() {
    let longest = crate::operator::aggregate::Reduce::new(|left: String, right: String| {
        if right.len() > left.len() { right } else { left }
    });
    let mut harness =
        OperatorHarness::keyed_process(longest, |word: &String| first_letter(word)).unwrap();
    harness.push_batch(words(["ab", "c", "abc", "a"])).unwrap();
    assert_eq!(harness.take_values(), ["ab", "c", "abc", "abc"]);
}

/// Emits the number of lines when they have ended.
#[derive(Default)]
struct CountAtEnd(u64);

impl FlatMapFunction<String, u64> for CountAtEnd {
    fn flat_map(&mut self, _line: String, _out: &mut Collector<u64>) -> Result<()> {
        self.0 += 1;
        Ok(())
    }

    fn finish(&mut self, out: &mut Collector<u64>) -> Result<()> {
        out.collect(self.0);
        Ok(())
    }
}

#[test]
fn a_flat_map_may_emit_at_the_end_of_its_input() {
    let mut harness = OperatorHarness::flat_map(CountAtEnd::default()).unwrap();
    harness.push_batch(words(["a", "b"])).unwrap();
    harness.finish().unwrap();
    assert_eq!(harness.take_output(), [(2, None)]);
}
