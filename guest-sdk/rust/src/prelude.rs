//! What most operators and jobs use: `use sandbar_sdk::prelude::*;`.

pub use crate::codec::{Bytes, Compact, Data, Json, Key, Text};
pub use crate::collector::{Collector, OutputTag};
pub use crate::context::{BroadcastContext, Context, RuntimeContext, Unkeyed};
pub use crate::error::{Error, Result};
pub use crate::event_time::{
    Rfc3339, TimestampFormat, WatermarkGenerator, WatermarkOutput, WatermarkStrategy,
};
pub use crate::function::{
    AggregateFunction, FilterFunction, FlatMapFunction, KeyedBroadcastProcessFunction,
    KeyedProcessFunction, KeyedTwoInputProcessFunction, MapFunction, ProcessFunction,
    TwoInputProcessFunction,
};
pub use crate::log::Logger;
pub use crate::memory::{ByteSlice, TextSlice};
pub use crate::metrics::{Counter, Gauge, Histogram};
pub use crate::state::{
    AggregatingState, AggregatingStateDescriptor, BroadcastState, ListState, ListStateDescriptor,
    MapState, MapStateDescriptor, OperatorListState, Redistribution, ReducingState,
    ReducingStateDescriptor, StateTtlConfig, StateVisibility, UpdateType, ValueState,
    ValueStateDescriptor,
};
pub use crate::stream::{
    ConnectedStreams, DataStream, DatagenSource, DeadLetter, DiscardSink, ErrorPolicy, FileSink,
    FileSource, KeyValue, KeyedConnectedStreams, KeyedStream, PatternStream, PrintSink, Sink,
    SocketSource, Source, StdinSource, StreamExecutionEnvironment, TwoPhase, TwoPhaseStream,
    WindowedStream,
};
pub use crate::timers::{TimeDomain, Timer};
pub use crate::window::{
    CountTrigger, EventTimeSessionWindows, GlobalWindow, GlobalWindows, ProcessWindowFunction,
    ProcessingTimeSessionWindows, PurgingTrigger, SlidingEventTimeWindows,
    SlidingProcessingTimeWindows, TimeWindow, TumblingEventTimeWindows,
    TumblingProcessingTimeWindows, Window, WindowContext, Windowing,
};
