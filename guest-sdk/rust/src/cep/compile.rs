//! Makes the graph of a pattern, from its end to its beginning. Source: Flink, `NFACompiler`.
//!
//! Law: what proceeds to a state asks that state's edges after its own, in the order they were
//! added, since that order decides which of two matches comes first.

mod check;
mod conditions;

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::condition::Condition;
use super::graph::{Action, Edge, Graph, State, StateKind};
use super::pattern::Pattern;
use super::stage::{Content, Contiguity, Repeats, Stage};

/// Compiles a pattern.
///
/// # Errors
/// The pattern makes no sense: which part, why, and what to do.
pub(crate) fn compile<T>(pattern: &Pattern<T>) -> Result<Graph<T>, String> {
    let mut compiler = Compiler {
        states: Vec::new(),
        names: check::check(pattern)?,
        stops: FxHashMap::default(),
        chain: &pattern.stages,
        at: pattern.stages.len() - 1,
        following: None,
        group: None,
        group_begins: true,
        enters_group: true,
        leaves_group: false,
        originals: FxHashMap::default(),
        window: check::shortest_window(&pattern.stages),
    };
    let end = compiler.state(StateKind::Final);
    compiler.states[end as usize].window = None;
    let sink = compiler.middle(end);
    let start = compiler.convert(sink);
    let Compiler { states, names, window, .. } = compiler;
    let mut graph = Graph { states, start, names, window, fingerprint: 0 };
    graph.fingerprint = graph.hash();
    Ok(graph)
}

/// What is known while a pattern is compiled.
struct Compiler<'p, T> {
    states: Vec<State<T>>,
    names: Vec<Rc<str>>,
    /// The stop state of each not pattern, by the number of its name.
    stops: FxHashMap<u32, u32>,
    /// The sequence that is compiled, and the stage of it.
    chain: &'p [Stage<T>],
    at: usize,
    /// The stage behind it, also of the sequence that a group is in.
    following: Option<&'p Stage<T>>,
    /// The innermost group that the sequence is.
    group: Option<&'p Stage<T>>,
    /// Whether this is the first time round that group, where its own contiguity counts.
    group_begins: bool,
    /// The same for a group that is the current stage.
    enters_group: bool,
    /// Whether a match at the beginning of that group may also go on behind it.
    leaves_group: bool,
    /// The state that is gone to when an until ends a greedy loop, by the one gone to otherwise.
    originals: FxHashMap<u32, u32>,
    window: Option<i64>,
}

/// One event of a pattern, or a group once.
struct One<T> {
    take: Condition<T>,
    ignore: Option<Condition<T>>,
    optional: bool,
    /// It is not the first of its pattern.
    repeats: bool,
}

