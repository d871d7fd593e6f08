//! An accumulator per key with a result type of its own.

use std::rc::Rc;

use super::{Column, bound};
use crate::codec::Data;
use crate::function::AggregateFunction;

/// An accumulator per key, obtained with [`crate::RuntimeContext::aggregating_state`].
///
/// # Panics
/// As [`crate::ValueState`].
pub struct AggregatingState<A: AggregateFunction>(Option<Bound<A>>);

struct Bound<A: AggregateFunction> {
    column: Rc<Column<A::Accumulator>>,
    function: A,
}

impl<A: AggregateFunction> Default for AggregatingState<A> {
    /// Makes a handle that is not bound yet.
    fn default() -> AggregatingState<A> {
        AggregatingState(None)
    }
}

impl<A: AggregateFunction> std::fmt::Debug for AggregatingState<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AggregatingState").field("bound", &self.0.is_some()).finish()
    }
}

impl<A: AggregateFunction> AggregatingState<A>
where
    A::Accumulator: Data,
{
    pub(crate) fn new(column: Rc<Column<A::Accumulator>>, function: A) -> AggregatingState<A> {
        AggregatingState(Some(Bound { column, function }))
    }

    pub(super) fn state(&self) -> u32 {
        bound(&self.0).column.state()
    }

    /// The result for the current key; none when nothing was added.
    #[inline]
    pub fn get(&self) -> Option<A::Output> {
        let target = bound(&self.0);
        target.column.read(|cell| cell.map(|accumulator| target.function.result(accumulator)))
    }

    /// Adds a value to the accumulator of the current key.
    #[inline]
    pub fn add(&self, value: A::In) {
        let target = bound(&self.0);
        target.column.write(|cell| {
            let accumulator = cell.get_or_insert_with(|| target.function.create_accumulator());
            target.function.add(accumulator, value);
        });
    }

    /// Removes the accumulator.
    #[inline]
    pub fn clear(&self) {
        bound(&self.0).column.write(|cell| *cell = None);
    }
}
