//! What two-phase aggregation puts together in front of an exchange: values, by the key that
//! `key_by` chose, and where keys are salted partial results once more.

use std::cell::RefCell;
use std::rc::Rc;

use super::local_aggregate::Combine;
use crate::codec::{Data, Key};
use crate::error::Error;
use crate::function::accumulate::{Accumulate, Partial, Shared};

/// The function of a `key_by`, for all operators that need it.
pub(crate) type KeyFunction<T, K> = Rc<RefCell<dyn FnMut(&T) -> K>>;

/// Puts values together.
pub(crate) struct Values<T, K, C> {
    pub(crate) key: KeyFunction<T, K>,
    pub(crate) accumulate: Shared<C>,
}

impl<T: Data, K: Key, C: Accumulate<In = T>> Combine for Values<T, K, C> {
    type In = T;
    type Item = T;
    type Key = K;
    type Stored = C::Stored;

    #[inline]
    fn read(&mut self, value: T) -> Result<(K, T), Error> {
        Ok(((self.key.borrow_mut())(&value), value))
    }

    fn never_fails(&self) -> bool {
        true
    }

    #[inline]
    fn add(&mut self, stored: &mut Option<C::Stored>, value: T) {
        self.accumulate.add(stored, value);
    }
}

/// Puts partial results together.
pub(crate) struct Partials<K, C> {
    pub(crate) accumulate: Shared<C>,
    marker: std::marker::PhantomData<fn(K)>,
}

impl<K, C> Partials<K, C> {
    pub(crate) fn new(accumulate: Shared<C>) -> Partials<K, C> {
        Partials { accumulate, marker: std::marker::PhantomData }
    }
}

impl<K: Key, C: Accumulate> Combine for Partials<K, C> {
    type In = Partial<K, C::Stored>;
    type Item = C::Stored;
    type Key = K;
    type Stored = C::Stored;

    fn read(&mut self, partial: Partial<K, C::Stored>) -> Result<(K, C::Stored), Error> {
        Ok(partial)
    }

    fn never_fails(&self) -> bool {
        true
    }

    fn add(&mut self, stored: &mut Option<C::Stored>, partial: C::Stored) {
        self.accumulate.merge(stored, partial);
    }
}

/// Reads key and item of records, and puts the items together.
pub(crate) struct Read<In, F, C> {
    read: F,
    accumulate: C,
    marker: std::marker::PhantomData<fn(In)>,
}

impl<In, F, C> Read<In, F, C> {
    pub(crate) fn new(read: F, accumulate: C) -> Read<In, F, C> {
        Read { read, accumulate, marker: std::marker::PhantomData }
    }
}

impl<In, K, F, C> Combine for Read<In, F, C>
where
    In: 'static,
    K: Key,
    F: FnMut(In) -> Result<(K, C::In), Error> + 'static,
    C: Accumulate,
{
    type In = In;
    type Item = C::In;
    type Key = K;
    type Stored = C::Stored;

    #[inline]
    fn read(&mut self, value: In) -> Result<(K, C::In), Error> {
        (self.read)(value)
    }

    fn never_fails(&self) -> bool {
        false
    }

    #[inline]
    fn add(&mut self, stored: &mut Option<C::Stored>, item: C::In) {
        self.accumulate.add(stored, item);
    }
}
