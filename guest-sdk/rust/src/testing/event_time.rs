//! Strategies under test: which timestamps records get, and which watermarks follow them.

use super::harness::{OperatorHarness, outcome};
use super::setup::HarnessSetup;
use crate::codec::Data;
use crate::error::Result;
use crate::event_time::WatermarkStrategy;
use crate::timers::{self, TimeDomain};

impl<T: Data> OperatorHarness<T, T> {
    /// Makes a harness for a strategy's assigner and generator. Watermarks that the host would make
    /// are not made.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    /// use sandbar_sdk::testing::OperatorHarness;
    ///
    /// struct Each;
    ///
    /// impl WatermarkGenerator<u32> for Each {
    ///     fn on_event(&mut self, _: &u32, timestamp: i64, output: &mut WatermarkOutput<'_>) {
    ///         output.emit_watermark(timestamp - 1);
    ///     }
    /// }
    ///
    /// let strategy = WatermarkStrategy::for_generator(Each)
    ///     .with_timestamp_assigner(|record: &u32, _| i64::from(*record) * 1000);
    /// let mut harness = OperatorHarness::timestamps(strategy)?;
    /// harness.push(3, 0)?;
    /// assert_eq!(harness.take_output(), [(3, Some(3000))]);
    /// assert_eq!(harness.take_watermarks(), [2999]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`OperatorHarness::map`].
    pub fn timestamps(strategy: WatermarkStrategy<T>) -> Result<Self> {
        let setup = HarnessSetup::default();
        setup.one_input(None, |plugin| plugin.timestamps("operator", strategy).entry)
    }

    /// Lets an interval between watermarks pass.
    ///
    /// # Errors
    /// As [`OperatorHarness::watermark`].
    pub fn watermark_interval(&mut self) -> Result<()> {
        let none = timers::empty();
        outcome(self.instance.on_timers(0, TimeDomain::ProcessingTime, &none))
    }

    /// The watermarks emitted since the last look, as the generator gave them: the host ignores
    /// those that go back.
    pub fn take_watermarks(&mut self) -> Vec<i64> {
        let emitted = self.host.watermarks.take();
        emitted.into_iter().map(|emitted| emitted.watermark).collect()
    }
}
