//! Watermark generators: one that emits with every record, one that emits once a period.

use sandbar_sdk::prelude::*;

use crate::Event;

/// The latest timestamp, less a bound.
struct Latest {
    at: i64,
    bound_ms: i64,
}

impl Latest {
    fn new(bound_ms: u32) -> Latest {
        let bound_ms = i64::from(bound_ms);
        Latest { at: i64::MIN + bound_ms + 1, bound_ms }
    }

    fn watermark(&self) -> i64 {
        self.at - self.bound_ms - 1
    }
}

pub(crate) struct Punctuated(Latest);

impl Punctuated {
    pub(crate) fn new(bound_ms: u32) -> Punctuated {
        Punctuated(Latest::new(bound_ms))
    }
}

impl WatermarkGenerator<Event> for Punctuated {
    fn on_event(&mut self, _event: &Event, timestamp: i64, output: &mut WatermarkOutput<'_>) {
        self.0.at = self.0.at.max(timestamp);
        output.emit_watermark(self.0.watermark());
        // Never goes back, whatever a guest says.
        output.emit_watermark(self.0.watermark() - 1000);
    }
}

pub(crate) struct Periodic(Latest);

impl Periodic {
    pub(crate) fn new(bound_ms: u32) -> Periodic {
        Periodic(Latest::new(bound_ms))
    }
}

impl WatermarkGenerator<Event> for Periodic {
    fn on_event(&mut self, _event: &Event, timestamp: i64, _output: &mut WatermarkOutput<'_>) {
        self.0.at = self.0.at.max(timestamp);
    }

    fn on_periodic_emit(&mut self, output: &mut WatermarkOutput<'_>) {
        output.emit_watermark(self.0.watermark());
    }
}
