//! Tumbling and sliding windows by event time, put together of panes. A pane is a stretch of time
//! in which no window starts or ends; an element is kept in its pane alone, and a window merges its
//! panes when it fires. Each slide has at most two panes.
//!
//! Law: results are those of the window operator with the event time trigger, but for the order of
//! elements within a window.

use std::mem::needs_drop;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::assigner::{Panes, timed, within};
use super::contents::Contents;
use super::function::WindowContext;
use super::grid::Grid;
use super::operator::{LATE_DROPPED, Lateness, STATE};
use super::time_window::Window;
use crate::collector::Collector;
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::KeyedProcessFunction;
use crate::host::NO_TIMESTAMP;
use crate::inline_deque::InlineDeque;
use crate::memory;
use crate::state::{ValueState, ValueStateDescriptor};
use crate::timers::{TimeDomain, Timer};

/// A pane and what is kept of its elements.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pane<S> {
    start: i64,
    stored: Option<S>,
}

/// The panes of a key, in order. There is a timer for when something is due about them, and perhaps
/// later ones that are not needed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
struct KeyPanes<S> {
    panes: InlineDeque<Pane<S>>,
    /// All windows that end by then have fired for all panes.
    fired_until: i64,
    #[serde(skip)]
    sums: Option<Box<Sums<S>>>,
}

/// Sums of panes, so that a window that fires merges two of them, whatever its size. The panes from
/// the front to somewhere in the window have sums of their own, and what is behind has one, which
/// grows; when windows have left the front behind, what there is then becomes the front. Source:
/// the two stacks of Tangwongsan, Hirzel, Schneider, "Low-latency sliding-window aggregation in
/// worst-case constant time" (2017).
#[derive(Clone, Debug)]
struct Sums<S> {
    /// The start of each pane of the front, the last first, and the sum from it to the end of the
    /// front.
    front: Vec<(i64, S)>,
    /// Of the panes behind the front, up to the one that starts at or before `back_until`.
    back: Option<S>,
    back_until: i64,
}

impl<S> Default for KeyPanes<S> {
    fn default() -> KeyPanes<S> {
        let panes = InlineDeque::default();
        KeyPanes { panes, fired_until: i64::MIN, sums: None }
    }
}

impl<S> KeyPanes<S> {
    /// Has the processor fetch what an element or a timer mostly needs of many panes.
    fn touch(&self) {
        if let [first, .., last] = &*self.panes {
            memory::touch(&first.start);
            memory::touch(&last.start);
        }
        if let Some(sums) = &self.sums {
            memory::touch(&sums.back_until);
            sums.front.last().iter().for_each(|(start, _)| memory::touch(start));
        }
    }

