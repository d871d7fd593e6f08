//! The windows of a job file: which they are, in words, and as the SDK's.

use std::time::Duration;

use sandbar_sdk::prelude::*;
use sandbar_sdk::{AggregateFunction, WindowedOperator};
use serde::Deserialize;

/// Which windows records fall into.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum WindowSpec {
    /// Windows side by side.
    #[serde(rename_all = "kebab-case")]
    Tumbling {
        size_ms: u64,
        #[serde(default)]
        offset_ms: i64,
    },
    /// Windows of a size that begin every so often.
    #[serde(rename_all = "kebab-case")]
    Sliding {
        size_ms: u64,
        slide_ms: u64,
        #[serde(default)]
        offset_ms: i64,
    },
    /// Windows that end when no record has come for a while.
    #[serde(rename_all = "kebab-case")]
    Session { gap_ms: u64 },
}

/// Which clock windows follow.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TimeSpec {
    #[default]
    Event,
    Processing,
}

/// What every windowed operator is configured with.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Windows {
    pub(crate) window: WindowSpec,
    #[serde(default)]
    pub(crate) time: TimeSpec,
    #[serde(default, rename = "allowed-lateness-ms")]
    pub(crate) allowed_lateness_ms: u64,
}

/// The JSON Schema of the windows of [`WindowSpec`] that have one size.
macro_rules! uniform_windows {
    () => {
        r#"{"type":"object","additionalProperties":false,"required":["type","size-ms"],
             "properties":{"type":{"const":"tumbling"},"size-ms":{"type":"integer","minimum":1},
                "offset-ms":{"type":"integer"}}},
            {"type":"object","additionalProperties":false,"required":["type","size-ms","slide-ms"],
             "properties":{"type":{"const":"sliding"},"size-ms":{"type":"integer","minimum":1},
                "slide-ms":{"type":"integer","minimum":1},"offset-ms":{"type":"integer"}}}"#
    };
}
pub(crate) use uniform_windows;

/// The JSON Schema of [`WindowSpec`], [`TimeSpec`] and the lateness, as properties.
macro_rules! window_properties {
    () => {
        concat!(
            r#""window":{"oneOf":["#,
            uniform_windows!(),
            r#",{"type":"object","additionalProperties":false,"required":["type","gap-ms"],
             "properties":{"type":{"const":"session"},
                "gap-ms":{"type":"integer","minimum":1}}}]},
        "time":{"enum":["event","processing"]},
        "allowed-lateness-ms":{"type":"integer","minimum":0}"#
        )
    };
}
pub(crate) use window_properties;

/// Puts the assigner of a config in the place of `$assigner` in an expression; each is of a type of
/// its own.
macro_rules! with_assigner {
    ($windows:expr, $assigner:ident => $made:expr) => {{
        use std::time::Duration;

        use $crate::window::{TimeSpec, WindowSpec};
        let of = |ms: &u64| Duration::from_millis(*ms);
        match (&$windows.window, $windows.time) {
            (WindowSpec::Tumbling { size_ms, offset_ms }, TimeSpec::Event) => {
                let $assigner = TumblingEventTimeWindows::of(of(size_ms)).offset(*offset_ms);
                $made
            }
            (WindowSpec::Tumbling { size_ms, offset_ms }, TimeSpec::Processing) => {
                let $assigner = TumblingProcessingTimeWindows::of(of(size_ms)).offset(*offset_ms);
                $made
            }
            (WindowSpec::Sliding { size_ms, slide_ms, offset_ms }, TimeSpec::Event) => {
                let sliding = SlidingEventTimeWindows::of(of(size_ms), of(slide_ms));
                let $assigner = sliding.offset(*offset_ms);
                $made
            }
            (WindowSpec::Sliding { size_ms, slide_ms, offset_ms }, TimeSpec::Processing) => {
                let sliding = SlidingProcessingTimeWindows::of(of(size_ms), of(slide_ms));
                let $assigner = sliding.offset(*offset_ms);
                $made
            }
            (WindowSpec::Session { gap_ms }, TimeSpec::Event) => {
                let $assigner = EventTimeSessionWindows::with_gap(of(gap_ms));
                $made
            }
            (WindowSpec::Session { gap_ms }, TimeSpec::Processing) => {
                let $assigner = ProcessingTimeSessionWindows::with_gap(of(gap_ms));
                $made
            }
        }
    }};
}
pub(crate) use with_assigner;

impl Windows {
    /// How late records may be.
    pub(crate) fn lateness(&self) -> Duration {
        Duration::from_millis(self.allowed_lateness_ms)
    }

    /// Makes the operator that aggregates the elements of each window and gives the result to a
    /// function.
    pub(crate) fn aggregate<T, G, F, Out>(
        &self,
        aggregate: G,
        function: F,
    ) -> WindowedOperator<String, T, Out>
    where
        T: Data,
        G: AggregateFunction<In = T, Accumulator: Data, Output: Clone + 'static>,
        F: ProcessWindowFunction<String, G::Output, Out, TimeWindow>,
        Out: 'static,
    {
        with_assigner!(self, assigner => Windowing::of(assigner)
            .allowed_lateness(self.lateness())
            .aggregate_with(aggregate, function))
    }
}

/// Takes from a record what goes into its window.
type Take<T> = dyn Fn(&str) -> Result<T>;

/// Windows over what is taken from each record.
pub(crate) struct Windowed<T> {
    take: Box<Take<T>>,
    windows: WindowedOperator<String, T, TextSlice>,
}

impl<T: Data> Windowed<T> {
    pub(crate) fn new(
        take: impl Fn(&str) -> Result<T> + 'static,
        windows: WindowedOperator<String, T, TextSlice>,
    ) -> Windowed<T> {
        Windowed { take: Box::new(take), windows }
    }
}

impl<T: Data> KeyedProcessFunction<String, TextSlice, TextSlice> for Windowed<T> {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.windows.open(ctx)
    }

    fn process(
        &mut self,
        record: TextSlice,
        ctx: &mut Context<String>,
        out: &mut Collector<TextSlice>,
    ) -> Result<()> {
        self.windows.process((self.take)(&record)?, ctx, out)
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<String>,
        out: &mut Collector<TextSlice>,
    ) -> Result<()> {
        self.windows.on_timer(timer, ctx, out)
    }

    fn before_checkpoint(&mut self) -> Result<()> {
        self.windows.before_checkpoint()
    }

    fn finish(&mut self, out: &mut Collector<TextSlice>) -> Result<()> {
        self.windows.finish(out)
    }

    fn close(&mut self) -> Result<()> {
        self.windows.close()
    }
}