impl<'p, T> Compiler<'p, T> {
    fn stage(&self) -> &'p Stage<T> {
        &self.chain[self.at]
    }

    /// The number of the name of a stage; groups have the one of their first pattern.
    fn pattern_of(&self, stage: &Stage<T>) -> u32 {
        match &stage.content {
            Content::Single(name) => {
                self.names.iter().position(|known| known == name).unwrap_or_default() as u32
            }
            Content::Group(stages) => stages.first().map_or(0, |first| self.pattern_of(first)),
        }
    }

    fn state(&mut self, kind: StateKind) -> u32 {
        let stage = self.stage();
        let pattern = self.pattern_of(stage);
        self.states.push(State { pattern, kind, window: stage.within_previous, edges: Vec::new() });
        (self.states.len() - 1) as u32
    }

    fn edge(&mut self, from: u32, action: Action, target: u32, condition: Condition<T>) {
        self.states[from as usize].edges.push(Edge { action, target, condition });
    }

    fn kind(&self, state: u32) -> StateKind {
        self.states[state as usize].kind
    }

    /// Compiles all stages of the sequence but the first.
    fn middle(&mut self, sink: u32) -> u32 {
        let mut sink = sink;
        while self.at > 0 {
            sink = match self.stage().contiguity {
                Contiguity::NotFollowedBy => self.not_followed_by(sink),
                Contiguity::NotNext => self.not_next(sink),
                Contiguity::Strict | Contiguity::Relaxed | Contiguity::Any => self.convert(sink),
            };
            self.following = Some(self.stage());
            self.at -= 1;
        }
        sink
    }

    /// Not patterns are edges to stop states of the states around them; only at the end there is
    /// something to wait for.
    fn not_followed_by(&mut self, sink: u32) -> u32 {
        if self.kind(sink) != StateKind::Final {
            return sink;
        }
        let pending = self.state(StateKind::Pending);
        let condition = self.take_condition(self.stage());
        let stop = self.stop_state(self.stage());
        self.edge(pending, Action::Proceed, stop, condition.clone());
        self.edge(pending, Action::Ignore, pending, condition.not());
        pending
    }

    fn not_next(&mut self, sink: u32) -> u32 {
        let state = self.state(StateKind::Normal);
        let condition = self.take_condition(self.stage());
        let stop = self.stop_state(self.stage());
        // At the end it takes an event that is something else, and that is not proceeding.
        let action = match self.kind(sink) {
            StateKind::Final => Action::Ignore,
            StateKind::Normal | StateKind::Stop | StateKind::Pending => Action::Proceed,
        };
        self.edge(state, action, sink, condition.clone().not());
        self.edge(state, Action::Proceed, stop, condition);
        self.add_stops(state);
        state
    }

    fn convert(&mut self, sink: u32) -> u32 {
        let stage = self.stage();
        let first = match stage.repeats {
            Repeats::AtLeast(times) => {
                self.enters_group = false;
                let behind = self.copy_without_nots(sink);
                let looping = self.looping(behind);
                if behind != sink {
                    // Who leaves the loop out goes to the other one, and it is as greedy.
                    self.greedy_loop(sink);
                }
                self.times(looping, sink, (times, times))
            }
            Repeats::Times { from, to } => self.times(sink, sink, (from, to)),
            Repeats::Once => {
                let take = self.take_condition(stage);
                let ignore = self.ignore_condition(stage);
                let one = One { take, ignore, optional: stage.optional, repeats: false };
                self.singleton(sink, Some(sink), one)
            }
        };
        self.add_stops(first);
        first
    }

    /// The states of a pattern that occurs a number of times, before what is behind it.
    fn times(&mut self, sink: u32, proceed: u32, (from, to): (u32, u32)) -> u32 {
        let stage = self.stage();
        self.enters_group = false;
        let take = Self::unless(Some(self.take_condition(stage)), stage.until.as_ref())
            .unwrap_or(Condition::Always);
        let between = Self::unless(self.inner_ignore_condition(stage), stage.until.as_ref());
        if stage.greedy && from != to {
            self.make_greedy(sink, &take);
        }
        let mut last = sink;
        for _ in from..to {
            let (take, ignore) = (take.clone(), between.clone());
            let one = One { take, ignore, optional: true, repeats: true };
            last = self.singleton(last, Some(proceed), one);
            self.add_following_stop(last);
        }
        for _ in 1..from {
            let (take, ignore) = (take.clone(), between.clone());
            let one = One { take, ignore, optional: false, repeats: true };
            last = self.singleton(last, None, one);
            self.add_following_stop(last);
        }
        self.enters_group = true;
        let ignore = self.ignore_condition(stage);
        let one = One { take, ignore, optional: stage.optional, repeats: false };
        self.singleton(last, Some(proceed), one)
    }

    /// A state that takes one event, or the states of a group once.
    fn singleton(&mut self, sink: u32, proceed: Option<u32>, one: One<T>) -> u32 {
        let stage = self.stage();
        let One { take, ignore, optional, repeats } = one;
        // Only where a stage is optional is there something to proceed to.
        let proceed = proceed.filter(|_| optional);
        if stage.group().is_some() {
            return self.group_once(stage, sink, proceed);
        }
        let state = self.state(StateKind::Normal);
        let behind = self.copy_without_nots(sink);
        self.edge(state, Action::Take, behind, take.clone());
        if let Some(proceed) = proceed {
            let always = self.always();
            match (&stage.until, self.originals.get(&proceed).copied()) {
                (Some(until), Some(original)) if stage.greedy => {
                    self.edge(state, Action::Proceed, original, always.clone().and(until.clone()));
                    let unless = always.and(until.clone().not());
                    self.edge(state, Action::Proceed, proceed, unless);
                }
                _ => self.edge(state, Action::Proceed, proceed, always),
            }
        }
        if let Some(ignore) = ignore {
            let may_leave = optional || (self.at == 0 && self.leaves_group);
            let waiting = if may_leave {
                // Whoever passes an event over cannot leave the pattern out any more, or each way
                // to leave it out would be found twice.
                let waiting = self.state(StateKind::Normal);
                self.edge(waiting, Action::Take, behind, take);
                self.edge(waiting, Action::Ignore, waiting, ignore.clone());
                match repeats {
                    true => self.add_following_stop(waiting),
                    false => self.add_stops(waiting),
                }
                waiting
            } else {
                state
            };
            self.edge(state, Action::Ignore, waiting, ignore);
        }
        state
    }

    fn group_once(&mut self, group: &'p Stage<T>, sink: u32, proceed: Option<u32>) -> u32 {
        let always = self.always();
        self.inside(group, proceed.is_some(), |compiler| {
            let middle = compiler.middle(sink);
            let first = compiler.convert(middle);
            if let Some(proceed) = proceed {
                compiler.edge(first, Action::Proceed, proceed, always);
            }
            first
        })
    }

    fn looping_group(&mut self, group: &'p Stage<T>, sink: u32) -> u32 {
        let always = self.always();
        let round = self.state(StateKind::Normal);
        self.inside(group, true, |compiler| {
            let middle = compiler.middle(round);
            let first = compiler.convert(middle);
            compiler.edge(first, Action::Proceed, sink, always.clone());
            compiler.edge(round, Action::Proceed, first, always);
            first
        })
    }

    /// Compiles the inside of a group, at the beginning of which a match may leave it or not.
    fn inside(
        &mut self,
        group: &'p Stage<T>,
        leaves: bool,
        compile: impl FnOnce(&mut Self) -> u32,
    ) -> u32 {
        let stages = group.group().unwrap_or_default();
        let (chain, at, following) = (self.chain, self.at, self.following);
        let (outer, group_begins) = (self.group, self.group_begins);
        let (enters_group, leaves_group) = (self.enters_group, self.leaves_group);
        // Whoever may leave a group at its beginning may do so at that of a group which begins it.
        self.leaves_group = leaves || (at == 0 && leaves_group);
        (self.chain, self.at, self.group) = (stages, stages.len() - 1, Some(group));
        (self.group_begins, self.enters_group) = (enters_group, true);
        let first = compile(self);
        (self.chain, self.at, self.following) = (chain, at, following);
        (self.group, self.group_begins) = (outer, group_begins);
        (self.enters_group, self.leaves_group) = (enters_group, leaves_group);
        first
    }

    /// A state that takes one event after the other.
    fn looping(&mut self, sink: u32) -> u32 {
        let stage = self.stage();
        if stage.group().is_some() {
            return self.looping_group(stage, sink);
        }
        let take = self.take_condition(stage);
        let ignore = Self::unless(self.inner_ignore_condition(stage), stage.until.as_ref());
        let looping = self.state(StateKind::Normal);
        let always = self.always();
        self.greedy_loop(sink);
        match (&stage.until, self.originals.get(&sink).copied()) {
            (Some(until), Some(original)) if stage.greedy => {
                self.edge(looping, Action::Proceed, original, always.clone().and(until.clone()));
                self.edge(looping, Action::Proceed, sink, always.and(until.clone().not()));
            }
            _ => self.edge(looping, Action::Proceed, sink, always),
        }
        let take = Self::unless(Some(take), stage.until.as_ref()).unwrap_or(Condition::Always);
        self.edge(looping, Action::Take, looping, take.clone());
        self.add_following_stop(looping);
        if let Some(ignore) = ignore {
            let waiting = self.state(StateKind::Normal);
            self.edge(waiting, Action::Take, looping, take);
            self.edge(waiting, Action::Ignore, waiting, ignore.clone());
            self.edge(looping, Action::Ignore, waiting, ignore);
            self.add_following_stop(waiting);
        }
        looping
    }

    /// Lets what is behind a greedy loop wait until the loop cannot go on, or until ends it.
    fn greedy_loop(&mut self, sink: u32) {
        let stage = self.stage();
        if !stage.greedy || stage.group().is_some() {
            return;
        }
        if stage.until.is_some() {
            let original = self.copy(sink);
            self.originals.insert(sink, original);
        }
        let take = self.take_condition(stage);
        self.make_greedy(sink, &take);
    }

    /// Lets a state wait until the greedy pattern before it cannot take an event.
    fn make_greedy(&mut self, sink: u32, take: &Condition<T>) {
        for edge in &mut self.states[sink as usize].edges {
            edge.condition = edge.condition.clone().and(take.clone().not());
        }
    }
}
