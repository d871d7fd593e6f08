//! Key bytes -> slot, bounded, with second-chance eviction. The keys of a call are looked up some
//! dozen at a time: first all digests and all guesses of the index are made, without a branch that
//! depends on them, so that the processor fetches many of them from memory at once; then each guess
//! is checked against what the slot holds.
//!
//! Law: a slot that the current call has used is not given away in that call.

use std::ops::Deref;

use super::digest::Digest;
use super::index::HashIndex;
use crate::memory;

/// Keys that are looked up together.
const BLOCK_KEYS: usize = 64;
/// Keys that are held whatever memory is in use.
const ENTRIES_MIN: usize = 4096;
/// Set in [`Slot::stamp`] when the slot is used, and cleared when the hand comes by.
const RECENT: u32 = 1 << 31;
/// The part of [`Slot::stamp`] that is the number of a call.
const CALL: u32 = RECENT - 1;

/// The keys held.
pub(crate) struct SlotTable {
    index: HashIndex,
    slots: Vec<Slot>,
    /// The key of each slot whose digest does not tell it all, and empty ones before the last such.
    keys: Vec<Vec<u8>>,
    capacity: usize,
    /// How many slots there may be: the capacity, or what there was when memory was full.
    room: usize,
    /// Linear memory in use above which keys make room for each other.
    memory_bytes: usize,
    hand: usize,
    /// The number of the current call, from 1 to [`CALL`].
    call: u32,
    fresh: Vec<u32>,
    touched: Vec<u32>,
}

/// The key in a slot.
pub(crate) enum KeyBytes<'a> {
    /// The first so many of sixteen bytes.
    Short([u8; 16], usize),
    Long(&'a [u8]),
}

impl Deref for KeyBytes<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            KeyBytes::Short(block, length) => &block[..*length],
            KeyBytes::Long(key) => key,
        }
    }
}

/// What a lookup needs of a slot, on as few cache lines as can be.
struct Slot {
    digest: Digest,
    /// The last call that used it, 0 for none, and [`RECENT`].
    stamp: u32,
}

/// A key of a block: its digest, and the slot that it is probably in; before that its hash.
#[derive(Clone, Copy)]
struct Guess {
    digest: Digest,
    slot: u32,
}

type Guesses = [Guess; BLOCK_KEYS];

/// Keys of a column: the first starts at `start`.
struct Keys<'a> {
    column: &'a [u8],
    start: usize,
    ends: &'a [u32],
}

impl SlotTable {
    pub(super) fn new(capacity: usize, memory_bytes: usize) -> SlotTable {
        SlotTable {
            index: HashIndex::new(),
            slots: Vec::new(),
            keys: Vec::new(),
            capacity: capacity.max(1),
            room: capacity.max(1),
            memory_bytes,
            hand: 0,
            call: 0,
            fresh: Vec::new(),
            touched: Vec::new(),
        }
    }

