//! The window operator: adds each element to its windows, asks the trigger, emits, and cleans up.
//! Source: Flink, `WindowOperator`.
//!
//! Law: for one key, results come in the order of the timers that fired them.

mod merging;

use std::rc::Rc;

use super::assigner::WindowAssigner;
use super::contents::Contents;
use super::due::Earliest;
use super::function::WindowContext;
use super::store::{Entry, KeyWindows};
use super::time_window::Window;
use super::trigger::{Trigger, TriggerContext, TriggerResult};
use crate::chain::instance::InstanceContext;
use crate::collector::{Collector, OutputTag};
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::KeyedProcessFunction;
use crate::host::NO_TIMESTAMP;
use crate::metrics::Counter;
use crate::state::{ValueState, ValueStateDescriptor};
use crate::timers::{TimeDomain, Timer};

/// Name of the one state of window operators.
pub(crate) const STATE: &str = "windows";

/// Name of the counter of elements that were too late. Source: Flink, `WindowOperator`.
pub(crate) const LATE_DROPPED: &str = "numLateRecordsDropped";

/// What decides about late elements, and where they go.
pub(crate) struct Lateness<T> {
    /// Milliseconds that a window by event time stays behind its end.
    pub(crate) allowed: i64,
    pub(crate) tag: Option<OutputTag<T>>,
    pub(crate) dropped: Counter,
}

impl<T: 'static> Lateness<T> {
    /// When a window is cleaned up; the largest `i64` for never.
    #[inline]
    pub(crate) fn cleanup_time<W: Window>(&self, event_time: bool, window: &W) -> i64 {
        let allowed = if event_time { self.allowed } else { 0 };
        window.max_timestamp().saturating_add(allowed)
    }

    /// Takes an element that no window took, unless only its windows are the reason.
    pub(crate) fn skip<K>(&self, value: T, timestamp: i64, ctx: &mut Context<K>) {
        if timestamp.saturating_add(self.allowed) > ctx.current_watermark() {
            return;
        }
        match &self.tag {
            Some(tag) => ctx.output(tag, value),
            None => self.dropped.increment(),
        }
    }
}

/// The windows of a key as one operator stores them.
type Windows<C, S> =
    KeyWindows<<C as Contents>::Window, <C as Contents>::Stored, S, <C as Contents>::State>;
type Slot<C, S> =
    Entry<<C as Contents>::Window, <C as Contents>::Stored, S, <C as Contents>::State>;

/// The window operator; `A` assigns, `Tr` triggers, `C` is what is made of windows.
pub(crate) struct WindowOperator<A, Tr, C>
where
    A: WindowAssigner<C::In, Window = C::Window>,
    Tr: Trigger<C::In, C::Window>,
    C: Contents,
{
    state: ValueState<Windows<C, Tr::State>>,
    /// Kept for its memory.
    assigned: Vec<C::Window>,
    core: Core<A, Tr, C>,
}

/// All but the state, which is borrowed while this works on it.
struct Core<A, Tr, C: Contents> {
    assigner: A,
    trigger: Tr,
    contents: C,
    lateness: Lateness<C::In>,
    event_time: bool,
    merging: bool,
    earliest: Earliest,
    instance: Option<Rc<InstanceContext>>,
}

impl<A, Tr, C> WindowOperator<A, Tr, C>
where
    A: WindowAssigner<C::In, Window = C::Window>,
    Tr: Trigger<C::In, C::Window>,
    C: Contents,
{
    pub(crate) fn new(assigner: A, trigger: Tr, contents: C, lateness: Lateness<C::In>) -> Self {
        let core = Core {
            event_time: assigner.is_event_time(),
            merging: assigner.is_merging(),
            assigner,
            trigger,
            contents,
            lateness,
            earliest: Earliest::default(),
            instance: None,
        };
        WindowOperator { state: ValueState::default(), assigned: Vec::new(), core }
    }

    /// The Rust type of the state, for descriptions.
    pub(crate) fn state_type(&self) -> &'static str {
        std::any::type_name::<Windows<C, Tr::State>>()
    }
}

