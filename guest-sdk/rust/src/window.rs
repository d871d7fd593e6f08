//! Windows: finite parts of the stream of a key, and what is computed of each.
//!
//! Reading order: `time_window` (what a window is), `assigner` (which windows an element belongs
//! to), `trigger` (when a window fires), `function` and `windowing` (what is computed). Inside,
//! `contents` is what is kept of elements, `store` how, and `operator` and `panes` do it all. Law:
//! results are those of Flink's `WindowOperator` for the same elements and watermarks.
//! Source: Flink, `docs/content/docs/dev/datastream/operators/windows.md`.

pub(crate) mod assigner;
pub(crate) mod contents;
mod due;
mod evictor;
pub(crate) mod function;
pub(crate) mod grid;
mod local;
mod operator;
mod panes;
mod store;
mod time_window;
mod trigger;
mod uniform;
mod windowing;

pub(crate) use assigner::millis;
pub use assigner::{
    DynamicEventTimeSessionWindows, DynamicProcessingTimeSessionWindows, EventTimeSessionWindows,
    GlobalWindows, Panes, ProcessingTimeSessionWindows, SlidingEventTimeWindows,
    SlidingProcessingTimeWindows, TumblingEventTimeWindows, TumblingProcessingTimeWindows,
    WindowAssigner,
};
pub(crate) use due::{Armed, Earliest};
pub use evictor::{CountEvictor, DeltaEvictor, Evictor, TimeEvictor, WindowElements};
pub use function::{ProcessWindowFunction, WindowContext};
pub use local::LocalAggregate;
pub(crate) use operator::{LATE_DROPPED, STATE};
pub use time_window::{GlobalWindow, TimeWindow, Window};
pub use trigger::{
    ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger, CountTrigger, DeltaTrigger,
    EventTimeTrigger, NeverTrigger, ProcessingTimeTrigger, ProcessingTimeoutTrigger,
    PurgingTrigger, Timeout, Trigger, TriggerContext, TriggerResult,
};
pub use windowing::{WindowedOperator, Windowing};

#[cfg(test)]
mod tests;
