//! One value per key.

use std::rc::Rc;

use super::{Column, bound};
use crate::codec::Data;

/// A value per key, obtained in `open` with [`crate::RuntimeContext::value_state`].
///
/// Reads and writes go to the cell of the current key: no lookup, no decoding, no host call.
///
/// # Panics
/// All methods panic before `open` has bound the handle and where there is no current key.
///
/// ```
/// use sandbar_sdk::prelude::*;
///
/// /// Lets the first record of each key pass.
/// #[derive(Default)]
/// struct First {
///     seen: ValueState<bool>,
/// }
///
/// impl KeyedProcessFunction<String, u32, u32> for First {
///     fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
///         self.seen = ctx.value_state(ValueStateDescriptor::new("seen"))?;
///         Ok(())
///     }
///
///     fn process(
///         &mut self,
///         value: u32,
///         _ctx: &mut Context<String>,
///         out: &mut Collector<u32>,
///     ) -> Result<()> {
///         if self.seen.value().is_none() {
///             self.seen.update(true);
///             out.collect(value);
///         }
///         Ok(())
///     }
/// }
/// ```
pub struct ValueState<T>(Option<Rc<Column<T>>>);

impl<T> Default for ValueState<T> {
    /// Makes a handle that is not bound yet.
    fn default() -> ValueState<T> {
        ValueState(None)
    }
}

impl<T> Clone for ValueState<T> {
    fn clone(&self) -> ValueState<T> {
        ValueState(self.0.clone())
    }
}

impl<T> std::fmt::Debug for ValueState<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ValueState").field("bound", &self.0.is_some()).finish()
    }
}

impl<T: Data> ValueState<T> {
    pub(crate) fn new(column: Rc<Column<T>>) -> ValueState<T> {
        ValueState(Some(column))
    }

    /// As [`Column::touch_behind`].
    pub(crate) fn touch_behind(&self, touch: fn(&T)) {
        bound(&self.0).touch_behind(touch);
    }

    pub(super) fn state(&self) -> u32 {
        bound(&self.0).state()
    }

    /// A copy of the value of the current key.
    #[inline]
    pub fn value(&self) -> Option<T> {
        bound(&self.0).read(|value| value.cloned())
    }

    /// Shows the value of the current key without copying it.
    #[inline]
    pub fn with<R>(&self, show: impl FnOnce(Option<&T>) -> R) -> R {
        bound(&self.0).read(show)
    }

    /// Replaces the value of the current key.
    #[inline]
    pub fn update(&self, value: T) {
        bound(&self.0).write(|cell| *cell = Some(value));
    }

    /// Changes the value of the current key in place; `None` is no value, before and after.
    #[inline]
    pub fn modify<R>(&self, change: impl FnOnce(&mut Option<T>) -> R) -> R {
        bound(&self.0).write(change)
    }

    /// Removes the value of the current key.
    #[inline]
    pub fn clear(&self) {
        bound(&self.0).write(|cell| *cell = None);
    }
}
