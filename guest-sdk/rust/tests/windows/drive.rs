//! Runs the operators of the SDK in the harness and tells what they did by key.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbar_sdk::prelude::*;
use sandbar_sdk::testing::OperatorHarness;
use sandbar_sdk::window::{
    ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger, CountEvictor, DeltaEvictor,
    DeltaTrigger, DynamicEventTimeSessionWindows, DynamicProcessingTimeSessionWindows,
    EventTimeTrigger, NeverTrigger, Panes, ProcessingTimeTrigger, TimeEvictor,
    Trigger as SdkTrigger, TriggerContext, TriggerResult, WindowAssigner, WindowElements,
    WindowedOperator,
};
use serde::{Deserialize, Serialize};

use crate::model::{Assigner, Evictor, Fired, GLOBAL, Setup, Span, Step, Trigger};

/// How the function is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Reduce,
    ReduceWith,
    Aggregate,
    AggregateWith,
    Process,
    Apply,
}

/// What came out for one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Timestamp and window, where the form tells it, values, and how often it fired before.
    pub(crate) results: Vec<Timed>,
    pub(crate) late: Vec<i64>,
}

/// What came out of the operator.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    pub(crate) keys: BTreeMap<u8, Observed>,
    pub(crate) dropped: usize,
}

/// The element type: values of one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Event {
    key: u8,
    values: Vec<i64>,
}

type Output = (u8, Option<Span>, Vec<i64>, Option<u64>);

/// As the output, with a timestamp in place of the key.
type Timed = (i64, Option<Span>, Vec<i64>, Option<u64>);

const LATE: OutputTag<Event> = OutputTag::new("late");

fn has_state(form: Form, setup: &Setup) -> bool {
    form == Form::Process
        && !matches!(setup.assigner, Assigner::Session { .. } | Assigner::DynamicSession)
}

/// Whether a window that an evictor has left no element is seen: a reduction of none has no result,
/// and an aggregation's does not tell its key.
fn shows_nothing(form: Form) -> bool {
    matches!(form, Form::AggregateWith | Form::Process | Form::Apply)
}

/// Values in the order they must be in, which panes and merged windows do not keep.
fn ordered(mut values: Vec<i64>, form: Form, setup: &Setup) -> Vec<i64> {
    if !has_state(form, setup) {
        values.sort_unstable();
    }
    values
}

impl Observed {
    pub(crate) fn of_model(fired: &[Fired], late: Vec<i64>, form: Form, setup: &Setup) -> Observed {
        let is_seen = |one: &&Fired| !one.values.is_empty() || shows_nothing(form);
        let result = |one: &Fired| {
            let at = if one.window == GLOBAL { i64::MAX } else { one.window.1 - 1 };
            let window = (!matches!(form, Form::Reduce | Form::Aggregate)).then_some(one.window);
            let before = has_state(form, setup).then_some(one.before);
            (at, window, ordered(one.values.clone(), form, setup), before)
        };
        let results = fired.iter().filter(is_seen).map(result).collect();
        Observed { results, late }
    }
}

/// All assigners of time windows as one type.
enum Any {
    Tumbling(TumblingEventTimeWindows),
    TumblingByClock(TumblingProcessingTimeWindows),
    Sliding(SlidingEventTimeWindows),
    SlidingByClock(SlidingProcessingTimeWindows),
    Session(EventTimeSessionWindows),
    SessionByClock(ProcessingTimeSessionWindows),
    Dynamic(DynamicEventTimeSessionWindows<Event, fn(&Event) -> i64>),
    DynamicByClock(DynamicProcessingTimeSessionWindows<Event, fn(&Event) -> i64>),
}

fn gap(event: &Event) -> i64 {
    event.values[0].rem_euclid(5) + 1
}

fn ms(millis: i64) -> Duration {
    Duration::from_millis(millis as u64)
}

