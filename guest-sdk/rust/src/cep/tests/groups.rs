//! Groups find what the same patterns find when they are written out as often as the group repeats.

use super::drive::Run;
use super::reference::{Near, Piece, Reference, Sequence, Skip, chain};
use super::seeded::{Random, events, seeds, sequence};
use crate::cep::Pattern;

/// How often a group occurs; more rounds than these have no events to match.
const ROUNDS: [(usize, usize); 5] = [(1, 1), (2, 2), (1, 2), (1, 6), (2, 6)];

/// Pieces with events and nothing greedy, which would be greedy across the rounds.
fn pieces(random: &mut Random) -> Vec<Piece> {
    let mut pieces = sequence(random).pieces;
    pieces.retain(|piece| !matches!(piece.near, Near::NotNext | Near::NotFollowedBy));
    for piece in &mut pieces {
        (piece.greedy, piece.until) = (false, None);
    }
    // The first of a group is as near as the group is to what is before it.
    let head = &mut pieces[0];
    (head.optional, head.times) = (false, (1, Some(1)));
    pieces.truncate(2);
    pieces
}

struct Grouped {
    before: Vec<Piece>,
    group: Vec<Piece>,
    rounds: (usize, usize),
    near: Near,
    inner: Near,
    optional: bool,
    behind: Vec<Piece>,
}

impl Grouped {
    fn of(random: &mut Random) -> Grouped {
        let nears = [Near::Strict, Near::Relaxed, Near::Any];
        let [before, group, mut behind] = [pieces(random), pieces(random), pieces(random)];
        behind[0].near = nears[random.below(3) as usize];
        let rounds = ROUNDS[random.below(5) as usize];
        Grouped {
            before,
            group,
            rounds,
            near: nears[random.below(3) as usize],
            // A group that does not repeat says nothing of how.
            inner: nears[if rounds == (1, 1) { 1 } else { random.below(3) as usize }],
            optional: random.below(3) == 0,
            behind,
        }
    }

    fn pattern(&self) -> Pattern<String> {
        let before = chain(None, &self.before, 0).expect("there are pieces");
        let mut number = self.before.len();
        let group = chain(None, &self.group, number).expect("there are pieces");
        number += self.group.len();
        let pattern = match self.near {
            Near::Strict => before.next_group(group),
            Near::Relaxed => before.followed_by_group(group),
            Near::Any | Near::NotNext | Near::NotFollowedBy => before.followed_by_any_group(group),
        };
        let pattern = match self.rounds {
            (1, 1) => pattern,
            (least, 6) => pattern.times_or_more(least as u32),
            (least, most) => pattern.times_range(least as u32, most as u32),
        };
        let pattern = match self.inner {
            Near::Strict => pattern.consecutive(),
            Near::Any => pattern.allow_combinations(),
            Near::Relaxed | Near::NotNext | Near::NotFollowedBy => pattern,
        };
        let pattern = if self.optional { pattern.optional() } else { pattern };
        chain(Some(pattern), &self.behind, number).expect("there are pieces")
    }

    /// The same with the group written out.
    fn written_out(&self, rounds: usize) -> Sequence {
        let mut pieces = self.before.clone();
        for round in 0..rounds {
            let from = pieces.len();
            pieces.extend(self.group.iter().cloned());
            pieces[from].near = if round == 0 { self.near } else { self.inner };
        }
        pieces.extend(self.behind.iter().cloned());
        Sequence { pieces, within: None, skip: Skip::Nothing }
    }
}

#[test]
fn groups_find_what_they_find_written_out() {
    let mut matches = 0;
    for seed in seeds().into_iter().step_by(2) {
        let mut random = Random(seed);
        let grouped = Grouped::of(&mut random);
        let count = 3 + random.below(5);
        let events = events(&mut random, 0, count);
        let (least, most) = grouped.rounds;
        let rounds = grouped.optional.then_some(0).into_iter().chain(least..=most);
        let unnamed = |(words, at): (String, i64)| {
            let words = words.split(' ').filter_map(|word| Some(word.split_once(':')?.1));
            (words.collect::<Vec<_>>().join(" "), at)
        };
        let mut expected: Vec<(String, i64)> = rounds
            .flat_map(|rounds| Reference::find(&grouped.written_out(rounds), &events))
            .map(unnamed)
            .collect();
        expected.sort();
        matches += expected.len();
        let pattern = grouped.pattern();
        let mut run = Run::of(&pattern);
        for (word, at) in &events {
            run.event(word, *at).expect("the event is processed");
        }
        let mut found = run.seen.found;
        found.sort();
        assert_eq!(found, expected, "SANDBAR_CEP_SEED={seed}: {pattern:?} over {events:?}");
    }
    assert!(matches > 0, "the seeds make patterns that are found");
}
