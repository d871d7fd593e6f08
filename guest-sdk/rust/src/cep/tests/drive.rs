//! Runs a pattern over events that are words such as `b2`: the letter is matched, and the whole is
//! shown.

use crate::cep::compile::compile;
use crate::cep::found::Match;
use crate::cep::nfa::{MAX_PARTIAL_MATCHES, Nfa, Report};
use crate::cep::pattern::Pattern;
use crate::cep::progress::Matches;
use crate::error::Error;

/// A condition by the first letter.
pub(crate) fn letter(
    letter: char,
) -> impl Fn(&String, &crate::cep::ConditionContext<'_, String>) -> bool + Clone {
    move |event, _| event.starts_with(letter)
}

/// A condition by several first letters.
pub(crate) fn letters(
    letters: &'static str,
) -> impl Fn(&String, &crate::cep::ConditionContext<'_, String>) -> bool + Clone {
    move |event, _| event.starts_with(|first| letters.contains(first))
}

/// What was found, as words and with the time at which.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) found: Vec<(String, i64)>,
    pub(crate) timed_out: Vec<(String, i64)>,
    shows_names: bool,
}

impl Seen {
    fn words(&self, found: &Match<'_, String>) -> String {
        let word = |(name, event): (&str, &String)| match self.shows_names {
            true => format!("{name}:{event}"),
            false => event.clone(),
        };
        found.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

impl Report<String> for Seen {
    fn matched(&mut self, found: &Match<'_, String>, at: i64) -> Result<(), Error> {
        self.found.push((self.words(found), at));
        Ok(())
    }

    fn timed_out(&mut self, partial: &Match<'_, String>, at: i64) -> Result<(), Error> {
        self.timed_out.push((self.words(partial), at));
        Ok(())
    }
}

/// An automaton with the matches of one key.
pub(crate) struct Run {
    nfa: Nfa<String>,
    pub(crate) matches: Matches<String>,
    pub(crate) seen: Seen,
}

impl Run {
    pub(crate) fn of(pattern: &Pattern<String>) -> Run {
        let graph = compile(pattern).expect("the pattern makes sense");
        let nfa = Nfa::new(graph, pattern.skip.clone(), MAX_PARTIAL_MATCHES);
        Run { nfa, matches: Matches::default(), seen: Seen::default() }
    }

    /// Shows the names of patterns before their events.
    pub(crate) fn with_names(mut self) -> Run {
        self.seen.shows_names = true;
        self
    }

    pub(crate) fn event(&mut self, word: &str, at: i64) -> Result<(), Error> {
        self.nfa.advance(&mut self.matches, at, &mut self.seen)?;
        self.nfa.process(&mut self.matches, word.to_owned(), at, &|| 0, &mut self.seen)?;
        self.matches.compact();
        Ok(())
    }

    pub(crate) fn advance(&mut self, to: i64) {
        self.nfa.advance(&mut self.matches, to, &mut self.seen).expect("time advances");
    }
}

/// The matches in words that come one millisecond after the other, from 1 on.
pub(crate) fn find(pattern: &Pattern<String>, words: &str) -> Vec<String> {
    let mut run = Run::of(pattern);
    for (number, word) in words.split_whitespace().enumerate() {
        run.event(word, number as i64 + 1).expect("the event is processed");
    }
    run.seen.found.into_iter().map(|(shown, _)| shown).collect()
}

/// The same without their order.
pub(crate) fn find_sorted(pattern: &Pattern<String>, words: &str) -> Vec<String> {
    let mut found = find(pattern, words);
    found.sort();
    found
}
