//! The events of all matches of a key that are not complete, each kept once, as trees that grow
//! from the first event of a match: matches with the same beginning share it. Source: Flink,
//! `SharedBuffer`, whose Dewey numbers the trees do not need.
//!
//! Law: an event stays exactly as long as a match so far contains it.

use serde::{Deserialize, Serialize};

/// Released slots that are kept before the rest is moved together, beside as many as are in use.
const SPARE_SLOTS: usize = 16;

/// An event with its place among the events of the key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event<T> {
    pub(crate) number: u64,
    pub(crate) value: T,
    /// Steps that show it, and a hold while it is processed.
    holds: u32,
}

/// An event as the last of a match so far.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    /// The number of the name of the pattern that accepted it.
    pub(crate) pattern: u32,
    pub(crate) event: u32,
    before: Option<u32>,
    /// Steps behind it, and matches that end with it.
    holds: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SharedBuffer<T> {
    events: Vec<Option<Event<T>>>,
    steps: Vec<Option<Step>>,
    /// Steps that are there.
    used: usize,
    next_number: u64,
}

impl<T> Default for SharedBuffer<T> {
    fn default() -> SharedBuffer<T> {
        SharedBuffer { events: Vec::new(), steps: Vec::new(), used: 0, next_number: 0 }
    }
}

impl<T> SharedBuffer<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Adds an event and holds it.
    pub(crate) fn add(&mut self, value: T) -> u32 {
        let event = Event { number: self.next_number, value, holds: 1 };
        self.next_number += 1;
        self.events.push(Some(event));
        (self.events.len() - 1) as u32
    }

    /// Lets an event go that was added last; forgets it if no step shows it.
    pub(crate) fn let_go(&mut self, event: u32) {
        let slot = &mut self.events[event as usize];
        if let Some(held) = slot {
            held.holds -= 1;
            if held.holds == 0 {
                *slot = None;
            }
        }
        while let Some(None) = self.events.last() {
            self.events.pop();
        }
    }

    /// Adds a step behind `before`, which nothing holds yet.
    pub(crate) fn step(&mut self, pattern: u32, event: u32, before: Option<u32>) -> u32 {
        if let Some(before) = before {
            self.hold(before);
        }
        if let Some(shown) = &mut self.events[event as usize] {
            shown.holds += 1;
        }
        self.steps.push(Some(Step { pattern, event, before, holds: 0 }));
        self.used += 1;
        (self.steps.len() - 1) as u32
    }

    pub(crate) fn hold(&mut self, step: u32) {
        if let Some(held) = &mut self.steps[step as usize] {
            held.holds += 1;
        }
    }

    /// Lets a step go, and all before it that nothing else holds, with their events.
    pub(crate) fn release(&mut self, step: u32) {
        let mut next = Some(step);
        while let Some(current) = next {
            let slot = &mut self.steps[current as usize];
            let Some(held) = slot else { return };
            held.holds -= 1;
            if held.holds > 0 {
                return;
            }
            let (event, before) = (held.event, held.before);
            *slot = None;
            self.used -= 1;
            self.let_go(event);
            next = before;
        }
    }

    /// Drops a step that was just added, unless something came to hold it.
    pub(crate) fn settle(&mut self, step: u32) {
        self.hold(step);
        self.release(step);
    }

    pub(crate) fn event(&self, event: u32) -> &Event<T> {
        self.events[event as usize].as_ref().expect("a step that is held holds its event")
    }

    /// The steps from one back to the first of its match.
    pub(crate) fn walk(&self, from: Option<u32>) -> impl Iterator<Item = Step> + '_ {
        let mut next = from;
        std::iter::from_fn(move || {
            let step = self.steps.get(next? as usize)?.as_ref()?;
            next = step.before;
            Some(*step)
        })
    }

    /// The steps up to one, first to last.
    pub(crate) fn path(&self, to: u32) -> Vec<Step> {
        let mut path: Vec<Step> = self.walk(Some(to)).collect();
        path.reverse();
        path
    }

    /// Moves what is left together if most slots are released, and has `moved` told where each step
    /// is then. Costs what was released since the last time.
    pub(crate) fn compact(&mut self, mut moved: impl FnMut(&dyn Fn(u32) -> u32)) {
        if self.steps.len() <= 2 * self.used + SPARE_SLOTS {
            return;
        }
        let events = places(&self.events);
        let steps = places(&self.steps);
        self.events.retain(Option::is_some);
        self.steps.retain(Option::is_some);
        for step in self.steps.iter_mut().flatten() {
            step.event = events[step.event as usize];
            step.before = step.before.map(|before| steps[before as usize]);
        }
        moved(&|step| steps[step as usize]);
    }

    /// Events and steps that are kept.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.events.iter().flatten().count(), self.steps.iter().flatten().count())
    }
}

/// Where each slot is once the empty ones are gone.
fn places<V>(slots: &[Option<V>]) -> Vec<u32> {
    let mut used = 0;
    let place = |slot: &Option<V>| {
        let place = used;
        used += u32::from(slot.is_some());
        place
    };
    slots.iter().map(place).collect()
}
