//! The builder of patterns. It takes everything and remembers what is wrong, so that a job says so
//! when it is built.

use std::time::Duration;

use super::compile::compile;
use super::condition::{Condition, ConditionContext};
use super::skip::AfterMatchSkipStrategy;
use super::stage::{Content, Contiguity, Repeats, Stage};
use crate::error::Error;
use crate::window::millis;

/// What to look for: a sequence of patterns, each of which accepts events. Source: Flink,
/// `Pattern`.
///
/// Conditions are asked more than once an event, so they must be pure.
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::cep::Pattern;
///
/// // Three failed logins in a row, then one that works, within a minute.
/// let break_in: Pattern<(String, bool)> = Pattern::begin("failed")
///     .where_(|(_, worked), _| !worked)
///     .times(3)
///     .consecutive()
///     .next("in")
///     .where_(|(_, worked), _| *worked)
///     .within(Duration::from_secs(60));
/// break_in.validate()?;
/// # Ok::<(), sandbar_sdk::Error>(())
/// ```
pub struct Pattern<T> {
    pub(crate) stages: Vec<Stage<T>>,
    pub(crate) skip: AfterMatchSkipStrategy,
    pub(crate) errors: Vec<String>,
}

impl<T> Pattern<T> {
    /// Begins with a pattern. Names are unique within the whole and have no `:`.
    pub fn begin(name: &str) -> Pattern<T> {
        Pattern::empty().with(name, Contiguity::Strict)
    }

    /// Begins with a group: a sequence that repeats or is optional as a whole.
    pub fn begin_group(group: Pattern<T>) -> Pattern<T> {
        Pattern::empty().with_group(group, Contiguity::Strict)
    }

    fn empty() -> Pattern<T> {
        let skip = AfterMatchSkipStrategy::no_skip();
        Pattern { stages: Vec::new(), skip, errors: Vec::new() }
    }

    fn with(mut self, name: &str, contiguity: Contiguity) -> Pattern<T> {
        let stage = Stage::new(Content::Single(name.into()), contiguity);
        if stage.is_not() && self.stages.last().is_some_and(|before| before.optional) {
            self.errors.push(format!(
                "pattern '{name}' is a not pattern behind an optional one, which is undecided: \
                 write two patterns, one with and one without the optional part"
            ));
        }
        self.stages.push(stage);
        self
    }

    fn with_group(mut self, mut group: Pattern<T>, contiguity: Contiguity) -> Pattern<T> {
        self.errors.append(&mut group.errors);
        let stage = Stage::new(Content::Group(group.stages), contiguity);
        if group.skip.skips() {
            let label = stage.label();
            let why = "says what to skip after a match: say it of the whole pattern";
            self.errors.push(format!("{label} {why}"));
        }
        self.stages.push(stage);
        self
    }

    /// An event right behind the one before.
    #[must_use]
    pub fn next(self, name: &str) -> Pattern<T> {
        self.with(name, Contiguity::Strict)
    }

    /// As [`Self::next`], with a group.
    #[must_use]
    pub fn next_group(self, group: Pattern<T>) -> Pattern<T> {
        self.with_group(group, Contiguity::Strict)
    }

    /// The next event that meets the condition; others may be in between.
    #[must_use]
    pub fn followed_by(self, name: &str) -> Pattern<T> {
        self.with(name, Contiguity::Relaxed)
    }

    /// As [`Self::followed_by`], with a group.
    #[must_use]
    pub fn followed_by_group(self, group: Pattern<T>) -> Pattern<T> {
        self.with_group(group, Contiguity::Relaxed)
    }

    /// Any later event that meets the condition: a match for each.
    #[must_use]
    pub fn followed_by_any(self, name: &str) -> Pattern<T> {
        self.with(name, Contiguity::Any)
    }

    /// As [`Self::followed_by_any`], with a group.
    #[must_use]
    pub fn followed_by_any_group(self, group: Pattern<T>) -> Pattern<T> {
        self.with_group(group, Contiguity::Any)
    }

    /// No such event right behind the one before.
    #[must_use]
    pub fn not_next(self, name: &str) -> Pattern<T> {
        self.with(name, Contiguity::NotNext)
    }

