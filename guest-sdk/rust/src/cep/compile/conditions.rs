//! The conditions of edges: what a pattern takes, what it may pass over, and what stops a match.

use super::Compiler;
use crate::cep::condition::Condition;
use crate::cep::graph::{Action, Edge, State, StateKind};
use crate::cep::stage::{Contiguity, Stage};

impl<'p, T> Compiler<'p, T> {
    /// A condition that an until takes back; without a condition none is left.
    pub(super) fn unless(
        condition: Option<Condition<T>>,
        until: Option<&Condition<T>>,
    ) -> Option<Condition<T>> {
        match (condition, until) {
            (Some(condition), Some(until)) => Some(until.clone().not().and(condition)),
            (condition, _) => condition,
        }
    }

    fn group_until(&self) -> Option<&'p Condition<T>> {
        self.group.and_then(|group| group.until.as_ref())
    }

    /// Whether the stage begins the group that is compiled.
    fn is_head_of_group(&self, stage: &Stage<T>) -> bool {
        self.group.is_some() && self.chain.first().is_some_and(|first| std::ptr::eq(first, stage))
    }

    pub(super) fn take_condition(&self, stage: &Stage<T>) -> Condition<T> {
        Self::unless(Some(stage.test()), self.group_until()).unwrap_or(Condition::Always)
    }

    /// What leads on without an event.
    pub(super) fn always(&self) -> Condition<T> {
        Self::unless(Some(Condition::Always), self.group_until()).unwrap_or(Condition::Always)
    }

    /// What a match may pass over before the first event of a stage.
    pub(super) fn ignore_condition(&self, stage: &Stage<T>) -> Option<Condition<T>> {
        let contiguity = match self.group {
            Some(group) if self.is_head_of_group(stage) && self.group_begins => group.contiguity,
            Some(group) if self.is_head_of_group(stage) => group.inner,
            _ => stage.contiguity,
        };
        self.passes_over(stage, contiguity)
    }

    /// What a match may pass over between the events of a stage.
    pub(super) fn inner_ignore_condition(&self, stage: &Stage<T>) -> Option<Condition<T>> {
        let contiguity = match self.group {
            Some(group) if self.is_head_of_group(stage) => group.inner,
            _ => stage.inner,
        };
        self.passes_over(stage, contiguity)
    }

    fn passes_over(&self, stage: &Stage<T>, contiguity: Contiguity) -> Option<Condition<T>> {
        let condition = match contiguity {
            Contiguity::Strict | Contiguity::NotNext | Contiguity::NotFollowedBy => None,
            Contiguity::Relaxed => Some(stage.test().not()),
            Contiguity::Any => Some(Condition::Always),
        };
        Self::unless(condition, self.group_until())
    }

    /// The not patterns that hold while a match waits for the current stage: those right before it,
    /// or before optional stages before it.
    fn nots(&self) -> Vec<&'p Stage<T>> {
        let before = self.chain[..self.at].iter().rev();
        // A `not_next` has no events either, so what holds before it holds behind it.
        let near = before.take_while(|stage| stage.optional || stage.is_not());
        near.filter(|stage| stage.contiguity == Contiguity::NotFollowedBy).collect()
    }

    pub(super) fn stop_state(&mut self, stage: &'p Stage<T>) -> u32 {
        let pattern = self.pattern_of(stage);
        if let Some(known) = self.stops.get(&pattern) {
            return *known;
        }
        let kind = StateKind::Stop;
        self.states.push(State { pattern, kind, window: None, edges: Vec::new() });
        let state = (self.states.len() - 1) as u32;
        self.stops.insert(pattern, state);
        state
    }

    pub(super) fn add_stops(&mut self, state: u32) {
        for stage in self.nots() {
            self.add_stop(state, stage);
        }
    }

    /// Lets the not pattern behind the current stage hold in a state between its events.
    pub(super) fn add_following_stop(&mut self, state: u32) {
        if let Some(stage) = self.following
            && stage.contiguity == Contiguity::NotFollowedBy
        {
            self.add_stop(state, stage);
        }
    }

    fn add_stop(&mut self, state: u32, stage: &'p Stage<T>) {
        let condition = self.take_condition(stage);
        let stop = self.stop_state(stage);
        self.edge(state, Action::Proceed, stop, condition);
    }

    /// What is behind an optional stage once it has taken an event, where the not patterns before
    /// it hold no longer.
    pub(super) fn copy_without_nots(&mut self, sink: u32) -> u32 {
        if !self.stage().optional {
            return sink;
        }
        let nots: Vec<u32> = self.nots().iter().map(|stage| self.pattern_of(stage)).collect();
        if nots.is_empty() { sink } else { self.copy_without(sink, &nots) }
    }

    fn copy_without(&mut self, state: u32, nots: &[u32]) -> u32 {
        let copy = self.copy(state);
        let edges = std::mem::take(&mut self.states[copy as usize].edges);
        for Edge { action, target, condition } in edges {
            let is_stop = self.kind(target) == StateKind::Stop;
            if is_stop && nots.contains(&self.states[target as usize].pattern) {
                continue;
            }
            // What is behind the next event has its own way to be without them.
            let further = match action {
                Action::Proceed | Action::Ignore if target != copy && !is_stop => {
                    self.copy_without(target, nots)
                }
                Action::Proceed | Action::Ignore | Action::Take => target,
            };
            self.edge(copy, action, further, condition);
        }
        copy
    }

    /// The same state again, whose edges to itself lead to the copy.
    pub(super) fn copy(&mut self, state: u32) -> u32 {
        let State { pattern, kind, window, ref edges } = self.states[state as usize];
        let copy = self.states.len() as u32;
        let redirect = |edge: &Edge<T>| {
            let target = if edge.target == state { copy } else { edge.target };
            Edge { target, ..edge.clone() }
        };
        let edges = edges.iter().map(redirect).collect();
        self.states.push(State { pattern, kind, window, edges });
        copy
    }
}
