//! Runs a graph over the matches of a key: each event moves each of them, and may begin one.
//! Source: Flink, `NFA`.
//!
//! Law: what is found depends on events and timestamps only, not on when time is advanced between
//! them.

use super::condition::ConditionContext;
use super::found::Match;
use super::graph::{Graph, Move, StateKind};
use super::progress::{Matches, Partial};
use super::skip::AfterMatchSkipStrategy;
use crate::error::Error;

/// Matches that one key may have begun and not completed, unless a job says otherwise.
pub const MAX_PARTIAL_MATCHES: usize = 10_000;

/// Is told what was found, with the time at which.
pub(crate) trait Report<T> {
    fn matched(&mut self, found: &Match<'_, T>, at: i64) -> Result<(), Error>;
    fn timed_out(&mut self, partial: &Match<'_, T>, at: i64) -> Result<(), Error>;
}

/// A graph with what is needed to run it.
pub(crate) struct Nfa<T> {
    pub(crate) graph: Graph<T>,
    skip: AfterMatchSkipStrategy,
    max_partials: usize,
    /// By state, whether a match there is complete by the end of its time.
    pending: Vec<bool>,
    /// Scratch memory.
    moves: Vec<Move>,
    todo: Vec<u32>,
    spare: Vec<Partial>,
}

/// An event while it is processed.
struct Current<'a> {
    event: u32,
    at: i64,
    clock: &'a dyn Fn() -> i64,
}

impl<T> Nfa<T> {
    pub(crate) fn new(
        graph: Graph<T>,
        skip: AfterMatchSkipStrategy,
        max_partials: usize,
    ) -> Nfa<T> {
        let pending = (0..graph.states.len()).map(|state| graph.is_pending(state as u32)).collect();
        let (moves, todo, spare) = (Vec::new(), Vec::new(), Vec::new());
        Nfa { graph, skip, max_partials, pending, moves, todo, spare }
    }

    /// Processes an event, the next by time; time has been advanced to it.
    pub(crate) fn process(
        &mut self,
        matches: &mut Matches<T>,
        value: T,
        at: i64,
        clock: &dyn Fn() -> i64,
        report: &mut dyn Report<T>,
    ) -> Result<(), Error> {
        let event = matches.buffer.add(value);
        let current = Current { event, at, clock };
        let mut before = std::mem::take(&mut self.spare);
        std::mem::swap(&mut before, &mut matches.partials);
        for partial in before.drain(..) {
            self.step(matches, Some(partial), &current);
            matches.buffer.release(partial.step);
        }
        self.spare = before;
        self.step(matches, None, &current);
        let outcome = self.resolve(matches, at, report);
        matches.buffer.let_go(event);
        outcome?;
        let begun = matches.partials.len() + matches.completed.len();
        if begun > self.max_partials {
            return Err(Error::fatal(format!(
                "a key has {begun} matches that are not complete, and {} is the most: end them \
                 with within or until, match more strictly, skip after matches, or raise \
                 max_partial_matches",
                self.max_partials
            )));
        }
        Ok(())
    }

    /// Moves one match, or begins one.
    fn step(&mut self, matches: &mut Matches<T>, from: Option<Partial>, current: &Current<'_>) {
        let Nfa { graph, moves, todo, .. } = self;
        let buffer = &matches.buffer;
        let ctx = ConditionContext {
            buffer,
            node: from.map(|partial| partial.step),
            names: &graph.names,
            timestamp: current.at,
            clock: current.clock,
        };
        let event = buffer.event(current.event);
        let number = event.number;
        let here = from.map_or(graph.start, |partial| partial.state);
        let stops = graph.moves(here, &event.value, &ctx, moves, todo);
        for next in moves.drain(..) {
            let at = current.at;
            let partial = match (from, next.takes) {
                (Some(partial), false) => Partial { state: next.target, ..partial },
                // Before its first event there is no match that could pass an event over.
                (None, false) => continue,
                (from, true) => {
                    let before = from.map(|partial| partial.step);
                    let step = matches.buffer.step(next.pattern, current.event, before);
                    let state = next.target;
                    match from {
                        Some(partial) => Partial { state, step, previous_at: at, ..partial },
                        None => {
                            Partial { state, step, start: number, started_at: at, previous_at: at }
                        }
                    }
                }
            };
            if let Some(end) = next.completes {
                matches.buffer.hold(partial.step);
                matches.complete(Partial { state: end, ..partial });
            }
            if graph.state(partial.state).kind == StateKind::Final {
                matches.buffer.hold(partial.step);
                matches.complete(partial);
            } else if !stops {
                matches.buffer.hold(partial.step);
                matches.partials.push(partial);
            } else if next.takes {
                matches.buffer.settle(partial.step);
            }
        }
    }

