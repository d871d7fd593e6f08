//! The cached entries of one map state: per slot an ordered map from user key bytes to values.
//!
//! Law: a dirty entry is in its slot's `dirty` list once; what is not cached equals the host's.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::codec::Data;
use crate::error::Error;
use crate::host::{Host, cut, pack, packed};
use crate::state::Expiry;
use crate::state::column::{WriteQueue, decode};
use crate::state::slots::{KeyContext, KeyedStore, SlotTable, Slots};

/// Entries a scan asks the host for at a time.
const SCAN_PAGE_ENTRIES: u32 = 1024;

/// Entries that are cached whatever memory is in use.
const ENTRIES_MIN: usize = 4096;

/// The cached entries of a map state.
pub(crate) struct MapColumn<V> {
    name: String,
    state: u32,
    expiry: Expiry,
    host: Rc<dyn Host>,
    keys: Rc<KeyContext>,
    maps: RefCell<Vec<SlotMap<V>>>,
    /// Slots with dirty entries, in the order they got the first.
    dirty_slots: RefCell<VecDeque<u32>>,
    dirty: Cell<usize>,
    entries: Cell<usize>,
    /// How many there were when memory was full, which stays in use: more than that are too many.
    room: Cell<usize>,
    queue: RefCell<WriteQueue>,
    user_key: RefCell<Vec<u8>>,
    /// Slots and user keys of entries that were read in this call, if the host is to know.
    read: RefCell<Vec<(u32, Box<[u8]>)>>,
}

struct SlotMap<V> {
    entries: BTreeMap<Box<[u8]>, Entry<V>>,
    dirty: Vec<Box<[u8]>>,
}

struct Entry<V> {
    /// `None`: known to be absent.
    value: Option<V>,
    dirty: bool,
}

impl<V> Default for SlotMap<V> {
    fn default() -> SlotMap<V> {
        SlotMap { entries: BTreeMap::new(), dirty: Vec::new() }
    }
}

impl<V: Data> MapColumn<V> {
    pub(crate) fn new(
        host: &Rc<dyn Host>,
        keys: &Rc<KeyContext>,
        name: &str,
        state: u32,
        expiry: Expiry,
    ) -> Rc<MapColumn<V>> {
        let column = Rc::new(MapColumn {
            name: name.to_owned(),
            state,
            expiry,
            host: Rc::clone(host),
            keys: Rc::clone(keys),
            maps: RefCell::default(),
            dirty_slots: RefCell::default(),
            dirty: Cell::new(0),
            entries: Cell::new(0),
            room: Cell::new(usize::MAX),
            queue: RefCell::default(),
            user_key: RefCell::default(),
            read: RefCell::default(),
        });
        keys.add_store(Rc::clone(&column) as Rc<dyn KeyedStore>);
        column
    }

    /// The number of the state.
    pub(in crate::state) fn state(&self) -> u32 {
        self.state
    }

    /// Shows the entry whose user key `encode` writes, fetching it if it is not cached.
    pub(super) fn read<R>(
        &self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
        show: impl FnOnce(Option<&V>) -> R,
    ) -> Result<R, Error> {
        let slot = self.keys.slot_for(&self.name);
        let user_key = &mut *self.user_key.borrow_mut();
        user_key.clear();
        encode(user_key)?;
        let map = &mut self.maps.borrow_mut()[slot];
        if let Some(entry) = map.entries.get(user_key.as_slice()) {
            return Ok(show(entry.value.as_ref()));
        }
        let value = self.fetch(slot as u32, user_key)?;
        let shown = show(value.as_ref());
        // What was put in this call is renewed by that; only a first read needs to be told of.
        if self.expiry == Expiry::AtHostAfterReads && value.is_some() {
            self.read.borrow_mut().push((slot as u32, user_key.as_slice().into()));
        }
        map.entries.insert(user_key.as_slice().into(), Entry { value, dirty: false });
        self.entries.set(self.entries.get() + 1);
        Ok(shown)
    }

