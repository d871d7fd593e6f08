//! Event time: which timestamps records have, and how watermarks follow from them.
//!
//! Law: a strategy without code of the author's is carried out by the host; what has such code runs
//! in an operator, and the host still sees to it that watermarks never go back.

mod rfc3339;

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

pub use rfc3339::Rfc3339;
use serde_json::{Map, Value, json};

use crate::chain::instance::InstanceContext;
use crate::error::Result;

/// How event time goes on: where timestamps are from, and what makes watermarks of them.
///
/// Source: Flink, `docs/content/docs/dev/datastream/event-time/generating_watermarks.md`.
///
/// ```
/// use std::time::Duration;
/// use sandbar_sdk::prelude::*;
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Click {
///     user: u64,
///     at: i64,
/// }
///
/// fn timed(clicks: &DataStream<Click>) -> DataStream<Click> {
///     clicks.assign_timestamps_and_watermarks(
///         WatermarkStrategy::for_bounded_out_of_orderness(Duration::from_secs(20))
///             .with_timestamp_assigner(|click: &Click, _| click.at)
///             .with_idleness(Duration::from_secs(60)),
///     )
/// }
/// ```
pub struct WatermarkStrategy<T> {
    pub(crate) maker: Maker<T>,
    /// None: records keep the timestamps they have.
    pub(crate) assign: Option<Assign<T>>,
    /// A place in JSON, which the host reads.
    field: Option<(String, TimestampFormat)>,
    idle_timeout: Option<Duration>,
    alignment: Option<(String, Duration, Duration)>,
}

/// What makes watermarks.
pub(crate) enum Maker<T> {
    Nobody,
    Bound(Duration),
    Custom(Box<dyn WatermarkGenerator<T>>),
}

/// Code that assigns a timestamp.
pub(crate) type Assign<T> = Box<dyn FnMut(&T, Option<i64>) -> Result<i64>>;

/// How a timestamp is written in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// Milliseconds since the Unix epoch: a whole number, or text of one.
    Milliseconds,
    /// Seconds since the Unix epoch: a number, with a fraction or without, or text of one.
    Seconds,
    /// Text such as `2026-11-21T14:03:05.250+01:00`.
    Rfc3339,
}

/// Makes watermarks by rules of its own: with records (punctuated), once a period, or both.
///
/// ```
/// use sandbar_sdk::prelude::*;
///
/// /// A record that says `end` ends all time before it.
/// struct OnEnd;
///
/// impl WatermarkGenerator<String> for OnEnd {
///     fn on_event(&mut self, record: &String, timestamp: i64, output: &mut WatermarkOutput<'_>) {
///         if record == "end" {
///             output.emit_watermark(timestamp);
///         }
///     }
/// }
///
/// let strategy = WatermarkStrategy::for_generator(OnEnd);
/// # let _: WatermarkStrategy<String> = strategy;
/// ```
pub trait WatermarkGenerator<T>: 'static {
    /// Called for every record, with its timestamp; a watermark goes out behind the record.
    fn on_event(&mut self, record: &T, timestamp: i64, output: &mut WatermarkOutput<'_>);

    /// Called every `pipeline.auto-watermark-interval` (200 ms unless the job says otherwise), as
    /// long as the stream is not idle.
    fn on_periodic_emit(&mut self, output: &mut WatermarkOutput<'_>) {
        let _ = output;
    }
}

/// Where a [`WatermarkGenerator`] emits.
pub struct WatermarkOutput<'a> {
    pub(crate) emitted: &'a mut Vec<i64>,
    pub(crate) instance: &'a Rc<InstanceContext>,
}

impl WatermarkOutput<'_> {
    /// Says that no record with a timestamp at or before `watermark` will follow. One that is not
    /// later than those before it is ignored.
    pub fn emit_watermark(&mut self, watermark: i64) {
        self.emitted.push(watermark);
    }

    /// The processing time, in milliseconds since the Unix epoch.
    pub fn current_processing_time(&self) -> i64 {
        self.instance.processing_time()
    }
}

impl fmt::Debug for WatermarkOutput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatermarkOutput").finish_non_exhaustive()
    }
}

