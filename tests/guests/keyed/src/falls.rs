//! A pattern: values that fall, and then rise above the last of them, within a second.

use std::time::Duration;

use sandbar_sdk::cep::{AfterMatchSkipStrategy, Match, Pattern};
use sandbar_sdk::prelude::*;

use crate::Event;

const UNFINISHED: OutputTag<String> = OutputTag::new("unfinished");

fn values(found: &Match<'_, Event>) -> String {
    let mut events = found.iter().map(|(_, event)| event).peekable();
    let key = events.peek().map_or(String::new(), |event| event.key.clone());
    events.fold(key, |text, event| format!("{text} {}", event.value))
}

/// The falls of each key, and those that did not end in time. Source: the first query of Nexmark
/// for patterns.
pub(crate) fn run(events: &KeyedStream<String, Event>) {
    let pattern = Pattern::begin("start")
        .next("fall")
        .where_(|event: &Event, ctx| {
            let last = ctx.last_event_for_pattern("fall");
            let before = last.or_else(|| ctx.last_event_for_pattern("start"));
            before.is_some_and(|before| event.value < before.value)
        })
        .one_or_more()
        .greedy()
        .consecutive()
        .next("rise")
        .where_(|event, ctx| {
            ctx.last_event_for_pattern("fall").is_some_and(|last| event.value > last.value)
        })
        .within(Duration::from_secs(1))
        .after_match(AfterMatchSkipStrategy::skip_to_last("rise"));
    let falls = events
        .pattern(pattern)
        .timed_out(&UNFINISHED, |partial, at| format!("unfinished at {at}: {}", values(partial)))
        .select(values);
    falls.side_output(&UNFINISHED).name("unfinished").sink_to(PrintSink::text());
    falls.name("falls").sink_to(PrintSink::text());
}
