//! Every example with a result in `docs/content/docs/libs/cep.md` of Flink, and the not patterns.

use super::drive::{Run, find, find_sorted, letter, letters};
use crate::cep::{AfterMatchSkipStrategy, Pattern};
use std::time::Duration;

type Words = Pattern<String>;

fn begin(name: &str, letter_of: char) -> Words {
    Pattern::begin(name).where_(letter(letter_of))
}

#[test]
fn the_stop_condition_ends_a_loop() {
    let pattern = begin("a", 'a').one_or_more().until(letter('b'));
    assert_eq!(find_sorted(&pattern, "a1 c a2 b a3"), ["a1", "a1 a2", "a2", "a3"]);
}

#[test]
fn contiguity_between_patterns() {
    let words = "a c b1 b2";
    let strict = begin("a", 'a').next("b").where_(letter('b'));
    assert!(find(&strict, words).is_empty());
    let relaxed = begin("a", 'a').followed_by("b").where_(letter('b'));
    assert_eq!(find(&relaxed, words), ["a b1"]);
    let any = begin("a", 'a').followed_by_any("b").where_(letter('b'));
    assert_eq!(find(&any, words), ["a b1", "a b2"]);
}

#[test]
fn contiguity_within_a_looping_pattern() {
    let words = "a b1 d1 b2 d2 b3 c";
    let looping = || begin("a", 'a').followed_by_any("b").where_(letter('b')).one_or_more();
    let strict = looping().consecutive().next("c").where_(letter('c'));
    assert_eq!(find_sorted(&strict, words), ["a b3 c"]);
    let relaxed = looping().followed_by("c").where_(letter('c'));
    assert_eq!(
        find_sorted(&relaxed, words),
        ["a b1 b2 b3 c", "a b1 b2 c", "a b1 c", "a b2 b3 c", "a b2 c", "a b3 c"]
    );
    let any = looping().allow_combinations().followed_by("c").where_(letter('c'));
    assert_eq!(
        find_sorted(&any, words),
        ["a b1 b2 b3 c", "a b1 b2 c", "a b1 b3 c", "a b1 c", "a b2 b3 c", "a b2 c", "a b3 c"]
    );
}

#[test]
fn consecutive_and_combinations() {
    let words = "C D A1 A2 A3 D A4 B";
    let looping = || begin("start", 'C').followed_by("middle").where_(letter('A')).one_or_more();
    let end = |pattern: Words| pattern.followed_by("end").where_(letter('B'));
    let consecutive = end(looping().consecutive());
    assert_eq!(find_sorted(&consecutive, words), ["C A1 A2 A3 B", "C A1 A2 B", "C A1 B"]);
    assert_eq!(
        find_sorted(&end(looping()), words),
        ["C A1 A2 A3 A4 B", "C A1 A2 A3 B", "C A1 A2 B", "C A1 B"]
    );
    let combinations = begin("start", 'C')
        .followed_by_any("middle")
        .where_(letter('A'))
        .one_or_more()
        .allow_combinations();
    assert_eq!(
        find_sorted(&end(combinations), words),
        [
            "C A1 A2 A3 A4 B",
            "C A1 A2 A3 B",
            "C A1 A2 A4 B",
            "C A1 A2 B",
            "C A1 A3 A4 B",
            "C A1 A3 B",
            "C A1 A4 B",
            "C A1 B",
            "C A2 A3 A4 B",
            "C A2 A3 B",
            "C A2 A4 B",
            "C A2 B",
            "C A3 A4 B",
            "C A3 B",
            "C A4 B"
        ]
    );
}

#[test]
fn skip_strategies_of_a_loop() {
    let pattern = |skip| {
        let looping = begin("b", 'b').one_or_more().greedy().consecutive();
        looping.next("c").where_(letter('c')).after_match(skip)
    };
    let find = |skip| find(&pattern(skip), "b1 b2 b3 c");
    let all = ["b1 b2 b3 c", "b2 b3 c", "b3 c"];
    assert_eq!(find(AfterMatchSkipStrategy::no_skip()), all);
    assert_eq!(find(AfterMatchSkipStrategy::skip_to_next()), all);
    assert_eq!(find(AfterMatchSkipStrategy::skip_past_last_event()), ["b1 b2 b3 c"]);
    assert_eq!(find(AfterMatchSkipStrategy::skip_to_first("b")), all);
    assert_eq!(find(AfterMatchSkipStrategy::skip_to_last("b")), ["b1 b2 b3 c", "b3 c"]);
}

#[test]
fn skip_to_first_and_no_skip() {
    let pattern = |skip| {
        Pattern::begin("a | b | c")
            .where_(letters("abc"))
            .next("b | c")
            .where_(letters("bc"))
            .next("c*")
            .where_(letter('c'))
            .one_or_more()
            .greedy()
            .next("d")
            .where_(letter('d'))
            .after_match(skip)
    };
    let words = "a b c1 c2 c3 d";
    let no_skip = pattern(AfterMatchSkipStrategy::no_skip());
    assert_eq!(find(&no_skip, words), ["a b c1 c2 c3 d", "b c1 c2 c3 d", "c1 c2 c3 d"]);
    let to_first = pattern(AfterMatchSkipStrategy::skip_to_first("c*"));
    assert_eq!(find(&to_first, words), ["a b c1 c2 c3 d", "c1 c2 c3 d"]);
}

