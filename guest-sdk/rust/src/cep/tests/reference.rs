//! What a pattern finds, by definition and slowly: every sequence of events is tried, each step of
//! it by the rules of contiguity for the events in between. Knows nothing of states and edges.

use crate::cep::{AfterMatchSkipStrategy, Pattern};
use std::time::Duration;

use super::drive::letters;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Near {
    Strict,
    Relaxed,
    Any,
    NotNext,
    NotFollowedBy,
}

/// One pattern of a sequence; its name is its number.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) near: Near,
    pub(crate) letters: &'static str,
    /// Least and most; none for no most.
    pub(crate) times: (usize, Option<usize>),
    pub(crate) inner: Near,
    pub(crate) optional: bool,
    pub(crate) greedy: bool,
    pub(crate) until: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    Nothing,
    ToNext,
    PastLast,
    ToFirst(usize),
    ToLast(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) within: Option<i64>,
    pub(crate) skip: Skip,
}

impl Piece {
    fn is_not(&self) -> bool {
        matches!(self.near, Near::NotNext | Near::NotFollowedBy)
    }
}

impl Sequence {
    /// The same as a pattern of the SDK.
    pub(crate) fn pattern(&self) -> Pattern<String> {
        let mut pattern = chain(None, &self.pieces, 0).expect("a sequence has pieces");
        if let Some(within) = self.within {
            pattern = pattern.within(Duration::from_millis(within as u64));
        }
        let strategy = match self.skip {
            Skip::Nothing => AfterMatchSkipStrategy::no_skip(),
            Skip::ToNext => AfterMatchSkipStrategy::skip_to_next(),
            Skip::PastLast => AfterMatchSkipStrategy::skip_past_last_event(),
            Skip::ToFirst(name) => AfterMatchSkipStrategy::skip_to_first(&name.to_string()),
            Skip::ToLast(name) => AfterMatchSkipStrategy::skip_to_last(&name.to_string()),
        };
        pattern.after_match(strategy)
    }
}

/// Puts pieces behind a pattern, the first of them with this number as its name.
pub(crate) fn chain(
    before: Option<Pattern<String>>,
    pieces: &[Piece],
    first: usize,
) -> Option<Pattern<String>> {
    let mut whole = before;
    for (number, piece) in pieces.iter().enumerate() {
        let name = (first + number).to_string();
        let mut pattern = match (whole, piece.near) {
            (None, _) => Pattern::begin(&name),
            (Some(so_far), Near::Strict) => so_far.next(&name),
            (Some(so_far), Near::Relaxed) => so_far.followed_by(&name),
            (Some(so_far), Near::Any) => so_far.followed_by_any(&name),
            (Some(so_far), Near::NotNext) => so_far.not_next(&name),
            (Some(so_far), Near::NotFollowedBy) => so_far.not_followed_by(&name),
        };
        pattern = pattern.where_(letters(piece.letters));
        let repeats = piece.times != (1, Some(1));
        pattern = match piece.times {
            (1, Some(1)) => pattern,
            (1, None) => pattern.one_or_more(),
            (least, None) => pattern.times_or_more(least as u32),
            (least, Some(most)) if least == most => pattern.times(least as u32),
            (least, Some(most)) => pattern.times_range(least as u32, most as u32),
        };
        pattern = match piece.inner {
            Near::Strict if repeats => pattern.consecutive(),
            Near::Any if repeats => pattern.allow_combinations(),
            Near::Strict | Near::Any => pattern,
            Near::Relaxed | Near::NotNext | Near::NotFollowedBy => pattern,
        };
        pattern = if piece.optional { pattern.optional() } else { pattern };
        pattern = if piece.greedy { pattern.greedy() } else { pattern };
        if let Some(until) = piece.until {
            pattern = pattern.until(letters(until));
        }
        whole = Some(pattern);
    }
    whole
}

/// The events of a match so far: number of the piece and of the event, and what was decided at each
/// event since the first, of which the smaller comes first.
#[derive(Clone, Debug, Default)]
struct Prefix {
    taken: Vec<(usize, usize)>,
    decisions: Vec<usize>,
    /// Stopped by a not pattern at its last event, so that it is only good if it is complete.
    is_stopped: bool,
}

/// What a match may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hop {
    Again(usize),
    Enter(usize),
    /// A `not_next` at the end: any event that is something else.
    Finish(usize),
    /// A `not_followed_by` at the end: the end of time.
    Pend(usize),
}

/// A match with when it is complete: at an event, or at a time.
struct Complete {
    prefix: Prefix,
    at_event: Option<usize>,
}

