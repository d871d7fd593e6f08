//! Runs the operators of the SDK in the harness and tells what they did by key.

use std::collections::BTreeMap;

use sandbar_sdk::prelude::*;
use sandbar_sdk::testing::OperatorHarness;
use sandbar_sdk::window::{
    ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger, DeltaTrigger, EventTimeTrigger,
    NeverTrigger, ProcessingTimeTrigger, Trigger as SdkTrigger, WindowAssigner, WindowedOperator,
};
use serde::{Deserialize, Serialize};

use window_model::model::{Fired, Step};
use window_model::pieces::{After, Any, Bounds, Custom, Event, Gather, ms};
use window_model::setup::{Assigner, GLOBAL, Setup, Span, Trigger};

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

type Output = (u8, Option<Span>, Vec<i64>, Option<u64>);

/// As the output, with a timestamp in place of the key.
type Timed = (i64, Option<Span>, Vec<i64>, Option<u64>);

const LATE: OutputTag<Event> = OutputTag::new("late");

fn has_state(form: Form, setup: &Setup) -> bool {
    form == Form::Process && !setup.merges()
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

pub(crate) fn observe(
    setup: &Setup,
    form: Form,
    steps: &[Step],
    tagged: bool,
    restore: Option<usize>,
) -> Observations {
    let run = Run { setup, form, steps, tagged, restore };
    if matches!(setup.assigner, Assigner::Global | Assigner::Count) {
        return run.with_trigger(|| Windowing::of(GlobalWindows));
    }
    if setup.event_time && setup.trigger == Trigger::EventTime && !setup.purging {
        return run.with_form(|| Windowing::of(Any::of(setup)));
    }
    run.with_trigger(|| Windowing::of(Any::of(setup)))
}

fn join(mut first: Event, second: Event) -> Event {
    first.values.extend(second.values);
    first
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
        match self.setup.trigger {
            Trigger::EventTime => self.with_purging(make, || EventTimeTrigger),
            Trigger::ProcessingTime => self.with_purging(make, || ProcessingTimeTrigger),
            Trigger::Count(count) => self.with_purging(make, || CountTrigger::of(count)),
            Trigger::ContinuousEventTime(interval) => {
                self.with_purging(make, || ContinuousEventTimeTrigger::of(ms(interval)))
            }
            Trigger::ContinuousProcessingTime(interval) => {
                self.with_purging(make, || ContinuousProcessingTimeTrigger::of(ms(interval)))
            }
            Trigger::Delta(threshold) => self.with_purging(make, || {
                DeltaTrigger::of(threshold, |from: &Event, to: &Event| {
                    (to.values[0] - from.values[0]) as f64
                })
            }),
            Trigger::Never => self.with_purging(make, || NeverTrigger),
            Trigger::Custom => self.with_purging(make, || Custom),
        }
    }

    fn with_purging<A, Own, Tr>(
        self,
        make: impl Fn() -> Windowing<Event, A, Own>,
        trigger: impl Fn() -> Tr,
    ) -> Observations
    where
        A: WindowAssigner<Event, Window: Bounds>,
        Own: SdkTrigger<Event, A::Window>,
        Tr: SdkTrigger<Event, A::Window>,
    {
        match self.setup.purging {
            true => self.with_form(|| make().trigger(PurgingTrigger::of(trigger()))),
            false => self.with_form(|| make().trigger(trigger())),
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
