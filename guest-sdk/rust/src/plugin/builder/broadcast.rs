//! Registers process functions over a keyed and a broadcast input.

use serde::de::DeserializeOwned;

use super::{NO_CONFIG, NoConfig, PluginBuilder, TwoInputBuilder, config};
use crate::codec::Key;
use crate::error::Result;
use crate::function::KeyedBroadcastProcessFunction;
use crate::operator::broadcast;
use crate::operator::definition::OperatorKind;

impl PluginBuilder {
    /// Registers a keyed process function with a broadcast input, the second.
    pub fn keyed_broadcast_process<K: Key, In: 'static, Broadcast: 'static, Out>(
        &mut self,
        name: &str,
        function: impl KeyedBroadcastProcessFunction<K, In, Broadcast, Out>,
    ) -> TwoInputBuilder<'_, In, Broadcast, Out>
    where
        Out: Clone + 'static,
    {
        self.keyed_broadcast_process_with(name, |NoConfig {}| Ok(function)).config_schema(NO_CONFIG)
    }

    /// Registers a keyed process function with a broadcast input and a config.
    pub fn keyed_broadcast_process_with<K: Key, In: 'static, Broadcast: 'static, Out, C, F>(
        &mut self,
        name: &str,
        make: impl FnOnce(C) -> Result<F> + 'static,
    ) -> TwoInputBuilder<'_, In, Broadcast, Out>
    where
        Out: Clone + 'static,
        C: DeserializeOwned,
        F: KeyedBroadcastProcessFunction<K, In, Broadcast, Out>,
    {
        self.two_inputs(name, OperatorKind::KeyedBroadcastProcess, |sides| {
            Box::new(move |wiring| {
                let function = make(config(&wiring.config)?)?;
                broadcast::keyed_broadcast(function, &sides.borrow(), wiring)
            })
        })
    }
}