    /// No such event between the one before and the one behind. As the last pattern it needs
    /// [`Self::within`] or [`Self::within_previous`], and the match is found when that time is
    /// over.
    #[must_use]
    pub fn not_followed_by(self, name: &str) -> Pattern<T> {
        self.with(name, Contiguity::NotFollowedBy)
    }

    /// Which events the last pattern accepts: those that meet this and all earlier conditions of
    /// it.
    #[must_use]
    pub fn where_(
        self,
        condition: impl Fn(&T, &ConditionContext<'_, T>) -> bool + 'static,
    ) -> Pattern<T> {
        self.condition("where_", |before| {
            before.unwrap_or(Condition::Always).and(Condition::is(condition))
        })
    }

    /// Accepts events that meet this condition, too.
    #[must_use]
    pub fn or(
        self,
        condition: impl Fn(&T, &ConditionContext<'_, T>) -> bool + 'static,
    ) -> Pattern<T> {
        self.condition("or", |before| match before {
            Some(before) => before.or(Condition::is(condition)),
            None => Condition::is(condition),
        })
    }

    fn condition(
        self,
        method: &str,
        change: impl FnOnce(Option<Condition<T>>) -> Condition<T>,
    ) -> Pattern<T> {
        self.last(|stage| {
            if stage.group().is_some() {
                return Err(format!("has no events for {method}: say it of the patterns in it"));
            }
            stage.condition = Some(change(stage.condition.take()));
            Ok(())
        })
    }

    /// Ends the loop of the last pattern at an event that meets this condition.
    #[must_use]
    pub fn until(
        self,
        condition: impl Fn(&T, &ConditionContext<'_, T>) -> bool + 'static,
    ) -> Pattern<T> {
        self.last(|stage| {
            if !stage.is_looping() {
                return Err("does not loop: say one_or_more or times_or_more before until".into());
            }
            if stage.until.is_some() {
                return Err("has an until already: put both conditions into one".into());
            }
            stage.until = Some(Condition::is(condition));
            Ok(())
        })
    }

    /// The last pattern occurs once or more.
    #[must_use]
    pub fn one_or_more(self) -> Pattern<T> {
        self.repeats(Repeats::AtLeast(1), false)
    }

    /// The last pattern occurs `times` times or more.
    #[must_use]
    pub fn times_or_more(self, times: u32) -> Pattern<T> {
        self.repeats(Repeats::AtLeast(times), false)
    }

    /// The last pattern occurs exactly `times` times.
    #[must_use]
    pub fn times(self, times: u32) -> Pattern<T> {
        self.repeats(Repeats::Times { from: times, to: times }, false)
    }

    /// The last pattern occurs at least `from` and at most `to` times; from 0 is optional.
    #[must_use]
    pub fn times_range(self, from: u32, to: u32) -> Pattern<T> {
        self.repeats(Repeats::Times { from: from.max(1), to }, from == 0)
    }

    fn repeats(self, repeats: Repeats, optional: bool) -> Pattern<T> {
        self.last(|stage| {
            if stage.is_not() {
                return Err(
                    "is a not pattern, which cannot repeat: leave the quantifier out".into()
                );
            }
            if stage.repeats != Repeats::Once {
                return Err("repeats already: give one quantifier".into());
            }
            let (least, most) = match repeats {
                Repeats::Once => (1, 1),
                Repeats::Times { from, to } => (from, to),
                Repeats::AtLeast(times) => (times, times),
            };
            if least == 0 || most < least {
                return Err(format!(
                    "repeats {least} to {most} times: give at least 1, and the smaller one first"
                ));
            }
            if most > MAX_TIMES {
                return Err(format!("repeats {most} times: give at most {MAX_TIMES}"));
            }
            stage.repeats = repeats;
            stage.optional |= optional;
            Ok(())
        })
    }

    /// The last pattern may not occur at all.
    #[must_use]
    pub fn optional(self) -> Pattern<T> {
        let behind_greedy = self.stages.len() > 1 && self.stages[self.stages.len() - 2].greedy;
        self.last(|stage| {
            if stage.is_not() {
                return Err("is a not pattern, which cannot be optional: leave it out".into());
            }
            if stage.optional {
                return Err("is optional already: say it once".into());
            }
            if behind_greedy {
                return Err("is optional behind a greedy pattern: let one of them not be".into());
            }
            stage.optional = true;
            Ok(())
        })
    }

    /// The last pattern takes as many events as it can before the next pattern begins.
    #[must_use]
    pub fn greedy(self) -> Pattern<T> {
        self.last(|stage| {
            if stage.is_not() {
                return Err("is a not pattern, which cannot be greedy: leave it out".into());
            }
            if stage.group().is_some() {
                return Err("cannot be greedy as groups cannot: let a pattern in it be".into());
            }
            if stage.repeats == Repeats::Once {
                return Err("does not repeat: give a quantifier before greedy".into());
            }
            if stage.inner == Contiguity::Any {
                return Err("allows combinations, which a greedy one cannot: choose one".into());
            }
            stage.greedy = true;
            Ok(())
        })
    }

    /// The events of the last pattern are right behind each other.
    #[must_use]
    pub fn consecutive(self) -> Pattern<T> {
        self.inner(Contiguity::Strict, "consecutive")
    }

    /// The events of the last pattern may leave out some that meet its condition.
    #[must_use]
    pub fn allow_combinations(self) -> Pattern<T> {
        self.inner(Contiguity::Any, "allow_combinations")
    }

    fn inner(self, inner: Contiguity, method: &str) -> Pattern<T> {
        self.last(|stage| {
            if stage.repeats == Repeats::Once {
                return Err(format!("does not repeat: give a quantifier before {method}"));
            }
            if stage.inner != Contiguity::Relaxed {
                return Err("is consecutive or allows combinations already: say one, once".into());
            }
            stage.inner = inner;
            Ok(())
        })
    }

    /// All events of a match are less than `time` apart; of several such times the shortest counts.
    /// A match that has begun times out when it is over.
    #[must_use]
    pub fn within(self, time: Duration) -> Pattern<T> {
        self.last(|stage| {
            stage.within = Some(positive(time)?);
            Ok(())
        })
    }

    /// An event of the last pattern comes less than `time` after the event before it. Counts while
    /// a match waits for this pattern; for one that repeats also between its own events. Source:
    /// Flink, `WithinType.PREVIOUS_AND_CURRENT`.
    #[must_use]
    pub fn within_previous(self, time: Duration) -> Pattern<T> {
        self.last(|stage| {
            if stage.group().is_some() {
                return Err("is a group: say within_previous of the patterns in it".into());
            }
            stage.within_previous = Some(positive(time)?);
            Ok(())
        })
    }

    /// What is skipped once a match is found; nothing unless given.
    #[must_use]
    pub fn after_match(mut self, skip: AfterMatchSkipStrategy) -> Pattern<T> {
        self.skip = skip;
        self
    }

    /// Whether the pattern makes sense; a job or operator with it says the same.
    ///
    /// # Errors
    /// It does not: which pattern, why, and what to do about it. Fatal.
    pub fn validate(&self) -> Result<(), Error> {
        compile(self).map(|_| ()).map_err(Error::fatal)
    }

    fn last(mut self, change: impl FnOnce(&mut Stage<T>) -> Result<(), String>) -> Pattern<T> {
        if let Some(stage) = self.stages.last_mut()
            && let Err(why) = change(stage)
        {
            let label = stage.label();
            self.errors.push(format!("{label} {why}"));
        }
        self
    }
}

/// How often a pattern repeats at most, as each time is a state of the compiled pattern.
const MAX_TIMES: u32 = 1000;

fn positive(time: Duration) -> Result<i64, String> {
    match millis(time) {
        0 => Err("has less than a millisecond of time: give at least one".into()),
        time => Ok(time),
    }
}

impl<T> std::fmt::Debug for Pattern<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let labels: Vec<String> = self.stages.iter().map(Stage::label).collect();
        f.debug_struct("Pattern").field("stages", &labels).finish_non_exhaustive()
    }
}