    /// The position of the pane that starts at `start`, and whether it had to be added.
    #[inline]
    fn find_or_add(&mut self, start: i64) -> (usize, bool) {
        if self.sums.as_ref().is_some_and(|sums| start <= sums.back_until) {
            // The sums miss what is about to be added.
            self.sums = None;
        }
        let end = self.panes.len();
        let position = match self.panes.last() {
            Some(last) if last.start == start => return (end - 1, false),
            Some(last) if last.start > start => {
                match self.panes.binary_search_by_key(&start, |pane| pane.start) {
                    Ok(position) => return (position, false),
                    Err(position) => position,
                }
            }
            _ => end,
        };
        self.panes.insert(position, Pane { start, stored: None });
        (position, true)
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
    /// When the window that starts at `start` is cleaned up.
    #[inline]
    fn cleanup_time(&self, start: i64) -> i64 {
        start.saturating_add(self.grid.panes.size - 1).saturating_add(self.lateness.allowed)
    }

    /// When a pane is of no use any more: when the last window that it is in is cleaned up.
    #[inline]
    fn pane_cleanup_time(&self, pane_start: i64) -> i64 {
        self.cleanup_time(self.grid.last_start_of_pane(pane_start))
    }

    /// The last millisecond of the first window that has yet to fire for a pane.
    #[inline]
    fn next_end(&self, cell: &KeyPanes<C::Stored>) -> Option<i64> {
        // The first that is in such a window at all is in the first of them.
        cell.panes.iter().find_map(|pane| self.grid.next_end(pane.start, cell.fired_until))
    }

    /// When something has to be done about the panes.
    #[inline]
    fn due(&self, cell: &KeyPanes<C::Stored>) -> Option<i64> {
        let first = cell.panes.first()?.start;
        if let Some(end) = self.grid.next_end(first, cell.fired_until) {
            return Some(end);
        }
        let cleanup = self.pane_cleanup_time(first);
        Some(self.next_end(cell).map_or(cleanup, |end| end.min(cleanup)))
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
        // Timers fire before elements that are behind their watermark come.
        cell.fired_until = cell.fired_until.max(watermark);
        let (position, is_new) = cell.find_or_add(self.grid.pane_start(timestamp));
        self.contents.add(&mut cell.panes[position].stored, timestamp, value);
        if is_new && (position == 0 || !self.awaits_first(cell)) {
            self.arm(cell, ctx)?;
        }
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

    /// Whether the timer of the key is for windows of its first pane: then none of a later pane can
    /// be due before.
    #[inline]
    fn awaits_first(&self, cell: &KeyPanes<C::Stored>) -> bool {
        let first = cell.panes.first();
        first.is_some_and(|first| self.grid.next_end(first.start, cell.fired_until).is_some())
    }

    /// Sees to it that there is a timer for when something is due.
    #[inline]
    fn arm(&self, cell: &KeyPanes<C::Stored>, ctx: &Context<C::Key>) -> Result<(), Error> {
        match self.due(cell) {
            Some(due) => ctx.register_kept_timer(TimeDomain::EventTime, due),
            None => Ok(()),
        }
    }

    /// Merges the panes of the window that ends with `end`, and emits.
    fn fire(
        &mut self,
        cell: &mut KeyPanes<C::Stored>,
        end: i64,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        let start = end - (self.grid.panes.size - 1);
        let from = starting_before(&cell.panes, start);
        let to = starting_by(&cell.panes, end);
        let mut stored = match &cell.panes[from..to] {
            [] => return Ok(()),
            [only] => only.stored.clone(),
            // What holds memory of its own is not kept twice.
            several if needs_drop::<C::Stored>() => self.merge(several),
            _ => self.sum(cell, from..to, end),
        };
        let window = (self.grid.panes.window)(start, end.saturating_add(1));
        let (before, at) = (ctx.timestamp().unwrap_or(NO_TIMESTAMP), window.max_timestamp());
        ctx.set_timestamp(at);
        out.begin_record(at);
        let mut window_ctx = WindowContext { ctx, window: &window, state: &mut None };
        let result = self.contents.fire(&mut stored, &mut window_ctx, out);
        ctx.set_timestamp(before);
        result
    }

    /// Merges panes.
    fn merge(&mut self, panes: &[Pane<C::Stored>]) -> Option<C::Stored> {
        let mut stored = None;
        for part in panes.iter().filter_map(|pane| pane.stored.as_ref()) {
            self.contents.merge(&mut stored, part.clone());
        }
        stored
    }

    /// The same from sums, which it keeps for windows to come.
    fn sum(
        &mut self,
        cell: &mut KeyPanes<C::Stored>,
        window: Range<usize>,
        end: i64,
    ) -> Option<C::Stored> {
        let KeyPanes { panes, sums, .. } = cell;
        let panes = &panes[window];
        if let Some(sums) = sums {
            if end < sums.back_until {
                return self.merge(panes);
            }
            let start = panes.first()?.start;
            while sums.front.last().is_some_and(|(front, _)| *front < start) {
                sums.front.pop();
            }
            if let Some((_, front)) = sums.front.last() {
                let newer = starting_by(panes, sums.back_until);
                for part in panes[newer..].iter().filter_map(|pane| pane.stored.as_ref()) {
                    self.contents.merge(&mut sums.back, part.clone());
                }
                sums.back_until = end;
                let mut stored = Some(front.clone());
                if let Some(back) = &sums.back {
                    self.contents.merge(&mut stored, back.clone());
                }
                return stored;
            }
        }
        let mut front = sums.take().map_or(Vec::new(), |sums| sums.front);
        for pane in panes.iter().rev() {
            let mut sum = pane.stored.clone();
            if let Some((_, behind)) = front.last() {
                self.contents.merge(&mut sum, behind.clone());
            }
            front.extend(sum.map(|sum| (pane.start, sum)));
        }
        let stored = front.last().map(|(_, sum)| sum.clone());
        *sums = Some(Box::new(Sums { front, back: None, back_until: end }));
        stored
    }

    /// Fires all windows that end by `now`, in order, and drops panes that are of no use any more.
    fn advance(
        &mut self,
        cell: &mut KeyPanes<C::Stored>,
        now: i64,
        ctx: &mut Context<C::Key>,
        out: &mut Collector<C::Out>,
    ) -> Result<(), Error> {
        while let Some(end) = self.next_end(cell)
            && end <= now
        {
            self.fire(cell, end, ctx, out)?;
            cell.fired_until = end;
        }
        cell.fired_until = cell.fired_until.max(now);
        let mut panes = cell.panes.iter();
        let useless = panes.position(|pane| self.pane_cleanup_time(pane.start) > now);
        let useless = useless.unwrap_or(cell.panes.len());
        cell.panes.drop_front(useless);
        Ok(())
    }
}

/// Panes that are looked at before a binary search, which goes to places far apart in memory: what
/// is looked for is mostly at one end.
const NEAR_PANES: usize = 4;

/// How many panes from the front on start before a time.
#[inline]
fn starting_before<S>(panes: &[Pane<S>], time: i64) -> usize {
    let near = panes.iter().take(NEAR_PANES).position(|pane| pane.start >= time);
    near.unwrap_or_else(|| panes.partition_point(|pane| pane.start < time))
}

/// How many panes from the front on start by then, where mostly all do.
#[inline]
fn starting_by<S>(panes: &[Pane<S>], time: i64) -> usize {
    let near = panes.iter().rev().take(NEAR_PANES).position(|pane| pane.start <= time);
    match near {
        Some(behind) => panes.len() - behind,
        None => panes.partition_point(|pane| pane.start <= time),
    }
}

impl<C: Contents> KeyedProcessFunction<C::Key, C::In, C::Out> for PaneOperator<C> {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.state = ctx.value_state(ValueStateDescriptor::new(STATE))?;
        if self.core.grid.panes.slide < self.core.grid.panes.size {
            self.state.touch_behind(KeyPanes::touch);
        }
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
        within(timestamp, core.grid.panes.size)?;
        let last_start = core.grid.last_start(timestamp);
        if core.cleanup_time(last_start) <= ctx.current_watermark() {
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
            core.advance(panes, now, ctx, out)?;
            if panes.panes.is_empty() {
                *cell = None;
                return Ok(());
            }
            core.arm(panes, ctx)
        })
    }

    fn close(&mut self) -> Result<(), Error> {
        self.core.contents.close()
    }
}
