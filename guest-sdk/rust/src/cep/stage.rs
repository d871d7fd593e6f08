//! One pattern of a sequence: its condition, how it hangs together with what is before it, and how
//! often it occurs. Source: Flink, `Quantifier`.

use std::rc::Rc;

use super::condition::Condition;

/// How near an event is to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contiguity {
    /// Right behind it.
    Strict,
    /// The next that meets the condition.
    Relaxed,
    /// Any that meets the condition.
    Any,
    /// Not right behind it.
    NotNext,
    /// Nowhere up to the next pattern.
    NotFollowedBy,
}

/// How often a pattern occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    Once,
    /// At least `from` and at most `to` times.
    Times {
        from: u32,
        to: u32,
    },
    /// At least that many times.
    AtLeast(u32),
}

/// What a stage is made of.
pub(crate) enum Content<T> {
    Single(Rc<str>),
    Group(Vec<Stage<T>>),
}

/// One pattern or group of a sequence.
pub(crate) struct Stage<T> {
    pub(crate) content: Content<T>,
    pub(crate) contiguity: Contiguity,
    /// Between the occurrences of a pattern that repeats.
    pub(crate) inner: Contiguity,
    /// None for any event.
    pub(crate) condition: Option<Condition<T>>,
    pub(crate) until: Option<Condition<T>>,
    pub(crate) repeats: Repeats,
    pub(crate) optional: bool,
    pub(crate) greedy: bool,
    /// From the first to the last event of a match, in milliseconds.
    pub(crate) within: Option<i64>,
    /// From the event before to this pattern's, in milliseconds.
    pub(crate) within_previous: Option<i64>,
}

impl<T> Stage<T> {
    pub(crate) fn new(content: Content<T>, contiguity: Contiguity) -> Stage<T> {
        Stage {
            content,
            contiguity,
            inner: Contiguity::Relaxed,
            condition: None,
            until: None,
            repeats: Repeats::Once,
            optional: false,
            greedy: false,
            within: None,
            within_previous: None,
        }
    }

    pub(crate) fn group(&self) -> Option<&[Stage<T>]> {
        match &self.content {
            Content::Single(_) => None,
            Content::Group(stages) => Some(stages),
        }
    }

    pub(crate) fn is_not(&self) -> bool {
        matches!(self.contiguity, Contiguity::NotNext | Contiguity::NotFollowedBy)
    }

    pub(crate) fn is_looping(&self) -> bool {
        matches!(self.repeats, Repeats::AtLeast(_))
    }

    /// The condition, which any event meets unless one is given.
    pub(crate) fn test(&self) -> Condition<T> {
        self.condition.clone().unwrap_or(Condition::Always)
    }

    /// What the stage is called in messages.
    pub(crate) fn label(&self) -> String {
        match &self.content {
            Content::Single(name) => format!("pattern '{name}'"),
            Content::Group(stages) => match stages.first() {
                Some(first) => format!("the group that begins with {}", first.label()),
                None => "an empty group".to_owned(),
            },
        }
    }

    /// Whether a sequence can pass it without any event.
    pub(crate) fn may_be_empty(&self) -> bool {
        self.optional || self.group().is_some_and(|stages| stages.iter().all(Stage::may_be_empty))
    }
}
