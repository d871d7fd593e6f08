//! A compiled pattern: states, and what leads from one to another. Source: Flink, `State`,
//! `StateTransition`.

use std::rc::Rc;

use super::condition::{Condition, ConditionContext};

/// What following an edge does with the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The match gets it.
    Take,
    /// The match passes it over.
    Ignore,
    /// The target is asked about the same event.
    Proceed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateKind {
    Normal,
    /// A match is complete.
    Final,
    /// A match can be none any more.
    Stop,
    /// A match is complete once its time is over.
    Pending,
}

pub(crate) struct Edge<T> {
    pub(crate) action: Action,
    pub(crate) target: u32,
    pub(crate) condition: Condition<T>,
}

impl<T> Clone for Edge<T> {
    fn clone(&self) -> Edge<T> {
        let Edge { action, target, condition } = self;
        Edge { action: *action, target: *target, condition: condition.clone() }
    }
}

pub(crate) struct State<T> {
    /// The number of the name of its pattern.
    pub(crate) pattern: u32,
    pub(crate) kind: StateKind,
    /// Milliseconds from the event before that a match may wait here.
    pub(crate) window: Option<i64>,
    pub(crate) edges: Vec<Edge<T>>,
}

/// All states of a pattern.
pub(crate) struct Graph<T> {
    pub(crate) states: Vec<State<T>>,
    pub(crate) start: u32,
    /// The names of all patterns in their order.
    pub(crate) names: Vec<Rc<str>>,
    /// Milliseconds from the first to the last event of a match.
    pub(crate) window: Option<i64>,
    /// Tells this graph from others that number their states differently.
    pub(crate) fingerprint: u32,
}

/// An edge that an event follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    pub(crate) takes: bool,
    /// The pattern that takes the event.
    pub(crate) pattern: u32,
    pub(crate) target: u32,
    /// The match is complete with this event, beside going on at the target.
    pub(crate) completes: Option<u32>,
}

impl<T> Graph<T> {
    pub(crate) fn state(&self, state: u32) -> &State<T> {
        &self.states[state as usize]
    }

    /// Gathers the moves of a match in `state` with an event, and tells whether the event stops it.
    /// `todo` is scratch memory.
    pub(crate) fn moves(
        &self,
        state: u32,
        event: &T,
        ctx: &ConditionContext<'_, T>,
        moves: &mut Vec<Move>,
        todo: &mut Vec<u32>,
    ) -> bool {
        let mut stops = false;
        moves.clear();
        todo.clear();
        todo.push(state);
        // What proceeding leads to has no cycles: the compiler refuses groups without events.
        while let Some(current) = todo.pop() {
            let State { pattern, edges, .. } = self.state(current);
            for edge in edges {
                if !edge.condition.holds(event, ctx) {
                    continue;
                }
                let target = edge.target;
                let pattern = *pattern;
                match edge.action {
                    Action::Proceed if self.state(target).kind == StateKind::Stop => stops = true,
                    Action::Proceed => todo.push(target),
                    Action::Ignore => {
                        moves.push(Move { takes: false, pattern, target, completes: None });
                    }
                    Action::Take => {
                        moves.push(Move { takes: true, pattern, target, completes: None });
                    }
                }
            }
        }
        for taken in moves.iter_mut().filter(|taken| taken.takes) {
            taken.completes = self.proceeds_to_final(taken.target, event, ctx, todo);
        }
        stops
    }

    /// The final state that a state leads to without another event.
    fn proceeds_to_final(
        &self,
        state: u32,
        event: &T,
        ctx: &ConditionContext<'_, T>,
        todo: &mut Vec<u32>,
    ) -> Option<u32> {
        todo.clear();
        todo.push(state);
        while let Some(current) = todo.pop() {
            for edge in &self.state(current).edges {
                if edge.action == Action::Proceed && edge.condition.holds(event, ctx) {
                    if self.state(edge.target).kind == StateKind::Final {
                        return Some(edge.target);
                    }
                    todo.push(edge.target);
                }
            }
        }
        None
    }

    /// Whether a match in a state is complete by the end of its time. Source: Flink,
    /// `NFA.advanceTime`, where one in a loop is complete only if an event has come that the loop
    /// has passed over.
    pub(crate) fn is_pending(&self, state: u32) -> bool {
        let State { kind, edges, .. } = self.state(state);
        let leads_on = |edge: &Edge<T>| {
            edge.action == Action::Proceed
                && matches!(edge.condition, Condition::Always)
                && self.is_pending(edge.target)
        };
        *kind == StateKind::Pending || edges.iter().any(leads_on)
    }

    /// A hash of names and states, but not of conditions and times, which may change.
    pub(crate) fn hash(&self) -> u32 {
        let mut hash: u32 = 0x811c_9dc5;
        let mut add = |byte: u8| hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        for name in &self.names {
            name.bytes().chain([0]).for_each(&mut add);
        }
        for state in &self.states {
            let numbers = [state.pattern, state.kind as u32, state.edges.len() as u32];
            let edges = state.edges.iter().flat_map(|edge| [edge.action as u32, edge.target]);
            numbers.into_iter().chain(edges).flat_map(u32::to_le_bytes).for_each(&mut add);
        }
        hash
    }
}
