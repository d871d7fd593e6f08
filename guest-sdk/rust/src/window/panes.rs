//! Sliding windows by event time that are put together of panes. A pane is a stretch of time in
//! which no window starts or ends; an element is kept in its pane alone, and a window merges its
//! panes when it fires. Each slide has at most two panes.
//!
//! Law: results are those of the window operator with the event time trigger, but for the order of
//! elements within a window.

use serde::{Deserialize, Serialize};

use super::assigner::{Panes, timed};
use super::contents::Contents;
use super::due::{Armed, Earliest};
use super::function::WindowContext;
use super::grid::Grid;
use super::operator::{LATE_DROPPED, Lateness, STATE};
use super::time_window::Window;
use crate::collector::Collector;
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::KeyedProcessFunction;
use crate::host::NO_TIMESTAMP;
use crate::state::{ValueState, ValueStateDescriptor};
use crate::timers::{TimeDomain, Timer};

/// A pane and what is kept of its elements.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pane<S> {
    start: i64,
    stored: Option<S>,
    /// Windows that end later than this still have to fire for an element of the pane.
    fired_until: i64,
}

/// The panes of a key, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeyPanes<S> {
    panes: Vec<Pane<S>>,
    armed: Armed,
}

impl<S> Default for KeyPanes<S> {
    fn default() -> KeyPanes<S> {
        KeyPanes { panes: Vec::new(), armed: Armed::default() }
    }
}

impl<S> KeyPanes<S> {
    /// The pane that starts at `start`, which is added if it is not there.
    #[inline]
    fn find_or_add(&mut self, start: i64) -> &mut Pane<S> {
        let position = match self.panes.last() {
            Some(last) if last.start == start => self.panes.len() - 1,
            _ => match self.panes.binary_search_by_key(&start, |pane| pane.start) {
                Ok(position) => position,
                Err(position) => {
                    let pane = Pane { start, stored: None, fired_until: i64::MAX };
                    self.panes.insert(position, pane);
                    position
                }
            },
        };
        &mut self.panes[position]
    }
}

/// The operator of windows made of panes.
pub(crate) struct PaneOperator<C: Contents> {
    state: ValueState<KeyPanes<C::Stored>>,
    core: Core<C>,
}

struct Core<C: Contents> {
    grid: Grid<C::Window>,
    contents: C,
    lateness: Lateness<C::In>,
}

impl<C: Contents> PaneOperator<C> {
    pub(crate) fn new(
        panes: Panes<C::Window>,
        contents: C,
        lateness: Lateness<C::In>,
    ) -> PaneOperator<C> {
        let core = Core { grid: Grid::new(panes), contents, lateness };
        PaneOperator { state: ValueState::default(), core }
    }

    /// The Rust type of the state, for descriptions.
    pub(crate) fn state_type(&self) -> &'static str {
        std::any::type_name::<KeyPanes<C::Stored>>()
    }
}

impl<C: Contents> Core<C> {
    /// When a pane is of no use any more: when the last window that it is in is cleaned up.
    fn cleanup_time(&self, pane_start: i64) -> i64 {
        let last_end = self.grid.last_start(pane_start).saturating_add(self.grid.panes.size - 1);
        last_end.saturating_add(self.lateness.allowed)
    }

    /// When something has to be done about a pane.
    fn due(&self, pane: &Pane<C::Stored>) -> i64 {
        let end = self.grid.next_end(pane.start, pane.fired_until);
        end.unwrap_or_else(|| self.cleanup_time(pane.start))
    }

