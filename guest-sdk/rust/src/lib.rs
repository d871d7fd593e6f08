//! The Rust SDK for Sandbar: what the author of an operator or a job links.
//!
//! Reading order: [`function`] (what user code implements), [`codec`], [`state`], [`context`],
//! [`event_time`], then [`mod@plugin`] (operators for job files) or [`stream`] (a job as a
//! program), and [`testing`]. Inside, `chain` fuses operators and `host` is the only door to the
//! outside. Knows `wit/` and nothing of the runtime.

#[doc(hidden)]
pub mod bindings;
pub mod cep;
mod chain;
pub mod codec;
mod collector;
pub mod context;
mod error;
pub mod event_time;
pub mod function;
mod host;
mod inline_deque;
pub mod join;
mod log;
mod memory;
mod metrics;
mod operator;
pub mod plugin;
pub mod prelude;
pub mod state;
pub mod stream;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod text;
mod timers;
pub mod window;

pub use codec::{Bytes, Compact, Data, Json, Key, Text};
pub use collector::{Collector, OutputTag};
pub use context::{BroadcastContext, Context, RuntimeContext, Unkeyed};
pub use error::{Error, ErrorKind, Result};
pub use event_time::{
    Rfc3339, TimestampFormat, WatermarkGenerator, WatermarkOutput, WatermarkStrategy,
};
pub use function::{
    AggregateFunction, FilterFunction, FlatMapFunction, KeyedBroadcastProcessFunction,
    KeyedProcessFunction, KeyedTwoInputProcessFunction, MapFunction, ProcessFunction, Try,
    TwoInputProcessFunction, aggregates,
};
pub use log::{Level, Logger};
pub use memory::{ByteSlice, TextSlice};
pub use metrics::{Counter, Gauge, Histogram};
pub use state::{
    AggregatingState, BroadcastState, KeyedState, ListState, MapState, OperatorListState,
    ReducingState, StateTtlConfig, StateVisibility, UpdateType, ValueState,
};
pub use stream::{
    ConnectedStreams, DataStream, DatagenSource, DeadLetter, DiscardSink, ErrorPolicy, FileSink,
    FileSource, KeyValue, KeyedConnectedStreams, KeyedStream, PatternStream, PrintSink, Sink,
    SocketSource, Source, StdinSource, StreamExecutionEnvironment, TwoPhase, TwoPhaseStream,
    WindowedStream,
};
pub use timers::{TimeDomain, Timer};
pub use window::{
    ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger, CountEvictor, CountTrigger,
    DeltaEvictor, DeltaTrigger, EventTimeSessionWindows, EventTimeTrigger, Evictor, GlobalWindow,
    GlobalWindows, LocalAggregate, NeverTrigger, ProcessWindowFunction,
    ProcessingTimeSessionWindows, ProcessingTimeTrigger, ProcessingTimeoutTrigger, PurgingTrigger,
    SlidingEventTimeWindows, SlidingProcessingTimeWindows, TimeEvictor, TimeWindow, Trigger,
    TriggerContext, TriggerResult, TumblingEventTimeWindows, TumblingProcessingTimeWindows, Window,
    WindowAssigner, WindowContext, WindowElements, WindowedOperator, Windowing,
};
