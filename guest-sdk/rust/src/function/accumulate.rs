//! What is kept of many values, and how it grows: by a value, or by what was kept of others.
//!
//! Law: merging what was kept of two parts gives what adding all values in order would have given,
//! as far as the author's function does not mind the order.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Add;
use std::rc::Rc;

use crate::codec::Data;
use crate::function::AggregateFunction;

/// What is kept of elements of type `In`.
pub(crate) trait Accumulate: 'static {
    type In: Data;
    type Stored: Data;
    type Result: Clone + 'static;

    fn add(&mut self, stored: &mut Option<Self::Stored>, value: Self::In);

    /// Adds what was kept of elements that are behind those in `stored`.
    fn merge(&mut self, stored: &mut Option<Self::Stored>, other: Self::Stored);

    fn result(&self, stored: &Self::Stored) -> Self::Result;

    /// What is kept of no elements, where they have a result.
    fn of_nothing(&self) -> Option<Self::Stored>;
}

/// Elements folded into one of their type.
pub(crate) struct Reduced<T, F>(F, PhantomData<fn(T)>);

impl<T, F> Reduced<T, F> {
    pub(crate) fn new(reduce: F) -> Reduced<T, F> {
        Reduced(reduce, PhantomData)
    }
}

impl<T: Data, F: FnMut(T, T) -> T + 'static> Accumulate for Reduced<T, F> {
    type In = T;
    type Stored = T;
    type Result = T;

    #[inline]
    fn add(&mut self, stored: &mut Option<T>, value: T) {
        let folded = match stored.take() {
            Some(before) => (self.0)(before, value),
            None => value,
        };
        *stored = Some(folded);
    }

    fn merge(&mut self, stored: &mut Option<T>, other: T) {
        self.add(stored, other);
    }

    fn result(&self, stored: &T) -> T {
        stored.clone()
    }

    fn of_nothing(&self) -> Option<T> {
        None
    }
}

/// Elements added to an accumulator.
pub(crate) struct Aggregated<A>(pub(crate) A);

impl<A> Accumulate for Aggregated<A>
where
    A: AggregateFunction<In: Data, Accumulator: Data, Output: Clone + 'static>,
{
    type In = A::In;
    type Stored = A::Accumulator;
    type Result = A::Output;

    #[inline]
    fn add(&mut self, stored: &mut Option<A::Accumulator>, value: A::In) {
        let accumulator = stored.get_or_insert_with(|| self.0.create_accumulator());
        self.0.add(accumulator, value);
    }

    fn merge(&mut self, stored: &mut Option<A::Accumulator>, other: A::Accumulator) {
        match stored {
            Some(accumulator) => self.0.merge(accumulator, other),
            None => *stored = Some(other),
        }
    }

    fn result(&self, stored: &A::Accumulator) -> A::Output {
        self.0.result(stored)
    }

    fn of_nothing(&self) -> Option<A::Accumulator> {
        Some(self.0.create_accumulator())
    }
}

/// A number of each value, added up from `N::default()`.
pub(crate) struct Summed<T, N, F>(F, PhantomData<fn(T) -> N>);

impl<T, N, F> Summed<T, N, F> {
    pub(crate) fn new(number: F) -> Summed<T, N, F> {
        Summed(number, PhantomData)
    }
}

impl<T, N, F> Accumulate for Summed<T, N, F>
where
    T: Data,
    N: Data + Default + Add<Output = N>,
    F: FnMut(&T) -> N + 'static,
{
    type In = T;
    type Stored = N;
    type Result = N;

    #[inline]
    fn add(&mut self, stored: &mut Option<N>, value: T) {
        let number = (self.0)(&value);
        *stored = Some(stored.take().unwrap_or_default() + number);
    }

    fn merge(&mut self, stored: &mut Option<N>, other: N) {
        *stored = Some(stored.take().unwrap_or_default() + other);
    }

    fn result(&self, stored: &N) -> N {
        stored.clone()
    }

    fn of_nothing(&self) -> Option<N> {
        Some(N::default())
    }
}

/// The least or greatest of what is read of each value; the first of those that are alike.
pub(crate) struct Extreme<T, N, F> {
    read: F,
    better: std::cmp::Ordering,
    marker: PhantomData<fn(T) -> N>,
}

impl<T, N, F> Extreme<T, N, F> {
    pub(crate) fn min(read: F) -> Extreme<T, N, F> {
        Extreme { read, better: std::cmp::Ordering::Less, marker: PhantomData }
    }

    pub(crate) fn max(read: F) -> Extreme<T, N, F> {
        Extreme { read, better: std::cmp::Ordering::Greater, marker: PhantomData }
    }
}

impl<T, N, F> Accumulate for Extreme<T, N, F>
where
    T: Data,
    N: Data + PartialOrd,
    F: FnMut(&T) -> N + 'static,
{
    type In = T;
    type Stored = N;
    type Result = N;

    #[inline]
    fn add(&mut self, stored: &mut Option<N>, value: T) {
        let read = (self.read)(&value);
        self.merge(stored, read);
    }

    fn merge(&mut self, stored: &mut Option<N>, other: N) {
        let better = Some(self.better);
        if stored.as_ref().is_none_or(|best| other.partial_cmp(best) == better) {
            *stored = Some(other);
        }
    }

    fn result(&self, stored: &N) -> N {
        stored.clone()
    }

    fn of_nothing(&self) -> Option<N> {
        None
    }
}

/// One accumulation that several operators of an instance use.
pub(crate) struct Shared<C>(Rc<RefCell<C>>);

impl<C> Shared<C> {
    pub(crate) fn new(accumulate: C) -> Shared<C> {
        Shared(Rc::new(RefCell::new(accumulate)))
    }
}

impl<C> Clone for Shared<C> {
    fn clone(&self) -> Shared<C> {
        Shared(Rc::clone(&self.0))
    }
}

impl<C: Accumulate> Accumulate for Shared<C> {
    type In = C::In;
    type Stored = C::Stored;
    type Result = C::Result;

    #[inline]
    fn add(&mut self, stored: &mut Option<C::Stored>, value: C::In) {
        self.0.borrow_mut().add(stored, value);
    }

    fn merge(&mut self, stored: &mut Option<C::Stored>, other: C::Stored) {
        self.0.borrow_mut().merge(stored, other);
    }

    fn result(&self, stored: &C::Stored) -> C::Result {
        self.0.borrow().result(stored)
    }

    fn of_nothing(&self) -> Option<C::Stored> {
        self.0.borrow().of_nothing()
    }
}

/// What was kept of some values of a key, on its way to where all of the key is put together.
pub(crate) type Partial<K, S> = (K, S);

/// Takes what another operator has kept, where `C` takes values.
pub(crate) struct Merged<K, C>(C, PhantomData<fn(K)>);

impl<K, C> Merged<K, C> {
    pub(crate) fn new(accumulate: C) -> Merged<K, C> {
        Merged(accumulate, PhantomData)
    }
}

impl<K: Data, C: Accumulate> Accumulate for Merged<K, C> {
    type In = Partial<K, C::Stored>;
    type Stored = C::Stored;
    type Result = C::Result;

    #[inline]
    fn add(&mut self, stored: &mut Option<C::Stored>, (_, partial): Partial<K, C::Stored>) {
        self.0.merge(stored, partial);
    }

    fn merge(&mut self, stored: &mut Option<C::Stored>, other: C::Stored) {
        self.0.merge(stored, other);
    }

    fn result(&self, stored: &C::Stored) -> C::Result {
        self.0.result(stored)
    }

    fn of_nothing(&self) -> Option<C::Stored> {
        self.0.of_nothing()
    }
}