impl<T: 'static> WatermarkStrategy<T> {
    /// Watermarks are `max_out_of_orderness` behind the latest timestamp: a record that is later
    /// than that is late.
    pub fn for_bounded_out_of_orderness(max_out_of_orderness: Duration) -> WatermarkStrategy<T> {
        WatermarkStrategy::of(Maker::Bound(max_out_of_orderness))
    }

    /// For records whose timestamps only grow.
    pub fn for_monotonous_timestamps() -> WatermarkStrategy<T> {
        WatermarkStrategy::of(Maker::Bound(Duration::ZERO))
    }

    /// Watermarks by rules of one's own.
    pub fn for_generator(generator: impl WatermarkGenerator<T>) -> WatermarkStrategy<T> {
        WatermarkStrategy::of(Maker::Custom(Box::new(generator)))
    }

    /// Only the end of the input moves event time.
    pub fn no_watermarks() -> WatermarkStrategy<T> {
        WatermarkStrategy::of(Maker::Nobody)
    }

    fn of(maker: Maker<T>) -> WatermarkStrategy<T> {
        let (assign, field, idle_timeout, alignment) = (None, None, None, None);
        WatermarkStrategy { maker, assign, field, idle_timeout, alignment }
    }

    /// Sets where timestamps are from: a record and the timestamp it has, if it has one, to
    /// milliseconds since the Unix epoch. Without, records keep the timestamps they have, such as
    /// that of [`WatermarkStrategy::with_timestamp_field`].
    #[must_use]
    pub fn with_timestamp_assigner(
        self,
        mut assign: impl FnMut(&T, Option<i64>) -> i64 + 'static,
    ) -> WatermarkStrategy<T> {
        self.try_with_timestamp_assigner(move |record, previous| Ok(assign(record, previous)))
    }

    /// As [`WatermarkStrategy::with_timestamp_assigner`]; a record that has no timestamp is
    /// refused, by the error policy of the stream that comes out.
    #[must_use]
    pub fn try_with_timestamp_assigner(
        mut self,
        assign: impl FnMut(&T, Option<i64>) -> Result<i64> + 'static,
    ) -> WatermarkStrategy<T> {
        self.assign = Some(Box::new(assign));
        self
    }

    /// For a source of JSON or CSV: the host takes timestamps from this place in each record, a
    /// JSON pointer. Cheaper than an assigner, and the source's watermarks are made by split. With
    /// an assigner or a generator too, these get records that have this timestamp.
    #[must_use]
    pub fn with_timestamp_field(
        mut self,
        pointer: &str,
        format: TimestampFormat,
    ) -> WatermarkStrategy<T> {
        self.field = Some((pointer.to_owned(), format));
        self
    }

    /// Sets after how long without a record nobody waits for watermarks of a subtask, or of a split
    /// of a source. At least a millisecond.
    #[must_use]
    pub fn with_idleness(mut self, timeout: Duration) -> WatermarkStrategy<T> {
        self.idle_timeout = Some(timeout);
        self
    }

    /// For a source: its subtasks pause while they are more than `max_drift` ahead of the slowest
    /// of all sources of the group; watermarks are compared once an interval. Behind a source it
    /// holds for that source, whose chain the stream must be in: forward, and with its parallelism.
    #[must_use]
    pub fn with_watermark_alignment(
        mut self,
        group: &str,
        max_drift: Duration,
        update_interval: Duration,
    ) -> WatermarkStrategy<T> {
        self.alignment = Some((group.to_owned(), max_drift, update_interval));
        self
    }

    /// Whether the host can do all of it at a source.
    pub(crate) fn is_native(&self) -> bool {
        !matches!(self.maker, Maker::Custom(_)) && self.assign.is_none()
    }

    /// Whether timestamps are from a place in JSON, which only sources read.
    pub(crate) fn has_field(&self) -> bool {
        self.field.is_some()
    }

    /// `watermarks` of the JobSpec.
    pub(crate) fn watermarks(&self) -> Value {
        let mut spec = Map::new();
        match &self.maker {
            Maker::Nobody => spec.insert("generator".into(), json!("none")),
            Maker::Bound(bound) => {
                spec.insert("max-out-of-orderness-ms".into(), milliseconds(*bound))
            }
            Maker::Custom(_) => spec.insert("generator".into(), json!("custom")),
        };
        if let Some(timeout) = self.idle_timeout {
            spec.insert("idle-timeout-ms".into(), milliseconds(timeout));
        }
        if let Some((group, max_drift, update_interval)) = &self.alignment {
            spec.insert("alignment-group".into(), json!(group));
            spec.insert("max-drift-ms".into(), milliseconds(*max_drift));
            spec.insert("update-interval-ms".into(), milliseconds(*update_interval));
        }
        Value::Object(spec)
    }

    /// `timestamp` of the JobSpec, which is for a source: taken, so that the rest may be for an
    /// operator behind it.
    pub(crate) fn take_timestamp(&mut self) -> Option<Value> {
        let (pointer, format) = self.field.take()?;
        let format = match format {
            TimestampFormat::Milliseconds => "milliseconds",
            TimestampFormat::Seconds => "seconds",
            TimestampFormat::Rfc3339 => "rfc3339",
        };
        Some(json!({ "json": pointer, "format": format }))
    }
}

impl<T> fmt::Debug for WatermarkStrategy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatermarkStrategy")
            .field("idle_timeout", &self.idle_timeout)
            .field("alignment", &self.alignment)
            .finish_non_exhaustive()
    }
}

fn milliseconds(duration: Duration) -> Value {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX).into()
}
