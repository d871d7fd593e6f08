//! Tests of assigned timestamps, and of where a generator's watermarks come between records.

use std::rc::Rc;
use std::time::Duration;

use crate::chain::wiring::{ChainedOperator, Target, open};
use crate::error::{Error, ErrorKind};
use crate::host::harness::{EmittedWatermark, HarnessHost};
use crate::host::{self, Host, NO_TIMESTAMP};
use crate::plugin::PluginBuilder;
use crate::prelude::*;
use crate::testing::OperatorHarness;

/// Emits with records above 100, and once a period.
struct Rules {
    latest: i64,
}

impl WatermarkGenerator<u32> for Rules {
    fn on_event(&mut self, record: &u32, timestamp: i64, output: &mut WatermarkOutput<'_>) {
        self.latest = self.latest.max(timestamp);
        if *record > 100 {
            output.emit_watermark(timestamp);
        }
    }

    fn on_periodic_emit(&mut self, output: &mut WatermarkOutput<'_>) {
        output.emit_watermark(self.latest - 10);
        assert_eq!(output.current_processing_time(), 0);
    }
}

fn by_rules() -> WatermarkStrategy<u32> {
    WatermarkStrategy::for_generator(Rules { latest: 0 })
}

#[test]
fn records_keep_their_timestamps_or_get_new_ones() {
    let mut kept = OperatorHarness::timestamps(by_rules()).unwrap();
    kept.push_batch([(1, 70), (2, 80)]).unwrap();
    assert_eq!(kept.take_output(), [(1, Some(70)), (2, Some(80))]);
    let strategy = WatermarkStrategy::for_monotonous_timestamps().with_timestamp_assigner(
        |record: &u32, previous| previous.unwrap_or(-1) + i64::from(*record),
    );
    let mut assigned = OperatorHarness::timestamps(strategy).unwrap();
    assigned.push_batch([(1, 70), (2, NO_TIMESTAMP)]).unwrap();
    assert_eq!(assigned.take_output(), [(1, Some(71)), (2, Some(1))]);
}

#[test]
fn a_record_that_has_no_time_is_refused() {
    let strategy = WatermarkStrategy::for_bounded_out_of_orderness(Duration::from_secs(1))
        .try_with_timestamp_assigner(|record: &u32, _| match record {
            0 => Err(Error::bad_record("it is 0")),
            record => Ok(i64::from(*record)),
        });
    let mut harness = OperatorHarness::timestamps(strategy).unwrap();
    harness.push(7, 0).unwrap();
    let error = harness.push(0, 0).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::BadRecord, "it is 0"));
    assert_eq!(harness.take_output(), [(7, Some(7))]);
}

#[test]
fn a_generator_emits_with_records_and_once_a_period() {
    let mut harness = OperatorHarness::timestamps(by_rules()).unwrap();
    harness.push_batch([(1, 50), (101, 60), (2, 20)]).unwrap();
    assert_eq!(harness.take_watermarks(), [60]);
    harness.watermark_interval().unwrap();
    assert_eq!(harness.take_watermarks(), [50]);
}

#[test]
fn a_watermark_leaves_behind_its_record_and_before_the_next() {
    let mut plugin = PluginBuilder::default();
    plugin.timestamps("it", by_rules()).input(Compact).output(Compact);
    let mut definition = plugin.operators.pop();
    let chained = ChainedOperator {
        operator: "it".to_owned(),
        // Two readers outside.
        outputs: vec![vec![Target::External(0), Target::External(1)]],
        ..ChainedOperator::default()
    };
    let host = Rc::new(HarnessHost::default());
    let opened = open(Rc::clone(&host) as Rc<dyn Host>, &[chained], |_| {
        definition.take().ok_or_else(|| Error::fatal("taken twice"))
    });
    let mut instance = opened.unwrap();
    let mut batch = host::batch();
    for (value, timestamp) in [(1u32, 10), (102, 20), (3, 30), (104, 40), (5, 50)] {
        crate::codec::Encode::encode(&Compact, &value, &mut batch.values).unwrap();
        batch.value_ends.push(batch.values.len() as u32);
        batch.timestamps.push(timestamp);
    }
    instance.process(0, batch).unwrap();
    let emitted = |output, watermark, records| EmittedWatermark { output, watermark, records };
    // Each output has its records before its watermark: of the second, one batch less has left.
    assert_eq!(
        host.watermarks.take(),
        [emitted(0, 20, 2), emitted(1, 20, 4), emitted(0, 40, 6), emitted(1, 40, 8)]
    );
    let records: usize = host.emitted.borrow().iter().map(|(_, of)| of.timestamps.len()).sum();
    assert_eq!(records, 10);
}
