//! Where windows by event time and their panes are: a pane is a stretch of time in which no window
//! starts or ends.

use super::assigner::Panes;
use super::time_window::TimeWindow;

/// Where windows and panes are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid<W> {
    pub(super) panes: Panes<W>,
    /// From the start of a window to where an earlier one ends; 0 where that is a start as well.
    remainder: i64,
}

impl<W> Grid<W> {
    pub(crate) fn new(panes: Panes<W>) -> Grid<W> {
        Grid { remainder: panes.size.checked_rem(panes.slide).unwrap_or(0), panes }
    }

    /// The start of the last window that a time is in, if it is in any.
    #[inline]
    pub(super) fn last_start(&self, at: i64) -> i64 {
        TimeWindow::start_of(at, self.panes.offset, self.panes.slide)
    }

    /// The start of the pane that a time is in.
    #[inline]
    pub(crate) fn pane_start(&self, at: i64) -> i64 {
        let start = self.last_start(at);
        let middle = start.saturating_add(self.remainder);
        if at >= middle { middle } else { start }
    }

    /// The last millisecond of the first window that has a time in it and ends later than `after`.
    #[inline]
    pub(crate) fn next_end(&self, at: i64, after: i64) -> Option<i64> {
        // The windows that end later than both start later than this.
        let before = at.max(after.saturating_add(1)).saturating_sub(self.panes.size);
        let start = self.last_start(before).saturating_add(self.panes.slide);
        (start <= at).then(|| start.saturating_add(self.panes.size - 1))
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
