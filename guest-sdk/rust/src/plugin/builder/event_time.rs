//! Operators for job files that assign timestamps or make watermarks.

use serde::de::DeserializeOwned;

use super::{NO_CONFIG, NoConfig, OperatorBuilder, PluginBuilder, config};
use crate::error::Result;
use crate::event_time::WatermarkStrategy;
use crate::operator::definition::OperatorKind;
use crate::operator::timestamps;

impl PluginBuilder {
    /// Registers an operator that assigns timestamps, and makes watermarks if the strategy has a
    /// generator of one's own. The job file says how watermarks are made behind it: `watermarks =
    /// { generator = "custom" }` for such a generator, else `watermarks = { .. }` with a bound. All
    /// else that the strategy says is left to the job file.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    ///
    /// fn register(plugin: &mut sandbar_sdk::plugin::PluginBuilder) {
    ///     let by_first = WatermarkStrategy::no_watermarks()
    ///         .try_with_timestamp_assigner(|line: &String, _| {
    ///             let first = line.split(',').next().unwrap_or_default();
    ///             Ok(first.parse()?)
    ///         });
    ///     plugin.timestamps("timestamps", by_first).input(Text).output(Text);
    /// }
    /// # sandbar_sdk::testing::plugin_operators(register).unwrap();
    /// ```
    pub fn timestamps<T: Clone + 'static>(
        &mut self,
        name: &str,
        strategy: WatermarkStrategy<T>,
    ) -> OperatorBuilder<'_, T, T> {
        self.timestamps_with(name, |NoConfig {}| Ok(strategy)).config_schema(NO_CONFIG)
    }

    /// Registers such an operator with a config.
    pub fn timestamps_with<T: Clone + 'static, C: DeserializeOwned>(
        &mut self,
        name: &str,
        make: impl FnOnce(C) -> Result<WatermarkStrategy<T>> + 'static,
    ) -> OperatorBuilder<'_, T, T> {
        self.one_input(name, OperatorKind::Process, |_| {
            Box::new(|wiring| {
                let strategy = make(config(&wiring.config)?)?;
                timestamps::assigner(strategy.maker, strategy.assign, wiring)
            })
        })
    }
}
