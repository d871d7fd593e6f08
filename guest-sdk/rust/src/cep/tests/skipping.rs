//! What skips, and what is said where it cannot.

use std::time::Duration;

use super::drive::{Run, find, letter};
use crate::cep::{AfterMatchSkipStrategy, Pattern};

fn optional_middle(skip: AfterMatchSkipStrategy) -> Pattern<String> {
    Pattern::begin("a")
        .where_(letter('a'))
        .next("b")
        .where_(letter('b'))
        .optional()
        .next("c")
        .where_(letter('c'))
        .after_match(skip)
}

fn error_of(skip: AfterMatchSkipStrategy, words: &str) -> Option<String> {
    let mut run = Run::of(&optional_middle(skip));
    let mut error = None;
    for (at, word) in words.split(' ').enumerate() {
        error = error.or(run.event(word, at as i64).err());
    }
    error.map(|error| error.message().to_owned())
}

#[test]
fn nothing_is_skipped_where_there_is_nothing_to_skip_to() {
    let strategies = [
        AfterMatchSkipStrategy::skip_to_first("b"),
        AfterMatchSkipStrategy::skip_to_last("b"),
        AfterMatchSkipStrategy::skip_to_first("a"),
    ];
    for skip in strategies {
        assert_eq!(find(&optional_middle(skip), "a1 c1 a2 b2 c2"), ["a1 c1", "a2 b2 c2"]);
    }
}

#[test]
fn a_miss_is_an_error_if_it_is_to_be() {
    let to_b = AfterMatchSkipStrategy::skip_to_first("b").error_on_miss();
    let missing = error_of(to_b.clone(), "a c").expect("there is no b");
    assert!(missing.contains("pattern 'b': the match has no event of it"), "{missing}");
    assert_eq!(error_of(to_b, "a b c"), None);
    let to_a = AfterMatchSkipStrategy::skip_to_last("a").error_on_miss();
    let first = error_of(to_a, "a b c").expect("it would be found again");
    assert!(first.contains("pattern 'a': the match begins with that event"), "{first}");
}

#[test]
fn a_match_waits_for_earlier_ones() {
    // `a1 b` may still be completed until its time is over, and would skip `a2 c`.
    let pattern = Pattern::begin("a")
        .where_(letter('a'))
        .followed_by("c")
        .where_(|event: &String, ctx| {
            let first = ctx.last_event_for_pattern("a");
            event.starts_with('c') && first.is_some_and(|first| first[1..] == event[1..])
        })
        .within(Duration::from_millis(10))
        .after_match(AfterMatchSkipStrategy::skip_past_last_event());
    let mut run = Run::of(&pattern);
    for (word, at) in [("a1", 1), ("a2", 2), ("c2", 3)] {
        run.event(word, at).expect("it is processed");
    }
    assert_eq!(run.seen.found, [], "a1 may still match");
    run.advance(50);
    assert_eq!(run.seen.found, [("a2 c2".to_owned(), 11)], "when a1 has timed out");
    assert_eq!(run.seen.timed_out, [("a1".to_owned(), 11)]);
    let mut skipped = Run::of(&pattern);
    for (word, at) in [("a1", 1), ("a2", 2), ("c2", 3), ("c1", 4)] {
        skipped.event(word, at).expect("it is processed");
    }
    assert_eq!(skipped.seen.found, [("a1 c1".to_owned(), 4)], "which skips a2 c2");
    assert_eq!(skipped.matches.buffer.sizes(), (0, 0));
}

#[test]
fn events_are_kept_once_however_many_matches_they_are_in() {
    let pattern = Pattern::begin("a")
        .where_(letter('a'))
        .one_or_more()
        .allow_combinations()
        .followed_by("c")
        .where_(letter('c'));
    let mut run = Run::of(&pattern);
    for at in 0..8 {
        run.event("a", at).expect("it is processed");
    }
    assert!(run.matches.partials.len() > 255, "each subset is a match");
    assert_eq!(run.matches.buffer.sizes().0, 8);
    run.event("c", 9).expect("it is processed");
    assert_eq!(run.seen.found.len(), 255);
}

#[test]
fn what_is_kept_of_a_long_stream_stays_small() {
    let pattern = Pattern::begin("a")
        .where_(letter('a'))
        .one_or_more()
        .consecutive()
        .followed_by("c")
        .where_(letter('c'))
        .within(Duration::from_millis(10));
    let mut run = Run::of(&pattern);
    let mut largest = 0;
    for at in 0..5000 {
        run.event("a", at).expect("it is processed");
        let bytes = postcard::to_allocvec(&run.matches).expect("it is written");
        largest = largest.max(bytes.len());
    }
    assert!(run.matches.buffer.sizes().0 <= 10, "older events have timed out");
    assert!(largest < 4096, "{largest} bytes");
}