impl Any {
    fn of(setup: &Setup) -> Any {
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
            (Assigner::DynamicSession | Assigner::Global, true) => {
                Any::Dynamic(EventTimeSessionWindows::with_dynamic_gap(gap))
            }
            (Assigner::DynamicSession | Assigner::Global, false) => {
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

struct After(Evictor);

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
struct Custom;

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

trait Bounds: Window {
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

/// Emits a window, the values of its elements, and with `S` how often it fired before.
struct Show<S>(std::marker::PhantomData<fn(S)>);

trait Times: Clone + Default + Serialize + for<'de> Deserialize<'de> + 'static {
    fn next(&mut self) -> Option<u64>;
}

impl Times for () {
    fn next(&mut self) -> Option<u64> {
        None
    }
}

impl Times for u64 {
    fn next(&mut self) -> Option<u64> {
        *self += 1;
        Some(*self - 1)
    }
}

impl<W: Bounds, S: Times> ProcessWindowFunction<u8, Event, Output, W> for Show<S> {
    type State = S;

    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, u8, W, S>,
        elements: &[Event],
        out: &mut Collector<Output>,
    ) -> Result<()> {
        let values = elements.iter().flat_map(|event| event.values.clone()).collect();
        let before = ctx.window_state().next();
        out.collect((*ctx.current_key(), Some(ctx.window().bounds()), values, before));
        Ok(())
    }
}

fn show<S>() -> Show<S> {
    Show(std::marker::PhantomData)
}

fn join(mut first: Event, second: Event) -> Event {
    first.values.extend(second.values);
    first
}

/// Values as they come; the accumulator knows no key before the first.
struct Gather;

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

pub(crate) fn observe(
    setup: &Setup,
    form: Form,
    steps: &[Step],
    tagged: bool,
    restore: Option<usize>,
) -> Observations {
    let run = Run { setup, form, steps, tagged, restore };
    if setup.assigner == Assigner::Global {
        return run.with_trigger(|| Windowing::of(GlobalWindows));
    }
    if setup.event_time && setup.trigger == Trigger::EventTime {
        return run.with_form(|| Windowing::of(Any::of(setup)));
    }
    run.with_trigger(|| Windowing::of(Any::of(setup)))
}

#[derive(Clone, Copy)]
struct Run<'a> {
    setup: &'a Setup,
    form: Form,
    steps: &'a [Step],
    tagged: bool,
    restore: Option<usize>,
}

impl Run<'_> {
    fn with_trigger<A, Tr>(self, make: impl Fn() -> Windowing<Event, A, Tr>) -> Observations
    where
        A: WindowAssigner<Event, Window: Bounds>,
        Tr: SdkTrigger<Event, A::Window>,
    {
        let every = |interval| ContinuousEventTimeTrigger::of(ms(interval));
        match self.setup.trigger {
            Trigger::EventTime => self.with_form(|| make().trigger(EventTimeTrigger)),
            Trigger::ProcessingTime => self.with_form(|| make().trigger(ProcessingTimeTrigger)),
            Trigger::Count(count) => self.with_form(|| make().trigger(CountTrigger::of(count))),
            Trigger::ContinuousEventTime(interval) => {
                self.with_form(|| make().trigger(every(interval)))
            }
            Trigger::ContinuousProcessingTime(interval) => {
                self.with_form(|| make().trigger(ContinuousProcessingTimeTrigger::of(ms(interval))))
            }
            Trigger::Delta(threshold) => self.with_form(|| {
                make().trigger(DeltaTrigger::of(threshold, |from: &Event, to: &Event| {
                    (to.values[0] - from.values[0]) as f64
                }))
            }),
            Trigger::Never => self.with_form(|| make().trigger(NeverTrigger)),
            Trigger::PurgingEventTime => {
                self.with_form(|| make().trigger(PurgingTrigger::of(EventTimeTrigger)))
            }
            Trigger::PurgingCount(count) => {
                self.with_form(|| make().trigger(PurgingTrigger::of(CountTrigger::of(count))))
            }
            Trigger::PurgingContinuousEventTime(interval) => {
                self.with_form(|| make().trigger(PurgingTrigger::of(every(interval))))
            }
            Trigger::Custom => self.with_form(|| make().trigger(Custom)),
        }
    }

