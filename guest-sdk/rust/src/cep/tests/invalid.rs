//! Patterns that make no sense are refused, with what to do about it.

use std::time::Duration;

use super::drive::letter;
use crate::cep::{AfterMatchSkipStrategy, Cep, Pattern};
use crate::testing::OperatorHarness;

type Words = Pattern<String>;

fn refused(pattern: Words) -> String {
    pattern.validate().expect_err("the pattern makes no sense").message().to_owned()
}

fn a() -> Words {
    Pattern::begin("a").where_(letter('a'))
}

#[test]
fn a_refusal_names_the_pattern_and_the_remedy() {
    let cases: Vec<(Words, &str, &str)> = vec![
        (a().not_followed_by("n"), "'n'", "say within"),
        (a().next("a"), "'a'", "its own name"),
        (a().next("x:y"), "'x:y'", "without ':'"),
        (a().not_next("n").one_or_more().next("b"), "'n'", "leave the quantifier out"),
        (a().not_next("n").optional().next("b"), "'n'", "leave it out"),
        (a().not_next("n").greedy().next("b"), "'n'", "leave it out"),
        (a().optional().not_followed_by("n").next("b"), "'n'", "two patterns"),
        (a().times_range(0, 2).not_next("n").next("b"), "'n'", "two patterns"),
        (a().greedy(), "'a'", "a quantifier before"),
        (a().times(2).allow_combinations().greedy(), "'a'", "choose one"),
        (a().one_or_more().greedy().next("b").optional().next("c"), "'b'", "one of them"),
        (Pattern::begin_group(a()).one_or_more().greedy(), "'a'", "a pattern in it"),
        (Pattern::begin_group(a()).where_(letter('a')), "'a'", "patterns in it"),
        (Pattern::begin_group(a().optional()).one_or_more().next("b"), "'a'", "not be optional"),
        (a().times(2).one_or_more(), "'a'", "one quantifier"),
        (a().times(0), "'a'", "at least 1"),
        (a().times_range(3, 2), "'a'", "smaller one first"),
        (a().optional().optional(), "'a'", "once"),
        (a().consecutive(), "'a'", "a quantifier before"),
        (a().times(2).consecutive().allow_combinations(), "'a'", "say one"),
        (a().until(letter('u')), "'a'", "one_or_more"),
        (a().one_or_more().until(letter('u')).until(letter('v')), "'a'", "into one"),
        (a().within(Duration::ZERO), "'a'", "at least one"),
        (Pattern::begin_group(a().not_followed_by("n")).next("b"), "'n'", "behind the group"),
        (
            a().next("b").within_previous(Duration::from_secs(2)).within(Duration::from_secs(1)),
            "'b'",
            "shorten it",
        ),
        (a().after_match(AfterMatchSkipStrategy::skip_to_first("z")), "'z'", "name one"),
        (
            a().not_next("n").next("b").after_match(AfterMatchSkipStrategy::skip_to_last("n")),
            "'n'",
            "name another",
        ),
        (
            Pattern::begin_group(a().after_match(AfterMatchSkipStrategy::skip_to_next())).next("b"),
            "'a'",
            "whole pattern",
        ),
        (
            Pattern::begin_group(Pattern::begin_group(a().times(1000)).times(1000)),
            "1000000 states",
            "less often",
        ),
    ];
    for (pattern, name, remedy) in cases {
        let why = refused(pattern);
        assert!(why.contains(name) && why.contains(remedy), "{why}");
    }
}

#[test]
fn an_operator_of_such_a_pattern_does_not_open() {
    let operator = Cep::of(a().not_followed_by("n")).select(|_| ());
    let opened = OperatorHarness::keyed_process(operator, |_: &String| 0_u8);
    assert!(opened.is_err_and(|error| error.message().contains("say within")));
}