    /// Reports complete matches, earliest first; one that others may precede waits if matches skip.
    fn resolve(
        &self,
        matches: &mut Matches<T>,
        at: i64,
        report: &mut dyn Report<T>,
    ) -> Result<(), Error> {
        while let Some(first) = matches.completed.front().copied() {
            let is_preceded = || matches.partials.first().is_some_and(|p| p.start < first.start);
            if self.skip.skips() && is_preceded() {
                return Ok(());
            }
            matches.completed.pop_front();
            let names = &self.graph.names;
            let path = matches.buffer.path(first.step);
            if let Some(start) = self.skip.next_start(&path, names, &matches.buffer)? {
                matches.skip_to(start);
            }
            let outcome = report.matched(&Match::new(names, &path, &matches.buffer), at);
            matches.buffer.release(first.step);
            outcome?;
        }
        Ok(())
    }

    /// When a match times out.
    fn due(&self, partial: &Partial) -> Option<i64> {
        let whole = self.graph.window.map(|window| partial.started_at.saturating_add(window));
        let previous = self.graph.state(partial.state).window;
        let previous = previous.map(|window| partial.previous_at.saturating_add(window));
        whole.into_iter().chain(previous).min()
    }

    /// When the next match times out.
    pub(crate) fn next_due(&self, matches: &Matches<T>) -> Option<i64> {
        matches.partials.iter().filter_map(|partial| self.due(partial)).min()
    }

    /// Lets matches time out up to and including `to`.
    pub(crate) fn advance(
        &mut self,
        matches: &mut Matches<T>,
        to: i64,
        report: &mut dyn Report<T>,
    ) -> Result<(), Error> {
        while let Some(due) = self.next_due(matches)
            && due <= to
        {
            // Where one that times out can make others complete, one time after the other.
            let in_turn = self.pending.contains(&true) || !matches.completed.is_empty();
            let until = if in_turn { due } else { to };
            // No record is at fault for what time does.
            self.time_out(matches, until, report).map_err(Error::into_fatal)?;
            self.resolve(matches, until, report).map_err(Error::into_fatal)?;
        }
        Ok(())
    }

    fn time_out(
        &mut self,
        matches: &mut Matches<T>,
        until: i64,
        report: &mut dyn Report<T>,
    ) -> Result<(), Error> {
        let mut out = std::mem::take(&mut self.spare);
        let mut partials = std::mem::take(&mut matches.partials);
        partials.retain(|partial| {
            let stays = self.due(partial).is_none_or(|due| due > until);
            if !stays {
                out.push(*partial);
            }
            stays
        });
        matches.partials = partials;
        // By time, and by their beginning where that is the same.
        out.sort_by_key(|partial| self.due(partial));
        let mut outcome = Ok(());
        for partial in out.drain(..) {
            if self.pending[partial.state as usize] {
                matches.complete(partial);
                continue;
            }
            if outcome.is_ok() {
                let at = self.due(&partial).unwrap_or(until);
                let path = matches.buffer.path(partial.step);
                let shown = Match::new(&self.graph.names, &path, &matches.buffer);
                outcome = report.timed_out(&shown, at);
            }
            matches.buffer.release(partial.step);
        }
        self.spare = out;
        outcome
    }
}
