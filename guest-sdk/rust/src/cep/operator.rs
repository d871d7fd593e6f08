//! The operator: puts the events of a key in order, has the automaton process them, and wakes up
//! when one is due. Source: Flink, `CepOperator`.
//!
//! Law: a key costs one timer of the host, at the first of what waits and what times out.

use std::cmp::Ordering;
use std::rc::Rc;

use super::found::Match;
use super::function::{MatchContext, PatternProcessFunction, TimedOut};
use super::nfa::{Nfa, Report};
use super::progress::Progress;
use crate::chain::instance::InstanceContext;
use crate::codec::{Data, Key};
use crate::collector::{Collector, OutputTag};
use crate::context::{Context, RuntimeContext};
use crate::error::Error;
use crate::function::KeyedProcessFunction;
use crate::host::NO_TIMESTAMP;
use crate::metrics::Counter;
use crate::state::{ValueState, ValueStateDescriptor};
use crate::timers::{TimeDomain, Timer};
use crate::window::{Earliest, LATE_DROPPED};

/// Name of the one state of the operator.
pub(crate) const STATE: &str = "matches";

/// Events that one key may have waiting for the watermark, unless a job says otherwise.
pub const MAX_WAITING_EVENTS: usize = 1_000_000;

/// The order of events that came at the same time.
pub(crate) type Comparator<T> = Box<dyn FnMut(&T, &T) -> Ordering>;

/// What a job says beside pattern and function.
pub(crate) struct Settings<T> {
    pub(crate) event_time: bool,
    pub(crate) late: Option<OutputTag<T>>,
    pub(crate) comparator: Option<Comparator<T>>,
    pub(crate) max_waiting: usize,
}

/// The operator of a pattern.
pub(crate) struct Detector<K, T, Out> {
    nfa: Nfa<T>,
    settings: Settings<T>,
    function: Box<dyn PatternProcessFunction<K, T, Out>>,
    timed_out: Option<TimedOut<K, T>>,
    state: ValueState<Progress<T>>,
    late_dropped: Counter,
    instance: Option<Rc<InstanceContext>>,
    /// Scratch memory: events of one timestamp.
    together: Vec<T>,
}

impl<K: Key, T: Data, Out: 'static> Detector<K, T, Out> {
    pub(crate) fn new(
        nfa: Nfa<T>,
        settings: Settings<T>,
        function: Box<dyn PatternProcessFunction<K, T, Out>>,
        timed_out: Option<TimedOut<K, T>>,
    ) -> Detector<K, T, Out> {
        Detector {
            nfa,
            settings,
            function,
            timed_out,
            state: ValueState::default(),
            late_dropped: Counter::default(),
            instance: None,
            together: Vec::new(),
        }
    }

    /// Has an event wait for its turn.
    fn wait(&self, event: T, at: i64, ctx: &Context<K>) -> Result<(), Error> {
        let (fingerprint, max) = (self.nfa.graph.fingerprint, self.settings.max_waiting);
        let domain = self.domain();
        self.state.modify(|cell| {
            let progress = cell.get_or_insert_with(|| Progress::new(fingerprint));
            if progress.waiting.len() >= max {
                return Err(Error::fatal(format!(
                    "a key has {max} events that wait for the watermark, and that is the most: \
                     let watermarks follow events more closely, or raise max_waiting_events"
                )));
            }
            progress.wait(at, event);
            let mut earliest = Earliest::default();
            progress.note_waiting(domain, &mut earliest);
            progress.armed.arm(&earliest, ctx)
        })
    }

    /// Processes all events that wait for a time up to `now`, with `event` behind them, and lets
    /// matches time out.
    fn run(
        &mut self,
        now: i64,
        fired: Option<i64>,
        event: Option<T>,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let domain = self.domain();
        let Detector { nfa, settings, function, timed_out, state, instance, together, .. } = self;
        let instance = instance.as_deref().expect("the operator was opened");
        let clock = || instance.processing_time();
        state.modify(|cell| {
            let progress = cell.get_or_insert_with(|| Progress::new(nfa.graph.fingerprint));
            check_graph(progress, nfa)?;
            if let Some(at) = fired {
                progress.armed.fired(domain, at);
            }
            let mut report =
                Reporter { function, timed_out, ctx, out, event_time: settings.event_time };
            let matches = &mut progress.matches;
            while let Some(at) = progress.waiting.front().map(|(at, _)| *at)
                && at <= now
            {
                while let Some(next) = progress.waiting.front().map(|(next, _)| *next)
                    && next == at
                {
                    together.extend(progress.waiting.pop_front().map(|(_, waited)| waited));
                }
                if let Some(comparator) = &mut settings.comparator {
                    together.sort_by(|one, other| comparator(one, other));
                }
                nfa.advance(matches, at, &mut report)?;
                for waited in together.drain(..) {
                    nfa.process(matches, waited, at, &clock, &mut report)?;
                }
            }
            nfa.advance(matches, now, &mut report)?;
            let outcome = match event {
                Some(event) => nfa.process(matches, event, now, &clock, &mut report),
                None => Ok(()),
            };
            matches.compact();
            if progress.is_empty() {
                *cell = None;
                return outcome;
            }
            let mut earliest = Earliest::default();
            progress.note_waiting(domain, &mut earliest);
            if let Some(due) = nfa.next_due(&progress.matches) {
                earliest.note(domain, due);
            }
            progress.armed.arm(&earliest, ctx)?;
            outcome
        })
    }

    fn domain(&self) -> TimeDomain {
        match self.settings.event_time {
            true => TimeDomain::EventTime,
            false => TimeDomain::ProcessingTime,
        }
    }
}

