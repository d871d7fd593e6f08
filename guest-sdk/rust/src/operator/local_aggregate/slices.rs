//! Which values may be put together: all of a key, or those of one pane of windows by event time.

use std::cell::Cell;

use crate::host::NO_TIMESTAMP;
use crate::window::Panes;
use crate::window::assigner::within;
use crate::window::grid::Grid;

/// The slices of time.
#[derive(Clone, Debug)]
pub(crate) struct Slices {
    grid: Option<Grid<()>>,
    /// The last slice that was found: most times are in it.
    recent: Cell<Option<Slice>>,
}

/// A slice: its first millisecond, and the last, after which it gets no more values in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) start: i64,
    pub(super) last: i64,
}

impl Slices {
    /// Time does not matter.
    pub(crate) fn none() -> Slices {
        Slices { grid: None, recent: Cell::new(None) }
    }

    /// The panes of windows.
    pub(crate) fn of_panes<W>(panes: &Panes<W>) -> Slices {
        let Panes { size, slide, offset, .. } = *panes;
        let grid = Grid::new(Panes { size, slide, offset, window: |_, _| () });
        Slices { grid: Some(grid), recent: Cell::new(None) }
    }

    pub(super) fn is_sliced(&self) -> bool {
        self.grid.is_some()
    }

    /// The slice of a value; none if no window has it or the watermark has passed its slice: it may
    /// be late, and must not become later.
    #[inline]
    pub(super) fn of(&self, timestamp: i64, watermark: i64) -> Option<Slice> {
        let Some(grid) = &self.grid else {
            return Some(Slice { start: 0, last: i64::MAX });
        };
        if let Some(recent) = self.recent.get()
            && recent.start <= timestamp
            && timestamp <= recent.last
        {
            return (recent.last > watermark).then_some(recent);
        }
        self.find(grid, timestamp).filter(|slice| slice.last > watermark)
    }

    #[cold]
    fn find(&self, grid: &Grid<()>, timestamp: i64) -> Option<Slice> {
        // The second phase says what is wrong with such a record.
        let span = grid.panes.size.max(grid.panes.slide);
        if timestamp == NO_TIMESTAMP || within(timestamp, span).is_err() {
            return None;
        }
        let start = grid.pane_start(timestamp);
        grid.next_end(start, i64::MIN)?;
        let slice = Slice { start, last: grid.pane_last(start) };
        self.recent.set(Some(slice));
        Some(slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::TimeWindow;

    #[test]
    fn a_slice_has_no_start_or_end_of_a_window_in_it() {
        for (size, slide, offset) in [(10, 10, 0), (10, 4, 0), (9, 3, 1), (3, 7, -2), (5, 4, 3)] {
            let slices = Slices::of_panes(&Panes { size, slide, offset, window: TimeWindow::new });
            let windows = |at: i64| -> Vec<i64> {
                let covers = |start: &i64| {
                    (start - offset).rem_euclid(slide) == 0 && *start <= at && at < start + size
                };
                (at - size..=at).filter(covers).collect()
            };
            for at in -50..50 {
                let Some(slice) = slices.of(at, i64::MIN) else {
                    assert!(windows(at).is_empty(), "{size}/{slide} at {at}");
                    continue;
                };
                assert!((slice.start..=slice.last).contains(&at), "{size}/{slide} at {at}");
                assert_eq!(slices.of(at, slice.last), None);
                assert_eq!(slices.of(at, slice.last - 1), Some(slice));
                for other in slice.start..=slice.last {
                    assert_eq!(windows(other), windows(at), "{size}/{slide} at {at}");
                }
            }
        }
    }
}
