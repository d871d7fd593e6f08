//! Window operators against a slow model of them: random elements out of order, watermarks and
//! clock in between, every assigner, trigger, evictor, lateness and form of function. A failure
//! prints the smallest case found; PROPTEST_RNG_SEED and PROPTEST_CASES replay and widen.

mod drive;

use proptest::prelude::*;

use drive::{Form, Observed, observe};
use window_model::model::{Model, Step};
use window_model::setup::{Assigner, Evictor, Setup, Trigger};

const KEYS: u8 = 3;

fn assigners() -> impl Strategy<Value = Assigner> {
    prop_oneof![
        (1i64..12, 0i64..12)
            .prop_map(|(size, offset)| Assigner::Tumbling { size, offset: offset % size }),
        (1i64..12, 1i64..12, -5i64..5).prop_map(|(size, slide, offset)| Assigner::Sliding {
            size,
            slide,
            offset: offset % slide
        }),
        (1i64..8).prop_map(|gap| Assigner::Session { gap }),
        Just(Assigner::DynamicSession),
        Just(Assigner::Global),
    ]
}

fn triggers() -> impl Strategy<Value = Trigger> {
    prop_oneof![
        4 => Just(Trigger::EventTime),
        2 => Just(Trigger::ProcessingTime),
        1 => (0u64..5).prop_map(Trigger::Count),
        1 => (1i64..8).prop_map(Trigger::ContinuousEventTime),
        1 => (1i64..8).prop_map(Trigger::ContinuousProcessingTime),
        1 => (-3f64..5.0).prop_map(Trigger::Delta),
        1 => Just(Trigger::Never),
        1 => Just(Trigger::Custom),
    ]
}

fn evictors() -> impl Strategy<Value = Option<(Evictor, bool)>> {
    let evictor = prop_oneof![
        (0usize..4).prop_map(Evictor::Count),
        (-2f64..6.0).prop_map(Evictor::Delta),
        (0i64..10).prop_map(Evictor::Time),
    ];
    prop_oneof![3 => Just(None), 1 => (evictor, any::<bool>()).prop_map(Some)]
}

fn setups() -> impl Strategy<Value = Setup> {
    let lateness = prop_oneof![Just(0), 1i64..20];
    (assigners(), any::<bool>(), triggers(), prop::bool::weighted(0.3), evictors(), lateness)
        .prop_map(|(assigner, by_event, trigger, purging, evictor, lateness)| {
            let event_time = by_event && assigner != Assigner::Global;
            Setup { assigner, event_time, trigger, purging, evictor, lateness }
        })
        .prop_filter("only some triggers merge", |setup| {
            !setup.merges() || !matches!(setup.trigger, Trigger::Delta(_) | Trigger::Custom)
        })
}

fn forms() -> impl Strategy<Value = Form> {
    prop_oneof![
        Just(Form::Reduce),
        Just(Form::ReduceWith),
        Just(Form::Aggregate),
        Just(Form::AggregateWith),
        Just(Form::Process),
        Just(Form::Apply),
    ]
}

/// Elements whose timestamps go up with disorder; watermarks that trail them by some distance.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..KEYS, -12i64..4, 0i64..10).prop_map(|(key, at, value)| (0, key, at, value)),
        2 => (0i64..10).prop_map(|behind| (1, 0, behind, 0)),
        1 => (1i64..7).prop_map(|by| (2, 0, by, 0)),
    ];
    (-30i64..30, prop::collection::vec(step, 0..60), any::<bool>()).prop_map(
        |(mut now, steps, ends)| {
            let mut watermark = i64::MIN;
            let mut made = Vec::new();
            for (kind, key, number, value) in steps {
                match kind {
                    0 => {
                        now += number.max(0);
                        made.push(Step::Element { key, at: now + number, value });
                    }
                    1 if now - number > watermark => {
                        watermark = now - number;
                        made.push(Step::Watermark(watermark));
                    }
                    1 => {}
                    _ => made.push(Step::Clock(number)),
                }
            }
            if ends {
                made.push(Step::Watermark(i64::MAX));
                made.push(Step::Clock(1000));
            }
            made
        },
    )
}

/// What the model expects of one key, as far as the form tells it.
fn expected(setup: &Setup, form: Form, steps: &[Step], key: u8) -> Observed {
    let mut model = Model::new(setup, 0);
    for step in steps {
        model.step_of(key, *step);
    }
    let late = std::mem::take(&mut model.late);
    Observed::of_model(&model.results, late, form, setup)
}

/// The steps, without the end of time where a trigger would fire at intervals until then.
fn bounded(setup: &Setup, steps: &[Step]) -> Vec<Step> {
    let endless = setup.assigner == Assigner::Global
        && matches!(setup.trigger, Trigger::ContinuousEventTime(_));
    let bound = |step: &Step| match *step {
        Step::Watermark(i64::MAX) if endless => Step::Watermark(1000),
        Step::Element { .. } | Step::Watermark(_) | Step::Clock(_) => *step,
    };
    steps.iter().map(bound).collect()
}

/// The steps with the watermark once more after a restore, which timers in the past fire at.
fn resumed(mut steps: Vec<Step>, restore: Option<usize>) -> Vec<Step> {
    let Some(number) = restore.filter(|number| *number < steps.len()) else { return steps };
    let watermark = steps[..=number].iter().rev().find_map(|step| match *step {
        Step::Watermark(watermark) => Some(watermark),
        Step::Element { .. } | Step::Clock(_) => None,
    });
    if let Some(watermark) = watermark {
        steps.insert(number + 1, Step::Watermark(watermark));
    }
    steps
}

fn check(setup: &Setup, form: Form, steps: &[Step], tagged: bool, restore: Option<usize>) {
    let steps = &resumed(bounded(setup, steps), restore);
    let observed = observe(setup, form, steps, tagged, restore);
    let mut late = 0;
    for key in 0..KEYS {
        let mut expected = expected(setup, form, steps, key);
        late += expected.late.len();
        if !tagged {
            expected.late.clear();
        }
        let found = observed.keys.get(&key).cloned().unwrap_or_default();
        assert_eq!(found, expected, "key {key}");
    }
    if !tagged {
        assert_eq!(observed.dropped, late);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn windows_are_those_of_the_model(
        setup in setups(),
        form in forms(),
        steps in steps(),
        tagged in any::<bool>(),
        restore in prop::option::of(0usize..60),
    ) {
        check(&setup, form, &steps, tagged, restore);
    }

    /// Sliding windows by event time with their own trigger, whose elements are in panes.
    #[test]
    fn panes_are_windows_of_the_model(
        (size, slide, offset) in (1i64..16, 1i64..16, -5i64..5),
        lateness in 0i64..25,
        form in prop_oneof![
            Just(Form::Reduce), Just(Form::ReduceWith), Just(Form::Aggregate),
            Just(Form::AggregateWith),
        ],
        steps in steps(),
        tagged in any::<bool>(),
        restore in prop::option::of(0usize..60),
    ) {
        let setup = Setup {
            assigner: Assigner::Sliding { size, slide, offset: offset % slide },
            event_time: true,
            trigger: Trigger::EventTime,
            purging: false,
            evictor: None,
            lateness,
        };
        check(&setup, form, &steps, tagged, restore);
    }
}
