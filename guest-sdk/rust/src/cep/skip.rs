//! What a match does to other matches that have begun.

use std::rc::Rc;

use super::shared_buffer::{SharedBuffer, Step};
use crate::error::Error;

/// Which of the matches that have begun go on once a match is found. Source: Flink,
/// `AfterMatchSkipStrategy`.
///
/// With any but [`Self::no_skip`], a match waits for those that began earlier and may still be
/// completed, so use [`crate::cep::Pattern::within`] or `until` with them.
///
/// ```
/// use sandbar_sdk::cep::{AfterMatchSkipStrategy, Pattern};
///
/// let pattern: Pattern<char> = Pattern::begin("b")
///     .where_(|event, _| *event == 'b')
///     .one_or_more()
///     .followed_by("c")
///     .where_(|event, _| *event == 'c')
///     .after_match(AfterMatchSkipStrategy::skip_to_last("b"));
/// pattern.validate()?;
/// # Ok::<(), sandbar_sdk::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AfterMatchSkipStrategy {
    skip: Skip,
    errs_on_miss: bool,
}

#[derive(Clone, Debug)]
enum Skip {
    Nothing,
    ToNext,
    PastLastEvent,
    ToFirst(Rc<str>),
    ToLast(Rc<str>),
}

impl AfterMatchSkipStrategy {
    const fn of(skip: Skip) -> AfterMatchSkipStrategy {
        AfterMatchSkipStrategy { skip, errs_on_miss: false }
    }

    /// Every match is found. The default.
    pub const fn no_skip() -> AfterMatchSkipStrategy {
        AfterMatchSkipStrategy::of(Skip::Nothing)
    }

    /// Of the matches that begin with the same event, only the first is found.
    pub const fn skip_to_next() -> AfterMatchSkipStrategy {
        AfterMatchSkipStrategy::of(Skip::ToNext)
    }

    /// No match begins with an event of another match, or between its events.
    pub const fn skip_past_last_event() -> AfterMatchSkipStrategy {
        AfterMatchSkipStrategy::of(Skip::PastLastEvent)
    }

    /// No match begins before the first event of the pattern `name` in another match.
    pub fn skip_to_first(name: &str) -> AfterMatchSkipStrategy {
        AfterMatchSkipStrategy::of(Skip::ToFirst(name.into()))
    }

    /// No match begins before the last event of the pattern `name` in another match.
    pub fn skip_to_last(name: &str) -> AfterMatchSkipStrategy {
        AfterMatchSkipStrategy::of(Skip::ToLast(name.into()))
    }

    /// Fails the task where `skip_to_first` or `skip_to_last` cannot skip: the match has no event
    /// of that pattern, or begins with the event that it would skip to. Unless given, nothing is
    /// skipped then. Source: Flink, `SkipToElementStrategy.throwExceptionOnMiss`.
    #[must_use]
    pub fn error_on_miss(mut self) -> AfterMatchSkipStrategy {
        self.errs_on_miss = true;
        self
    }

    /// Whether it ever skips, so that the order of matches matters.
    pub(crate) fn skips(&self) -> bool {
        !matches!(self.skip, Skip::Nothing)
    }

    /// The pattern that it skips to, if it does.
    pub(crate) fn pattern(&self) -> Option<&str> {
        match &self.skip {
            Skip::ToFirst(name) | Skip::ToLast(name) => Some(name),
            Skip::Nothing | Skip::ToNext | Skip::PastLastEvent => None,
        }
    }

    /// The number of the first event that may begin a match after the match `path`, if it skips
    /// any.
    pub(crate) fn next_start<T>(
        &self,
        path: &[Step],
        names: &[Rc<str>],
        buffer: &SharedBuffer<T>,
    ) -> Result<Option<u64>, Error> {
        let number = |step: &Step| buffer.event(step.event).number;
        let of = |name: &Rc<str>| {
            let name = Rc::clone(name);
            move |step: &&Step| names[step.pattern as usize] == name
        };
        let target = match &self.skip {
            Skip::Nothing => return Ok(None),
            Skip::ToNext => return Ok(path.first().map(|step| number(step) + 1)),
            Skip::PastLastEvent => return Ok(path.last().map(|step| number(step) + 1)),
            Skip::ToFirst(name) => path.iter().find(of(name)),
            Skip::ToLast(name) => path.iter().rfind(of(name)),
        };
        let target = target.map(number);
        if self.errs_on_miss {
            let name = self.pattern().unwrap_or_default();
            if target.is_none() {
                return Err(Error::fatal(format!(
                    "cannot skip to pattern '{name}': the match has no event of it; let it not be \
                     optional, or leave out error_on_miss"
                )));
            }
            if target == path.first().map(number) {
                return Err(Error::fatal(format!(
                    "cannot skip to pattern '{name}': the match begins with that event and would \
                     be found again; skip to a later one, or leave out error_on_miss"
                )));
            }
        }
        Ok(target)
    }
}

impl Default for AfterMatchSkipStrategy {
    fn default() -> AfterMatchSkipStrategy {
        AfterMatchSkipStrategy::no_skip()
    }
}
