//! The parts of the SDK that a setup chooses, and an element that tells what was made of it.

use std::time::Duration;

use sandbar_sdk::prelude::*;
use sandbar_sdk::window::{
    CountEvictor, DeltaEvictor, DynamicEventTimeSessionWindows,
    DynamicProcessingTimeSessionWindows, EventTimeTrigger, Panes, TimeEvictor,
    Trigger as SdkTrigger, TriggerContext, TriggerResult, WindowAssigner, WindowElements,
};
use serde::{Deserialize, Serialize};

use crate::setup::{Assigner, Evictor, GLOBAL, Setup, Span};

/// The element type: values of one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its key.
    pub key: u8,
    /// Its value, or those of all that it was made of.
    pub values: Vec<i64>,
}

/// All assigners of time windows as one type.
#[derive(Debug)]
pub enum Any {
    /// As its name says.
    Tumbling(TumblingEventTimeWindows),
    /// As its name says.
    TumblingByClock(TumblingProcessingTimeWindows),
    /// As its name says.
    Sliding(SlidingEventTimeWindows),
    /// As its name says.
    SlidingByClock(SlidingProcessingTimeWindows),
    /// As its name says.
    Session(EventTimeSessionWindows),
    /// As its name says.
    SessionByClock(ProcessingTimeSessionWindows),
    /// As its name says.
    Dynamic(DynamicEventTimeSessionWindows<Event, fn(&Event) -> i64>),
    /// As its name says.
    DynamicByClock(DynamicProcessingTimeSessionWindows<Event, fn(&Event) -> i64>),
}

fn gap(event: &Event) -> i64 {
    event.values[0].rem_euclid(5) + 1
}

/// Milliseconds.
pub fn ms(millis: i64) -> Duration {
    Duration::from_millis(millis as u64)
}

impl Any {
    /// The assigner of a setup; dynamic sessions where there is none.
    pub fn of(setup: &Setup) -> Any {
        match (setup.assigner, setup.event_time) {
            (Assigner::Tumbling { size, offset }, true) => {
                Any::Tumbling(TumblingEventTimeWindows::of(ms(size)).offset(offset))
            }
            (Assigner::Tumbling { size, offset }, false) => {
                Any::TumblingByClock(TumblingProcessingTimeWindows::of(ms(size)).offset(offset))
            }
            (Assigner::Sliding { size, slide, offset }, true) => {
                Any::Sliding(SlidingEventTimeWindows::of(ms(size), ms(slide)).offset(offset))
            }
            (Assigner::Sliding { size, slide, offset }, false) => Any::SlidingByClock(
                SlidingProcessingTimeWindows::of(ms(size), ms(slide)).offset(offset),
            ),
            (Assigner::Session { gap }, true) => {
                Any::Session(EventTimeSessionWindows::with_gap(ms(gap)))
            }
            (Assigner::Session { gap }, false) => {
                Any::SessionByClock(ProcessingTimeSessionWindows::with_gap(ms(gap)))
            }
            (Assigner::DynamicSession | Assigner::Global | Assigner::Count, true) => {
                Any::Dynamic(EventTimeSessionWindows::with_dynamic_gap(gap))
            }
            (Assigner::DynamicSession | Assigner::Global | Assigner::Count, false) => {
                Any::DynamicByClock(ProcessingTimeSessionWindows::with_dynamic_gap(gap))
            }
        }
    }
}

macro_rules! each {
    ($any:expr, $inner:ident => $call:expr) => {
        match $any {
            Any::Tumbling($inner) => $call,
            Any::TumblingByClock($inner) => $call,
            Any::Sliding($inner) => $call,
            Any::SlidingByClock($inner) => $call,
            Any::Session($inner) => $call,
            Any::SessionByClock($inner) => $call,
            Any::Dynamic($inner) => $call,
            Any::DynamicByClock($inner) => $call,
        }
    };
}

impl WindowAssigner<Event> for Any {
    type Window = TimeWindow;
    type OwnTrigger = EventTimeTrigger;

    fn assign(
        &mut self,
        event: &Event,
        timestamp: i64,
        clock: &dyn Fn() -> i64,
        windows: &mut Vec<TimeWindow>,
    ) -> Result<()> {
        each!(self, inner => inner.assign(event, timestamp, clock, windows))
    }