impl<A, Tr, C> Core<A, Tr, C>
where
    A: WindowAssigner<C::In, Window = C::Window>,
    Tr: Trigger<C::In, C::Window>,
    C: Contents,
{
    /// Adds an element to its windows, of which none is late unless windows merge.
    fn add(
        &mut self,
        windows: &mut Windows<C, Tr::State>,
        assigned: &[C::Window],
        value: C::In,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let mut value = Some(value);
        for (number, window) in assigned.iter().enumerate() {
            let position = match self.merging {
                false => windows.find_or_add(window),
                true => match self.merge_in(windows, window, ctx)? {
                    Some(position) => position,
                    None => continue,
                },
            };
            let is_last = number + 1 == assigned.len();
            let Some(element) = (if is_last { value.take() } else { value.clone() }) else {
                break;
            };
            self.add_to(&mut windows.entries[position], element, ctx, out)?;
            self.forget_idle(windows, position);
        }
        match value {
            // No window took it.
            Some(late) if self.event_time && self.merging => {
                let timestamp = ctx.timestamp().unwrap_or(NO_TIMESTAMP);
                self.lateness.skip(late, timestamp, ctx);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn add_to(
        &mut self,
        entry: &mut Slot<C, Tr::State>,
        element: C::In,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let timestamp = ctx.timestamp().unwrap_or(NO_TIMESTAMP);
        let result = self.ask(entry, |trigger, window, trigger_ctx| {
            trigger.on_element(&element, timestamp, window, trigger_ctx)
        })?;
        // The trigger cannot see what the window holds, so that the element need not be copied for
        // it to be added first.
        self.contents.add(&mut entry.stored, timestamp, element);
        let cleanup = self.lateness.cleanup_time(self.event_time, &entry.window);
        if cleanup != i64::MAX {
            entry.times.register(self.domain(), cleanup, &mut self.earliest);
        }
        self.act(entry, result, ctx, out)
    }

    /// The clock that windows end by.
    fn domain(&self) -> TimeDomain {
        if self.event_time { TimeDomain::EventTime } else { TimeDomain::ProcessingTime }
    }

    /// Calls the trigger for a window.
    #[inline]
    fn ask<R>(
        &mut self,
        entry: &mut Slot<C, Tr::State>,
        question: impl FnOnce(&mut Tr, &C::Window, &mut TriggerContext<'_, Tr::State>) -> R,
    ) -> R {
        let instance = self.instance.as_deref().expect("the operator was opened");
        let mut ctx = TriggerContext {
            state: &mut entry.trigger,
            times: &mut entry.times,
            earliest: &mut self.earliest,
            instance,
        };
        question(&mut self.trigger, &entry.window, &mut ctx)
    }

    /// Does what the trigger has decided.
    #[inline]
    fn act(
        &mut self,
        entry: &mut Slot<C, Tr::State>,
        result: TriggerResult,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        if result.is_fire() && entry.stored.is_some() {
            self.fire(entry, ctx, out)?;
        }
        if result.is_purge() {
            entry.stored = None;
        }
        Ok(())
    }

    fn fire(
        &mut self,
        entry: &mut Slot<C, Tr::State>,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let before = ctx.timestamp().unwrap_or(NO_TIMESTAMP);
        let at = entry.window.max_timestamp();
        ctx.set_timestamp(at);
        out.begin_record(at);
        let mut window_ctx =
            WindowContext { ctx, window: &entry.window, state: &mut entry.function };
        let result = self.contents.fire(&mut entry.stored, &mut window_ctx, out);
        ctx.set_timestamp(before);
        result
    }

    /// Fires a timer of a window, and cleans the window up if its time has come.
    fn on_due(
        &mut self,
        windows: &mut Windows<C, Tr::State>,
        (at, position): (i64, usize),
        domain: TimeDomain,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let entry = &mut windows.entries[position];
        entry.times.delete(domain, at);
        let result = self.ask(entry, |trigger, window, trigger_ctx| match domain {
            TimeDomain::EventTime => trigger.on_event_time(at, window, trigger_ctx),
            TimeDomain::ProcessingTime => trigger.on_processing_time(at, window, trigger_ctx),
        })?;
        self.act(entry, result, ctx, out)?;
        let cleanup = self.lateness.cleanup_time(self.event_time, &entry.window);
        if domain == self.domain() && cleanup == at {
            entry.stored = None;
            entry.function = None;
            self.ask(entry, |trigger, window, trigger_ctx| trigger.clear(window, trigger_ctx))?;
            if self.merging || entry.times.is_empty() {
                windows.entries.remove(position);
                return Ok(());
            }
            // The trigger has left timers behind, which still fire.
            entry.trigger = Tr::State::default();
        }
        self.forget_idle(windows, position);
        Ok(())
    }

    /// Drops a window of which nothing is left to remember, and which no timer will drop.
    #[inline]
    fn forget_idle(&self, windows: &mut Windows<C, Tr::State>, position: usize) {
        let entry = &windows.entries[position];
        if entry.stored.is_none()
            && entry.times.is_empty()
            && entry.function.is_none()
            && !self.merging
            && self.trigger.is_empty(&entry.trigger)
        {
            windows.entries.remove(position);
        }
    }

    fn is_late(&self, window: &C::Window, watermark: i64) -> bool {
        self.event_time && self.lateness.cleanup_time(true, window) <= watermark
    }
}

impl<A, Tr, C> KeyedProcessFunction<C::Key, C::In, C::Out> for WindowOperator<A, Tr, C>
where
    A: WindowAssigner<C::In, Window = C::Window>,
    Tr: Trigger<C::In, C::Window>,
    C: Contents,
{
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.core.assigner.validate()?;
        self.state = ctx.value_state(ValueStateDescriptor::new(STATE))?;
        if self.core.event_time {
            self.core.lateness.dropped = ctx.counter(LATE_DROPPED)?;
        }
        self.core.instance = Some(Rc::clone(ctx.instance()));
        self.core.contents.open(ctx)
    }

    #[inline]
    fn process(
        &mut self,
        value: C::In,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let WindowOperator { state, assigned, core } = self;
        let timestamp = ctx.timestamp().unwrap_or(NO_TIMESTAMP);
        assigned.clear();
        core.assigner.assign(&value, timestamp, &|| ctx.current_processing_time(), assigned)?;
        if core.event_time && !core.merging {
            let watermark = ctx.current_watermark();
            assigned.retain(|window| !core.is_late(window, watermark));
            if assigned.is_empty() {
                core.lateness.skip(value, timestamp, ctx);
                return Ok(());
            }
        }
        core.earliest = Earliest::default();
        state.modify(|cell| {
            let windows = cell.get_or_insert_default();
            let added = core.add(windows, assigned, value, ctx, out);
            // Even if it was refused: what it has changed stays.
            windows.armed.arm(&core.earliest, ctx)?;
            if windows.entries.is_empty() {
                *cell = None;
            }
            added
        })
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let WindowOperator { state, core, .. } = self;
        let domain = timer.domain;
        let now = match domain {
            TimeDomain::EventTime => ctx.current_watermark(),
            // Those of this millisecond are due when it is over.
            TimeDomain::ProcessingTime => ctx.current_processing_time().saturating_sub(1),
        };
        state.modify(|cell| {
            let Some(windows) = cell else { return Ok(()) };
            windows.armed.fired(domain, timer.timestamp);
            core.earliest = Earliest::default();
            while let Some(due) = windows.earliest(domain)
                && due.0 <= now.max(timer.timestamp)
            {
                core.on_due(windows, due, domain, ctx, out)?;
            }
            if windows.entries.is_empty() {
                *cell = None;
                return Ok(());
            }
            if let Some((at, _)) = windows.earliest(domain) {
                core.earliest.note(domain, at);
            }
            windows.armed.arm(&core.earliest, ctx)
        })
    }

    fn close(&mut self) -> Result<(), Error> {
        self.core.contents.close()
    }
}
