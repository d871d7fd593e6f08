//! Every kind of keyed state in one function: each event goes into all of them, and a line tells
//! what they hold. An event of value 0 clears them.

use std::time::Duration;

use sandbar_sdk::prelude::*;

use crate::Event;

/// Counts and sums.
#[derive(Clone)]
struct Mean;

impl AggregateFunction for Mean {
    type In = i64;
    type Accumulator = (i64, i64);
    type Output = i64;

    fn create_accumulator(&self) -> (i64, i64) {
        (0, 0)
    }

    fn add(&self, accumulator: &mut (i64, i64), value: i64) {
        accumulator.0 += 1;
        accumulator.1 += value;
    }

    fn result(&self, accumulator: &(i64, i64)) -> i64 {
        accumulator.1 / accumulator.0.max(1)
    }

    fn merge(&self, accumulator: &mut (i64, i64), other: (i64, i64)) {
        accumulator.0 += other.0;
        accumulator.1 += other.1;
    }
}

#[derive(Default)]
struct States {
    ttl: Option<Duration>,
    value: ValueState<i64>,
    list: ListState<i64>,
    map: MapState<String, i64>,
    reducing: ReducingState<i64>,
    aggregating: AggregatingState<Mean>,
}

impl KeyedProcessFunction<String, Event, String> for States {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        let (mut value, mut list) =
            (ValueStateDescriptor::new("value"), ListStateDescriptor::new("list"));
        let mut map = MapStateDescriptor::new("map");
        let mut reducing = ReducingStateDescriptor::new("reducing", i64::max);
        let mut aggregating = AggregatingStateDescriptor::new("aggregating", Mean);
        if let Some(ttl) = self.ttl {
            (value, list) = (value.ttl(ttl), list.ttl(ttl));
            map = map.ttl(ttl);
            (reducing, aggregating) = (reducing.ttl(ttl), aggregating.ttl(ttl));
        }
        self.value = ctx.value_state(value)?;
        self.list = ctx.list_state(list)?;
        self.map = ctx.map_state(map)?;
        self.reducing = ctx.reducing_state(reducing)?;
        self.aggregating = ctx.aggregating_state(aggregating)?;
        Ok(())
    }

    fn process(
        &mut self,
        event: Event,
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        if event.value == 0 {
            self.value.clear();
            self.list.clear();
            self.map.clear()?;
            self.reducing.clear();
            self.aggregating.clear();
        } else {
            self.value.update(event.value);
            self.list.add(event.value);
            let name = if event.value % 2 == 0 { "even" } else { "odd" };
            let before = self.map.get(&name.to_owned())?.unwrap_or_default();
            self.map.put(&name.to_owned(), before + event.value)?;
            self.reducing.add(event.value);
            self.aggregating.add(event.value);
        }
        let (value, list) = (self.value.value(), self.list.get());
        let mut map = self.map.entries()?;
        map.sort();
        let (greatest, mean) = (self.reducing.get(), self.aggregating.get());
        let key = ctx.current_key();
        out.collect(format!("{key} {value:?} {list:?} {map:?} {greatest:?} {mean:?}"));
        Ok(())
    }
}

pub(crate) fn run(events: &KeyedStream<String, Event>, ttl: Option<Duration>) {
    let states = events.process(States { ttl, ..States::default() }).uid("states");
    states.name("states").sink_to(PrintSink::text());
}
