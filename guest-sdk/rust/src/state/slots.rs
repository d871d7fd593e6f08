//! The keys an instance holds in its cache: key bytes -> slot. One lookup per record finds the
//! slot, and every state of that record then indexes its own cells by it.
//!
//! Law: a slot in use by the current call is never given to another key, and a slot is only given
//! away after every store has written what it held for the old key.

use std::cell::{Cell, RefCell};
use std::hash::Hasher;
use std::rc::Rc;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::error::Error;
use crate::memory;

/// Keys kept in the cache unless `sandbar.state.cache.entries` says otherwise.
pub(crate) const CACHE_ENTRIES_DEFAULT: usize = 65_536;
/// Dirty entries of one state that may wait for a checkpoint; beyond it every call writes some.
pub(crate) const DIRTY_MAX: usize = 4096;
/// Entries of one state that a call writes behind while there are more than [`DIRTY_MAX`].
pub(crate) const WRITE_BEHIND: usize = 1024;

const NO_SLOT: u32 = u32::MAX;

/// A slot and how often it has been given away: typed copies of its key are valid for one
/// generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotRef {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// The cached keys and the current one.
pub(crate) struct KeyContext {
    table: RefCell<SlotTable>,
    stores: RefCell<Vec<Rc<dyn KeyedStore>>>,
    /// The slot of each record of the current call.
    records: RefCell<Vec<SlotRef>>,
    current: Cell<SlotRef>,
}

/// One declared state, as the cache sees it.
pub(crate) trait KeyedStore {
    /// Queues what is dirty in `slot` for writing, and forgets the slot.
    fn evict(&self, slot: u32, key: &[u8]);
    /// Writes the queue, then fetches the entries of `slots` that it lacks.
    fn load(&self, slots: &Slots<'_>) -> Result<(), Error>;
    /// Writes at most about `limit` dirty entries.
    fn flush(&self, slots: &SlotTable, limit: usize) -> Result<(), Error>;
    /// Number of dirty entries, or a little more.
    fn dirty(&self) -> usize;
    /// Whether entries expire at the host, so that they may not outlive the call in the cache.
    fn expires(&self) -> bool;
}

/// The slots that a call uses.
pub(crate) struct Slots<'a> {
    pub(crate) table: &'a SlotTable,
    /// Those that just got their key.
    pub(crate) fresh: &'a [u32],
    /// All of them, each once.
    pub(crate) touched: &'a [u32],
}

impl KeyContext {
    pub(crate) fn new(capacity: usize) -> KeyContext {
        KeyContext {
            table: RefCell::new(SlotTable::new(capacity)),
            stores: RefCell::default(),
            records: RefCell::default(),
            current: Cell::new(SlotRef { slot: NO_SLOT, generation: 0 }),
        }
    }

    pub(crate) fn add_store(&self, store: Rc<dyn KeyedStore>) {
        self.stores.borrow_mut().push(store);
    }

    /// Looks up the keys of a call's records and fetches the state of those not in the cache.
    ///
    /// # Errors
    /// There are not as many keys as `count`, or a stored value does not decode.
    pub(crate) fn begin_call(
        &self,
        count: usize,
        key_ends: &[u32],
        keys: &[u8],
    ) -> Result<(), Error> {
        if key_ends.len() != count {
            let found = key_ends.len();
            return Err(Error::fatal(format!(
                "a keyed operator was given {found} keys for {count} records or timers"
            )));
        }
        let table = &mut *self.table.borrow_mut();
        let stores = self.stores.borrow();
        let records = &mut *self.records.borrow_mut();
        table.begin_call();
        records.clear();
        records.reserve(key_ends.len());
        let mut start = 0;
        for end in key_ends {
            let end = *end as usize;
            let key = &keys[start..end];
            start = end;
            records.push(table.find_or_claim(key, |slot, old_key| {
                stores.iter().for_each(|store| store.evict(slot, old_key));
            }));
        }
        let slots = Slots { table, fresh: &table.fresh, touched: &table.touched };
        stores.iter().try_for_each(|store| store.load(&slots))
    }

    /// Makes the key of record `index` of the call the current one.
    #[inline]
    pub(crate) fn select(&self, index: usize) {
        self.current.set(self.records.borrow()[index]);
    }

    /// Ends the call: there is no current key, and part of too many dirty entries is written.
    pub(crate) fn end_call(&self) -> Result<(), Error> {
        self.current.set(SlotRef { slot: NO_SLOT, generation: 0 });
        let table = self.table.borrow();
        for store in &*self.stores.borrow() {
            if store.expires() {
                store.flush(&table, usize::MAX)?;
            } else if store.dirty() > DIRTY_MAX {
                store.flush(&table, WRITE_BEHIND)?;
            }
        }
        Ok(())
    }

