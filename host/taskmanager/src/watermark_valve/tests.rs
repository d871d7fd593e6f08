//! One test a sentence of Flink's rules, then properties against a literal transcription of them.

use proptest::prelude::*;

use super::*;

/// What a channel brings.
#[derive(Clone, Copy, Debug)]
enum Event {
    Watermark(i64),
    Idle,
    Active,
    End,
}
use Event::{Active, End, Idle};

fn wm(timestamp: i64) -> Event {
    Event::Watermark(timestamp)
}

fn feed(valve: &mut WatermarkValve, channel: usize, event: Event) -> ValveOutput {
    match event {
        Event::Watermark(timestamp) => valve.on_watermark(channel, Watermark(timestamp)),
        Idle => valve.on_status(channel, WatermarkStatus::Idle),
        Active => valve.on_status(channel, WatermarkStatus::Active),
        End => valve.on_end(channel),
    }
}

fn show(output: ValveOutput) -> String {
    let show_one = |element| match element {
        ValveElement::Watermark(Watermark::MAX) => "max".to_string(),
        ValveElement::Watermark(Watermark(timestamp)) => timestamp.to_string(),
        ValveElement::Status(WatermarkStatus::Active) => "active".to_string(),
        ValveElement::Status(WatermarkStatus::Idle) => "idle".to_string(),
    };
    output.elements().map(show_one).collect::<Vec<_>>().join(" ")
}

/// Feeds `(channel, event, output)` in turn; an output is its elements, `""` for none.
fn check(channels: usize, steps: &[(usize, Event, &str)]) {
    let mut valve = WatermarkValve::new(channels);
    for (index, (channel, event, expected)) in steps.iter().enumerate() {
        let output = feed(&mut valve, *channel, *event);
        assert_eq!(show(output), *expected, "step {index}: {event:?} from channel {channel}");
    }
}

#[test]
fn the_output_is_the_min_over_aligned_channels_if_it_is_later() {
    check(1, &[(0, wm(3), "3"), (0, wm(7), "7")]);
    check(
        3,
        &[
            (0, wm(5), ""),
            (1, wm(3), ""),
            (2, wm(4), "3"),
            (1, wm(9), "4"),
            (0, wm(6), ""),
            (2, wm(8), "6"),
        ],
    );
}

#[test]
fn a_watermark_at_or_before_the_last_of_its_channel_is_ignored() {
    check(1, &[(0, wm(5), "5"), (0, wm(5), ""), (0, wm(4), ""), (0, wm(6), "6")]);
    check(2, &[(0, wm(5), ""), (0, wm(2), ""), (1, wm(9), "5")]);
}

#[test]
fn a_watermark_from_an_idle_channel_is_ignored() {
    check(
        2,
        &[
            (0, wm(1), ""),
            (1, wm(2), "1"),
            (0, Idle, "2"),
            (0, wm(50), ""),
            (1, wm(4), "4"),
            (0, Active, ""),
            (0, wm(3), ""),
            (1, wm(9), "9"),
        ],
    );
}

#[test]
fn a_watermark_while_all_is_idle_is_ignored() {
    check(1, &[(0, Idle, "idle"), (0, wm(5), ""), (0, Active, "active"), (0, wm(5), "5")]);
}

#[test]
fn a_status_that_is_no_change_is_ignored() {
    check(1, &[(0, Active, ""), (0, Idle, "idle"), (0, Idle, ""), (0, Active, "active")]);
}

#[test]
fn a_channel_that_was_the_min_and_goes_idle_lets_the_others_on() {
    check(2, &[(0, wm(10), ""), (1, wm(3), "3"), (1, Idle, "10")]);
    check(3, &[(0, wm(10), ""), (1, wm(7), ""), (2, Idle, "7"), (2, Active, "")]);
}

#[test]
fn a_channel_that_was_not_the_min_goes_idle_in_silence() {
    check(2, &[(0, wm(10), ""), (1, wm(3), "3"), (0, Idle, ""), (1, wm(20), "20")]);
}

#[test]
fn when_the_last_channel_goes_idle_as_the_min_the_max_is_flushed_first() {
    check(
        3,
        &[
            (0, wm(10), ""),
            (1, wm(20), ""),
            (2, wm(3), "3"),
            (0, Idle, ""),
            (1, Idle, ""),
            (2, Idle, "20 idle"),
            (1, Active, "active"),
            (1, wm(21), "21"),
        ],
    );
}

