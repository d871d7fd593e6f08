//! The cases: a seed says assigner, trigger, lateness and all the rest, and a stream of elements out
//! of order with the watermarks among them. Consecutive seeds go through every combination there is.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use window_model::setup::{Assigner, Evictor, Setup, Trigger};

/// Keys of elements; those above are of barriers and sentinels.
pub(crate) const KEYS: u8 = 3;

/// What the clock shows when elements begin, in milliseconds.
pub(crate) const START: i64 = 10_000;

/// How far the clock moves behind each round of elements, in milliseconds.
pub(crate) const MOVES_MS: [i64; 6] = [3, 1, 6, 2, 5, 60];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Windows {
    Tumbling,
    Sliding,
    Session,
    DynamicSession,
    Global,
    Count,
    SlidingCount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fires {
    EventTime,
    ProcessingTime,
    Count,
    ContinuousEventTime,
    ContinuousProcessingTime,
    Delta,
    Never,
    Custom,
}

/// What is not left to chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Combination {
    windows: Windows,
    event_time: bool,
    fires: Fires,
    purging: bool,
    is_late_allowed: bool,
    parallelism: u32,
}

/// All of them.
pub(crate) fn combinations() -> Vec<Combination> {
    let all_windows = [
        (Windows::Tumbling, true),
        (Windows::Tumbling, false),
        (Windows::Sliding, true),
        (Windows::Sliding, false),
        (Windows::Session, true),
        (Windows::Session, false),
        (Windows::DynamicSession, true),
        (Windows::DynamicSession, false),
        (Windows::Global, false),
        (Windows::Count, false),
        (Windows::SlidingCount, false),
    ];
    let all_fires = [
        Fires::EventTime,
        Fires::ProcessingTime,
        Fires::Count,
        Fires::ContinuousEventTime,
        Fires::ContinuousProcessingTime,
        Fires::Delta,
        Fires::Never,
        Fires::Custom,
    ];
    let mut all = Vec::new();
    for (windows, event_time) in all_windows {
        for fires in all_fires {
            for number in 0..8 {
                all.push(Combination {
                    windows,
                    event_time,
                    fires,
                    purging: number & 1 == 1,
                    is_late_allowed: number & 2 == 2,
                    parallelism: if number & 4 == 4 { 4 } else { 1 },
                });
            }
        }
    }
    all.retain(Combination::exists);
    all
}

impl Combination {
    fn exists(&self) -> bool {
        match self.windows {
            Windows::Tumbling | Windows::Sliding => !self.is_silly(),
            // These triggers cannot merge.
            Windows::Session | Windows::DynamicSession => {
                !self.is_silly() && !matches!(self.fires, Fires::Delta | Fires::Custom)
            }
            // Would fire at intervals until the end of time.
            Windows::Global => !self.is_silly() && self.fires != Fires::ContinuousEventTime,
            Windows::Count => self.fires == Fires::Count && self.purging,
            Windows::SlidingCount => self.fires == Fires::Count && !self.purging,
        }
    }

    /// To purge when nothing ever fires.
    fn is_silly(&self) -> bool {
        self.fires == Fires::Never && self.purging
    }
}

/// An element and the watermarks behind it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) key: u8,
    pub(crate) at: i64,
    pub(crate) value: i64,
    pub(crate) watermarks: Vec<i64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) setup: Setup,
    pub(crate) process: bool,
    pub(crate) tagged: bool,
    pub(crate) parallelism: u32,
    /// Whether the stream is united with one that is idle.
    pub(crate) idle: bool,
    /// What is sent before each move of the clock, and before the end.
    pub(crate) rounds: Vec<Vec<Line>>,
}

impl Case {
    pub(crate) fn of(seed: u64) -> Case {
        let all = combinations();
        let combination = all[(seed % all.len() as u64) as usize];
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let strategy = case(seed, combination);
        strategy.new_tree(&mut runner).expect("every draw is a case").current()
    }

    pub(crate) fn label(&self) -> String {
        format!("c{}", self.seed)
    }

    /// Whether results depend on when elements are processed.
    pub(crate) fn needs_clock(&self) -> bool {
        let clock = matches!(
            self.setup.trigger,
            Trigger::ProcessingTime | Trigger::ContinuousProcessingTime(_)
        );
        self.setup.assigner != Assigner::Count && (!self.setup.event_time || clock)
    }
}