    fn is_event_time(&self) -> bool {
        each!(self, inner => WindowAssigner::<Event>::is_event_time(inner))
    }

    fn is_merging(&self) -> bool {
        each!(self, inner => WindowAssigner::<Event>::is_merging(inner))
    }

    fn merge(&self, first: &TimeWindow, second: &TimeWindow) -> Option<TimeWindow> {
        each!(self, inner => WindowAssigner::<Event>::merge(inner, first, second))
    }

    fn panes(&self) -> Option<Panes<TimeWindow>> {
        each!(self, inner => WindowAssigner::<Event>::panes(inner))
    }

    fn validate(&self) -> Result<()> {
        each!(self, inner => WindowAssigner::<Event>::validate(inner))
    }
}

impl<W> sandbar_sdk::window::Evictor<Event, W> for Evictor {
    fn evict_before(&mut self, elements: &mut WindowElements<Event>, window: &W) {
        let delta = |from: &Event, to: &Event| (to.values[0] - from.values[0]) as f64;
        match *self {
            Evictor::Count(count) => CountEvictor::of(count).evict_before(elements, window),
            Evictor::Delta(threshold) => {
                DeltaEvictor::of(threshold, delta).evict_before(elements, window);
            }
            Evictor::Time(size) => TimeEvictor::of(ms(size)).evict_before(elements, window),
        }
    }
}

/// An evictor that works behind the function.
#[derive(Debug)]
pub struct After(pub Evictor);

impl<W> sandbar_sdk::window::Evictor<Event, W> for After {
    fn evict_before(&mut self, _elements: &mut WindowElements<Event>, _window: &W) {}

    fn evict_after(&mut self, elements: &mut WindowElements<Event>, window: &W) {
        let delta = |from: &Event, to: &Event| (to.values[0] - from.values[0]) as f64;
        match self.0 {
            Evictor::Count(count) => CountEvictor::of(count).after().evict_after(elements, window),
            Evictor::Delta(threshold) => {
                DeltaEvictor::of(threshold, delta).after().evict_after(elements, window);
            }
            Evictor::Time(size) => TimeEvictor::of(ms(size)).after().evict_after(elements, window),
        }
    }
}

/// The model's custom trigger.
#[derive(Debug)]
pub struct Custom;

impl<W: Window> SdkTrigger<Event, W> for Custom {
    type State = u64;

    fn on_element(
        &mut self,
        _event: &Event,
        timestamp: i64,
        _window: &W,
        ctx: &mut TriggerContext<'_, u64>,
    ) -> Result<TriggerResult> {
        *ctx.state() += 1;
        ctx.register_event_time_timer(timestamp + 3);
        let purges = *ctx.state() % 3 == 0;
        Ok(if purges { TriggerResult::Purge } else { TriggerResult::Continue })
    }

    fn on_event_time(
        &mut self,
        _time: i64,
        _window: &W,
        _ctx: &mut TriggerContext<'_, u64>,
    ) -> Result<TriggerResult> {
        Ok(TriggerResult::Fire)
    }

    fn clear(&mut self, _window: &W, _ctx: &mut TriggerContext<'_, u64>) -> Result<()> {
        Ok(())
    }
}

/// Tells the bounds of a window of either kind.
pub trait Bounds: Window {
    /// Start and end.
    fn bounds(&self) -> Span;
}

impl Bounds for TimeWindow {
    fn bounds(&self) -> Span {
        (self.start, self.end)
    }
}

impl Bounds for GlobalWindow {
    fn bounds(&self) -> Span {
        GLOBAL
    }
}

/// Values as they come; the accumulator knows no key before the first.
#[derive(Debug)]
pub struct Gather;

impl AggregateFunction for Gather {
    type In = Event;
    type Accumulator = Event;
    type Output = Event;

    fn create_accumulator(&self) -> Event {
        Event { key: u8::MAX, values: Vec::new() }
    }

    fn add(&self, accumulator: &mut Event, event: Event) {
        accumulator.key = event.key;
        accumulator.values.extend(event.values);
    }

    fn result(&self, accumulator: &Event) -> Event {
        accumulator.clone()
    }

    fn merge(&self, accumulator: &mut Event, other: Event) {
        accumulator.key = accumulator.key.min(other.key);
        accumulator.values.extend(other.values);
    }
}
