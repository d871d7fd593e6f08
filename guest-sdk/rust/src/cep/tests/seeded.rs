//! Random patterns over random events find what the reference finds, in its order and at its times:
//! in the automaton, and in the operator with events out of order and a restore. A failure names
//! the seed; `SANDBAR_CEP_SEED` runs that one alone.

use std::collections::BTreeMap;

use super::drive::Run;
use super::reference::{Near, Piece, Reference, Sequence, Skip};
use crate::cep::{Cep, Match};
use crate::testing::OperatorHarness;

/// Random patterns that are tried, each on several streams.
const PATTERNS: u64 = 4000;
const STREAMS: u64 = 3;

/// A generator of small numbers: SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn of<V: Copy>(&mut self, values: &[V]) -> V {
        values[self.below(values.len() as u64) as usize]
    }
}

const LETTERS: [&str; 6] = ["a", "b", "c", "ab", "bc", "abc"];

fn piece(random: &mut Random, before: Option<&Piece>) -> Piece {
    let near = random.of(&[Near::Strict, Near::Relaxed, Near::Any]);
    let mut piece = Piece {
        near,
        letters: random.of(&LETTERS),
        times: (1, Some(1)),
        inner: Near::Relaxed,
        optional: false,
        greedy: false,
        until: None,
    };
    if let Some(before) = before
        && !before.optional
        && !before.greedy
        && !matches!(before.near, Near::NotNext | Near::NotFollowedBy)
        && random.one_in(4)
    {
        piece.near = random.of(&[Near::NotNext, Near::NotFollowedBy]);
        return piece;
    }
    piece.optional = before.is_none_or(|before| !before.greedy) && random.one_in(4);
    if random.one_in(2) {
        piece.times =
            random.of(&[(1, None), (1, None), (2, None), (2, Some(2)), (1, Some(2)), (2, Some(3))]);
        piece.inner = random.of(&[Near::Strict, Near::Relaxed, Near::Any]);
        piece.greedy = piece.inner != Near::Any && random.one_in(3);
        if piece.times.1.is_none() && random.one_in(4) {
            piece.until = Some(random.of(&["d", "c"]));
        }
    }
    piece
}

pub(crate) fn sequence(random: &mut Random) -> Sequence {
    let mut pieces: Vec<Piece> = Vec::new();
    for _ in 0..=random.below(4) {
        let next = piece(random, pieces.last());
        pieces.push(next);
    }
    let last = &pieces[pieces.len() - 1];
    let needs_within = last.near == Near::NotFollowedBy;
    let within = (needs_within || random.one_in(2)).then(|| 2 + random.below(8) as i64);
    let positive: Vec<usize> = (0..pieces.len())
        .filter(|number| !matches!(pieces[*number].near, Near::NotNext | Near::NotFollowedBy))
        .collect();
    let target = random.of(&positive);
    let skip = random.of(&[
        Skip::Nothing,
        Skip::ToNext,
        Skip::PastLast,
        Skip::ToFirst(target),
        Skip::ToLast(target),
    ]);
    Sequence { pieces, within, skip }
}

/// Words in the order of their times, which end with the key.
pub(crate) fn events(random: &mut Random, key: u8, count: u64) -> Vec<(String, i64)> {
    let mut at = 1;
    let mut words = Vec::new();
    for number in 0..count {
        at += random.below(3) as i64;
        words.push((format!("{}{number}/{key}", random.of(&["a", "b", "c", "d"])), at));
    }
    words
}

pub(crate) fn seeds() -> Vec<u64> {
    match std::env::var("SANDBAR_CEP_SEED") {
        Ok(seed) => vec![seed.parse().expect("the seed is a number")],
        Err(_) => (0..PATTERNS).collect(),
    }
}

/// Shows a match with the names of its patterns.
fn show(found: &Match<'_, String>) -> String {
    let word = |(name, event): (&str, &String)| format!("{name}:{event}");
    found.iter().map(word).collect::<Vec<_>>().join(" ")
}

enum Input {
    Event(String, i64),
    Watermark(i64),
}

/// How much later than others an event may come, in milliseconds of event time.
const DISORDER: u64 = 5;

