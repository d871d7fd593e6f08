//! An assigner that refuses elements without values, which are barriers of the test, and is another
//! for all the rest.

use sandbar_sdk::prelude::*;
use sandbar_sdk::window::{Panes, WindowAssigner};

use window_model::pieces::Event;

pub(crate) struct Guarded<A>(pub(crate) A);

impl<A: WindowAssigner<Event>> WindowAssigner<Event> for Guarded<A> {
    type Window = A::Window;
    type OwnTrigger = A::OwnTrigger;

    fn assign(
        &mut self,
        event: &Event,
        timestamp: i64,
        clock: &dyn Fn() -> i64,
        windows: &mut Vec<A::Window>,
    ) -> Result<()> {
        if event.values.is_empty() {
            return Err(Error::bad_record("barrier"));
        }
        self.0.assign(event, timestamp, clock, windows)
    }

    fn is_event_time(&self) -> bool {
        self.0.is_event_time()
    }

    fn is_merging(&self) -> bool {
        self.0.is_merging()
    }

    fn merge(&self, first: &A::Window, second: &A::Window) -> Option<A::Window> {
        self.0.merge(first, second)
    }

    fn panes(&self) -> Option<Panes<A::Window>> {
        self.0.panes()
    }

    fn validate(&self) -> Result<()> {
        self.0.validate()
    }
}
