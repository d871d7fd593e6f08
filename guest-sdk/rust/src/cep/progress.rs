//! What is kept of a key: the events that wait for the watermark, and the matches that have begun.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::shared_buffer::SharedBuffer;
use crate::window::{Armed, Earliest};

/// A match that has begun, or one that is complete and waits for earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Partial {
    /// Where in the graph it is.
    pub(crate) state: u32,
    /// Its last event, as a step in the buffer.
    pub(crate) step: u32,
    /// The number of its first event.
    pub(crate) start: u64,
    pub(crate) started_at: i64,
    /// The timestamp of its last event.
    pub(crate) previous_at: i64,
}

/// All that is kept of a key, as one value of state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Progress<T> {
    /// Of the graph that numbers the states.
    pub(crate) fingerprint: u32,
    pub(crate) armed: Armed,
    /// By timestamp; those of one timestamp as they came in.
    pub(crate) waiting: VecDeque<(i64, T)>,
    pub(crate) matches: Matches<T>,
}

/// The matches of a key that have begun. The match that has not, at the start of the graph, is not
/// among them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Matches<T> {
    pub(crate) buffer: SharedBuffer<T>,
    /// By the number of their first event.
    pub(crate) partials: Vec<Partial>,
    /// The same of those that are complete.
    pub(crate) completed: VecDeque<Partial>,
}

impl<T> Default for Matches<T> {
    fn default() -> Matches<T> {
        let buffer = SharedBuffer::default();
        Matches { buffer, partials: Vec::new(), completed: VecDeque::new() }
    }
}

impl<T> Matches<T> {
    /// Puts a complete match behind those that began before it or with the same event.
    pub(crate) fn complete(&mut self, partial: Partial) {
        let place = self.completed.partition_point(|other| other.start <= partial.start);
        self.completed.insert(place, partial);
    }

    /// Drops all matches that began before the event of this number.
    pub(crate) fn skip_to(&mut self, start: u64) {
        let Matches { buffer, partials, completed } = self;
        let begun = partials.partition_point(|partial| partial.start < start);
        let complete = completed.partition_point(|partial| partial.start < start);
        for partial in partials.drain(..begun).chain(completed.drain(..complete)) {
            buffer.release(partial.step);
        }
    }

    /// Gives back the room of events that are gone.
    pub(crate) fn compact(&mut self) {
        let Matches { buffer, partials, completed } = self;
        buffer.compact(|place| {
            for partial in partials.iter_mut().chain(completed.iter_mut()) {
                partial.step = place(partial.step);
            }
        });
    }
}

impl<T> Progress<T> {
    pub(crate) fn new(fingerprint: u32) -> Progress<T> {
        let armed = Armed::default();
        Progress { fingerprint, armed, waiting: VecDeque::new(), matches: Matches::default() }
    }

    /// Whether nothing is left that a later event or time could change.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.matches.buffer.is_empty()
    }

    /// Lets an event wait behind those of its timestamp.
    pub(crate) fn wait(&mut self, at: i64, event: T) {
        let place = match self.waiting.back() {
            Some((last, _)) if *last > at => {
                self.waiting.partition_point(|(other, _)| *other <= at)
            }
            _ => self.waiting.len(),
        };
        self.waiting.insert(place, (at, event));
    }

    /// Notes when the next event is to be looked at.
    pub(crate) fn note_waiting(&self, domain: crate::timers::TimeDomain, earliest: &mut Earliest) {
        if let Some((at, _)) = self.waiting.front() {
            earliest.note(domain, *at);
        }
    }
}
