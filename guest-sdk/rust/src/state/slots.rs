//! The keys an instance holds in its cache: key bytes -> slot. One lookup per record finds the
//! slot, and every state of that record then indexes its own cells by it.
//!
//! Law: a slot in use by the current call is never given to another key, and a slot is only given
//! away after every store has written what it held for the old key.

pub(crate) mod digest;
pub(crate) mod index;
mod table;

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

pub(crate) use self::table::SlotTable;
use crate::error::Error;

/// Keys kept in the cache unless `sandbar.state.cache.entries` says otherwise.
pub(crate) const CACHE_ENTRIES_DEFAULT: usize = 1_048_576;
/// Bytes of linear memory, unless `sandbar.state.cache.memory` says otherwise.
pub(crate) const CACHE_MEMORY_DEFAULT: usize = 128 << 20;
/// Dirty entries of one state that may wait for a checkpoint; beyond it every call writes some. If
/// there are no checkpoints, there is nothing to wait for.
pub(crate) const DIRTY_MAX: usize = 16_384;
/// Entries of one state that a call writes behind while there are more than [`DIRTY_MAX`].
pub(crate) const WRITE_BEHIND: usize = 1024;

/// What is kept of so many keys is in the processor's nearest memories anyway: asking for it ahead
/// would be a pass over the records for nothing.
const NEAR_SLOTS: usize = 8192;

/// Slots that are fetched together, at most: what is fetched of them stays near until it is used.
pub(crate) const FETCHED_SLOTS: usize = 64;

const NO_SLOT: u32 = u32::MAX;

/// What bounds a cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheLimits {
    /// Keys.
    pub(crate) entries: usize,
    /// Bytes of linear memory in use, above which keys make room for each other.
    pub(crate) memory_bytes: usize,
    /// Whether dirty entries are written before they have to be, since a checkpoint would wait.
    pub(crate) writes_behind: bool,
}

/// The cached keys and the current one.
pub(crate) struct KeyContext {
    table: RefCell<SlotTable>,
    stores: RefCell<Vec<Rc<dyn KeyedStore>>>,
    /// The slot of each record of the current call.
    records: RefCell<Vec<u32>>,
    current: Cell<u32>,
    /// Slots that got another key since [`KeyContext::take_claimed`].
    claimed: RefCell<Vec<u32>>,
    has_claimed: Cell<bool>,
    writes_behind: bool,
}

