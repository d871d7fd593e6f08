//! State without end: each event keeps some kilobytes in one kind of state, under its own key.

use std::time::Duration;

use sandbar_sdk::prelude::*;

use crate::Event;

/// Bytes that an event keeps.
const KEPT: usize = 4096;

/// Timers of an event, of some dozens of bytes each.
const TIMERS: i64 = 100;

/// Gathers text.
#[derive(Clone)]
struct Gather;

impl AggregateFunction for Gather {
    type In = String;
    type Accumulator = String;
    type Output = String;

    fn create_accumulator(&self) -> String {
        String::new()
    }

    fn add(&self, accumulator: &mut String, text: String) {
        accumulator.push_str(&text);
    }

    fn result(&self, accumulator: &String) -> String {
        accumulator.clone()
    }

    fn merge(&self, accumulator: &mut String, other: String) {
        accumulator.push_str(&other);
    }
}

struct Hoard {
    kind: String,
    value: ValueState<String>,
    list: ListState<String>,
    map: MapState<i64, String>,
    reducing: ReducingState<String>,
    aggregating: AggregatingState<Gather>,
}

impl KeyedProcessFunction<String, Event, String> for Hoard {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        let reducing = ReducingStateDescriptor::new("reducing", |a: String, b: String| a + &b);
        self.value = ctx.value_state(ValueStateDescriptor::new("value"))?;
        self.list = ctx.list_state(ListStateDescriptor::new("list"))?;
        self.map = ctx.map_state(MapStateDescriptor::new("map"))?;
        self.reducing = ctx.reducing_state(reducing)?;
        self.aggregating =
            ctx.aggregating_state(AggregatingStateDescriptor::new("aggregating", Gather))?;
        Ok(())
    }

    fn process(
        &mut self,
        event: Event,
        ctx: &mut Context<String>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        let kept = "x".repeat(KEPT);
        match self.kind.as_str() {
            "value" => self.value.update(kept),
            "list" => self.list.add(kept),
            "map" => self.map.put(&event.value, kept)?,
            "reducing" => self.reducing.add(kept),
            "aggregating" => self.aggregating.add(kept),
            _ => {
                for number in 0..TIMERS {
                    ctx.register_event_time_timer(event.at + 1_000_000 + number)?;
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn run(events: &KeyedStream<String, Event>, kind: &str) {
    let hoarded = if kind == "window" {
        let day = TumblingEventTimeWindows::of(Duration::from_secs(86_400));
        events.window(day).apply(|key: &String, _: &TimeWindow, events: &[Event], out| {
            out.collect(format!("{key} {}", events.len()));
        })
    } else {
        events.process(Hoard {
            kind: kind.to_owned(),
            value: ValueState::default(),
            list: ListState::default(),
            map: MapState::default(),
            reducing: ReducingState::default(),
            aggregating: AggregatingState::default(),
        })
    };
    hoarded.name("hoarder").uid("hoarder").sink_to(PrintSink::text());
}