    /// Adds an element to its pane, and fires those of its windows that have ended but still take
    /// elements, the last first as Flink does.
    fn add(
        &mut self,
        cell: &mut KeyPanes<C::Stored>,
        value: C::In,
        timestamp: i64,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let watermark = ctx.current_watermark();
        let pane = cell.find_or_add(self.grid.pane_start(timestamp));
        pane.fired_until = pane.fired_until.min(watermark);
        self.contents.add(&mut pane.stored, timestamp, value);
        let mut earliest = Earliest::default();
        earliest.note(TimeDomain::EventTime, self.due(pane));
        cell.armed.arm(&earliest, ctx)?;
        let mut start = self.grid.last_start(timestamp);
        let before = timestamp.saturating_sub(self.grid.panes.size);
        while start > before {
            let end = start.saturating_add(self.grid.panes.size - 1);
            if end.saturating_add(self.lateness.allowed) <= watermark {
                break;
            }
            if end <= watermark {
                self.fire(cell, end, ctx, out)?;
            } else if watermark < timestamp {
                // All windows of the element are yet to end.
                break;
            }
            start = start.saturating_sub(self.grid.panes.slide);
        }
        Ok(())
    }

    /// Merges the panes of the window that ends with `end`, and emits.
    fn fire(
        &mut self,
        cell: &KeyPanes<C::Stored>,
        end: i64,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let start = end - (self.grid.panes.size - 1);
        let from = cell.panes.partition_point(|pane| pane.start < start);
        let mut stored = None;
        for pane in &cell.panes[from..] {
            if pane.start > end {
                break;
            }
            if let Some(part) = &pane.stored {
                self.contents.merge(&mut stored, part.clone());
            }
        }
        if stored.is_none() {
            return Ok(());
        }
        let window = (self.grid.panes.window)(start, end.saturating_add(1));
        let (before, at) = (ctx.timestamp().unwrap_or(NO_TIMESTAMP), window.max_timestamp());
        ctx.set_timestamp(at);
        out.begin_record(at);
        let mut window_ctx = WindowContext { ctx, window: &window, state: &mut None };
        let result = self.contents.fire(&mut stored, &mut window_ctx, out);
        ctx.set_timestamp(before);
        result
    }

    /// Fires all windows that end by `now`, in order, and drops panes that are of no use any more.
    fn advance(
        &mut self,
        cell: &mut KeyPanes<C::Stored>,
        now: i64,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let next = |grid: &Grid<C::Window>, panes: &[Pane<C::Stored>]| {
            panes.iter().filter_map(|pane| grid.next_end(pane.start, pane.fired_until)).min()
        };
        while let Some(end) = next(&self.grid, &cell.panes)
            && end <= now
        {
            self.fire(cell, end, ctx, out)?;
            let start = end - (self.grid.panes.size - 1);
            for pane in &mut cell.panes {
                if pane.start >= start && pane.start <= end {
                    pane.fired_until = pane.fired_until.max(end);
                }
            }
        }
        cell.panes.retain(|pane| self.cleanup_time(pane.start) > now);
        Ok(())
    }
}

impl<C: Contents> KeyedProcessFunction<C::Key, C::In, C::Out> for PaneOperator<C> {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.state = ctx.value_state(ValueStateDescriptor::new(STATE))?;
        self.core.lateness.dropped = ctx.counter(LATE_DROPPED)?;
        self.core.contents.open(ctx)
    }

    #[inline]
    fn process(
        &mut self,
        value: C::In,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let PaneOperator { state, core } = self;
        let timestamp = timed(ctx.timestamp().unwrap_or(NO_TIMESTAMP))?;
        if core.cleanup_time(timestamp) <= ctx.current_watermark() {
            core.lateness.skip(value, timestamp, ctx);
            return Ok(());
        }
        state.modify(|cell| core.add(cell.get_or_insert_default(), value, timestamp, ctx, out))
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let PaneOperator { state, core } = self;
        let now = ctx.current_watermark().max(timer.timestamp);
        state.modify(|cell| {
            let Some(panes) = cell else { return Ok(()) };
            panes.armed.fired(timer.domain, timer.timestamp);
            core.advance(panes, now, ctx, out)?;
            if panes.panes.is_empty() {
                *cell = None;
                return Ok(());
            }
            let mut earliest = Earliest::default();
            for pane in &panes.panes {
                earliest.note(TimeDomain::EventTime, core.due(pane));
            }
            panes.armed.arm(&earliest, ctx)
        })
    }

    fn close(&mut self) -> Result<(), Error> {
        self.core.contents.close()
    }
}
