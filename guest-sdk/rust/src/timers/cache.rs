//! Event time timers of cached keys, by timestamp and slot: firing one looks no key up, and it
//! costs four bytes until then. It is the guest's share of a write-back cache: what is handed over
//! is a timer of the host like any other.
//!
//! Law: of all changes to one timer the last counts, and a timer is taken once.

use std::collections::BTreeMap;

/// Set in a change that deletes; the rest is the slot.
const DELETE: u32 = 1 << 31;
/// Room for changes that an empty bucket keeps.
const KEPT_CHANGES_MAX: usize = 4096;

/// The timers.
#[derive(Default)]
pub(super) struct TimerCache {
    /// Where the bucket of a timestamp is.
    buckets: BTreeMap<i64, usize>,
    /// The buckets, some of them free: the changes of a timestamp, in order.
    room: Vec<Vec<u32>>,
    free: Vec<usize>,
    /// The bucket that was changed last: most changes follow another of the same timestamp.
    last: Option<(i64, usize)>,
    /// Those of one timestamp that are being taken, a part at a time.
    firing: Firing,
    /// A bit a slot, all clear between uses.
    marks: Vec<u64>,
}

#[derive(Default)]
struct Firing {
    timestamp: i64,
    slots: Vec<u32>,
    taken: usize,
}

impl TimerCache {
    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty() && self.firing.is_done()
    }

    /// When the first timer is due.
    pub(super) fn first(&self) -> Option<i64> {
        let firing = (!self.firing.is_done()).then_some(self.firing.timestamp);
        let first = self.buckets.first_key_value().map(|(timestamp, _)| *timestamp);
        first.into_iter().chain(firing).min()
    }

    /// Adds a timer, unless it is there.
    #[inline]
    pub(super) fn register(&mut self, timestamp: i64, slot: u32) {
        let index = match self.last {
            Some((last, index)) if last == timestamp => index,
            _ => self.find_or_add(timestamp),
        };
        self.room[index].push(slot);
    }

    /// Removes a timer if it is there.
    pub(super) fn delete(&mut self, timestamp: i64, slot: u32) {
        if let Some(index) = self.buckets.get(&timestamp) {
            self.room[*index].push(slot | DELETE);
        }
    }

    #[inline(never)]
    fn find_or_add(&mut self, timestamp: i64) -> usize {
        let (room, free) = (&mut self.room, &mut self.free);
        let index = *self.buckets.entry(timestamp).or_insert_with(|| {
            free.pop().unwrap_or_else(|| {
                room.push(Vec::new());
                room.len() - 1
            })
        });
        self.last = Some((timestamp, index));
        index
    }

    /// Takes at most `max` timers of the first timestamp that is due, if one is, and returns it.
    /// There are as many `slots`. If `due` is empty then, all of that timestamp were deleted.
    pub(super) fn take_due(
        &mut self,
        up_to: i64,
        max: usize,
        slots: usize,
        due: &mut Vec<u32>,
    ) -> Option<i64> {
        due.clear();
        if self.firing.is_done() {
            self.start_firing(up_to, slots)?;
        } else if self.firing.timestamp > up_to {
            return None;
        }
        let firing = &mut self.firing;
        let end = firing.slots.len().min(firing.taken.saturating_add(max));
        due.extend_from_slice(&firing.slots[firing.taken..end]);
        firing.taken = end;
        Some(firing.timestamp)
    }

    /// Sees to it that the first timestamp that is due fires; none if nothing is due.
    fn start_firing(&mut self, up_to: i64, slots: usize) -> Option<()> {
        let first = self.buckets.first_entry().filter(|first| *first.key() <= up_to)?;
        let (timestamp, index) = first.remove_entry();
        if self.last.is_some_and(|(last, _)| last == timestamp) {
            self.last = None;
        }
        let mut spare = std::mem::take(&mut self.firing).slots;
        spare.clear();
        spare.shrink_to(KEPT_CHANGES_MAX);
        let mut changes = std::mem::replace(&mut self.room[index], spare);
        self.free.push(index);
        if changes.len() >= slots / 64 {
            in_order_of_slots(&mut changes, slots, &mut self.marks);
        } else {
            each_once(&mut changes);
        }
        self.firing = Firing { timestamp, slots: changes, taken: 0 };
        Some(())
    }

    /// Timestamps and slots of all timers.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn all(&self) -> Vec<(i64, u32)> {
        let firing = &self.firing;
        let mut all: Vec<(i64, u32)> =
            firing.slots[firing.taken..].iter().map(|slot| (firing.timestamp, *slot)).collect();
        for (timestamp, index) in &self.buckets {
            let mut changes = self.room[*index].clone();
            each_once(&mut changes);
            all.extend(changes.iter().map(|slot| (*timestamp, *slot)));
        }
        all
    }

    /// Takes all timers, those of a timestamp at a time. There are as many `slots`.
    pub(super) fn drain<E>(
        &mut self,
        slots: usize,
        mut take: impl FnMut(i64, &[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut due = Vec::new();
        while let Some(timestamp) = self.take_due(i64::MAX, usize::MAX, slots, &mut due) {
            take(timestamp, &due)?;
        }
        Ok(())
    }
}

impl Firing {
    fn is_done(&self) -> bool {
        self.taken == self.slots.len()
    }
}

/// Puts the slots whose last change is no deletion in order, each once. What is kept of them is
/// then looked at from one end of memory to the other, which is what processors are best at.
fn in_order_of_slots(changes: &mut Vec<u32>, slots: usize, marks: &mut Vec<u64>) {
    if marks.len() * 64 < slots {
        marks.resize(slots.div_ceil(64), 0);
    }
    for change in &*changes {
        let slot = change & !DELETE;
        let (word, bit) = (&mut marks[slot as usize / 64], 1 << (slot % 64));
        *word = if change & DELETE == 0 { *word | bit } else { *word & !bit };
    }
    changes.clear();
    for (index, word) in marks.iter_mut().enumerate() {
        let mut rest = std::mem::take(word);
        while rest != 0 {
            changes.push((index * 64) as u32 + rest.trailing_zeros());
            rest &= rest - 1;
        }
    }
}

/// The same for few slots of many.
fn each_once(changes: &mut Vec<u32>) {
    changes.sort_by_key(|change| change & !DELETE);
    let mut kept = 0;
    for index in 0..changes.len() {
        let change = changes[index];
        let is_last = changes.get(index + 1).is_none_or(|next| (next ^ change) & !DELETE != 0);
        if is_last && change & DELETE == 0 {
            changes[kept] = change;
            kept += 1;
        }
    }
    changes.truncate(kept);
}
