//! A match: the events that a pattern has accepted, by the names of its patterns.

use std::rc::Rc;

use super::shared_buffer::{SharedBuffer, Step};

/// The events of a match, or of one that timed out before it was complete.
pub struct Match<'a, T> {
    names: &'a [Rc<str>],
    /// The number of the name, and the event, in the order of events.
    events: Vec<(u32, &'a T)>,
}

impl<'a, T> Match<'a, T> {
    pub(crate) fn new(
        names: &'a [Rc<str>],
        path: &[Step],
        buffer: &'a SharedBuffer<T>,
    ) -> Match<'a, T> {
        let event = |step: &Step| (step.pattern, &buffer.event(step.event).value);
        Match { names, events: path.iter().map(event).collect() }
    }

    /// The events of the pattern `name`, in their order; none if it is optional and has no event,
    /// and none if there is no such pattern.
    pub fn get(&self, name: &str) -> impl DoubleEndedIterator<Item = &'a T> + Clone + '_ {
        let wanted = self.names.iter().position(|known| &**known == name);
        let events = self.events.iter();
        events.filter(move |(of, _)| Some(*of as usize) == wanted).map(|(_, event)| *event)
    }

    /// The first event of the pattern `name`.
    pub fn first(&self, name: &str) -> Option<&'a T> {
        self.get(name).next()
    }

    /// The last event of the pattern `name`.
    pub fn last(&self, name: &str) -> Option<&'a T> {
        self.get(name).next_back()
    }

    /// All events in their order, each with the name of its pattern.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a T)> + '_ {
        let names = self.names;
        self.events.iter().map(move |(of, event)| (&*names[*of as usize], *event))
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is no event; there always is one.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Match<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
