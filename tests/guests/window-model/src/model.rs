//! What windows of one key are, written down slowly: every window keeps all its elements, and all
//! timers are one ordered set. Shares no code with the operators.

use std::collections::{BTreeMap, BTreeSet};

use crate::setup::{Assigner, Evictor, GLOBAL, Setup, Span, Trigger};

impl Setup {
    /// Whether windows merge.
    pub fn merges(&self) -> bool {
        matches!(self.assigner, Assigner::Session { .. } | Assigner::DynamicSession)
    }
}

/// What happens to windows.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// An element comes.
    Element {
        /// Its key.
        key: u8,
        /// Its timestamp.
        at: i64,
        /// Its value.
        value: i64,
    },
    /// A watermark comes.
    Watermark(i64),
    /// The clock moves on by so many milliseconds.
    Clock(i64),
}

/// A result: the window, the elements it was made of, and how often the window had fired before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// The window.
    pub window: Span,
    /// The values of its elements, in the order they came in.
    pub values: Vec<i64>,
    /// How often it had fired.
    pub before: u64,
}

#[derive(Default)]
struct Window {
    elements: Vec<(i64, i64)>,
    /// Of count triggers.
    count: u64,
    /// Of continuous triggers.
    next: Option<i64>,
    /// Of delta triggers.
    last: Option<i64>,
    fired: u64,
}

#[derive(Clone, Copy, PartialEq)]
struct Decision {
    fire: bool,
    purge: bool,
}

const CONTINUE: Decision = Decision { fire: false, purge: false };
const FIRE: Decision = Decision { fire: true, purge: false };

/// A timer: by event time or not, when, of which window.
type Timer = (bool, i64, Span);

/// The windows of one key.
pub struct Model<'a> {
    setup: &'a Setup,
    watermark: i64,
    clock: i64,
    windows: BTreeMap<Span, Window>,
    timers: BTreeSet<Timer>,
    /// What has fired.
    pub results: Vec<Fired>,
    /// The values of elements that came too late.
    pub late: Vec<i64>,
}

fn max_timestamp(window: Span) -> i64 {
    if window == GLOBAL { i64::MAX } else { window.1 - 1 }
}

fn floor_to(at: i64, step: i64) -> i64 {
    at - at.rem_euclid(step)
}

impl std::fmt::Debug for Model<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("results", &self.results).finish_non_exhaustive()
    }
}