    fn with_form<A, Tr>(self, make: impl Fn() -> Windowing<Event, A, Tr>) -> Observations
    where
        A: WindowAssigner<Event, Window: Bounds>,
        Tr: SdkTrigger<Event, A::Window>,
    {
        let lateness = ms(self.setup.lateness);
        let plain = || {
            let mut windowing = make().allowed_lateness(lateness);
            windowing = match self.setup.evictor {
                Some((evictor, false)) => windowing.evictor(evictor),
                Some((evictor, true)) => windowing.evictor(After(evictor)),
                None => windowing,
            };
            if self.tagged { windowing.side_output_late_data(&LATE) } else { windowing }
        };
        let of_event = |event: Event| (event.key, None, event.values, None);
        match self.form {
            Form::Reduce => self.drive(|| plain().reduce(join), of_event),
            Form::ReduceWith => self.drive(|| plain().reduce_with(join, show::<()>()), |out| out),
            Form::Aggregate => self.drive(|| plain().aggregate(Gather), of_event),
            Form::AggregateWith => {
                self.drive(|| plain().aggregate_with(Gather, show::<()>()), |out| out)
            }
            Form::Process if has_state(self.form, self.setup) => {
                self.drive(|| plain().process(show::<u64>()), |out| out)
            }
            Form::Process => self.drive(|| plain().process(show::<()>()), |out| out),
            Form::Apply => {
                let apply = |key: &u8, window: &A::Window, events: &[Event], out: &mut _| {
                    let values = events.iter().flat_map(|event| event.values.clone()).collect();
                    Collector::collect(out, (*key, Some(window.bounds()), values, None));
                };
                self.drive(|| plain().apply(apply), |out: Output| out)
            }
        }
    }

    fn drive<Out: Clone + Serialize + for<'de> Deserialize<'de> + 'static>(
        self,
        make: impl Fn() -> WindowedOperator<u8, Event, Out>,
        show: impl Fn(Out) -> Output,
    ) -> Observations {
        let open = |snapshot: Option<&_>, clock| {
            let mut harness = OperatorHarness::setup().side_output(&LATE).processing_time(clock);
            if let Some(snapshot) = snapshot {
                harness = harness.restore(snapshot);
            }
            harness.keyed_process(make(), |event: &Event| event.key).expect("it opens")
        };
        let mut harness = open(None, 0);
        let mut observations = Observations::default();
        let (mut clock, mut watermark) = (0, i64::MIN);
        for (number, step) in self.steps.iter().enumerate() {
            match *step {
                Step::Element { key, at, value } => {
                    harness.push(Event { key, values: vec![value] }, at)
                }
                Step::Watermark(at) => {
                    watermark = at;
                    harness.watermark(at)
                }
                Step::Clock(by) => {
                    clock += by;
                    harness.advance_processing_time(by)
                }
            }
            .expect("the step works");
            for (out, at) in harness.take_output() {
                let (key, window, values, before) = show(out);
                if values.is_empty() && !shows_nothing(self.form) {
                    continue;
                }
                let values = ordered(values, self.form, self.setup);
                let at = at.expect("results have timestamps");
                let of_key = observations.keys.entry(key).or_default();
                of_key.results.push((at, window, values, before));
            }
            for late in harness.take_side_output(&LATE) {
                observations.keys.entry(late.key).or_default().late.extend(late.values);
            }
            if self.restore == Some(number) {
                let snapshot = harness.snapshot().expect("it takes a checkpoint");
                observations.dropped += dropped(&harness);
                harness = open(Some(&snapshot), clock);
                harness.watermark(watermark).expect("the watermark is where it was");
            }
        }
        observations.dropped += dropped(&harness);
        observations
    }
}

fn dropped<In, Out>(harness: &OperatorHarness<In, Out>) -> usize {
    harness.metric("numLateRecordsDropped").first().map_or(0, |count| *count as usize)
}
