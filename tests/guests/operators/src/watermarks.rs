//! Watermark generators of one's own.

use sandbar_sdk::prelude::*;

/// Emits once a period.
#[derive(Default)]
pub(crate) struct SecondBehind {
    latest: Option<i64>,
}

impl WatermarkGenerator<String> for SecondBehind {
    fn on_event(&mut self, _line: &String, timestamp: i64, _output: &mut WatermarkOutput<'_>) {
        self.latest = self.latest.max(Some(timestamp));
    }

    fn on_periodic_emit(&mut self, output: &mut WatermarkOutput<'_>) {
        if let Some(latest) = self.latest {
            output.emit_watermark(latest - 1001);
        }
    }
}

/// Emits with each record.
pub(crate) struct EachRecord;

impl WatermarkGenerator<String> for EachRecord {
    fn on_event(&mut self, _line: &String, timestamp: i64, output: &mut WatermarkOutput<'_>) {
        output.emit_watermark(timestamp);
    }
}
