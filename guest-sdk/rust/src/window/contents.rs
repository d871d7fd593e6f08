//! What an operator keeps of the elements of a window, and what it makes of it when the window
//! fires.

use std::marker::PhantomData;

use super::function::{ProcessWindowFunction, WindowContext};
use super::time_window::Window;
use crate::codec::{Data, Key};
use crate::collector::Collector;
use crate::context::RuntimeContext;
use crate::error::Error;
use crate::function::accumulate::Accumulate;

/// What is made of a window's contents, behind the type of what is kept.
pub(crate) trait Contents: 'static {
    type Key: Key;
    type In: Data;
    type Out: 'static;
    type Window: Window;
    type Stored: Data;
    /// What the function keeps for a window.
    type State: Data + Default;

    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error>;

    fn add(&mut self, stored: &mut Option<Self::Stored>, timestamp: i64, value: Self::In);

    fn merge(&mut self, stored: &mut Option<Self::Stored>, other: Self::Stored);

    /// What is kept of no elements, if a window without any has results.
    fn of_nothing(&self) -> Option<Self::Stored>;

    /// Emits the results of a window, and may change what is kept of it.
    fn fire(
        &mut self,
        stored: &mut Option<Self::Stored>,
        ctx: &mut WindowContext<'_, Self::Key, Self::Window, Self::State>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), Error>;

    fn close(&mut self) -> Result<(), Error>;
}

/// Emits what was accumulated.
pub(crate) struct Direct<K, W, C> {
    accumulate: C,
    marker: PhantomData<fn(K, W)>,
}

impl<K, W, C> Direct<K, W, C> {
    pub(crate) fn new(accumulate: C) -> Direct<K, W, C> {
        Direct { accumulate, marker: PhantomData }
    }
}

impl<K: Key, W: Window, C: Accumulate> Contents for Direct<K, W, C> {
    type Key = K;
    type In = C::In;
    type Out = C::Result;
    type Window = W;
    type Stored = C::Stored;
    type State = ();

    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    #[inline]
    fn add(&mut self, stored: &mut Option<C::Stored>, _timestamp: i64, value: C::In) {
        self.accumulate.add(stored, value);
    }

    fn merge(&mut self, stored: &mut Option<C::Stored>, other: C::Stored) {
        self.accumulate.merge(stored, other);
    }

    fn of_nothing(&self) -> Option<C::Stored> {
        self.accumulate.of_nothing()
    }

    #[inline]
    fn fire(
        &mut self,
        stored: &mut Option<C::Stored>,
        _ctx: &mut WindowContext<'_, K, W, ()>,
        out: &mut Collector<C::Result>,
    ) -> Result<(), Error> {
        if let Some(stored) = stored {
            out.collect(self.accumulate.result(stored));
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Gives what was accumulated to a function.
pub(crate) struct Then<K, W, Out, C, F> {
    accumulate: C,
    function: F,
    marker: PhantomData<fn(K, W) -> Out>,
}

impl<K, W, Out, C, F> Then<K, W, Out, C, F> {
    pub(crate) fn new(accumulate: C, function: F) -> Then<K, W, Out, C, F> {
        Then { accumulate, function, marker: PhantomData }
    }
}

impl<K, W, Out, C, F> Contents for Then<K, W, Out, C, F>
where
    K: Key,
    W: Window,
    Out: 'static,
    C: Accumulate,
    F: ProcessWindowFunction<K, C::Result, Out, W>,
{
    type Key = K;
    type In = C::In;
    type Out = Out;
    type Window = W;
    type Stored = C::Stored;
    type State = F::State;

    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.function.open(ctx)
    }

    #[inline]
    fn add(&mut self, stored: &mut Option<C::Stored>, _timestamp: i64, value: C::In) {
        self.accumulate.add(stored, value);
    }

    fn merge(&mut self, stored: &mut Option<C::Stored>, other: C::Stored) {
        self.accumulate.merge(stored, other);
    }

    fn of_nothing(&self) -> Option<C::Stored> {
        self.accumulate.of_nothing()
    }

    fn fire(
        &mut self,
        stored: &mut Option<C::Stored>,
        ctx: &mut WindowContext<'_, K, W, F::State>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let Some(stored) = stored else { return Ok(()) };
        let result = self.accumulate.result(stored);
        self.function.process(ctx, std::slice::from_ref(&result), out)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.function.close()
    }
}

/// Keeps all elements and gives them to a function.
pub(crate) struct All<K, T, W, Out, F> {
    function: F,
    marker: PhantomData<fn(K, T, W) -> Out>,
}

impl<K, T, W, Out, F> All<K, T, W, Out, F> {
    pub(crate) fn new(function: F) -> All<K, T, W, Out, F> {
        All { function, marker: PhantomData }
    }
}

impl<K, T, W, Out, F> Contents for All<K, T, W, Out, F>
where
    K: Key,
    T: Data,
    W: Window,
    Out: 'static,
    F: ProcessWindowFunction<K, T, Out, W>,
{
    type Key = K;
    type In = T;
    type Out = Out;
    type Window = W;
    type Stored = Vec<T>;
    type State = F::State;

    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.function.open(ctx)
    }

    fn add(&mut self, stored: &mut Option<Vec<T>>, _timestamp: i64, value: T) {
        stored.get_or_insert_default().push(value);
    }

    fn merge(&mut self, stored: &mut Option<Vec<T>>, other: Vec<T>) {
        stored.get_or_insert_default().extend(other);
    }

    fn of_nothing(&self) -> Option<Vec<T>> {
        Some(Vec::new())
    }

    fn fire(
        &mut self,
        stored: &mut Option<Vec<T>>,
        ctx: &mut WindowContext<'_, K, W, F::State>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        match stored {
            Some(elements) => self.function.process(ctx, elements, out),
            None => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), Error> {
        self.function.close()
    }
}

/// What is computed of what was folded, whatever folds it.
pub(crate) trait OfFolded<K: Key, W: Window, R> {
    type Out: 'static;
    type Contents<C>: Contents<Key = K, In = C::In, Window = W, Out = Self::Out>
    where
        C: Accumulate<Result = R>;

    fn of<C: Accumulate<Result = R>>(self, accumulate: C) -> Self::Contents<C>;
}

/// The result itself.
pub(crate) struct AsIs;

impl<K: Key, W: Window, R: 'static> OfFolded<K, W, R> for AsIs {
    type Out = R;
    type Contents<C: Accumulate<Result = R>> = Direct<K, W, C>;

    fn of<C: Accumulate<Result = R>>(self, accumulate: C) -> Direct<K, W, C> {
        Direct::new(accumulate)
    }
}

/// What a function makes of the result.
pub(crate) struct By<F, Out>(pub(crate) F, pub(crate) PhantomData<fn() -> Out>);

impl<K, W, R, Out, F> OfFolded<K, W, R> for By<F, Out>
where
    K: Key,
    W: Window,
    Out: 'static,
    F: ProcessWindowFunction<K, R, Out, W>,
{
    type Out = Out;
    type Contents<C: Accumulate<Result = R>> = Then<K, W, Out, C, F>;

    fn of<C: Accumulate<Result = R>>(self, accumulate: C) -> Then<K, W, Out, C, F> {
        Then::new(accumulate, self.0)
    }
}