#[test]
fn when_the_last_channel_goes_idle_behind_the_output_there_is_no_flush() {
    check(
        3,
        &[
            (0, wm(5), ""),
            (1, wm(3), ""),
            (2, wm(9), "3"),
            (1, Idle, "5"),
            (0, Idle, "9"),
            (2, Idle, "idle"),
            (1, Active, "active"),
            (1, Idle, "idle"),
        ],
    );
}

#[test]
fn an_active_channel_at_or_past_the_output_is_aligned_at_once() {
    check(
        2,
        &[
            (0, wm(10), ""),
            (1, wm(3), "3"),
            (0, Idle, ""),
            (1, wm(5), "5"),
            (0, Active, ""),
            (1, wm(30), "10"),
        ],
    );
}

#[test]
fn an_active_channel_behind_the_output_stays_unaligned_until_it_catches_up() {
    check(
        2,
        &[
            (0, wm(3), ""),
            (1, wm(10), "3"),
            (0, Idle, "10"),
            (0, Active, ""),
            (1, wm(20), "20"),
            (0, wm(19), ""),
            (1, wm(25), "25"),
            (0, wm(25), ""),
            (1, wm(40), ""),
            (0, wm(30), "30"),
        ],
    );
}

#[test]
fn the_first_active_channel_of_an_idle_valve_is_announced() {
    check(
        2,
        &[
            (0, Idle, ""),
            (1, Idle, "idle"),
            (0, Active, "active"),
            (1, Active, ""),
            (0, wm(1), ""),
            (1, wm(2), "1"),
        ],
    );
}

#[test]
fn the_end_of_a_channel_is_its_last_watermark() {
    check(2, &[(0, End, ""), (1, wm(4), "4"), (1, End, "max")]);
    check(1, &[(0, End, "max"), (0, End, "")]);
}

#[test]
fn the_end_of_an_idle_channel_makes_it_active_first() {
    check(1, &[(0, wm(2), "2"), (0, Idle, "idle"), (0, End, "active max")]);
    check(2, &[(0, Idle, ""), (1, wm(7), "7"), (0, End, ""), (1, End, "max")]);
}

#[test]
fn inputs_are_combined_by_their_min() {
    let watermark = |timestamp| ValveOutput { watermark: Some(Watermark(timestamp)), status: None };
    let status = |status| ValveOutput { watermark: None, status: Some(status) };
    let (idle, active) = (WatermarkStatus::Idle, WatermarkStatus::Active);
    let steps = [
        (0, watermark(5), ""),
        (1, watermark(3), "3"),
        (1, watermark(9), "5"),
        (0, status(idle), "9"),
        (0, status(active), ""),
        (1, watermark(12), ""),
        (0, watermark(8), ""),
        (0, watermark(11), "11"),
        (0, status(idle), "12"),
        (1, status(idle), "idle"),
        (0, ValveOutput { watermark: Some(Watermark::MAX), status: Some(active) }, "active max"),
    ];
    let mut inputs = InputWatermarks::new(2);
    for (index, (input, output, expected)) in steps.into_iter().enumerate() {
        assert_eq!(show(inputs.on_output(input, output)), expected, "step {index}");
    }
    assert_eq!(inputs.current(), Watermark::MAX);
}

#[test]
fn inputs_that_all_go_idle_send_no_watermark_of_an_idle_one() {
    let mut inputs = InputWatermarks::new(2);
    let both = |timestamp, status| ValveOutput {
        watermark: Some(Watermark(timestamp)),
        status: Some(status),
    };
    assert_eq!(show(inputs.on_output(0, both(9, WatermarkStatus::Idle))), "");
    assert_eq!(show(inputs.on_output(1, both(4, WatermarkStatus::Idle))), "4 idle");
    assert_eq!(show(inputs.on_output(1, both(6, WatermarkStatus::Active))), "active 6");
    let idle = ValveOutput { watermark: None, status: Some(WatermarkStatus::Idle) };
    assert_eq!(show(inputs.on_output(1, idle)), "idle", "input 0 has come to 9");
    let active = ValveOutput { watermark: None, status: Some(WatermarkStatus::Active) };
    assert_eq!(show(inputs.on_output(0, active)), "active 9");
}

