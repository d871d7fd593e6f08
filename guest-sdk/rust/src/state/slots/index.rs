//! Hash -> slot: open addressing with linear probing, eight bytes an entry, at most half full. A
//! lookup in a component is a few instructions on one cache line, where a general table's group
//! probing (made for 16-byte vectors) is several dozen.

/// Marks an entry without a slot.
const EMPTY: u32 = u32::MAX;
const ENTRIES_MIN: usize = 16;

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    slot: u32,
}

/// The table. Several slots may have one hash; the caller tells them apart.
#[derive(Debug)]
pub(crate) struct HashIndex {
    /// A power of two of them.
    entries: Vec<Entry>,
    len: usize,
}

impl HashIndex {
    pub(crate) fn new() -> HashIndex {
        HashIndex { entries: vec![Entry { hash: 0, slot: EMPTY }; ENTRIES_MIN], len: 0 }
    }

    /// The slot of this hash for which `is_it` holds.
    #[inline(always)]
    pub(crate) fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.entries.len() - 1;
        let mut at = hash as usize & mask;
        // Half of the entries are empty, so the probe ends.
        loop {
            let entry = self.entries[at & mask];
            if entry.hash == hash && entry.slot != EMPTY && is_it(entry.slot) {
                return Some(entry.slot);
            }
            if entry.slot == EMPTY {
                return None;
            }
            at += 1;
        }
    }

    /// The slot that a key of this hash is in, if it is in its first or second place, as most are;
    /// any slot or none that exists otherwise. Without a branch, as the processor would guess it
    /// wrong.
    #[inline(always)]
    pub(crate) fn guess(&self, hash: u32) -> u32 {
        let mask = self.entries.len() - 1;
        let first = self.entries[hash as usize & mask];
        let second = self.entries[(hash as usize + 1) & mask];
        std::hint::select_unpredictable(first.hash == hash, first.slot, second.slot)
    }

    /// Adds a slot that is not in the table.
    pub(crate) fn insert(&mut self, hash: u32, slot: u32) {
        if (self.len + 1) * 2 > self.entries.len() {
            self.grow();
        }
        self.len += 1;
        let free = self.probe(hash, EMPTY);
        self.entries[free] = Entry { hash, slot };
    }

    /// Removes a slot that is in the table.
    pub(crate) fn remove(&mut self, hash: u32, slot: u32) {
        let mask = self.entries.len() - 1;
        let mut hole = self.probe(hash, slot);
        if self.entries[hole].slot == EMPTY {
            return;
        }
        self.len -= 1;
        // What was probed past the hole moves into it (Knuth, volume 3, 6.4, algorithm R).
        let mut at = hole;
        loop {
            self.entries[hole].slot = EMPTY;
            loop {
                at = (at + 1) & mask;
                let entry = self.entries[at];
                if entry.slot == EMPTY {
                    return;
                }
                let home = entry.hash as usize & mask;
                if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                    self.entries[hole] = entry;
                    hole = at;
                    break;
                }
            }
        }
    }

    /// Where `slot` is, or the empty entry that ends its probe.
    fn probe(&self, hash: u32, slot: u32) -> usize {
        let mask = self.entries.len() - 1;
        let mut at = hash as usize & mask;
        while self.entries[at].slot != EMPTY && self.entries[at].slot != slot {
            at = (at + 1) & mask;
        }
        at
    }

    #[cold]
    fn grow(&mut self) {
        let empty = vec![Entry { hash: 0, slot: EMPTY }; self.entries.len() * 2];
        let old = std::mem::replace(&mut self.entries, empty);
        for entry in old.into_iter().filter(|entry| entry.slot != EMPTY) {
            let free = self.probe(entry.hash, EMPTY);
            self.entries[free] = entry;
        }
    }
}

#[cfg(test)]
mod tests;
