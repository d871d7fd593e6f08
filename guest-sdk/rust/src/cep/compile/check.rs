//! What makes a pattern senseless as a whole; what is wrong with one stage its builder has said.

use std::rc::Rc;

use crate::cep::pattern::Pattern;
use crate::cep::stage::{Content, Contiguity, Repeats, Stage};

/// How many states a pattern may need: each event that it can tell apart is about one.
const MAX_STATES: u64 = 20_000;

/// Checks a pattern and numbers its names.
pub(super) fn check<T>(pattern: &Pattern<T>) -> Result<Vec<Rc<str>>, String> {
    if !pattern.errors.is_empty() {
        return Err(pattern.errors.join("; "));
    }
    let mut names = Vec::new();
    number(&pattern.stages, &mut names)?;
    let states = states(&pattern.stages);
    if states > MAX_STATES {
        return Err(format!(
            "the pattern needs {states} states, and {MAX_STATES} is the most: let its groups \
             repeat less often"
        ));
    }
    sequence(&pattern.stages, true)?;
    if let Some(name) = pattern.skip.pattern() {
        let target = pattern.stages.iter().flat_map(singles).find(|stage| is_named(stage, name));
        match target {
            None => {
                return Err(format!(
                    "the matches are to skip to pattern '{name}', which there is not: name one of \
                     the patterns"
                ));
            }
            Some(stage) if stage.is_not() => {
                return Err(format!(
                    "the matches are to skip to pattern '{name}', which has no events as it is a \
                     not pattern: name another"
                ));
            }
            Some(_) => {}
        }
    }
    let Some(last) = pattern.stages.last() else {
        return Err("a pattern has no stages: begin it with one".to_owned());
    };
    let window = shortest_window(&pattern.stages);
    if last.contiguity == Contiguity::NotFollowedBy
        && window.is_none()
        && last.within_previous.is_none()
    {
        let label = last.label();
        return Err(format!("{label} is not_followed_by at the end: say within when that is"));
    }
    if let Some(window) = window {
        let longer = |stage: &&Stage<T>| stage.within_previous.is_some_and(|time| time > window);
        if let Some(stage) = pattern.stages.iter().flat_map(singles).find(longer) {
            return Err(format!(
                "{} has a longer within_previous than the {window} ms of within for the whole: \
                 shorten it",
                stage.label()
            ));
        }
    }
    Ok(names)
}

/// About how many states a sequence needs.
fn states<T>(stages: &[Stage<T>]) -> u64 {
    let one = |stage: &Stage<T>| {
        let times = match stage.repeats {
            Repeats::Once => 1,
            Repeats::Times { to, .. } => u64::from(to),
            Repeats::AtLeast(times) => u64::from(times) + 1,
        };
        times.saturating_mul(stage.group().map_or(1, states))
    };
    stages.iter().map(one).fold(0, u64::saturating_add)
}

fn is_named<T>(stage: &Stage<T>, name: &str) -> bool {
    matches!(&stage.content, Content::Single(known) if &**known == name)
}

/// The patterns of a stage without groups.
fn singles<T>(stage: &Stage<T>) -> Vec<&Stage<T>> {
    match stage.group() {
        None => vec![stage],
        Some(stages) => stages.iter().flat_map(singles).collect(),
    }
}

fn number<T>(stages: &[Stage<T>], names: &mut Vec<Rc<str>>) -> Result<(), String> {
    for stage in stages.iter().flat_map(singles) {
        if let Content::Single(name) = &stage.content {
            if names.contains(name) {
                return Err(format!("two patterns are named '{name}': give each its own name"));
            }
            if name.is_empty() || name.contains(':') {
                return Err(format!("a pattern is named '{name}': give a name without ':'"));
            }
            names.push(Rc::clone(name));
        }
    }
    Ok(())
}

/// Checks what hangs on the order of stages.
fn sequence<T>(stages: &[Stage<T>], is_whole: bool) -> Result<(), String> {
    for (position, stage) in stages.iter().enumerate() {
        let label = stage.label();
        if let Some(inner) = stage.group() {
            // What is behind the group decides whether its last pattern is the end.
            let is_end = is_whole && position + 1 == stages.len() && !stage.is_looping();
            sequence(inner, is_end)?;
            if stage.is_looping() && inner.iter().all(Stage::may_be_empty) {
                return Err(format!(
                    "{label} loops and may have no events, so that it never ends: let one of its \
                     patterns not be optional"
                ));
            }
        }
        if position + 1 == stages.len()
            && !is_whole
            && stage.contiguity == Contiguity::NotFollowedBy
        {
            return Err(format!(
                "{label} is not_followed_by at the end of a group, where nothing ends it: put it \
                 behind the group"
            ));
        }
    }
    Ok(())
}

/// The shortest time from the first to the last event that any stage gives.
pub(super) fn shortest_window<T>(stages: &[Stage<T>]) -> Option<i64> {
    let inner = |stage: &Stage<T>| {
        let inner = stage.group().and_then(shortest_window);
        stage.within.into_iter().chain(inner).min()
    };
    stages.iter().filter_map(inner).min()
}
