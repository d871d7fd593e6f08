//! Passes the first record of each key on.

use sandbar_sdk::prelude::*;
use serde::Deserialize;

/// Config of `deduplicate`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeduplicateConfig {
    /// Milliseconds after which a key counts as new again; never unless given.
    #[serde(rename = "ttl-ms")]
    ttl_ms: Option<u64>,
}

/// Drops records whose key has been seen.
pub(crate) struct Deduplicate {
    ttl_ms: Option<u64>,
    seen: ValueState<bool>,
}

impl Deduplicate {
    pub(crate) fn new(config: &DeduplicateConfig) -> Deduplicate {
        Deduplicate { ttl_ms: config.ttl_ms, seen: ValueState::default() }
    }
}

impl KeyedProcessFunction<String, TextSlice, TextSlice> for Deduplicate {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        let mut seen = ValueStateDescriptor::new("seen");
        if let Some(ttl) = self.ttl_ms {
            seen = seen.ttl(std::time::Duration::from_millis(ttl));
        }
        self.seen = ctx.value_state(seen)?;
        Ok(())
    }

    fn process(
        &mut self,
        record: TextSlice,
        _ctx: &mut Context<String>,
        out: &mut Collector<TextSlice>,
    ) -> Result<()> {
        if self.seen.value().is_none() {
            self.seen.update(true);
            out.collect(record);
        }
        Ok(())
    }
}
