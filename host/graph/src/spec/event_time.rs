//! What a job says about event time: where timestamps are, and how watermarks are made. Source:
//! Flink, `docs/content/docs/dev/datastream/event-time/generating_watermarks.md`.

use sandbar_model::job_graph::{
    TimestampFormat, TimestampRule, WatermarkAlignment, WatermarkGenerator, WatermarkStrategy,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often sources of an alignment group compare their watermarks unless they say, in
/// milliseconds. Source: Flink's `WatermarkAlignmentParams`.
const UPDATE_INTERVAL_MS: u32 = 1000;

/// Where the event time of a JSON record is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TimestampSpec {
    /// JSON pointer (RFC 6901) to it.
    pub json: String,
    /// How it is written there; `milliseconds` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TimestampFormatSpec>,
}

/// How a timestamp is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimestampFormatSpec {
    /// Milliseconds since the Unix epoch: a whole number, or text of one.
    Milliseconds,
    /// Seconds since the Unix epoch: a number, with a fraction or without, or text of one.
    Seconds,
    /// Text such as `2026-11-21T14:03:05.250+01:00`.
    Rfc3339,
}

impl From<&TimestampSpec> for TimestampRule {
    fn from(spec: &TimestampSpec) -> TimestampRule {
        let format = match spec.format {
            None | Some(TimestampFormatSpec::Milliseconds) => TimestampFormat::Milliseconds,
            Some(TimestampFormatSpec::Seconds) => TimestampFormat::Seconds,
            Some(TimestampFormatSpec::Rfc3339) => TimestampFormat::Rfc3339,
        };
        TimestampRule { pointer: spec.json.clone(), format }
    }
}

/// How watermarks are made, every `pipeline.auto-watermark-interval`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WatermarkSpec {
    /// What makes them; `bounded-out-of-orderness` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<WatermarkGeneratorSpec>,
    /// By how many milliseconds the timestamp of a record may be before the latest one; 0 unless
    /// given. Records that are later than that are late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_out_of_orderness_ms: Option<u32>,
    /// After how many milliseconds without a record nobody waits for watermarks of a subtask, or of
    /// a split of a source; never unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<u32>,
    /// For a source, or an operator chained to one: the group of sources whose subtasks wait for
    /// the slowest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment_group: Option<String>,
    /// With a group: how many milliseconds ahead of the slowest a subtask may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_drift_ms: Option<u32>,
    /// With a group: how often, in milliseconds, watermarks are compared; 1000 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_interval_ms: Option<u32>,
}

/// What makes watermarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WatermarkGeneratorSpec {
    /// The host, from the latest timestamp.
    BoundedOutOfOrderness,
    /// The operator itself, by `collector.emit-watermark` of the contract.
    Custom,
    /// Nobody: only the end of the input moves event time.
    None,
}

impl From<&WatermarkSpec> for WatermarkStrategy {
    fn from(spec: &WatermarkSpec) -> WatermarkStrategy {
        let generator = match spec.generator {
            None | Some(WatermarkGeneratorSpec::BoundedOutOfOrderness) => {
                let max_out_of_orderness_ms = spec.max_out_of_orderness_ms.unwrap_or(0).into();
                WatermarkGenerator::BoundedOutOfOrderness { max_out_of_orderness_ms }
            }
            Some(WatermarkGeneratorSpec::Custom) => WatermarkGenerator::Custom,
            Some(WatermarkGeneratorSpec::None) => WatermarkGenerator::NoWatermarks,
        };
        let alignment = spec.alignment_group.clone().map(|group| WatermarkAlignment {
            group,
            max_drift_ms: spec.max_drift_ms.unwrap_or(0).into(),
            update_interval_ms: spec.update_interval_ms.unwrap_or(UPDATE_INTERVAL_MS).into(),
        });
        WatermarkStrategy {
            timestamp: None,
            generator: Some(generator),
            idle_timeout_ms: spec.idle_timeout_ms.map(i64::from),
            alignment,
        }
    }
}