impl<'a> Model<'a> {
    /// Starts when the clock shows `clock`.
    pub fn new(setup: &'a Setup, clock: i64) -> Model<'a> {
        Model {
            setup,
            watermark: i64::MIN,
            clock,
            windows: BTreeMap::new(),
            timers: BTreeSet::new(),
            results: Vec::new(),
            late: Vec::new(),
        }
    }

    /// Takes a step, unless it is an element of another key.
    pub fn step_of(&mut self, key: u8, step: Step) {
        if !matches!(step, Step::Element { key: of, .. } if of != key) {
            self.step(step);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Element { at, value, .. } => self.element(at, value),
            Step::Watermark(watermark) => {
                self.watermark = watermark;
                self.fire_timers(true, watermark);
            }
            Step::Clock(by) => {
                self.clock += by;
                // Elements of this millisecond may still come.
                self.fire_timers(false, self.clock - 1);
            }
        }
    }

    fn assign(&self, at: i64, value: i64) -> Vec<Span> {
        let at = if self.setup.event_time { at } else { self.clock };
        match self.setup.assigner {
            Assigner::Tumbling { size, offset } => {
                let start = floor_to(at - offset, size) + offset;
                vec![(start, start + size)]
            }
            Assigner::Sliding { size, slide, offset } => {
                let last = floor_to(at - offset, slide) + offset;
                let starts = (0..).map(|back| last - back * slide);
                starts.take_while(|start| start + size > at).map(|s| (s, s + size)).collect()
            }
            Assigner::Session { gap } => vec![(at, at + gap)],
            Assigner::DynamicSession => vec![(at, at + value.rem_euclid(5) + 1)],
            Assigner::Global | Assigner::Count => vec![GLOBAL],
        }
    }

    fn cleanup_time(&self, window: Span) -> i64 {
        let lateness = if self.setup.event_time { self.setup.lateness } else { 0 };
        max_timestamp(window).saturating_add(lateness)
    }

    fn element(&mut self, at: i64, value: i64) {
        let mut taken = false;
        for assigned in self.assign(at, value) {
            let window = if self.setup.merges() { self.merge(assigned) } else { assigned };
            if self.setup.event_time && self.cleanup_time(window) <= self.watermark {
                self.windows.remove(&window);
                continue;
            }
            taken = true;
            self.windows.entry(window).or_default().elements.push((at, value));
            let decision = self.on_element(window, at, value);
            self.act(window, decision);
            if self.cleanup_time(window) != i64::MAX {
                self.timers.insert((self.setup.event_time, self.cleanup_time(window), window));
            }
        }
        if !taken && self.setup.event_time && at + self.setup.lateness <= self.watermark {
            self.late.push(value);
        }
    }

    /// Merges a window with all that it overlaps or touches.
    fn merge(&mut self, window: Span) -> Span {
        let touches =
            |other: &&Span| window.0 <= other.1 && window.1 >= other.0 && **other != window;
        let members: Vec<Span> = self.windows.keys().filter(touches).copied().collect();
        let start = members.iter().map(|member| member.0).min().unwrap_or(window.0).min(window.0);
        let end = members.iter().map(|member| member.1).max().unwrap_or(window.1).max(window.1);
        let merged = (start, end);
        if members.is_empty() || members == [merged] {
            return merged;
        }
        let also_known = self.windows.contains_key(&merged);
        assert!(!also_known || members.contains(&merged), "sessions do not overlap");
        let parts: Vec<Window> =
            members.iter().filter_map(|member| self.windows.remove(member)).collect();
        let known = self.windows.remove(&window);
        self.timers.retain(|timer| !members.contains(&timer.2) && timer.2 != window);
        let mut whole = Window::default();
        for part in parts.into_iter().chain(known) {
            whole.elements.extend(part.elements);
            whole.count += part.count;
            whole.next = [whole.next, part.next].into_iter().flatten().min();
        }
        let next = whole.next;
        self.windows.insert(merged, whole);
        self.on_merge(merged, next);
        merged
    }

    fn on_merge(&mut self, window: Span, next: Option<i64>) {
        let end = max_timestamp(window);
        match self.setup.trigger {
            Trigger::EventTime if end > self.watermark => {
                self.timers.insert((true, end, window));
            }
            Trigger::ProcessingTime if end > self.clock => {
                self.timers.insert((false, end, window));
            }
            Trigger::ContinuousEventTime(_) => {
                self.timers.extend(next.map(|at| (true, at, window)));
            }
            Trigger::ContinuousProcessingTime(_) => {
                self.timers.extend(next.map(|at| (false, at, window)));
            }
            Trigger::EventTime
            | Trigger::ProcessingTime
            | Trigger::Count(_)
            | Trigger::Delta(_)
            | Trigger::Never
            | Trigger::Custom => {}
        }
    }

    fn on_element(&mut self, window: Span, at: i64, value: i64) -> Decision {
        let end = max_timestamp(window);
        let state = self.windows.get_mut(&window).expect("the element was added");
        match self.setup.trigger {
            Trigger::EventTime => {
                if end <= self.watermark {
                    return FIRE;
                }
                self.timers.insert((true, end, window));
                CONTINUE
            }
            Trigger::ProcessingTime => {
                self.timers.insert((false, end, window));
                CONTINUE
            }
            Trigger::Count(count) => {
                state.count += 1;
                if state.count < count {
                    return CONTINUE;
                }
                state.count = 0;
                FIRE
            }
            Trigger::ContinuousEventTime(interval) => {
                if end <= self.watermark {
                    return FIRE;
                }
                self.timers.insert((true, end, window));
                if state.next.is_none() {
                    // Towards zero, as Flink does it.
                    let next = (at - at % interval + interval).min(end);
                    state.next = Some(next);
                    self.timers.insert((true, next, window));
                }
                CONTINUE
            }
            Trigger::ContinuousProcessingTime(interval) => {
                if state.next.is_none() {
                    let next = (self.clock - self.clock % interval + interval).min(end);
                    state.next = Some(next);
                    self.timers.insert((false, next, window));
                }
                CONTINUE
            }
            Trigger::Delta(threshold) => match state.last {
                Some(last) if (value - last) as f64 <= threshold => CONTINUE,
                Some(_) => {
                    state.last = Some(value);
                    FIRE
                }
                None => {
                    state.last = Some(value);
                    CONTINUE
                }
            },
            Trigger::Never => CONTINUE,
            Trigger::Custom => {
                state.count += 1;
                self.timers.insert((true, at + 3, window));
                Decision { fire: false, purge: state.count.is_multiple_of(3) }
            }
        }
    }

    fn on_timer(&mut self, (event_time, at, window): Timer) -> Decision {
        let end = max_timestamp(window);
        let next = self.windows.get(&window).and_then(|state| state.next);
        match (self.setup.trigger, event_time) {
            (Trigger::EventTime, true) if at == end => FIRE,
            (Trigger::ProcessingTime, false) | (Trigger::Custom, true) => FIRE,
            (Trigger::ContinuousEventTime(interval), true) => {
                if at == end {
                    return FIRE;
                }
                if next != Some(at) {
                    return CONTINUE;
                }
                self.arm(true, window, (at + interval).min(end));
                FIRE
            }
            (Trigger::ContinuousProcessingTime(interval), false) => {
                if next != Some(at) {
                    return CONTINUE;
                }
                if at < end {
                    self.arm(false, window, (at + interval).min(end));
                }
                FIRE
            }
            _ => CONTINUE,
        }
    }

    fn arm(&mut self, event_time: bool, window: Span, at: i64) {
        self.windows.entry(window).or_default().next = Some(at);
        self.timers.insert((event_time, at, window));
    }

    fn act(&mut self, window: Span, decision: Decision) {
        let state = self.windows.entry(window).or_default();
        if decision.fire && !state.elements.is_empty() {
            let before = state.fired;
            if let Some((evictor, false)) = self.setup.evictor {
                evict(evictor, &mut state.elements);
            }
            let values = state.elements.iter().map(|element| element.1).collect();
            self.results.push(Fired { window, values, before });
            state.fired += 1;
            if let Some((evictor, true)) = self.setup.evictor {
                evict(evictor, &mut state.elements);
            }
        }
        if decision.purge || (decision.fire && self.setup.purging) {
            state.elements.clear();
        }
    }

    fn fire_timers(&mut self, event_time: bool, until: i64) {
        loop {
            let due = |timer: &&Timer| timer.0 == event_time && timer.1 <= until;
            let Some(timer) = self.timers.iter().filter(due).min_by_key(|timer| (timer.1, timer.2))
            else {
                return;
            };
            let timer = *timer;
            self.timers.remove(&timer);
            let window = timer.2;
            if self.setup.merges() && !self.windows.contains_key(&window) {
                continue;
            }
            let decision = self.on_timer(timer);
            self.act(window, decision);
            if event_time == self.setup.event_time && timer.1 == self.cleanup_time(window) {
                self.clear(window);
            }
        }
    }

    fn clear(&mut self, window: Span) {
        let state = self.windows.remove(&window).unwrap_or_default();
        let end = max_timestamp(window);
        match self.setup.trigger {
            Trigger::EventTime => {
                self.timers.remove(&(true, end, window));
            }
            Trigger::ProcessingTime => {
                self.timers.remove(&(false, end, window));
            }
            Trigger::ContinuousEventTime(_) => {
                state.next.map(|at| self.timers.remove(&(true, at, window)));
            }
            Trigger::ContinuousProcessingTime(_) => {
                state.next.map(|at| self.timers.remove(&(false, at, window)));
            }
            // The custom trigger leaves its timers behind.
            Trigger::Count(_) | Trigger::Delta(_) | Trigger::Never | Trigger::Custom => {}
        }
    }
}

fn evict(evictor: Evictor, elements: &mut Vec<(i64, i64)>) {
    match evictor {
        Evictor::Count(count) => {
            let excess = elements.len().saturating_sub(count);
            elements.drain(..excess);
        }
        Evictor::Delta(threshold) => {
            let Some(last) = elements.last().copied() else { return };
            elements.retain(|element| ((last.1 - element.1) as f64) < threshold);
        }
        Evictor::Time(size) => {
            let newest = elements.iter().map(|element| element.0).max();
            elements.retain(|element| newest.is_some_and(|newest| element.0 > newest - size));
        }
    }
}