/// One declared state, as the cache sees it.
pub(crate) trait KeyedStore {
    /// Queues what is dirty in `slot` for writing, and forgets the slot.
    fn evict(&self, slot: u32, key: &[u8]);
    /// Writes the queue, then fetches the entries of `slots` that it lacks.
    fn load(&self, slots: &Slots<'_>) -> Result<(), Error>;
    /// Has the processor fetch what is cached in some slots from memory, many at once.
    fn fetch(&self, slots: &[u32]);
    /// Writes at most about `limit` dirty entries.
    fn flush(&self, slots: &SlotTable, limit: usize) -> Result<(), Error>;
    /// Writes what is dirty in `slot`, which stays dirty: for somebody who reads the host's state.
    fn write_slot(&self, slot: u32, key: &[u8]) -> Result<(), Error>;
    /// The number of the state.
    fn state(&self) -> u32;
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
    pub(crate) fn new(limits: CacheLimits) -> KeyContext {
        KeyContext {
            table: RefCell::new(SlotTable::new(limits.entries, limits.memory_bytes)),
            stores: RefCell::default(),
            records: RefCell::default(),
            current: Cell::new(NO_SLOT),
            claimed: RefCell::default(),
            has_claimed: Cell::new(false),
            writes_behind: limits.writes_behind,
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
        table.find_or_claim_all(key_ends, keys, records, |slot, old_key| {
            stores.iter().for_each(|store| store.evict(slot, old_key));
        });
        let (fresh, touched) = (table.fresh(), table.touched());
        if !fresh.is_empty() {
            self.claimed.borrow_mut().extend_from_slice(fresh);
            self.has_claimed.set(true);
        }
        let slots = Slots { table, fresh, touched };
        stores.iter().try_for_each(|store| store.load(&slots))
    }

    /// Has the processor fetch what is cached under some keys, which are about to be selected: few,
    /// so that what is fetched is still near then.
    #[inline]
    pub(crate) fn fetch(&self, slots: &[u32]) {
        if self.table.borrow().len() > NEAR_SLOTS {
            self.stores.borrow().iter().for_each(|store| store.fetch(slots));
        }
    }

    /// Begins a call for what is cached of some slots, each of which is there once.
    ///
    /// # Errors
    /// A stored value does not decode.
    pub(crate) fn begin_cached(&self, slots: &[u32]) -> Result<(), Error> {
        let table = &mut *self.table.borrow_mut();
        let stores = self.stores.borrow();
        if self.expires() {
            table.begin_call();
            table.touch(slots);
            let touched = Slots { table, fresh: &[], touched: table.touched() };
            stores.iter().try_for_each(|store| store.load(&touched))?;
        }
        Ok(())
    }

    /// Whether so many keys may take the places of others.
    pub(crate) fn may_evict(&self, keys: usize) -> bool {
        self.table.borrow().may_evict(keys)
    }

    /// Whether the memory that the cache may take is in use.
    pub(crate) fn is_memory_full(&self) -> bool {
        self.table.borrow().is_memory_full()
    }

    /// Whether a state expires at the host, so that what is cached of it holds for one call only.
    pub(crate) fn expires(&self) -> bool {
        self.stores.borrow().iter().any(|store| store.expires())
    }

    /// Number of slots given out so far.
    pub(crate) fn slots(&self) -> usize {
        self.table.borrow().len()
    }

    /// The slots of the records of the call, to [select](KeyContext::select) from.
    pub(crate) fn records(&self) -> Ref<'_, [u32]> {
        Ref::map(self.records.borrow(), Vec::as_slice)
    }

    /// Makes the key of a slot the current one.
    #[inline(always)]
    pub(crate) fn select(&self, slot: u32) {
        self.current.set(slot);
    }

    /// Whether slots have got other keys that nobody has taken note of.
    #[inline(always)]
    pub(crate) fn has_claimed(&self) -> bool {
        self.has_claimed.get()
    }

    /// The slots that got other keys since the last call of this.
    pub(crate) fn take_claimed(&self) -> Vec<u32> {
        self.has_claimed.set(false);
        self.claimed.take()
    }

    /// Ends the call: there is no current key, and part of too many dirty entries is written.
    pub(crate) fn end_call(&self) -> Result<(), Error> {
        self.current.set(NO_SLOT);
        let table = self.table.borrow();
        for store in &*self.stores.borrow() {
            if store.expires() {
                store.flush(&table, usize::MAX)?;
            } else if self.writes_behind && store.dirty() > DIRTY_MAX {
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

    /// Writes what is dirty of one key of one state, if it is cached.
    pub(crate) fn write_key(&self, state: u32, key: &[u8]) -> Result<(), Error> {
        let Some(slot) = self.table.borrow().find(key) else { return Ok(()) };
        let stores = self.stores.borrow();
        let mut of_state = stores.iter().filter(|store| store.state() == state);
        of_state.try_for_each(|store| store.write_slot(slot, key))
    }

    /// The current slot, if a record or timer is being processed.
    #[inline(always)]
    pub(crate) fn current(&self) -> Option<u32> {
        let current = self.current.get();
        (current != NO_SLOT).then_some(current)
    }

    /// The current slot, for the state `name`.
    ///
    /// # Panics
    /// There is no current key.
    #[inline]
    pub(crate) fn slot_for(&self, name: &str) -> usize {
        let slot = self.current.get();
        if slot == NO_SLOT {
            no_current_key(name);
        }
        slot as usize
    }

    /// Shows the key in a slot.
    #[inline]
    pub(crate) fn with_key<R>(&self, slot: u32, show: impl FnOnce(&[u8]) -> R) -> R {
        show(&self.table.borrow().key(slot))
    }
}

#[cold]
fn no_current_key(name: &str) -> ! {
    panic!(
        "keyed state '{name}' was used where there is no current key: use it in process or \
            on_timer, not in open, finish or close"
    )
}