#[test]
fn skip_to_next_and_no_skip() {
    let pattern =
        |skip| begin("a", 'a').next("b").where_(letter('b')).one_or_more().after_match(skip);
    let words = "a b1 b2 b3";
    let no_skip = pattern(AfterMatchSkipStrategy::no_skip());
    assert_eq!(find(&no_skip, words), ["a b1", "a b1 b2", "a b1 b2 b3"]);
    assert_eq!(find(&pattern(AfterMatchSkipStrategy::skip_to_next()), words), ["a b1"]);
}

#[test]
fn an_iterative_condition_sees_what_was_accepted() {
    // The numbers of all `f` together stay below 5.
    let number = |event: &String| event[1..].parse::<u32>().expect("a number");
    let pattern: Words = Pattern::begin("middle")
        .where_(letter('f'))
        .where_(move |event, ctx| {
            let accepted = ctx.events_for_pattern("middle").into_iter().map(number).sum::<u32>();
            accepted + number(event) < 5
        })
        .one_or_more()
        .next("end")
        .where_(letter('x'));
    assert_eq!(find_sorted(&pattern, "f3 f1 f2 x"), ["f1 f2 x", "f2 x"]);
    assert_eq!(find_sorted(&pattern, "f2 f1 f1 x"), ["f1 f1 x", "f1 x", "f2 f1 f1 x"]);
}

#[test]
fn times_and_optional() {
    let pattern = |change: fn(Words) -> Words| {
        let repeated = change(begin("s", 's').next("a").where_(letter('a')));
        repeated.next("e").where_(letter('e'))
    };
    let four = pattern(|a| a.times(4));
    assert_eq!(find(&four, "s a1 a2 a3 a4 e s a1 a2 a3 e"), ["s a1 a2 a3 a4 e"]);
    let none_or_two = pattern(|a| a.times(2).optional());
    assert_eq!(find(&none_or_two, "s e s a1 e s a1 a2 e"), ["s e", "s a1 a2 e"]);
    let range = pattern(|a| a.times_range(2, 3).consecutive());
    assert_eq!(
        find(&range, "s a1 e s a1 a2 e s a1 a2 a3 e s a1 a2 a3 a4 e"),
        ["s a1 a2 e", "s a1 a2 a3 e"]
    );
    let from_none = pattern(|a| a.times_range(0, 1));
    assert_eq!(find(&from_none, "s e s a1 e s a1 a2 e"), ["s e", "s a1 e"]);
    let or_more = pattern(|a| a.times_or_more(2).consecutive());
    assert_eq!(find(&or_more, "s a1 e s a1 a2 e s a1 a2 a3 e"), ["s a1 a2 e", "s a1 a2 a3 e"]);
    let any_number = pattern(|a| a.one_or_more().consecutive().optional());
    assert_eq!(find(&any_number, "s e s a1 e s a1 a2 e"), ["s e", "s a1 e", "s a1 a2 e"]);
}

#[test]
fn greedy_leaves_nothing_to_the_next_pattern() {
    let pattern = |greedy: bool| {
        let a = begin("s", 's').followed_by("a").where_(letter('a')).times_range(2, 5);
        let a = if greedy { a.greedy() } else { a };
        a.followed_by("b").where_(letters("ab"))
    };
    let words = "s a1 a2 a3 x b";
    assert_eq!(find_sorted(&pattern(true), words), ["s a1 a2 a3 b"]);
    assert_eq!(find_sorted(&pattern(false), words), ["s a1 a2 a3", "s a1 a2 a3 b"]);
}

#[test]
fn not_patterns() {
    let not_next = begin("a", 'a').not_next("n").where_(letter('n')).followed_by("c");
    let not_next = not_next.where_(letter('c'));
    assert_eq!(find(&not_next, "a1 n c1 a2 x n c2"), ["a2 c2"]);
    let never = begin("a", 'a').not_followed_by("n").where_(letter('n')).followed_by("c");
    let never = never.where_(letter('c'));
    assert_eq!(find(&never, "a1 x n c1 a2 x c2 n"), ["a2 c2"]);
    // What is accepted for an optional pattern lets the not pattern rest.
    let optional = begin("a", 'a')
        .not_followed_by("b")
        .where_(letter('b'))
        .followed_by_any("c")
        .where_(letter('c'))
        .optional()
        .followed_by_any("d")
        .where_(letter('d'));
    assert_eq!(find(&optional, "a c b d"), ["a c d"]);
    assert!(find(&optional, "a b d").is_empty());
    let at_the_end = begin("a", 'a').not_next("n").where_(letter('n'));
    assert_eq!(find(&at_the_end, "a1 n a2 x"), ["a2"]);
}

