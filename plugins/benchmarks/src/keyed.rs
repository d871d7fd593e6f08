//! What `sandbar bench state` runs: state, windows, timers and a join over pairs of a key and a
//! number, the same work as the jobs of that name of the Flink baseline.

use std::ops::Range;
use std::time::Duration;

use sandbar_sdk::codec::{Decode, Encode, Format};
use sandbar_sdk::join::IntervalJoin;
use sandbar_sdk::plugin::PluginBuilder;
use sandbar_sdk::prelude::*;

/// A key as the host cuts it from a pair.
pub(crate) type PairKey = [u8; 8];
/// A key and a number.
pub(crate) type Pair = (u64, u64);

/// Size of tumbling windows, and the gap between sessions.
const TEN_SECONDS: Duration = Duration::from_secs(10);
/// How long after its record a timer is due, in milliseconds, and how far joined pairs are apart.
const FIVE_SECONDS: i64 = 5_000;

/// 16 bytes: a key and a number, both little-endian.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pairs;

impl Format<Pair> for Pairs {
    fn format(&self) -> String {
        "bytes".to_owned()
    }
}

impl Encode<Pair> for Pairs {
    #[inline]
    fn encode(&self, value: &Pair, bytes: &mut Vec<u8>) -> Result<()> {
        let mut pair = [0; 16];
        pair[..8].copy_from_slice(&value.0.to_le_bytes());
        pair[8..].copy_from_slice(&value.1.to_le_bytes());
        bytes.extend_from_slice(&pair);
        Ok(())
    }

    fn never_fails(&self) -> bool {
        true
    }
}

impl Decode<Pair> for Pairs {
    #[inline]
    fn decode(&self, bytes: &[u8]) -> Result<Pair> {
        let Ok(pair) = <[u8; 16]>::try_from(bytes) else {
            let length = bytes.len();
            return Err(Error::bad_record(format!("a pair has 16 bytes, this has {length}")));
        };
        let word = |range: Range<usize>| {
            let mut word = [0; 8];
            word.copy_from_slice(&pair[range]);
            u64::from_le_bytes(word)
        };
        Ok((word(0..8), word(8..16)))
    }
}

/// The number so far, by key; emits every update.
#[derive(Default)]
struct Sum {
    sum: ValueState<u64>,
}

impl KeyedProcessFunction<PairKey, Pair, Pair> for Sum {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.sum = ctx.value_state(ValueStateDescriptor::new("sum"))?;
        Ok(())
    }

    #[inline]
    fn process(
        &mut self,
        (key, number): Pair,
        _ctx: &mut Context<PairKey>,
        out: &mut Collector<Pair>,
    ) -> Result<()> {
        let sum = self.sum.modify(|sum| {
            let next = sum.unwrap_or(0).wrapping_add(number);
            *sum = Some(next);
            next
        });
        out.collect((key, sum));
        Ok(())
    }
}

/// Counts by key; each record registers a timer, which emits the count.
#[derive(Default)]
struct Timers {
    count: ValueState<u64>,
}

impl KeyedProcessFunction<PairKey, Pair, Pair> for Timers {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.count = ctx.value_state(ValueStateDescriptor::new("count"))?;
        Ok(())
    }

    fn process(
        &mut self,
        _pair: Pair,
        ctx: &mut Context<PairKey>,
        _out: &mut Collector<Pair>,
    ) -> Result<()> {
        self.count.modify(|count| *count = Some(count.unwrap_or(0) + 1));
        let at = ctx.timestamp().unwrap_or(0);
        ctx.register_event_time_timer(at + FIVE_SECONDS)
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        ctx: &mut Context<PairKey>,
        out: &mut Collector<Pair>,
    ) -> Result<()> {
        out.collect((u64::from_le_bytes(*ctx.current_key()), self.count.value().unwrap_or(0)));
        Ok(())
    }
}

fn add(sum: Pair, pair: Pair) -> Pair {
    (sum.0, sum.1.wrapping_add(pair.1))
}

/// Adds the operators to the plugin.
pub(crate) fn describe(plugin: &mut PluginBuilder) {
    plugin
        .keyed_process("keyed-sum", Sum::default())
        .input(Pairs)
        .output(Pairs)
        .state("sum", "value", "u64")
        .doc("Adds the numbers up by key and emits every sum.");
    plugin
        .keyed_process("keyed-timers", Timers::default())
        .input(Pairs)
        .output(Pairs)
        .state("count", "value", "u64")
        .doc("Counts by key, with an event time timer for each record.");
    plugin
        .keyed_process::<PairKey, _, _>(
            "keyed-tumble",
            Windowing::of(TumblingEventTimeWindows::of(TEN_SECONDS)).reduce(add),
        )
        .input(Pairs)
        .output(Pairs)
        .doc("Sums of tumbling windows of 10 s.");
    plugin
        .keyed_process::<PairKey, _, _>(
            "keyed-slide",
            Windowing::of(SlidingEventTimeWindows::of(
                Duration::from_secs(60),
                Duration::from_secs(1),
            ))
            .reduce(add),
        )
        .input(Pairs)
        .output(Pairs)
        .doc("Sums of windows of 60 s that slide by 1 s.");
    plugin
        .keyed_process::<PairKey, _, _>(
            "keyed-session",
            Windowing::of(EventTimeSessionWindows::with_gap(TEN_SECONDS)).reduce(add),
        )
        .input(Pairs)
        .output(Pairs)
        .doc("Sums of sessions with a gap of 10 s.");
    plugin
        .keyed_two_input_process::<PairKey, Pair, Pair, Pair>(
            "keyed-join",
            IntervalJoin::between(-FIVE_SECONDS, FIVE_SECONDS)
                .apply(|left: &Pair, right: &Pair| (left.1, right.1)),
        )
        .first_input(Pairs)
        .second_input(Pairs)
        .output(Pairs)
        .doc("Pairs of one key that are at most 5 s apart.");
}
