//! What a process function can see and do while it processes a record of a broadcast input.

use std::fmt;
use std::rc::Rc;

use super::{Context, RuntimeContext};
use crate::chain::instance::InstanceContext;
use crate::codec::Key;
use crate::collector::OutputTag;
use crate::error::{Error, Outcome};
use crate::host::Packed;
use crate::state::KeyedState;

/// Keys that are asked of the host at a time.
const KEYS_PAGE: u32 = 1024;

/// The context of a record of a broadcast input: as [`Context`], without a current key and timers,
/// and with all keys at once.
pub struct BroadcastContext<'a, K> {
    ctx: &'a mut Context<K>,
}

impl<'a, K: Key> BroadcastContext<'a, K> {
    pub(crate) fn new(ctx: &'a mut Context<K>) -> BroadcastContext<'a, K> {
        BroadcastContext { ctx }
    }

    /// As [`Context::timestamp`].
    pub fn timestamp(&self) -> Option<i64> {
        self.ctx.timestamp()
    }

    /// As [`Context::current_watermark`].
    pub fn current_watermark(&self) -> i64 {
        self.ctx.current_watermark()
    }

    /// As [`Context::current_processing_time`].
    pub fn current_processing_time(&self) -> i64 {
        self.ctx.current_processing_time()
    }

    /// As [`Context::output`].
    pub fn output<T: 'static>(&mut self, tag: &OutputTag<T>, value: T) {
        self.ctx.output(tag, value);
    }

    /// The context of the operator as a whole.
    pub fn runtime(&self) -> &RuntimeContext {
        self.ctx.runtime()
    }

    /// Calls `function` for each key of this subtask that `state` holds something for, with that
    /// key as the current one, in an order of the host's. Source: Flink,
    /// `KeyedBroadcastProcessFunction.Context.applyToKeyedState`.
    ///
    /// Writes all cached state first, and loads a page of keys at a time. Keys that `function`
    /// gives state to may be among those that follow.
    ///
    /// # Errors
    /// What is stored does not decode, or `function` fails.
    pub fn apply_to_keyed_state<S: KeyedState>(
        &mut self,
        state: &S,
        mut function: impl FnMut(&K, &S) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let instance = Rc::clone(&self.ctx.instance);
        instance.keys.flush()?;
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = instance.host.keys(state.number(), after.as_deref(), KEYS_PAGE);
            if page.ends.is_empty() {
                return Ok(());
            }
            let applied = self.apply_to_page(&instance, &page, |key| function(key, state));
            // There is no current key again, and what expires has been written.
            applied.and(instance.keys.end_call())?;
            after = last(&page);
        }
    }

    fn apply_to_page(
        &mut self,
        instance: &InstanceContext,
        page: &Packed,
        mut function: impl FnMut(&K) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let count = page.ends.len();
        instance.begin_keyed_call(count, &page.ends, &page.bytes)?;
        for index in 0..count {
            let slot = instance.keys.records()[index];
            instance.keys.select(slot);
            decoded(self.ctx.prepare_key())?;
            function(self.ctx.current_key())?;
        }
        Ok(())
    }
}

/// A key that does not decode was written by another version of the job.
fn decoded(outcome: Outcome) -> Result<(), Error> {
    outcome.map_err(|failure| failure.into_error().into_fatal())
}

/// The last key of a page.
fn last(page: &Packed) -> Option<Vec<u8>> {
    let index = page.ends.len().checked_sub(1)?;
    Some(crate::host::cut(&page.ends, &page.bytes, index).to_vec())
}

impl<K> fmt::Debug for BroadcastContext<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastContext").field("ctx", &self.ctx).finish()
    }
}
