//! State of operators: typed handles over a bounded write-back cache for keyed state, and lists and
//! broadcast maps for state of a subtask. The host owns what is stored; the guest only caches it.

mod aggregating;
mod broadcast;
mod cells;
mod column;
mod descriptor;
mod list;
mod map;
mod operator_list;
mod reducing;
pub(crate) mod slots;
mod ttl;
mod value;

pub use aggregating::AggregatingState;
pub use broadcast::BroadcastState;
pub use descriptor::{
    AggregatingStateDescriptor, ListStateDescriptor, MapStateDescriptor, ReducingStateDescriptor,
    ValueStateDescriptor,
};
pub use list::ListState;
pub use map::MapState;
pub use operator_list::OperatorListState;
pub use reducing::ReducingState;
pub use ttl::{StateTtlConfig, StateVisibility, UpdateType};
pub use value::ValueState;

pub(crate) use broadcast::BroadcastMap;
pub(crate) use column::{Column, Stored};
pub(crate) use list::ListColumn;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use list::cut_elements;
pub(crate) use map::MapColumn;
pub(crate) use operator_list::OperatorList;
pub(crate) use ttl::Expiry;

use crate::error::Error;

/// How the elements of an operator list reach the subtasks of a restored job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redistribution {
    /// Dealt out: each element goes to exactly one subtask.
    Split,
    /// Every subtask gets all elements.
    Union,
}

/// Operator state that lives in the guest between checkpoints.
pub(crate) trait OperatorStore {
    /// Writes what has changed to the host.
    fn flush(&self) -> Result<(), Error>;
}

/// A handle to keyed state of any kind.
pub trait KeyedState: sealed::Numbered {}

impl<S: sealed::Numbered> KeyedState for S {}

pub(crate) mod sealed {
    use super::{AggregatingState, ListState, MapState, ReducingState, ValueState};
    use crate::codec::{Data, Key};
    use crate::function::AggregateFunction;

    /// What the host knows a state by.
    pub trait Numbered {
        /// The number of the state.
        fn number(&self) -> u32;
    }

    macro_rules! numbered {
        ($($state:ident<$($param:ident: $bound:path),+>),+ $(,)?) => {$(
            impl<$($param: $bound),+> Numbered for $state<$($param),+> {
                fn number(&self) -> u32 {
                    self.state()
                }
            }
        )+};
    }

    numbered! {
        ValueState<T: Data>,
        ListState<T: Data>,
        MapState<K: Key, V: Data>,
        ReducingState<T: Data>,
    }

    impl<A: AggregateFunction<Accumulator: Data>> Numbered for AggregatingState<A> {
        fn number(&self) -> u32 {
            self.state()
        }
    }
}

/// The handle's target, for a handle that `open` has bound.
#[inline]
fn bound<T>(target: &Option<T>) -> &T {
    match target {
        Some(target) => target,
        None => unbound(),
    }
}

#[cold]
fn unbound() -> ! {
    panic!("a state handle was used before it was obtained from the runtime context in open")
}

#[cfg(test)]
mod tests;
