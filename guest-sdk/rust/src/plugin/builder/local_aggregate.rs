//! Registers the first phase of aggregations in two.

use serde::de::DeserializeOwned;

use super::{OperatorBuilder, PluginBuilder, config};
use crate::codec::{Data, Key};
use crate::error::Result;
use crate::operator::definition::OperatorKind;
use crate::window::LocalAggregate;

impl PluginBuilder {
    /// Registers the first phase of an aggregation in two, with a config. It emits keys with
    /// accumulators; the operator behind it, keyed by these keys, merges them.
    pub fn local_aggregate_with<In: 'static, K: Key, S: Data, C: DeserializeOwned>(
        &mut self,
        name: &str,
        make: impl FnOnce(C) -> Result<LocalAggregate<In, K, S>> + 'static,
    ) -> OperatorBuilder<'_, In, (K, S)> {
        self.one_input(name, OperatorKind::Process, |_| {
            Box::new(move |wiring| make(config(&wiring.config)?)?.build(wiring))
        })
    }
}
