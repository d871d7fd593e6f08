//! Which elements of a window are dropped before or after its function sees them.

use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::assigner::millis;
use super::contents::Contents;
use super::function::WindowContext;
use crate::codec::Data;
use crate::collector::Collector;
use crate::context::RuntimeContext;
use crate::error::Error;
use crate::host::NO_TIMESTAMP;

/// The elements of a window with their timestamps, in the order they came in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WindowElements<T> {
    timestamps: Vec<i64>,
    values: Vec<T>,
}

impl<T> Default for WindowElements<T> {
    fn default() -> WindowElements<T> {
        WindowElements { timestamps: Vec::new(), values: Vec::new() }
    }
}

impl<T> WindowElements<T> {
    /// The elements.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The timestamp of each element; the smallest `i64` for none.
    pub fn timestamps(&self) -> &[i64] {
        &self.timestamps
    }

    /// Drops the first elements.
    ///
    /// # Panics
    /// There are not so many.
    pub fn evict_first(&mut self, count: usize) {
        self.timestamps.drain(..count);
        self.values.drain(..count);
    }

    /// Drops the elements for which `evict` is true, by their timestamps and values.
    pub fn evict_if(&mut self, mut evict: impl FnMut(i64, &T) -> bool) {
        let evicted: Vec<bool> =
            self.timestamps.iter().zip(&self.values).map(|(at, value)| evict(*at, value)).collect();
        let mut flags = evicted.iter();
        self.timestamps.retain(|_| flags.next() == Some(&false));
        let mut same_flags = evicted.iter();
        self.values.retain(|_| same_flags.next() == Some(&false));
    }

    fn push(&mut self, timestamp: i64, value: T) {
        self.timestamps.push(timestamp);
        self.values.push(value);
    }
}

/// Drops elements of a window that has fired. Source: Flink, `Evictor`.
///
/// A window with an evictor keeps all its elements, even where they are aggregated, and goes
/// through all of them each time it fires.
pub trait Evictor<T, W>: 'static {
    /// Drops elements before the function sees the window.
    fn evict_before(&mut self, elements: &mut WindowElements<T>, window: &W);

    /// Drops elements after the function has seen the window.
    fn evict_after(&mut self, _elements: &mut WindowElements<T>, _window: &W) {}
}

/// Keeps the last elements of a window. Source: Flink, `CountEvictor`.
///
/// ```
/// use sandbar_sdk::{CountEvictor, CountTrigger, GlobalWindows, Windowing};
///
/// // What `Windowing::sliding_count(10, 2)` is.
/// let last_ten = Windowing::<u64, _, _>::of(GlobalWindows)
///     .evictor(CountEvictor::of(10))
///     .trigger(CountTrigger::of(2));
/// # let _ = last_ten;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CountEvictor {
    count: usize,
    after: bool,
}

impl CountEvictor {
    /// Makes an evictor that keeps the last `count` elements.
    pub const fn of(count: usize) -> CountEvictor {
        CountEvictor { count, after: false }
    }

    fn evict<T>(&self, elements: &mut WindowElements<T>) {
        elements.evict_first(elements.values.len().saturating_sub(self.count));
    }
}

impl CountEvictor {
    /// Evicts after the function has seen the window rather than before.
    #[must_use]
    pub fn after(mut self) -> Self {
        self.after = true;
        self
    }
}

impl<T, W> Evictor<T, W> for CountEvictor {
    fn evict_before(&mut self, elements: &mut WindowElements<T>, _window: &W) {
        if !self.after {
            self.evict(elements);
        }
    }

    fn evict_after(&mut self, elements: &mut WindowElements<T>, _window: &W) {
        if self.after {
            self.evict(elements);
        }
    }
}

/// Keeps the elements that are not too far from the last element. Source: Flink, `DeltaEvictor`.
pub struct DeltaEvictor<T, F> {
    threshold: f64,
    delta: F,
    after: bool,
    marker: PhantomData<fn(&T)>,
}

impl<T, F: FnMut(&T, &T) -> f64 + 'static> DeltaEvictor<T, F> {
    /// Makes an evictor that drops elements whose distance to the last one is `threshold` or more.
    pub fn of(threshold: f64, delta: F) -> DeltaEvictor<T, F> {
        DeltaEvictor { threshold, delta, after: false, marker: PhantomData }
    }

    fn evict(&mut self, elements: &mut WindowElements<T>)
    where
        T: Clone,
    {
        let Some(last) = elements.values.last().cloned() else { return };
        elements.evict_if(|_, value| (self.delta)(value, &last) >= self.threshold);
    }
}