#[test]
fn not_followed_by_at_the_end_is_found_when_its_time_is_over() {
    let within = Duration::from_millis(10);
    let pattern = begin("a", 'a').not_followed_by("n").where_(letter('n')).within(within);
    let mut run = Run::of(&pattern);
    for (word, at) in [("a1", 1), ("a2", 5), ("x", 8), ("n", 12), ("a3", 20)] {
        run.event(word, at).expect("it is processed");
    }
    assert_eq!(run.seen.found, [("a1".to_owned(), 11)], "a2 is followed by n");
    run.advance(30);
    assert_eq!(run.seen.found.last(), Some(&("a3".to_owned(), 30)));
    assert_eq!(run.seen.timed_out, []);
    assert_eq!(run.matches.buffer.sizes(), (0, 0), "nothing is left");
}

#[test]
fn a_loop_before_not_followed_by_needs_no_further_event() {
    let within = Duration::from_millis(10);
    let looping = begin("a", 'a').one_or_more();
    let pattern = looping.not_followed_by("n").where_(letter('n')).within(within);
    let mut run = Run::of(&pattern);
    run.event("a1", 1).expect("it is processed");
    run.advance(11);
    assert_eq!(run.seen.found, [("a1".to_owned(), 11)]);
}

#[test]
fn matches_time_out() {
    let within = Duration::from_millis(10);
    let pattern = begin("a", 'a').next("b").where_(letter('b')).one_or_more();
    let pattern = pattern.followed_by("c").where_(letter('c')).within(within);
    let mut run = Run::of(&pattern);
    for (word, at) in [("a", 1), ("b1", 2), ("b2", 3), ("c", 11)] {
        run.event(word, at).expect("it is processed");
    }
    assert_eq!(run.seen.found, [], "ten milliseconds are not less than ten");
    let timed_out: Vec<_> = run.seen.timed_out.iter().map(|(shown, at)| (&**shown, *at)).collect();
    assert_eq!(timed_out, [("a b1 b2", 11), ("a b1", 11)], "one in the loop, one behind it");
    assert_eq!(run.matches.buffer.sizes(), (0, 0));
}

#[test]
fn within_previous_counts_from_event_to_event() {
    let within = Duration::from_millis(10);
    let pattern = begin("a", 'a').followed_by("b").where_(letter('b')).within_previous(within);
    let pattern = pattern.followed_by("c").where_(letter('c')).within_previous(within * 2);
    let mut run = Run::of(&pattern);
    let words = [("a1", 1), ("b1", 10), ("c1", 29), ("a2", 40), ("b2", 50), ("a3", 60), ("b3", 61)];
    for (word, at) in words.into_iter().chain([("c3", 81)]) {
        run.event(word, at).expect("it is processed");
    }
    assert_eq!(run.seen.found, [("a1 b1 c1".to_owned(), 29)]);
    let timed_out: Vec<_> = run.seen.timed_out.iter().map(|(shown, at)| (&**shown, *at)).collect();
    assert_eq!(timed_out, [("a2", 50), ("a3 b3", 81)]);
}

#[test]
fn groups_repeat_and_are_optional() {
    let pair = || begin("b", 'b').followed_by("c").where_(letter('c'));
    let end = |pattern: Words| pattern.followed_by("d").where_(letter('d'));
    let twice = end(begin("a", 'a').followed_by_group(pair()).times(2));
    assert_eq!(find(&twice, "a b1 x c1 b2 c2 d"), ["a b1 c1 b2 c2 d"]);
    let strict = end(begin("a", 'a').next_group(pair()).times(2).consecutive());
    assert_eq!(find(&strict, "a b1 x c1 b2 c2 d a b1 c1 x b2 c2 d"), ["a b1 c1 b2 c2 d"]);
    let looping = end(begin("a", 'a').followed_by_group(pair()).one_or_more());
    assert_eq!(find_sorted(&looping, "a b1 c1 b2 c2 d"), ["a b1 c1 b2 c2 d", "a b1 c1 d"]);
    let optional = end(begin("a", 'a').followed_by_group(pair()).optional());
    assert_eq!(find_sorted(&optional, "a b1 c1 d"), ["a b1 c1 d", "a d"]);
    let first = end(Pattern::begin_group(pair()).one_or_more().until(letter('u')));
    assert_eq!(find_sorted(&first, "b1 c1 u b2 c2 d"), ["b1 c1 d", "b2 c2 d"]);
}

#[test]
fn the_conditions_of_a_pattern_combine() {
    let pattern: Words = Pattern::begin("a")
        .where_(letter('a'))
        .where_(|event, _| event.ends_with('1'))
        .or(letter('b'));
    assert_eq!(find(&pattern, "a1 a2 b1 b2 c1"), ["a1", "b1", "b2"]);
}
