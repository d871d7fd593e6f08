//! Timestamps and watermarks of a stream.

use super::DataStream;
use crate::codec::Data;
use crate::event_time::WatermarkStrategy;
use crate::operator::timestamps;

impl<T: Data> DataStream<T> {
    /// Gives records the timestamps, and from here on the stream the watermarks, of a strategy.
    /// Those from before end here, save the one of the end.
    ///
    /// Flink's advice holds: better at the source, with
    /// [`crate::StreamExecutionEnvironment::from_source_with_watermarks`], than behind it.
    #[must_use]
    pub fn assign_timestamps_and_watermarks(
        &self,
        strategy: WatermarkStrategy<T>,
    ) -> DataStream<T> {
        if strategy.has_field() {
            let message = "a timestamp field is only for sources: use from_source_with_watermarks";
            self.graph.borrow_mut().errors.push(message.to_owned());
        }
        let watermarks = strategy.watermarks();
        let assigned = self.process_kind("Timestamps/Watermarks", |_| {
            Box::new(|wiring| timestamps::assigner(strategy.maker, strategy.assign, wiring))
        });
        self.graph.borrow_mut().nodes[assigned.node()].watermarks = Some(watermarks);
        assigned
    }
}