/// Mixes the streams of keys, out of order but never behind a watermark.
fn mix(random: &mut Random, streams: &[Vec<(String, i64)>]) -> Vec<Input> {
    let mut all: Vec<(i64, Input)> = Vec::new();
    for stream in streams {
        let mut last = (i64::MIN, 0);
        for (word, at) in stream {
            // Events of one time and key stay in order, as the reference takes them.
            let least = if last.0 == *at { last.1 } else { 0 };
            let delay = least + random.below(DISORDER - least);
            last = (*at, delay);
            all.push((*at + delay as i64, Input::Event(word.clone(), *at)));
        }
    }
    all.sort_by_key(|(arrives, _)| *arrives);
    let mut input = Vec::new();
    for (arrives, event) in all {
        if random.one_in(3) {
            input.push(Input::Watermark(arrives - DISORDER as i64));
        }
        input.push(event);
    }
    input.push(Input::Watermark(1_000_000));
    input
}

fn key_of(word: &str) -> u8 {
    word.as_bytes()[word.len() - 1] - b'0'
}

/// What the operator finds by key, if it is restored from a checkpoint behind one of the steps.
fn run(sequence: &Sequence, input: Vec<Input>, restored_at: usize) -> BTreeMap<u8, Found> {
    let operator = || Cep::of(sequence.pattern()).select(show);
    let key = |word: &String| key_of(word);
    let mut harness = OperatorHarness::keyed_process(operator(), key).expect("it opens");
    let mut results = BTreeMap::new();
    let mut watermark = i64::MIN;
    for (number, step) in input.into_iter().enumerate() {
        match step {
            Input::Event(word, at) => harness.push(word, at),
            Input::Watermark(at) => {
                watermark = watermark.max(at);
                harness.watermark(watermark)
            }
        }
        .expect("the step works");
        for (words, at) in harness.take_output() {
            let found: &mut Found = results.entry(key_of(&words)).or_default();
            found.push((words, at.expect("matches have timestamps")));
        }
        if number == restored_at {
            let snapshot = harness.snapshot().expect("it takes a checkpoint");
            let setup = OperatorHarness::setup().restore(&snapshot);
            harness = setup.keyed_process(operator(), key).expect("it is restored");
            harness.watermark(watermark).expect("the watermark is where it was");
        }
    }
    let sizes = harness.state_sizes().expect("sizes are known");
    if sequence.within.is_some() {
        assert!(sizes.values().all(|size| *size == 0), "nothing is left: {sizes:?}");
    }
    results
}

type Found = Vec<(String, i64)>;

fn in_automaton(sequence: &Sequence, events: &[(String, i64)]) -> Found {
    let mut run = Run::of(&sequence.pattern()).with_names();
    for (word, at) in events {
        run.event(word, *at).expect("the event is processed");
    }
    run.advance(1_000_000);
    if sequence.within.is_some() {
        assert_eq!(run.matches.buffer.sizes(), (0, 0), "nothing is left");
    }
    run.seen.found
}

#[test]
fn the_automaton_finds_what_the_reference_finds() {
    let mut matches = 0;
    for seed in seeds() {
        let mut random = Random(seed);
        let sequence = sequence(&mut random);
        for _ in 0..STREAMS {
            let count = 3 + random.below(6);
            let events = events(&mut random, 0, count);
            let expected = Reference::find(&sequence, &events);
            matches += expected.len();
            let found = in_automaton(&sequence, &events);
            assert_eq!(found, expected, "SANDBAR_CEP_SEED={seed}: {sequence:#?} over {events:?}");
        }
    }
    assert!(matches > 0, "the seeds make patterns that are found");
}

#[test]
fn the_operator_finds_the_same_in_disorder_and_when_restored() {
    for seed in seeds().into_iter().step_by(4) {
        let mut random = Random(seed);
        let sequence = sequence(&mut random);
        let streams: Vec<_> = (0..2_u8)
            .map(|key| {
                let count = 3 + random.below(6);
                events(&mut random, key, count)
            })
            .collect();
        let input = mix(&mut random, &streams);
        let restored_at = random.below(input.len() as u64) as usize;
        let found = run(&sequence, input, restored_at);
        for (key, events) in streams.iter().enumerate() {
            let expected = Reference::find(&sequence, events);
            let of_key = found.get(&(key as u8)).cloned().unwrap_or_default();
            assert_eq!(of_key, expected, "SANDBAR_CEP_SEED={seed}: {sequence:#?} over {events:?}");
        }
    }
}