/// Refuses matches that another pattern has begun.
fn check_graph<T>(progress: &Progress<T>, nfa: &Nfa<T>) -> Result<(), Error> {
    if progress.fingerprint == nfa.graph.fingerprint {
        return Ok(());
    }
    Err(Error::fatal(
        "state 'matches' was written by another pattern: conditions and times may change, names, \
         order and quantifiers may not; give the operator another uid to begin anew",
    ))
}

/// Hands matches to the function.
struct Reporter<'a, K, T, Out> {
    function: &'a mut Box<dyn PatternProcessFunction<K, T, Out>>,
    timed_out: &'a mut Option<TimedOut<K, T>>,
    ctx: &'a mut Context<K>,
    out: &'a mut Collector<Out>,
    event_time: bool,
}

impl<K: Key, T, Out: 'static> Reporter<'_, K, T, Out> {
    /// Gives what is emitted its timestamp; none in processing time.
    fn stamp(&mut self, at: i64) {
        let at = if self.event_time { at } else { NO_TIMESTAMP };
        self.ctx.set_timestamp(at);
        self.out.begin_record(at);
    }
}

impl<K: Key, T: 'static, Out: 'static> Report<T> for Reporter<'_, K, T, Out> {
    fn matched(&mut self, found: &Match<'_, T>, at: i64) -> Result<(), Error> {
        self.stamp(at);
        let mut ctx = MatchContext { ctx: self.ctx, timestamp: at };
        self.function.process_match(found, &mut ctx, self.out)
    }

    fn timed_out(&mut self, partial: &Match<'_, T>, at: i64) -> Result<(), Error> {
        self.stamp(at);
        let mut ctx = MatchContext { ctx: self.ctx, timestamp: at };
        if let Some(timed_out) = self.timed_out {
            timed_out(partial, &mut ctx);
        }
        self.function.process_timed_out(partial, &mut ctx)
    }
}

impl<K: Key, T: Data, Out: 'static> KeyedProcessFunction<K, T, Out> for Detector<K, T, Out> {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<(), Error> {
        self.state = ctx.value_state(ValueStateDescriptor::new(STATE))?;
        if self.settings.event_time {
            self.late_dropped = ctx.counter(LATE_DROPPED)?;
        }
        self.instance = Some(Rc::clone(ctx.instance()));
        self.function.open(ctx)
    }

    #[inline]
    fn process(
        &mut self,
        value: T,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        if !self.settings.event_time {
            let now = ctx.current_processing_time();
            // Only what is to be sorted has to wait.
            return match self.settings.comparator {
                Some(_) => self.wait(value, now, ctx),
                None => self.run(now, None, Some(value), ctx, out),
            };
        }
        let Some(at) = ctx.timestamp() else {
            return Err(Error::bad_record(
                "patterns in event time need timestamps, and this record has none: assign them, \
                 or match in processing time",
            ));
        };
        if at > ctx.current_watermark() {
            return self.wait(value, at, ctx);
        }
        match &self.settings.late {
            Some(tag) => ctx.output(tag, value),
            None => self.late_dropped.increment(),
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<K>,
        out: &mut Collector<Out>,
    ) -> Result<(), Error> {
        let now = match timer.domain {
            TimeDomain::EventTime => ctx.current_watermark(),
            TimeDomain::ProcessingTime => ctx.current_processing_time(),
        };
        self.run(now.max(timer.timestamp), Some(timer.timestamp), None, ctx, out)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.function.close()
    }
}