    /// Writes everything that is dirty.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        let table = self.table.borrow();
        self.stores.borrow().iter().try_for_each(|store| store.flush(&table, usize::MAX))
    }

    /// The current slot, if a record or timer is being processed.
    #[inline]
    pub(crate) fn current(&self) -> Option<SlotRef> {
        let current = self.current.get();
        (current.slot != NO_SLOT).then_some(current)
    }

    /// The current slot, for the state `name`.
    ///
    /// # Panics
    /// There is no current key.
    #[inline]
    pub(crate) fn slot_for(&self, name: &str) -> usize {
        let slot = self.current.get().slot;
        if slot == NO_SLOT {
            no_current_key(name);
        }
        slot as usize
    }

    /// Shows the key in a slot.
    #[inline]
    pub(crate) fn with_key<R>(&self, slot: u32, show: impl FnOnce(&[u8]) -> R) -> R {
        show(self.table.borrow().key(slot))
    }
}

#[cold]
fn no_current_key(name: &str) -> ! {
    panic!(
        "keyed state '{name}' was used where there is no current key: use it in process or \
            on_timer, not in open, finish or close"
    )
}

#[inline]
fn hash_of(key: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(key);
    hasher.finish()
}

/// Key bytes -> slot, bounded, with second-chance eviction.
pub(crate) struct SlotTable {
    index: HashTable<u32>,
    slots: Vec<Slot>,
    capacity: usize,
    hand: usize,
    call: u32,
    fresh: Vec<u32>,
    touched: Vec<u32>,
}

struct Slot {
    key: Vec<u8>,
    hash: u64,
    generation: u32,
    /// The last call that used it; 0 is none.
    call: u32,
    /// Used since the hand last came by.
    recent: bool,
}

impl SlotTable {
    fn new(capacity: usize) -> SlotTable {
        SlotTable {
            index: HashTable::new(),
            slots: Vec::new(),
            capacity: capacity.max(1),
            hand: 0,
            call: 0,
            fresh: Vec::new(),
            touched: Vec::new(),
        }
    }

    /// The key in a slot.
    pub(crate) fn key(&self, slot: u32) -> &[u8] {
        &self.slots[slot as usize].key
    }

    /// Keys that the table holds at most, unless one call alone has more.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The slots that the current call uses.
    pub(crate) fn touched(&self) -> &[u32] {
        &self.touched
    }

    /// Number of slots given out so far; never shrinks.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    fn begin_call(&mut self) {
        self.call = self.call.wrapping_add(1).max(1);
        self.fresh.clear();
        self.touched.clear();
    }

    #[inline]
    fn find_or_claim(&mut self, key: &[u8], evict: impl FnMut(u32, &[u8])) -> SlotRef {
        let hash = hash_of(key);
        let slots = &self.slots;
        let found = self.index.find(hash, |slot| memory::equal(&slots[*slot as usize].key, key));
        let slot = match found {
            Some(slot) => *slot,
            None => self.claim(key, hash, evict),
        };
        let entry = &mut self.slots[slot as usize];
        entry.recent = true;
        if entry.call != self.call {
            entry.call = self.call;
            self.touched.push(slot);
        }
        SlotRef { slot, generation: entry.generation }
    }

    fn claim(&mut self, key: &[u8], hash: u64, mut evict: impl FnMut(u32, &[u8])) -> u32 {
        let slot = match self.victim() {
            Some(slot) => {
                let entry = &mut self.slots[slot as usize];
                evict(slot, &entry.key);
                if let Ok(old) = self.index.find_entry(entry.hash, |other| *other == slot) {
                    old.remove();
                }
                entry.key.clear();
                entry.key.extend_from_slice(key);
                entry.hash = hash;
                entry.generation = entry.generation.wrapping_add(1);
                slot
            }
            None => {
                let slot = self.slots.len() as u32;
                let key = key.to_vec();
                self.slots.push(Slot { key, hash, generation: 0, call: 0, recent: true });
                slot
            }
        };
        let slots = &self.slots;
        self.index.insert_unique(hash, slot, |other| slots[*other as usize].hash);
        self.fresh.push(slot);
        slot
    }

    /// A slot to give away; none while there is room, or when the current call uses all slots.
    fn victim(&mut self) -> Option<u32> {
        if self.slots.len() < self.capacity || self.touched.len() >= self.slots.len() {
            return None;
        }
        // Two rounds: the first may only clear marks.
        for _ in 0..2 * self.slots.len() {
            let slot = self.hand;
            self.hand = (self.hand + 1) % self.slots.len();
            let entry = &mut self.slots[slot];
            if entry.call == self.call {
                continue;
            }
            if !std::mem::take(&mut entry.recent) {
                return Some(slot as u32);
            }
        }
        None
    }
}