    /// Lets the entry whose user key `encode` writes be changed, fetching it if it is not cached.
    pub(super) fn modify<R>(
        &self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
        change: impl FnOnce(&mut Option<V>) -> R,
    ) -> Result<R, Error> {
        let slot = self.keys.slot_for(&self.name);
        let user_key = &mut *self.user_key.borrow_mut();
        user_key.clear();
        encode(user_key)?;
        let cached = self.maps.borrow_mut()[slot]
            .entries
            .get_mut(user_key.as_slice())
            .map(|entry| entry.value.take());
        let mut value = match cached {
            Some(value) => value,
            None => self.fetch(slot as u32, user_key)?,
        };
        let changed = change(&mut value);
        self.put(slot, user_key, value);
        Ok(changed)
    }

    fn fetch(&self, slot: u32, user_key: &[u8]) -> Result<Option<V>, Error> {
        let (mut keys, mut user_keys) = (packed(), packed());
        self.keys.with_key(slot, |key| pack(&mut keys, key));
        pack(&mut user_keys, user_key);
        let found = self.host.multi_get(self.state, &keys, &user_keys);
        match found.present.first() {
            Some(1) => decode(&self.name, &found.values.bytes).map(Some),
            _ => Ok(None),
        }
    }

    /// Writes the entry whose user key `encode` writes; `None` removes it.
    pub(super) fn write(
        &self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
        value: Option<V>,
    ) -> Result<(), Error> {
        let slot = self.keys.slot_for(&self.name);
        let user_key = &mut *self.user_key.borrow_mut();
        user_key.clear();
        encode(user_key)?;
        self.put(slot, user_key, value);
        Ok(())
    }

    fn put(&self, slot: usize, user_key: &[u8], value: Option<V>) {
        let map = &mut self.maps.borrow_mut()[slot];
        let newly_dirty = match map.entries.get_mut(user_key) {
            Some(entry) => {
                entry.value = value;
                !std::mem::replace(&mut entry.dirty, true)
            }
            None => {
                map.entries.insert(user_key.into(), Entry { value, dirty: true });
                self.entries.set(self.entries.get() + 1);
                true
            }
        };
        if newly_dirty {
            if map.dirty.is_empty() {
                self.dirty_slots.borrow_mut().push_back(slot as u32);
            }
            map.dirty.push(user_key.into());
            self.dirty.set(self.dirty.get() + 1);
        }
    }

    /// Visits the entries of the current key in order until `visit` returns `false`.
    pub(super) fn scan(
        &self,
        mut visit: impl FnMut(&[u8], V) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let slot = self.keys.slot_for(&self.name);
        let mut key = Vec::new();
        self.keys.with_key(slot as u32, |bytes| key.extend_from_slice(bytes));
        let mut overlay = self.overlay(slot).into_iter().peekable();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.host.scan(self.state, &key, after.as_deref(), SCAN_PAGE_ENTRIES);
            let count = page.user_keys.ends.len();
            if self.expiry == Expiry::AtHostAfterReads && count > 0 {
                let mut keys = packed();
                (0..count).for_each(|_| pack(&mut keys, &key));
                self.host.touch(self.state, &keys, &page.user_keys);
            }
            for index in 0..count {
                let user_key = cut(&page.user_keys.ends, &page.user_keys.bytes, index);
                while let Some((own, value)) = overlay.next_if(|(own, _)| own.as_ref() < user_key) {
                    if let Some(value) = value
                        && !visit(&own, value)?
                    {
                        return Ok(());
                    }
                }
                let value = match overlay.next_if(|(own, _)| own.as_ref() == user_key) {
                    Some((_, value)) => value,
                    None => {
                        let bytes = cut(&page.values.ends, &page.values.bytes, index);
                        Some(decode(&self.name, bytes)?)
                    }
                };
                if let Some(value) = value
                    && !visit(user_key, value)?
                {
                    return Ok(());
                }
            }
            if count == 0 {
                break;
            }
            after = Some(cut(&page.user_keys.ends, &page.user_keys.bytes, count - 1).to_vec());
        }
        for (own, value) in overlay {
            if let Some(value) = value
                && !visit(&own, value)?
            {
                break;
            }
        }
        Ok(())
    }

    /// Copies of the dirty entries of a slot, in order.
    fn overlay(&self, slot: usize) -> Vec<(Box<[u8]>, Option<V>)> {
        let map = &self.maps.borrow()[slot];
        let mut overlay: Vec<_> = map
            .dirty
            .iter()
            .filter_map(|key| map.entries.get_key_value(key))
            .map(|(key, entry)| (key.clone(), entry.value.clone()))
            .collect();
        overlay.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        overlay
    }

    /// Removes all entries of the current key.
    pub(super) fn clear(&self) -> Result<(), Error> {
        let slot = self.keys.slot_for(&self.name);
        let mut user_keys = Vec::new();
        self.scan(|user_key, _| {
            user_keys.push(user_key.to_vec());
            Ok(true)
        })?;
        user_keys.iter().for_each(|user_key| self.put(slot, user_key, None));
        Ok(())
    }

    /// Queues the dirty entries of a slot.
    fn queue_slot(&self, map: &mut SlotMap<V>, key: &[u8]) {
        let queue = &mut *self.queue.borrow_mut();
        self.dirty.set(self.dirty.get() - map.dirty.len());
        for user_key in map.dirty.drain(..) {
            if let Some(entry) = map.entries.get_mut(&user_key) {
                entry.dirty = false;
                queue.push(key, Some(&user_key), entry.value.as_ref());
            }
        }
    }

    fn forget(&self, map: &mut SlotMap<V>) {
        self.entries.set(self.entries.get() - map.entries.len());
        map.entries.clear();
    }

    /// Tells the host what was read in this call.
    fn touch(&self, table: &SlotTable) {
        let (mut keys, mut user_keys) = (packed(), packed());
        for (slot, user_key) in self.read.borrow_mut().drain(..) {
            pack(&mut keys, &table.key(slot));
            pack(&mut user_keys, &user_key);
        }
        if !keys.ends.is_empty() {
            self.host.touch(self.state, &keys, &user_keys);
        }
    }

    fn write_queue(&self) -> Result<(), Error> {
        self.queue.borrow_mut().write(&*self.host, self.state, &self.name)
    }
}

