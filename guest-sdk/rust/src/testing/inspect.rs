//! What is left in an operator under test, and batches for operators with two inputs.

use std::collections::BTreeMap;

use super::harness::{OperatorHarness, encode, outcome};
use crate::codec::Data;
use crate::error::Result;

impl<First: Data, Second: Data, Out> OperatorHarness<First, Out, Second> {
    /// Processes records of the first input as one batch.
    ///
    /// # Errors
    /// As [`OperatorHarness::push_batch`].
    pub fn push_first_batch(
        &mut self,
        records: impl IntoIterator<Item = (First, i64)>,
    ) -> Result<()> {
        let batch = encode(records, self.first_key.as_mut())?;
        self.run(0, batch)
    }

    /// Processes records of the second input as one batch.
    ///
    /// # Errors
    /// As [`OperatorHarness::push_batch`].
    pub fn push_second_batch(
        &mut self,
        records: impl IntoIterator<Item = (Second, i64)>,
    ) -> Result<()> {
        let batch = encode(records, self.second_key.as_mut())?;
        self.run(1, batch)
    }
}

impl<In, Out, Second> OperatorHarness<In, Out, Second> {
    /// Lets the operator know of a watermark, without firing timers.
    #[cfg(test)]
    pub(crate) fn hear_watermark(&mut self, watermark: i64) {
        self.host.watermark.set(watermark);
        outcome(self.instance.on_watermark(watermark)).expect("nothing is held back");
    }

    /// The keyed states that have entries which have not expired, with the number of entries under
    /// all keys: a value-like state has one a key, a map state one a user key. Empty for an
    /// operator that has cleaned up behind itself.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    /// use sandbar_sdk::testing::OperatorHarness;
    ///
    /// #[derive(Default)]
    /// struct Last(ValueState<u32>);
    ///
    /// impl KeyedProcessFunction<u32, u32, u32> for Last {
    ///     fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
    ///         self.0 = ctx.value_state(ValueStateDescriptor::new("last"))?;
    ///         Ok(())
    ///     }
    ///
    ///     fn process(
    ///         &mut self,
    ///         value: u32,
    ///         _ctx: &mut Context<u32>,
    ///         _out: &mut Collector<u32>,
    ///     ) -> Result<()> {
    ///         self.0.update(value);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let mut harness = OperatorHarness::keyed_process(Last::default(), |value| value % 2)?;
    /// assert!(harness.state_sizes()?.is_empty());
    /// harness.push_batch([(1, 0), (2, 0), (3, 0)])?;
    /// assert_eq!(harness.state_sizes()?["last"], 2);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Writing the cache fails.
    pub fn state_sizes(&mut self) -> Result<BTreeMap<String, usize>> {
        outcome(self.instance.before_checkpoint())?;
        Ok(self.host.state_sizes())
    }
}