impl<T, F> std::fmt::Debug for DeltaEvictor<T, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeltaEvictor").field("threshold", &self.threshold).finish_non_exhaustive()
    }
}

impl<T, F> DeltaEvictor<T, F> {
    /// Evicts after the function has seen the window rather than before.
    #[must_use]
    pub fn after(mut self) -> Self {
        self.after = true;
        self
    }
}

impl<T: Data, F: FnMut(&T, &T) -> f64 + 'static, W> Evictor<T, W> for DeltaEvictor<T, F> {
    fn evict_before(&mut self, elements: &mut WindowElements<T>, _window: &W) {
        if !self.after {
            self.evict(elements);
        }
    }

    fn evict_after(&mut self, elements: &mut WindowElements<T>, _window: &W) {
        if self.after {
            self.evict(elements);
        }
    }
}

/// Keeps the elements of a last stretch of time, up to the highest timestamp of the window.
/// Elements without timestamps all stay. Source: Flink, `TimeEvictor`.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::{DeltaEvictor, Evictor, GlobalWindow, TimeEvictor};
///
/// fn is_evictor(_: impl Evictor<f64, GlobalWindow>) {}
///
/// is_evictor(TimeEvictor::of(Duration::from_secs(10)));
/// is_evictor(DeltaEvictor::of(50.0, |before: &f64, last: &f64| last - before).after());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TimeEvictor {
    size: i64,
    after: bool,
}

impl TimeEvictor {
    /// Makes an evictor that keeps elements less than `size` older than the newest.
    pub fn of(size: Duration) -> TimeEvictor {
        TimeEvictor { size: millis(size), after: false }
    }

    fn evict<T>(&self, elements: &mut WindowElements<T>) {
        if elements.timestamps.first().is_some_and(|first| *first != NO_TIMESTAMP) {
            let newest = elements.timestamps.iter().max().copied().unwrap_or(NO_TIMESTAMP);
            let cutoff = newest.saturating_sub(self.size);
            elements.evict_if(|at, _| at <= cutoff);
        }
    }
}

impl TimeEvictor {
    /// Evicts after the function has seen the window rather than before.
    #[must_use]
    pub fn after(mut self) -> Self {
        self.after = true;
        self
    }
}

impl<T, W> Evictor<T, W> for TimeEvictor {
    fn evict_before(&mut self, elements: &mut WindowElements<T>, _window: &W) {
        if !self.after {
            self.evict(elements);
        }
    }

    fn evict_after(&mut self, elements: &mut WindowElements<T>, _window: &W) {
        if self.after {
            self.evict(elements);
        }
    }
}

/// Keeps all elements of windows, for an evictor, and makes of them what `C` does. Source: Flink,
/// `EvictingWindowOperator`.
pub(crate) struct Evicting<C: Contents> {
    evictor: Box<dyn Evictor<C::In, C::Window>>,
    contents: C,
}

impl<C: Contents> Evicting<C> {
    pub(crate) fn new(evictor: Box<dyn Evictor<C::In, C::Window>>, contents: C) -> Evicting<C> {
        Evicting { evictor, contents }
    }
}

impl<C: Contents> Contents for Evicting<C> {
    type Key = C::Key;
    type In = C::In;
    type Out = C::Out;
    type Window = C::Window;
    type Stored = WindowElements<C::In>;
    type State = C::State;

    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.contents.open(ctx)
    }

    fn add(&mut self, stored: &mut Option<Self::Stored>, timestamp: i64, value: C::In) {
        stored.get_or_insert_default().push(timestamp, value);
    }

    fn merge(&mut self, stored: &mut Option<Self::Stored>, other: Self::Stored) {
        let elements = stored.get_or_insert_default();
        elements.timestamps.extend(other.timestamps);
        elements.values.extend(other.values);
    }

    fn of_nothing(&self) -> Option<Self::Stored> {
        Some(WindowElements::default())
    }

    fn fire(
        &mut self,
        stored: &mut Option<Self::Stored>,
        ctx: &mut WindowContext<'_, C::Key, C::Window, C::State>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let Some(elements) = stored else { return Ok(()) };
        self.evictor.evict_before(elements, ctx.window);
        let mut contents = self.contents.of_nothing();
        for (timestamp, value) in elements.timestamps.iter().zip(&elements.values) {
            self.contents.add(&mut contents, *timestamp, value.clone());
        }
        self.contents.fire(&mut contents, ctx, out)?;
        self.evictor.evict_after(elements, ctx.window);
        if elements.values.is_empty() {
            *stored = None;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        self.contents.close()
    }
}