    /// The key in a slot.
    pub(crate) fn key(&self, slot: u32) -> KeyBytes<'_> {
        match self.slots[slot as usize].digest.key() {
            Some((block, length)) => KeyBytes::Short(block, length),
            None => KeyBytes::Long(&self.keys[slot as usize]),
        }
    }

    /// Keys that the table holds at most, unless one call alone has more.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The slots that the current call uses, each once.
    pub(crate) fn touched(&self) -> &[u32] {
        &self.touched
    }

    /// The slots that got their key in the current call.
    pub(super) fn fresh(&self) -> &[u32] {
        &self.fresh
    }

    /// Number of slots given out so far; never shrinks.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn begin_call(&mut self) {
        if self.call == CALL {
            // Numbers begin anew: no slot may seem to have been used by a call to come.
            self.slots.iter_mut().for_each(|slot| slot.stamp &= RECENT);
            self.call = 0;
        }
        self.call += 1;
        self.fresh.clear();
        self.touched.clear();
        if self.is_memory_full() {
            self.room = self.room.min(self.slots.len().max(ENTRIES_MIN));
        }
    }

    /// Notes that the current call uses some slots, each of which is there once.
    pub(super) fn touch(&mut self, slots: &[u32]) {
        let stamp = self.call | RECENT;
        slots.iter().for_each(|slot| self.slots[*slot as usize].stamp = stamp);
        self.touched.extend_from_slice(slots);
    }

    /// Whether a call with so many keys may have to give slots away.
    pub(super) fn may_evict(&self, keys: usize) -> bool {
        self.is_memory_full() || self.slots.len() + keys > self.room
    }

    /// Whether no more keys should be held than there are.
    pub(crate) fn is_memory_full(&self) -> bool {
        memory::in_use_bytes() >= self.memory_bytes
    }

    /// Sets `records` to the slot of each key of a column. Keys that have none get one; `evict`
    /// is told of each slot that is taken from another key for it.
    pub(super) fn find_or_claim_all(
        &mut self,
        ends: &[u32],
        column: &[u8],
        records: &mut Vec<u32>,
        mut evict: impl FnMut(u32, &[u8]),
    ) {
        records.resize(ends.len(), 0);
        let mut guesses = [Guess { digest: Digest::of(&[]), slot: 0 }; BLOCK_KEYS];
        let mut start = 0;
        for (block, found) in ends.chunks(BLOCK_KEYS).zip(records.chunks_mut(BLOCK_KEYS)) {
            digest_all(column, start, block, &mut guesses);
            guess_all(&self.index, &mut guesses[..block.len()]);
            self.fetch(&guesses[..block.len()]);
            let mut done = 0;
            loop {
                let keys = Keys { column, start, ends: &block[done..] };
                let confirmed = self.confirm(&guesses[done..block.len()], keys, &mut found[done..]);
                if confirmed > 0 {
                    done += confirmed;
                    start = block[done - 1] as usize;
                }
                let Some(end) = block.get(done) else { break };
                let key = &column[start..*end as usize];
                found[done] = self.find_or_claim(key, guesses[done].digest, &mut evict);
                done += 1;
                start = *end as usize;
            }
        }
    }

    /// Has the processor fetch the guessed slots from memory, many at once.
    #[inline(never)]
    fn fetch(&self, guesses: &[Guess]) {
        let mut all = 0;
        for guess in guesses {
            if let Some(slot) = self.slots.get(guess.slot as usize) {
                all |= slot.stamp;
            }
        }
        std::hint::black_box(all);
    }

    /// Sets the slots of the guesses that are right, up to the first that is not, and returns how
    /// many there are.
    #[inline(never)]
    fn confirm(&mut self, guesses: &[Guess], keys: Keys<'_>, found: &mut [u32]) -> usize {
        let stamp = self.call | RECENT;
        let Keys { column, mut start, ends } = keys;
        let mut confirmed = 0;
        for ((guess, end), slot) in guesses.iter().zip(ends).zip(found) {
            let Some(held) = self.slots.get_mut(guess.slot as usize) else { break };
            if held.digest != guess.digest {
                break;
            }
            let end = *end as usize;
            if !guess.digest.is_exact()
                && !memory::equal(&self.keys[guess.slot as usize], &column[start..end])
            {
                break;
            }
            if held.stamp != stamp {
                if held.stamp & CALL != self.call {
                    self.touched.push(guess.slot);
                }
                held.stamp = stamp;
            }
            *slot = guess.slot;
            confirmed += 1;
            start = end;
        }
        confirmed
    }

    /// The slot of a key that has one.
    pub(super) fn find(&self, key: &[u8]) -> Option<u32> {
        self.find_by(key, Digest::of(key))
    }

    #[inline]
    fn find_by(&self, key: &[u8], digest: Digest) -> Option<u32> {
        self.index.find(digest.hash(), |slot| {
            self.slots[slot as usize].digest == digest
                && (digest.is_exact() || memory::equal(&self.keys[slot as usize], key))
        })
    }

    #[inline(never)]
    fn find_or_claim(&mut self, key: &[u8], digest: Digest, evict: impl FnMut(u32, &[u8])) -> u32 {
        let slot = match self.find_by(key, digest) {
            Some(slot) => slot,
            None => self.claim(key, digest, evict),
        };
        let entry = &mut self.slots[slot as usize];
        if entry.stamp & CALL != self.call {
            self.touched.push(slot);
        }
        entry.stamp = self.call | RECENT;
        slot
    }

    #[cold]
    fn claim(&mut self, key: &[u8], digest: Digest, mut evict: impl FnMut(u32, &[u8])) -> u32 {
        let slot = match self.victim() {
            Some(slot) => {
                evict(slot, &self.key(slot));
                let entry = &mut self.slots[slot as usize];
                self.index.remove(entry.digest.hash(), slot);
                *entry = Slot { digest, stamp: 0 };
                slot
            }
            None => {
                let slot = self.slots.len() as u32;
                self.slots.push(Slot { digest, stamp: 0 });
                slot
            }
        };
        if !digest.is_exact() {
            if self.keys.len() <= slot as usize {
                self.keys.resize_with(slot as usize + 1, Vec::new);
            }
            let held = &mut self.keys[slot as usize];
            held.clear();
            held.extend_from_slice(key);
        }
        self.index.insert(digest.hash(), slot);
        self.fresh.push(slot);
        slot
    }

    /// A slot to give away; none while there is room, or when the current call uses all slots.
    fn victim(&mut self) -> Option<u32> {
        if self.slots.len() < self.room || self.touched.len() >= self.slots.len() {
            return None;
        }
        // Two rounds: the first may only clear marks.
        for _ in 0..2 * self.slots.len() {
            let slot = self.hand;
            self.hand = (self.hand + 1) % self.slots.len();
            let entry = &mut self.slots[slot];
            if entry.stamp & CALL == self.call {
                continue;
            }
            if entry.stamp & RECENT == 0 {
                return Some(slot as u32);
            }
            entry.stamp &= CALL;
        }
        None
    }
}

/// Makes the digests of the keys of a block. A function of its own like those below, so that all
/// it works with stays in registers, and more of its loads are under way at once.
#[inline(never)]
fn digest_all(column: &[u8], mut start: usize, ends: &[u32], guesses: &mut Guesses) {
    for (guess, end) in guesses.iter_mut().zip(ends) {
        let end = *end as usize;
        guess.digest = Digest::in_column(column, start, end);
        guess.slot = guess.digest.hash();
        start = end;
    }
}

/// Makes guesses of the hashes that are in their place.
#[inline(never)]
fn guess_all(index: &HashIndex, guesses: &mut [Guess]) {
    for guess in guesses {
        guess.slot = index.guess(guess.slot);
    }
}

#[cfg(test)]
mod tests;
