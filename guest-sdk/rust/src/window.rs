//! Windows: finite parts of the stream of a key, and what is computed of each.
//!
//! Reading order: `time_window` (what a window is), `assigner` (which windows an element belongs
//! to). Law: results are those of Flink's `WindowOperator` for the same elements and watermarks.
//! Source: Flink, `docs/content/docs/dev/datastream/operators/windows.md`.

pub(crate) mod assigner;
mod time_window;

pub use assigner::{
    DynamicEventTimeSessionWindows, DynamicProcessingTimeSessionWindows, EventTimeSessionWindows,
    GlobalWindows, Panes, ProcessingTimeSessionWindows, SlidingEventTimeWindows,
    SlidingProcessingTimeWindows, TumblingEventTimeWindows, TumblingProcessingTimeWindows,
    WindowAssigner,
};
pub use time_window::{GlobalWindow, TimeWindow, Window};
