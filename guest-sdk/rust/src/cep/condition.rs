//! Conditions: whether an event may be part of a match, by itself and by what was accepted before.

use std::rc::Rc;

use super::shared_buffer::SharedBuffer;

type Test<T> = Rc<dyn Fn(&T, &ConditionContext<'_, T>) -> bool>;

/// A condition as the compiler puts them together.
pub(crate) enum Condition<T> {
    Always,
    Is(Test<T>),
    And(Rc<(Condition<T>, Condition<T>)>),
    Or(Rc<(Condition<T>, Condition<T>)>),
    Not(Rc<Condition<T>>),
}

impl<T> Clone for Condition<T> {
    fn clone(&self) -> Condition<T> {
        match self {
            Condition::Always => Condition::Always,
            Condition::Is(test) => Condition::Is(Rc::clone(test)),
            Condition::And(both) => Condition::And(Rc::clone(both)),
            Condition::Or(both) => Condition::Or(Rc::clone(both)),
            Condition::Not(inner) => Condition::Not(Rc::clone(inner)),
        }
    }
}

impl<T> Condition<T> {
    pub(crate) fn is(test: impl Fn(&T, &ConditionContext<'_, T>) -> bool + 'static) -> Self {
        Condition::Is(Rc::new(test))
    }

    pub(crate) fn and(self, other: Condition<T>) -> Condition<T> {
        match (self, other) {
            (Condition::Always, other) => other,
            (one, Condition::Always) => one,
            (one, other) => Condition::And(Rc::new((one, other))),
        }
    }

    pub(crate) fn or(self, other: Condition<T>) -> Condition<T> {
        Condition::Or(Rc::new((self, other)))
    }

    pub(crate) fn not(self) -> Condition<T> {
        Condition::Not(Rc::new(self))
    }

    /// Whether the event meets the condition.
    pub(crate) fn holds(&self, event: &T, ctx: &ConditionContext<'_, T>) -> bool {
        match self {
            Condition::Always => true,
            Condition::Is(test) => test(event, ctx),
            Condition::And(both) => both.0.holds(event, ctx) && both.1.holds(event, ctx),
            Condition::Or(both) => both.0.holds(event, ctx) || both.1.holds(event, ctx),
            Condition::Not(inner) => !inner.holds(event, ctx),
        }
    }
}

/// What a condition sees beside the event: the match so far, and time. Source: Flink,
/// `IterativeCondition.Context`.
pub struct ConditionContext<'a, T> {
    pub(crate) buffer: &'a SharedBuffer<T>,
    /// The last event of the match so far; none before its first.
    pub(crate) node: Option<u32>,
    pub(crate) names: &'a [Rc<str>],
    pub(crate) timestamp: i64,
    pub(crate) clock: &'a dyn Fn() -> i64,
}

impl<'a, T> ConditionContext<'a, T> {
    /// The events that the match so far has accepted for the pattern `name`, oldest first, without
    /// the one that is asked about. Walks back the whole match, so ask as late as possible.
    pub fn events_for_pattern(&self, name: &str) -> Vec<&'a T> {
        let mut events: Vec<&T> = self.walk(name).collect();
        events.reverse();
        events
    }

    /// The last of [`Self::events_for_pattern`], found without walking further back.
    pub fn last_event_for_pattern(&self, name: &str) -> Option<&'a T> {
        self.walk(name).next()
    }

    fn walk(&self, name: &str) -> impl Iterator<Item = &'a T> + use<'a, T> {
        let wanted = self.names.iter().position(|known| &**known == name);
        let buffer = self.buffer;
        buffer
            .walk(self.node)
            .filter(move |step| Some(step.pattern as usize) == wanted)
            .map(move |step| &buffer.event(step.event).value)
    }

    /// The timestamp of the event; in processing time, when it came in.
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// As [`crate::Context::current_processing_time`].
    pub fn current_processing_time(&self) -> i64 {
        (self.clock)()
    }
}

impl<T> std::fmt::Debug for ConditionContext<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let timestamp = self.timestamp;
        f.debug_struct("ConditionContext").field("timestamp", &timestamp).finish_non_exhaustive()
    }
}
