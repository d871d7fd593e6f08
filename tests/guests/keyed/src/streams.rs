//! Windows, counts, sums and joins, as lines of text.

use std::time::Duration;

use sandbar_sdk::prelude::*;

use crate::Event;

const LATE: OutputTag<Event> = OutputTag::new("late");

type Keyed = KeyedStream<String, Event>;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn print(lines: DataStream<String>, name: &str) {
    lines.name(name).sink_to(PrintSink::text());
}

/// The window, how many events it has and their sum, behind a label.
pub(crate) fn show<'a>(
    label: &'a str,
) -> impl FnMut(&String, &TimeWindow, &[Event], &mut Collector<String>) + use<'a> {
    move |key, window, events, out| {
        let sum: i64 = events.iter().map(|event| event.value).sum();
        let TimeWindow { start, end, .. } = window;
        out.collect(format!("{label} {key} {start} {end} {} {sum}", events.len()));
    }
}

/// Sums of windows of each kind by event time.
pub(crate) fn windows(keyed: &Keyed) {
    let tumbling = keyed.window(TumblingEventTimeWindows::of(ms(100)));
    print(tumbling.apply(show("tumbling")), "tumbling");
    let sliding = keyed.window(SlidingEventTimeWindows::of(ms(120), ms(50)).offset(10));
    print(sliding.apply(show("sliding")), "sliding");
    let sessions = keyed.window(EventTimeSessionWindows::with_gap(ms(15)));
    print(sessions.apply(show("session")), "session");
    // Put together of panes.
    let panes = keyed.window(SlidingEventTimeWindows::of(ms(120), ms(50)).offset(10));
    let sums = panes.reduce(|first, second| Event {
        at: first.at.max(second.at),
        value: first.value + second.value,
        ..first
    });
    print(sums.map(|event| format!("pane {} {} {}", event.key, event.at, event.value)), "panes");
}

/// Events whose values have this remainder modulo 2, by key.
fn part(events: &DataStream<Event>, rest: i64) -> Keyed {
    let part = events.filter(move |event: &Event| event.value.rem_euclid(2) == rest);
    part.key_by(|event| event.key.clone())
}

/// How many even and odd values each key has in 100 ms, and the greatest value so far.
pub(crate) fn groups(events: &DataStream<Event>) {
    let hundred = TumblingEventTimeWindows::of(ms(100));
    let groups = part(events, 0).window_join(&part(events, 1), hundred).co_group(
        |evens: &[&Event], odds: &[&Event], out: &mut Collector<String>| {
            let first = evens.iter().chain(odds).next();
            let key = first.map_or("", |event| event.key.as_str());
            out.collect(format!("group {key} {} {}", evens.len(), odds.len()));
        },
    );
    print(groups, "groups");
    let greatest = events
        .key_by(|event| event.key.clone())
        .reduce(|first, second| if second.value > first.value { second } else { first });
    print(greatest.map(|event| format!("greatest {} {}", event.key, event.value)), "greatest");
}

/// Pairs of an event of an even value with those of odd values about its time.
pub(crate) fn join(events: &DataStream<Event>) {
    let pair = |even: &Event, odd: &Event| {
        format!("{} {} {} {} {}", even.key, even.at, even.value, odd.at, odd.value)
    };
    let (evens, odds) = (part(events, 0), part(events, 1));
    print(evens.interval_join(&odds).between(-30, 20).apply(pair), "pairs");
}

/// Sums of 100 ms with 20 ms of lateness; later events go to files if there is a folder for them.
pub(crate) fn late(keyed: &Keyed, folder: Option<&str>) {
    let windows = keyed.window(TumblingEventTimeWindows::of(ms(100))).allowed_lateness(ms(20));
    match folder {
        None => print(windows.apply(show("sum")).uid("sums"), "sums"),
        Some(folder) => {
            let sums = windows.side_output_late_data(&LATE).apply(show("sum")).uid("sums");
            sums.side_output(&LATE).sink_to(FileSink::json(folder));
            print(sums, "sums");
        }
    }
}

/// Sums of every three events of a key.
pub(crate) fn count(keyed: &Keyed) {
    let threes = keyed.count_window(3);
    let sums = threes.apply(|key: &String, _: &GlobalWindow, events: &[Event], out| {
        let values: Vec<i64> = events.iter().map(|event| event.value).collect();
        out.collect(format!("{key} {values:?}"));
    });
    print(sums, "threes");
}

/// Sums of each key so far.
pub(crate) fn sum(keyed: &Keyed) {
    let sums = keyed.sum(|event| event.value);
    print(sums.map(|sum| format!("{} {}", sum.key, sum.value)), "sums");
}