pub(crate) struct Reference<'a> {
    sequence: &'a Sequence,
    events: &'a [(String, i64)],
}

impl Reference<'_> {
    /// What is found in events that are in order, with the time at which.
    pub(crate) fn find(sequence: &Sequence, events: &[(String, i64)]) -> Vec<(String, i64)> {
        let reference = Reference { sequence, events };
        let mut prefixes = Vec::new();
        let mut complete = Vec::new();
        for start in 0..events.len() {
            let empty = Prefix::default();
            let hops = reference.enter_from(0);
            for (order, hop) in hops.into_iter().enumerate() {
                if let Hop::Enter(piece) = hop
                    && reference.accepts(piece, start)
                    && !reference.is_greedy_for(piece, start, start)
                {
                    let mut prefix = empty.clone();
                    prefix.taken.push((piece, start));
                    prefix.decisions.push(2 * order);
                    reference.extend(prefix, &mut prefixes, &mut complete);
                }
            }
        }
        reference.resolve(&prefixes, complete)
    }

    fn has(&self, letters: &str, event: usize) -> bool {
        self.events[event].0.starts_with(|first| letters.contains(first))
    }

    fn piece(&self, piece: usize) -> &Piece {
        &self.sequence.pieces[piece]
    }

    /// Whether an event may be one of a piece.
    fn accepts(&self, piece: usize, event: usize) -> bool {
        let Piece { letters, until, .. } = self.piece(piece);
        self.has(letters, event) && !until.is_some_and(|until| self.has(until, event))
    }

    fn due(&self, prefix: &Prefix) -> Option<i64> {
        let started = self.events[prefix.taken[0].1].1;
        self.sequence.within.map(|within| started + within)
    }

    /// What may come next if everything before `piece` is done.
    fn enter_from(&self, piece: usize) -> Vec<Hop> {
        let mut hops = Vec::new();
        for (number, next) in self.sequence.pieces.iter().enumerate().skip(piece) {
            let is_last = number + 1 == self.sequence.pieces.len();
            match next.near {
                Near::NotNext if is_last => hops.push(Hop::Finish(number)),
                Near::NotFollowedBy if is_last => hops.push(Hop::Pend(number)),
                Near::NotNext | Near::NotFollowedBy => {}
                Near::Strict | Near::Relaxed | Near::Any => {
                    hops.push(Hop::Enter(number));
                    if !next.optional {
                        break;
                    }
                }
            }
        }
        hops
    }

    /// The piece of the last event and how many events it has.
    fn last(prefix: &Prefix) -> (usize, usize, usize) {
        let (piece, event) = prefix.taken[prefix.taken.len() - 1];
        (piece, event, prefix.taken.iter().filter(|(of, _)| *of == piece).count())
    }

    fn may_leave(&self, prefix: &Prefix) -> bool {
        let (piece, _, count) = Self::last(prefix);
        count >= self.piece(piece).times.0
    }

    fn hops(&self, prefix: &Prefix) -> Vec<Hop> {
        let (piece, _, count) = Self::last(prefix);
        let mut hops = Vec::new();
        if self.piece(piece).times.1.is_none_or(|most| count < most) {
            hops.push(Hop::Again(piece));
        }
        if self.may_leave(prefix) {
            hops.extend(self.enter_from(piece + 1));
        }
        hops
    }

    /// Whether all there is to come is optional. Not patterns before that decide nothing, but for a
    /// `not_next`, which is asked about the last event itself, as in Flink.
    fn is_complete(&self, prefix: &Prefix) -> bool {
        let (last, event, _) = Self::last(prefix);
        let behind = &self.sequence.pieces[last + 1..];
        let is_open = |piece: &Piece| match piece.near {
            Near::NotFollowedBy => true,
            Near::NotNext => !self.has(piece.letters, event),
            Near::Strict | Near::Relaxed | Near::Any => piece.optional,
        };
        let ends = behind.last().is_none_or(|end| !end.is_not());
        self.may_leave(prefix) && ends && behind.iter().all(is_open)
    }

    /// Whether a match that waits by a hop is stopped by an event.
    fn stops(&self, prefix: &Prefix, hop: Hop, event: usize) -> bool {
        let (last, before, _) = Self::last(prefix);
        if event > before + 1 {
            return self.hop_stops(last, hop, event);
        }
        // Right behind the last event it waits in all ways at once.
        self.may_leave(prefix) && self.is_forbidden_next(last, event)
            || self.hops(prefix).into_iter().any(|way| self.hop_stops(last, way, event))
    }

    /// Whether a `not_next` behind a piece is about this event, if it is right behind the piece.
    fn is_forbidden_next(&self, last: usize, event: usize) -> bool {
        let behind = self.sequence.pieces.get(last + 1);
        behind.is_some_and(|piece| piece.near == Near::NotNext && self.has(piece.letters, event))
    }

    fn hop_stops(&self, last: usize, hop: Hop, event: usize) -> bool {
        let forbids =
            |piece: &Piece| piece.near == Near::NotFollowedBy && self.has(piece.letters, event);
        let pieces = &self.sequence.pieces;
        match hop {
            Hop::Again(piece) => pieces.get(piece + 1).is_some_and(forbids),
            Hop::Enter(piece) | Hop::Finish(piece) => pieces[last + 1..piece].iter().any(forbids),
            Hop::Pend(piece) => pieces[last + 1..=piece].iter().any(forbids),
        }
    }

    /// Whether a greedy pattern before the piece that is entered wants an event.
    fn is_wanted(&self, prefix: &Prefix, piece: usize, event: usize) -> bool {
        let (last, before, _) = Self::last(prefix);
        last < piece && self.is_greedy_for(piece, before + 1, event)
    }

    /// The same for a match that waits for the piece since the event `since`.
    fn is_greedy_for(&self, piece: usize, since: usize, event: usize) -> bool {
        let Some(greedy) = piece.checked_sub(1).map(|greedy| self.piece(greedy)) else {
            return false;
        };
        if !greedy.greedy || greedy.times.1 == Some(greedy.times.0) {
            return false;
        }
        let has_ended = greedy.until.is_some_and(|until| self.has(until, since));
        !has_ended && self.has(greedy.letters, event)
    }

    /// Whether a match that waits by a hop may pass an event over.
    fn passes_over(&self, prefix: &Prefix, hop: Hop, event: usize) -> bool {
        if self.stops(prefix, hop, event) {
            return false;
        }
        let by = |near: Near, letters: &str| match near {
            Near::Relaxed => !self.has(letters, event),
            Near::Any => true,
            Near::Strict | Near::NotNext | Near::NotFollowedBy => false,
        };
        match hop {
            Hop::Again(piece) => {
                let Piece { inner, letters, until, .. } = self.piece(piece);
                by(*inner, letters) && !until.is_some_and(|until| self.has(until, event))
            }
            Hop::Enter(piece) => {
                let Piece { near, letters, .. } = self.piece(piece);
                by(*near, letters) && !self.is_wanted(prefix, piece, event)
            }
            Hop::Finish(_) => false,
            Hop::Pend(_) => true,
        }
    }

    /// Whether all events behind the last one up to `to` are passed over, in time.
    fn waits(&self, prefix: &Prefix, hop: Hop, to: usize) -> bool {
        let (_, before, _) = Self::last(prefix);
        (before + 1..=to).all(|event| self.passes_over(prefix, hop, event))
    }

    fn in_time(&self, prefix: &Prefix, event: usize) -> bool {
        self.due(prefix).is_none_or(|due| self.events[event].1 < due)
    }

    fn extend(&self, prefix: Prefix, all: &mut Vec<Prefix>, complete: &mut Vec<Complete>) {
        let (_, last, _) = Self::last(&prefix);
        if self.is_complete(&prefix) {
            complete.push(Complete { prefix: prefix.clone(), at_event: Some(last) });
        }
        if prefix.is_stopped {
            return;
        }
        for (order, hop) in self.hops(&prefix).into_iter().enumerate() {
            let behind = (last + 1..self.events.len()).take_while(|event| {
                self.in_time(&prefix, *event) && self.waits(&prefix, hop, *event - 1)
            });
            let mut waited = Vec::new();
            let mut next = prefix.clone();
            for event in behind {
                waited.push(event);
                self.hop(&prefix, (order, hop), event, (all, complete));
            }
            if let Hop::Pend(_) = hop {
                let end = waited.last().copied().unwrap_or(last);
                if self.waits(&prefix, hop, end) {
                    next.decisions.extend(Self::waiting(order, end - last));
                    complete.push(Complete { prefix: next, at_event: None });
                }
            }
        }
        all.push(prefix);
    }

    /// What is decided at events that a hop passes over: from the second on there is no choice.
    fn waiting(order: usize, count: usize) -> impl Iterator<Item = usize> {
        (0..count).map(move |number| if number == 0 { 2 * order + 1 } else { 1 })
    }

    fn hop(
        &self,
        prefix: &Prefix,
        (order, hop): (usize, Hop),
        event: usize,
        (all, complete): (&mut Vec<Prefix>, &mut Vec<Complete>),
    ) {
        let (of, last, _) = Self::last(prefix);
        let mut next = prefix.clone();
        next.decisions.extend(Self::waiting(order, event - last - 1));
        let first = event == last + 1;
        let is_forbidden = first && self.is_forbidden_next(of, event);
        let piece = match hop {
            Hop::Again(piece) => piece,
            Hop::Enter(piece) if !is_forbidden && !self.is_wanted(prefix, piece, event) => piece,
            Hop::Finish(_) if first && !is_forbidden => {
                next.decisions.push(2 * order + 1);
                complete.push(Complete { prefix: next, at_event: Some(event) });
                return;
            }
            Hop::Enter(_) | Hop::Finish(_) | Hop::Pend(_) => return,
        };
        if self.accepts(piece, event) {
            next.taken.push((piece, event));
            next.decisions.push(if first { 2 * order } else { 0 });
            next.is_stopped = self.stops(prefix, hop, event);
            self.extend(next, all, complete);
        }
    }

    /// Whether a match so far may still go on behind an event, at a time.
    fn is_alive(&self, prefix: &Prefix, after: usize, now: i64) -> bool {
        let (_, last, _) = Self::last(prefix);
        last <= after
            && self.due(prefix).is_none_or(|due| now < due)
            && self.hops(prefix).into_iter().any(|hop| self.waits(prefix, hop, after))
    }

    /// Has matches found in turn, and skip others.
    fn resolve(&self, prefixes: &[Prefix], complete: Vec<Complete>) -> Vec<(String, i64)> {
        // Each moment: the event that has come last, whether it is new, and the time.
        let mut moments: Vec<(usize, bool, i64)> = Vec::new();
        for (number, (_, at)) in self.events.iter().enumerate() {
            let before = number.checked_sub(1).map_or(i64::MIN, |before| self.events[before].1);
            moments.extend(self.dues(before, *at).into_iter().map(|due| (number - 1, false, due)));
            moments.push((number, true, *at));
        }
        if let Some((_, last)) = self.events.last() {
            let dues = self.dues(*last, i64::MAX).into_iter();
            moments.extend(dues.map(|due| (self.events.len() - 1, false, due)));
        }
        let mut found = Vec::new();
        let mut waiting: Vec<&Prefix> = Vec::new();
        let mut from = 0;
        for (event, is_new, now) in moments {
            let is_now = |one: &&Complete| match one.at_event {
                Some(at) => is_new && at == event,
                None => !is_new && self.due(&one.prefix) == Some(now),
            };
            let mut arrived: Vec<&Prefix> =
                complete.iter().filter(is_now).map(|one| &one.prefix).collect();
            arrived.sort_by_key(|prefix| prefix.decisions.clone());
            waiting.extend(arrived);
            waiting.retain(|prefix| prefix.taken[0].1 >= from);
            waiting.sort_by_key(|prefix| prefix.taken[0].1);
            while let Some(first) = waiting.first().copied() {
                let is_earlier = |prefix: &Prefix| {
                    let start = prefix.taken[0].1;
                    from <= start && start < first.taken[0].1 && self.is_alive(prefix, event, now)
                };
                if self.sequence.skip != Skip::Nothing && prefixes.iter().any(is_earlier) {
                    break;
                }
                waiting.remove(0);
                found.push((self.words(first), now));
                from = from.max(self.next_start(first));
                waiting.retain(|prefix| prefix.taken[0].1 >= from);
            }
        }
        found
    }

    /// When matches time out, after one time and up to another.
    fn dues(&self, after: i64, to: i64) -> Vec<i64> {
        let Some(within) = self.sequence.within else { return Vec::new() };
        let mut dues: Vec<i64> = self.events.iter().map(|(_, at)| at + within).collect();
        dues.retain(|due| after < *due && *due <= to);
        dues.sort_unstable();
        dues.dedup();
        dues
    }

    /// The first event that may begin a match after this one.
    fn next_start(&self, prefix: &Prefix) -> usize {
        let taken = &prefix.taken;
        let of = |piece: usize| taken.iter().filter(move |(of, _)| *of == piece);
        match self.sequence.skip {
            Skip::Nothing => 0,
            Skip::ToNext => taken[0].1 + 1,
            Skip::PastLast => taken[taken.len() - 1].1 + 1,
            Skip::ToFirst(piece) => of(piece).next().map_or(0, |(_, event)| *event),
            Skip::ToLast(piece) => of(piece).next_back().map_or(0, |(_, event)| *event),
        }
    }

    fn words(&self, prefix: &Prefix) -> String {
        let word = |(piece, event): &(usize, usize)| format!("{piece}:{}", self.events[*event].0);
        prefix.taken.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}