impl<V: Data> KeyedStore for MapColumn<V> {
    fn evict(&self, slot: u32, key: &[u8]) {
        let map = &mut self.maps.borrow_mut()[slot as usize];
        self.queue_slot(map, key);
        self.forget(map);
    }

    fn load(&self, slots: &Slots<'_>) -> Result<(), Error> {
        let maps = self.maps.borrow().len();
        if maps < slots.table.len() {
            self.maps.borrow_mut().resize_with(slots.table.len(), SlotMap::default);
        }
        if slots.table.is_memory_full() && self.room.get() == usize::MAX {
            self.room.set(self.entries.get().max(ENTRIES_MIN));
        }
        if self.entries.get() > slots.table.capacity().min(self.room.get()) {
            // Large maps: what is cached under all keys together must stay bounded, too.
            self.flush(slots.table, usize::MAX)?;
            self.maps.borrow_mut().iter_mut().for_each(|map| self.forget(map));
        }
        self.write_queue()
    }

    fn fetch(&self, _records: &[u32]) {}

    fn flush(&self, table: &SlotTable, limit: usize) -> Result<(), Error> {
        let target = self.dirty.get().saturating_sub(limit);
        while self.dirty.get() > target {
            let Some(slot) = self.dirty_slots.borrow_mut().pop_front() else { break };
            let map = &mut self.maps.borrow_mut()[slot as usize];
            self.queue_slot(map, &table.key(slot));
            if self.queue.borrow().is_long() {
                self.write_queue()?;
            }
        }
        self.write_queue()?;
        if self.expires() {
            self.touch(table);
            let maps = &mut *self.maps.borrow_mut();
            table.touched().iter().for_each(|slot| self.forget(&mut maps[*slot as usize]));
        }
        Ok(())
    }

    fn write_slot(&self, slot: u32, key: &[u8]) -> Result<(), Error> {
        let maps = self.maps.borrow();
        let Some(map) = maps.get(slot as usize) else { return Ok(()) };
        for user_key in &map.dirty {
            if let Some(entry) = map.entries.get(user_key) {
                self.queue.borrow_mut().push(key, Some(user_key), entry.value.as_ref());
            }
            if self.queue.borrow().is_long() {
                self.write_queue()?;
            }
        }
        self.write_queue()
    }

    fn state(&self) -> u32 {
        self.state
    }

    fn dirty(&self) -> usize {
        self.dirty.get()
    }

    fn expires(&self) -> bool {
        self.expiry != Expiry::Never
    }
}
