//! Where windows by event time and their panes are: a pane is a stretch of time in which no window
//! starts or ends. Divisions cost as much as all else that is done to an
//! element, so that the last results are kept: most times are near the one before.

use std::cell::Cell;

use super::assigner::Panes;
use super::time_window::TimeWindow;

/// Where windows and panes are.
#[derive(Clone, Debug)]
pub(crate) struct Grid<W> {
    pub(crate) panes: Panes<W>,
    /// How many slides a window has, without its remainder.
    slides: i64,
    /// The last start of a window that was found: most times are within a slide of it.
    recent: Cell<i64>,
    /// The last end of a window that was looked for.
    recent_end: Cell<i64>,
    /// From the start of a window to where an earlier one ends; 0 where that is a start as well.
    remainder: i64,
}

impl<W> Grid<W> {
    pub(crate) fn new(panes: Panes<W>) -> Grid<W> {
        let remainder = panes.size.checked_rem(panes.slide).unwrap_or(0);
        let slides = panes.size.checked_div(panes.slide).unwrap_or(0);
        let first_end = panes.offset.saturating_add(panes.size - 1);
        let (recent, recent_end) = (Cell::new(panes.offset), Cell::new(first_end));
        Grid { slides, remainder, recent, recent_end, panes }
    }

    /// The start of the last window that a time is in, if it is in any.
    #[inline]
    pub(crate) fn last_start(&self, at: i64) -> i64 {
        let recent = self.recent.get();
        if (0..self.panes.slide).contains(&at.wrapping_sub(recent)) {
            return recent;
        }
        let start = TimeWindow::start_of(at, self.panes.offset, self.panes.slide);
        self.recent.set(start);
        start
    }

    /// The start of the pane that a time is in.
    #[inline]
    pub(crate) fn pane_start(&self, at: i64) -> i64 {
        let start = self.last_start(at);
        let middle = start.saturating_add(self.remainder);
        if at >= middle { middle } else { start }
    }

    /// The start of the last window that a pane is in.
    #[inline]
    pub(crate) fn last_start_of_pane(&self, pane_start: i64) -> i64 {
        if self.remainder == 0 { pane_start } else { self.last_start(pane_start) }
    }

    /// The last millisecond of the first window that has a pane in it and ends later than `after`.
    #[inline]
    pub(crate) fn next_end(&self, at: i64, after: i64) -> Option<i64> {
        let Panes { size, slide, .. } = self.panes;
        let last = self.last_start_of_pane(at);
        // One more window has the pane in it before where an earlier one ends.
        let earlier = self.slides - i64::from(at - last >= self.remainder);
        if earlier < 0 {
            return None;
        }
        let first_end = last.saturating_sub(earlier * slide).saturating_add(size - 1);
        if first_end > after {
            return Some(first_end);
        }
        if after == i64::MAX {
            return None;
        }
        let end = self.end_after(after);
        (end <= last.saturating_add(size - 1)).then_some(end)
    }

    /// The last millisecond of the first window that ends later than `after`.
    #[inline]
    pub(crate) fn end_after(&self, after: i64) -> i64 {
        let Panes { size, slide, .. } = self.panes;
        let recent = self.recent_end.get();
        if (0..slide).contains(&recent.wrapping_sub(after).wrapping_sub(1)) {
            return recent;
        }
        let before = after.saturating_sub(size - 1);
        let start = TimeWindow::start_of(before, self.panes.offset, slide).saturating_add(slide);
        let end = start.saturating_add(size - 1);
        self.recent_end.set(end);
        end
    }

    /// The last millisecond of the pane that starts at `pane_start`.
    pub(crate) fn pane_last(&self, pane_start: i64) -> i64 {
        let start = self.last_start(pane_start);
        let middle = start.saturating_add(self.remainder);
        let end =
            if pane_start >= middle { start.saturating_add(self.panes.slide) } else { middle };
        end.saturating_sub(1)
    }
}