/// The rules word for word, without the shortcuts of the valve.
struct Model {
    /// Watermark, whether active, whether aligned.
    channels: Vec<(i64, bool, bool)>,
    last: i64,
    active: bool,
}

impl Model {
    fn feed(&mut self, channel: usize, event: Event) -> Vec<ValveElement> {
        match event {
            Event::Watermark(timestamp) => self.on_watermark(channel, timestamp),
            Idle | Active => self.on_status(channel, matches!(event, Active)),
            End => {
                let mut elements = self.on_status(channel, true);
                elements.extend(self.on_watermark(channel, i64::MAX));
                elements
            }
        }
    }

    fn on_watermark(&mut self, channel: usize, timestamp: i64) -> Vec<ValveElement> {
        let (last, active, aligned) = &mut self.channels[channel];
        if !self.active || !*active || timestamp <= *last {
            return Vec::new();
        }
        *last = timestamp;
        *aligned = *aligned || timestamp >= self.last;
        self.advance(self.min())
    }

    fn on_status(&mut self, channel: usize, active: bool) -> Vec<ValveElement> {
        let (last, was_active, aligned) = &mut self.channels[channel];
        if *was_active == active {
            return Vec::new();
        }
        *was_active = active;
        *aligned = active && *last >= self.last;
        if active {
            let announced = if self.active { None } else { Some(WatermarkStatus::Active) };
            self.active = true;
            return announced.into_iter().map(ValveElement::Status).collect();
        }
        let was_min = *last == self.last;
        let any_active = self.channels.iter().any(|state| state.1);
        let target = match (was_min, any_active) {
            (false, _) => None,
            (true, true) => self.min(),
            (true, false) => self.channels.iter().map(|state| state.0).max(),
        };
        let mut elements = self.advance(target);
        if !any_active {
            self.active = false;
            elements.push(ValveElement::Status(WatermarkStatus::Idle));
        }
        elements
    }

    fn min(&self) -> Option<i64> {
        self.channels.iter().filter(|(.., aligned)| *aligned).map(|(last, ..)| *last).min()
    }

    fn advance(&mut self, target: Option<i64>) -> Vec<ValveElement> {
        let Some(target) = target.filter(|target| *target > self.last) else {
            return Vec::new();
        };
        self.last = target;
        vec![ValveElement::Watermark(Watermark(target))]
    }
}

fn events() -> impl Strategy<Value = Vec<(usize, Event)>> {
    let event = prop_oneof![
        8 => (-20i64..60).prop_map(Event::Watermark),
        3 => Just(Idle),
        3 => Just(Active),
        1 => Just(End),
    ];
    proptest::collection::vec((0usize..4, event), 0..120)
}

proptest! {
    #[test]
    fn the_valve_does_what_the_rules_say(channels in 1usize..5, events in events()) {
        let mut valve = WatermarkValve::new(channels);
        let mut model = Model {
            channels: vec![(i64::MIN, true, true); channels],
            last: i64::MIN,
            active: true,
        };
        for (channel, event) in events {
            let channel = channel % channels;
            let output: Vec<_> = feed(&mut valve, channel, event).elements().collect();
            prop_assert_eq!(output, model.feed(channel, event), "{:?} from {}", event, channel);
            prop_assert_eq!(valve.current().0, model.last);
        }
    }

    #[test]
    fn the_output_never_goes_back_nor_passes_an_active_channel_that_kept_up(
        rounds in proptest::collection::vec(proptest::collection::vec(1i64..50, 3), 1..40),
    ) {
        let mut valve = WatermarkValve::new(3);
        let mut reached = [i64::MIN; 3];
        let mut last = i64::MIN;
        for steps in rounds {
            for (channel, step) in steps.into_iter().enumerate() {
                reached[channel] = reached[channel].max(0) + step;
                let output = valve.on_watermark(channel, Watermark(reached[channel]));
                prop_assert_eq!(output.status, None);
                if let Some(Watermark(timestamp)) = output.watermark {
                    prop_assert!(timestamp > last);
                    last = timestamp;
                }
                prop_assert_eq!(valve.current().0, *reached.iter().min().unwrap());
            }
        }
    }
}