fn assigner(windows: Windows) -> BoxedStrategy<Assigner> {
    match windows {
        Windows::Tumbling => (1i64..12, 0i64..12)
            .prop_map(|(size, offset)| Assigner::Tumbling { size, offset: offset % size })
            .boxed(),
        Windows::Sliding => (1i64..12, 1i64..12, -5i64..5)
            .prop_map(|(size, slide, offset)| Assigner::Sliding {
                size,
                slide,
                offset: offset % slide,
            })
            .boxed(),
        Windows::Session => (1i64..8).prop_map(|gap| Assigner::Session { gap }).boxed(),
        Windows::DynamicSession => Just(Assigner::DynamicSession).boxed(),
        Windows::Global => Just(Assigner::Global).boxed(),
        Windows::Count | Windows::SlidingCount => Just(Assigner::Count).boxed(),
    }
}

fn trigger(fires: Fires) -> BoxedStrategy<Trigger> {
    match fires {
        Fires::EventTime => Just(Trigger::EventTime).boxed(),
        Fires::ProcessingTime => Just(Trigger::ProcessingTime).boxed(),
        Fires::Count => (1u64..5).prop_map(Trigger::Count).boxed(),
        Fires::ContinuousEventTime => (1i64..8).prop_map(Trigger::ContinuousEventTime).boxed(),
        Fires::ContinuousProcessingTime => {
            (1i64..8).prop_map(Trigger::ContinuousProcessingTime).boxed()
        }
        Fires::Delta => (-3f64..5.0).prop_map(Trigger::Delta).boxed(),
        Fires::Never => Just(Trigger::Never).boxed(),
        Fires::Custom => Just(Trigger::Custom).boxed(),
    }
}

fn evictor(windows: Windows) -> BoxedStrategy<Option<(Evictor, bool)>> {
    let evictor = prop_oneof![
        (0usize..4).prop_map(Evictor::Count),
        (-2f64..6.0).prop_map(Evictor::Delta),
        (0i64..10).prop_map(Evictor::Time),
    ];
    match windows {
        Windows::Count => Just(None).boxed(),
        Windows::SlidingCount => {
            (1usize..6).prop_map(|size| Some((Evictor::Count(size), false))).boxed()
        }
        Windows::Tumbling
        | Windows::Sliding
        | Windows::Session
        | Windows::DynamicSession
        | Windows::Global => {
            prop_oneof![3 => Just(None), 1 => (evictor, any::<bool>()).prop_map(Some)].boxed()
        }
    }
}

/// Elements of a round whose timestamps go up with disorder, and watermarks that trail them.
type Drawn = (u8, i64, i64, Vec<i64>);

fn drawn() -> impl Strategy<Value = Vec<Vec<Drawn>>> {
    let behind = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(0i64..10, 1..3)];
    let line = (0..KEYS, -12i64..4, 0i64..10, behind);
    prop::collection::vec(prop::collection::vec(line, 0..12), MOVES_MS.len())
}

fn rounds(mut latest: i64, drawn: Vec<Vec<Drawn>>) -> Vec<Vec<Line>> {
    let mut watermark = i64::MIN;
    let mut line = |(key, move_by, value, behind): Drawn| {
        latest += move_by.max(0);
        let at = latest + move_by;
        let mut watermarks = Vec::new();
        for by in behind {
            if latest - by > watermark {
                watermark = latest - by;
                watermarks.push(watermark);
            }
        }
        Line { key, at, value, watermarks }
    };
    drawn.into_iter().map(|round| round.into_iter().map(&mut line).collect()).collect()
}

fn case(seed: u64, combination: Combination) -> impl Strategy<Value = Case> {
    let Combination { windows, event_time, fires, purging, is_late_allowed, parallelism } =
        combination;
    let lateness = if is_late_allowed { 1i64..20 } else { 0..1 };
    let setup = (assigner(windows), trigger(fires), evictor(windows), lateness).prop_map(
        move |(assigner, trigger, evictor, lateness)| Setup {
            assigner,
            event_time,
            trigger,
            purging,
            evictor,
            lateness,
        },
    );
    // A timer behind the clock fires at once, whatever elements are on their way: windows that the
    // clock fires and does not assign end behind all its moves but the last.
    let by_clock = matches!(fires, Fires::ProcessingTime | Fires::ContinuousProcessingTime);
    let latest = if event_time && by_clock { 30i64..31 } else { -30..30 };
    (setup, any::<[bool; 3]>(), latest, drawn()).prop_map(
        move |(setup, [process, tagged, idle], latest, lines)| Case {
            seed,
            setup,
            process,
            tagged,
            parallelism,
            // Only late elements tell that nobody waits for the idle stream any more.
            idle: idle && event_time && tagged,
            rounds: rounds(START + latest, lines),
        },
    )
}
