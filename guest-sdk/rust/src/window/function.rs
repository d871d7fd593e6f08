//! Functions of whole windows, and what they see.

use std::marker::PhantomData;

use crate::codec::{Data, Key};
use crate::collector::{Collector, OutputTag};
use crate::context::{Context, RuntimeContext};
use crate::error::Error;

/// Turns the elements of a window into results. Source: Flink, `ProcessWindowFunction`.
///
/// After `reduce` or `aggregate` the only element is their result. What is emitted has the window's
/// last timestamp.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::prelude::*;
/// use sandbar_sdk::testing::OperatorHarness;
/// use sandbar_sdk::{ProcessWindowFunction, WindowContext, Windowing};
///
/// struct Span;
///
/// impl ProcessWindowFunction<String, u32, String, TimeWindow> for Span {
///     type State = ();
///
///     fn process(
///         &mut self,
///         ctx: &mut WindowContext<'_, String, TimeWindow, ()>,
///         elements: &[u32],
///         out: &mut Collector<String>,
///     ) -> Result<()> {
///         let (key, start) = (ctx.current_key(), ctx.window().start);
///         out.collect(format!("{key} from {start}: {} elements", elements.len()));
///         Ok(())
///     }
/// }
///
/// let seconds = Windowing::of(TumblingEventTimeWindows::of(Duration::from_secs(1)));
/// let mut harness =
///     OperatorHarness::keyed_process(seconds.process(Span), |_: &u32| "k".to_owned())?;
/// harness.push_batch([(7, 100), (8, 900)])?;
/// harness.watermark(999)?;
/// assert_eq!(harness.take_output(), [("k from 0: 2 elements".to_owned(), Some(999))]);
/// # Ok::<(), Error>(())
/// ```
pub trait ProcessWindowFunction<K, T, Out, W>: 'static {
    /// What is kept for a window from one firing to the next, until the window is cleaned up; `()`
    /// for nothing. Windows that merge cannot have any.
    type State: Data + Default;

    /// Prepares for the first window: metrics, and state of keys, which all windows of a key share.
    ///
    /// # Errors
    /// Any error fails the task.
    fn open(&mut self, _ctx: &RuntimeContext) -> Result<(), Error> {
        Ok(())
    }

    /// A window has fired: emits its results. `elements` are in the order they came in.
    ///
    /// # Errors
    /// As [`crate::KeyedProcessFunction::process`].
    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, K, W, Self::State>,
        elements: &[T],
        out: &mut Collector<Out>,
    ) -> Result<(), Error>;

    /// Cleans up. Nothing may be emitted.
    ///
    /// # Errors
    /// Any error fails the task.
    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// What a function sees of the window that has fired.
pub struct WindowContext<'a, K, W, S> {
    pub(crate) ctx: &'a mut Context<K>,
    pub(crate) window: &'a W,
    pub(crate) state: &'a mut Option<S>,
}

impl<K: Key, W, S: Default> WindowContext<'_, K, W, S> {
    /// The window.
    pub fn window(&self) -> &W {
        self.window
    }

    /// The key of the window.
    pub fn current_key(&self) -> &K {
        self.ctx.current_key()
    }

    /// As [`Context::current_watermark`].
    pub fn current_watermark(&self) -> i64 {
        self.ctx.current_watermark()
    }

    /// As [`Context::current_processing_time`].
    pub fn current_processing_time(&self) -> i64 {
        self.ctx.current_processing_time()
    }

    /// What is kept for this window of this key; see [`ProcessWindowFunction::State`].
    pub fn window_state(&mut self) -> &mut S {
        self.state.get_or_insert_default()
    }

    /// Emits to a side output, with the window's last timestamp. Dropped if nobody reads it.
    pub fn output<T: 'static>(&mut self, tag: &OutputTag<T>, value: T) {
        self.ctx.output(tag, value);
    }

    /// The context of the operator as a whole.
    pub fn runtime(&self) -> &RuntimeContext {
        self.ctx.runtime()
    }
}

impl<K, W: std::fmt::Debug, S> std::fmt::Debug for WindowContext<'_, K, W, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WindowContext").field("window", self.window).finish_non_exhaustive()
    }
}

/// A closure of key, window and elements as a function.
pub(crate) struct Apply<F, T> {
    function: F,
    marker: PhantomData<fn(T)>,
}

impl<F, T> Apply<F, T> {
    pub(crate) fn new(function: F) -> Apply<F, T> {
        Apply { function, marker: PhantomData }
    }
}

impl<K, T, Out, W, F> ProcessWindowFunction<K, T, Out, W> for Apply<F, T>
where
    K: Key,
    T: 'static,
    F: FnMut(&K, &W, &[T], &mut Collector<Out>) + 'static,
{
    type State = ();

    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, K, W, ()>,
        elements: &[T],
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        (self.function)(ctx.current_key(), ctx.window, elements, out);
        Ok(())
    }
}

/// A closure of key, window and the one element that is left after folding as a function.
pub(crate) struct ApplyFolded<F, T> {
    function: F,
    marker: PhantomData<fn(T)>,
}

impl<F, T> ApplyFolded<F, T> {
    pub(crate) fn new(function: F) -> ApplyFolded<F, T> {
        ApplyFolded { function, marker: PhantomData }
    }
}

impl<K, T, Out, W, F> ProcessWindowFunction<K, T, Out, W> for ApplyFolded<F, T>
where
    K: Key,
    T: Clone + 'static,
    F: FnMut(&K, &W, T, &mut Collector<Out>) + 'static,
{
    type State = ();

    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, K, W, ()>,
        elements: &[T],
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        for folded in elements {
            (self.function)(ctx.current_key(), ctx.window, folded.clone(), out);
        }
        Ok(())
    }
}
