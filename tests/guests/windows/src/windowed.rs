//! One case: its windows as the fluent API builds them, and the lines that it prints.

use sandbar_sdk::prelude::*;
use sandbar_sdk::window::{
    ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger, DeltaTrigger, EventTimeTrigger,
    NeverTrigger, ProcessingTimeTrigger, Trigger as SdkTrigger, WindowAssigner,
};

use crate::Case;
use crate::guarded::Guarded;
use window_model::pieces::{After, Any, Bounds, Custom, Event, Gather, ms};
use window_model::setup::{Assigner, Evictor, Span, Trigger};

const LATE: OutputTag<Event> = OutputTag::new("late");

/// Key, window, and the values of the elements.
type Output = (u8, Span, Vec<i64>);

/// Shows what has fired.
struct Show;

impl<W: Bounds> ProcessWindowFunction<u8, Event, Output, W> for Show {
    type State = ();

    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, u8, W, ()>,
        elements: &[Event],
        out: &mut Collector<Output>,
    ) -> Result<()> {
        let values = elements.iter().flat_map(|event| event.values.clone()).collect();
        out.collect((*ctx.current_key(), ctx.window().bounds(), values));
        Ok(())
    }
}

/// Writes results with their timestamps.
struct Write(String);

impl ProcessFunction<Output, String> for Write {
    fn process(
        &mut self,
        (key, (start, end), values): Output,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let at = ctx.timestamp().ok_or_else(|| Error::fatal("a result without a timestamp"))?;
        out.collect(format!("{} {key} fired {at} {start} {end} {values:?}", self.0));
        Ok(())
    }
}

struct Windowed<'a> {
    keyed: KeyedStream<u8, Event>,
    case: &'a Case,
}

/// Adds the windows of a case and what prints its results, late elements and barriers.
pub(crate) fn run(elements: &DataStream<Event>, case: &Case) {
    let Case { label, parallelism, .. } = case;
    let windowed = Windowed { keyed: elements.key_by(|event| event.key), case };
    let results = windowed.results().name(label).uid(label).set_parallelism(*parallelism);
    let print = |lines: DataStream<String>, what: &str| {
        let lines = lines.name(&format!("{what} {label}")).set_parallelism(*parallelism);
        lines.sink_to(PrintSink::text()).set_parallelism(*parallelism);
    };
    if case.tagged {
        let prefix = label.clone();
        let line = move |event: Event| format!("{prefix} {} late {:?}", event.key, event.values);
        print(results.side_output(&LATE).map(line), "late");
    }
    if case.barriers {
        print(results.dead_letters().map(|letter| letter.message), "barriers");
    }
    print(results.process(Write(label.clone())), "write");
}

impl Windowed<'_> {
    fn results(&self) -> DataStream<Output> {
        let setup = &self.case.setup;
        match setup.assigner {
            Assigner::Count => match (setup.trigger, setup.evictor) {
                (Trigger::Count(slide), Some((Evictor::Count(size), _))) => {
                    self.with_function(self.keyed.count_window_sliding(size, slide))
                }
                (Trigger::Count(size), _) => self.with_function(self.keyed.count_window(size)),
                _ => unreachable!("count windows have counts"),
            },
            Assigner::Global => self.with_trigger(|| self.keyed.window(Guarded(GlobalWindows))),
            Assigner::Tumbling { .. }
            | Assigner::Sliding { .. }
            | Assigner::Session { .. }
            | Assigner::DynamicSession => {
                let windows = || self.keyed.window(Guarded(Any::of(setup)));
                let is_own = setup.trigger == Trigger::EventTime && !setup.purging;
                match is_own && setup.event_time {
                    true => self.with_evictor(windows()),
                    false => self.with_trigger(windows),
                }
            }
        }
    }

    fn with_trigger<A, Own>(
        &self,
        windows: impl Fn() -> WindowedStream<u8, Event, A, Own>,
    ) -> DataStream<Output>
    where
        A: WindowAssigner<Event, Window: Bounds>,
        Own: SdkTrigger<Event, A::Window>,
    {
        let delta = |from: &Event, to: &Event| (to.values[0] - from.values[0]) as f64;
        match self.case.setup.trigger {
            Trigger::EventTime => self.with_purging(windows(), EventTimeTrigger),
            Trigger::ProcessingTime => self.with_purging(windows(), ProcessingTimeTrigger),
            Trigger::Count(count) => self.with_purging(windows(), CountTrigger::of(count)),
            Trigger::ContinuousEventTime(interval) => {
                self.with_purging(windows(), ContinuousEventTimeTrigger::of(ms(interval)))
            }
            Trigger::ContinuousProcessingTime(interval) => {
                self.with_purging(windows(), ContinuousProcessingTimeTrigger::of(ms(interval)))
            }
            Trigger::Delta(threshold) => {
                self.with_purging(windows(), DeltaTrigger::of(threshold, delta))
            }
            Trigger::Never => self.with_purging(windows(), NeverTrigger),
            Trigger::Custom => self.with_purging(windows(), Custom),
        }
    }

    fn with_purging<A, Own, Tr>(
        &self,
        windows: WindowedStream<u8, Event, A, Own>,
        trigger: Tr,
    ) -> DataStream<Output>
    where
        A: WindowAssigner<Event, Window: Bounds>,
        Own: SdkTrigger<Event, A::Window>,
        Tr: SdkTrigger<Event, A::Window>,
    {
        match self.case.setup.purging {
            true => self.with_evictor(windows.trigger(PurgingTrigger::of(trigger))),
            false => self.with_evictor(windows.trigger(trigger)),
        }
    }

    fn with_evictor<A, Tr>(&self, windows: WindowedStream<u8, Event, A, Tr>) -> DataStream<Output>
    where
        A: WindowAssigner<Event, Window: Bounds>,
        Tr: SdkTrigger<Event, A::Window>,
    {
        self.with_function(match self.case.setup.evictor {
            Some((evictor, false)) => windows.evictor(evictor),
            Some((evictor, true)) => windows.evictor(After(evictor)),
            None => windows,
        })
    }

    fn with_function<A, Tr>(&self, windows: WindowedStream<u8, Event, A, Tr>) -> DataStream<Output>
    where
        A: WindowAssigner<Event, Window: Bounds>,
        Tr: SdkTrigger<Event, A::Window>,
    {
        let mut late = windows.allowed_lateness(ms(self.case.setup.lateness));
        if self.case.tagged {
            late = late.side_output_late_data(&LATE);
        }
        match self.case.process {
            true => late.process(Show),
            false => late.aggregate_with(Gather, Show),
        }
    }
}
