//! Descriptors: what an operator says of a state when it asks for the handle.

use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use super::StateTtlConfig;
use crate::function::AggregateFunction;

macro_rules! descriptor {
    ($(#[$doc:meta])* $name:ident<$($param:ident),+>) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<$($param),+> {
            pub(crate) name: String,
            pub(crate) ttl: Option<StateTtlConfig>,
            marker: PhantomData<fn() -> ($($param,)+)>,
        }

        impl<$($param),+> $name<$($param),+> {
            /// Describes a state; the name is unique within its operator.
            pub fn new(name: impl Into<String>) -> Self {
                Self { name: name.into(), ttl: None, marker: PhantomData }
            }

            /// Lets entries expire. Such states are fetched anew for every batch and written at
            /// its end, so that the host decides what has expired.
            #[must_use]
            pub fn enable_time_to_live(mut self, config: StateTtlConfig) -> Self {
                self.ttl = Some(config);
                self
            }

            /// Lets entries expire this long after their last write: short for
            /// [`Self::enable_time_to_live`] with [`StateTtlConfig::new`].
            #[must_use]
            pub fn ttl(self, ttl: Duration) -> Self {
                self.enable_time_to_live(StateTtlConfig::new(ttl))
            }
        }
    };
}

descriptor! {
    /// Describes a [`crate::ValueState`].
    ValueStateDescriptor<T>
}
descriptor! {
    /// Describes a [`crate::ListState`].
    ListStateDescriptor<T>
}
descriptor! {
    /// Describes a [`crate::MapState`].
    MapStateDescriptor<K, V>
}

/// How two values of a reducing state become one.
pub(crate) type Reduce<T> = Rc<dyn Fn(T, T) -> T>;

/// Describes a [`crate::ReducingState`].
#[derive(Clone)]
pub struct ReducingStateDescriptor<T> {
    pub(crate) name: String,
    pub(crate) ttl: Option<StateTtlConfig>,
    pub(crate) reduce: Reduce<T>,
}

impl<T> ReducingStateDescriptor<T> {
    /// Describes a state that folds values with `reduce`, which must be associative.
    pub fn new(name: impl Into<String>, reduce: impl Fn(T, T) -> T + 'static) -> Self {
        ReducingStateDescriptor { name: name.into(), ttl: None, reduce: Rc::new(reduce) }
    }

    /// Lets entries expire; as [`ValueStateDescriptor::enable_time_to_live`].
    #[must_use]
    pub fn enable_time_to_live(mut self, config: StateTtlConfig) -> Self {
        self.ttl = Some(config);
        self
    }

    /// Lets entries expire; as [`ValueStateDescriptor::ttl`].
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        self.enable_time_to_live(StateTtlConfig::new(ttl))
    }
}

impl<T> std::fmt::Debug for ReducingStateDescriptor<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReducingStateDescriptor").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Describes a [`crate::AggregatingState`].
#[derive(Clone, Debug)]
pub struct AggregatingStateDescriptor<A> {
    pub(crate) name: String,
    pub(crate) ttl: Option<StateTtlConfig>,
    pub(crate) function: A,
}

impl<A: AggregateFunction> AggregatingStateDescriptor<A> {
    /// Describes a state that feeds values to an aggregate function.
    pub fn new(name: impl Into<String>, function: A) -> Self {
        AggregatingStateDescriptor { name: name.into(), ttl: None, function }
    }

    /// Lets entries expire; as [`ValueStateDescriptor::enable_time_to_live`].
    #[must_use]
    pub fn enable_time_to_live(mut self, config: StateTtlConfig) -> Self {
        self.ttl = Some(config);
        self
    }

    /// Lets entries expire; as [`ValueStateDescriptor::ttl`].
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        self.enable_time_to_live(StateTtlConfig::new(ttl))
    }
}
