//! Windows of one size at equal distances, whatever elements they are of: what an assigner of any
//! elements becomes where partial results take the place of elements.

use super::assigner::{Panes, WindowAssigner, timed, within};
use super::grid::Grid;
use super::time_window::Window;
use super::trigger::EventTimeTrigger;
use crate::error::Error;

/// The assigner; by event time.
pub(crate) struct UniformWindows<W> {
    panes: Panes<W>,
    grid: Grid<W>,
}

impl<W: Window> UniformWindows<W> {
    pub(crate) fn new(panes: Panes<W>) -> UniformWindows<W> {
        let Panes { size, slide, offset, window } = panes;
        UniformWindows { panes, grid: Grid::new(Panes { size, slide, offset, window }) }
    }
}

impl<T, W: Window> WindowAssigner<T> for UniformWindows<W> {
    type Window = W;
    type OwnTrigger = EventTimeTrigger;

    #[inline]
    fn assign(
        &mut self,
        _element: &T,
        timestamp: i64,
        _clock: &dyn Fn() -> i64,
        windows: &mut Vec<W>,
    ) -> Result<(), Error> {
        let Panes { size, slide, window, .. } = self.panes;
        let time = within(timed(timestamp)?, size.max(slide))?;
        let mut start = self.grid.last_start(time);
        let before = timestamp.saturating_sub(size);
        while start > before {
            windows.push(window(start, start.saturating_add(size)));
            let Some(earlier) = start.checked_sub(slide) else { break };
            start = earlier;
        }
        Ok(())
    }

    fn is_event_time(&self) -> bool {
        true
    }

    fn panes(&self) -> Option<Panes<W>> {
        let Panes { size, slide, offset, window } = self.panes;
        Some(Panes { size, slide, offset, window })
    }
}
