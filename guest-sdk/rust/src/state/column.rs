//! The cells of one value-like state, a cell a slot, kept decoded; and the queue of writes.
//!
//! Law: a cell that is dirty is listed in `dirty`; what leaves the cache was written first.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use super::Expiry;
use super::cells::Cells;
use super::slots::{KeyContext, KeyedStore, SlotTable, Slots};
use crate::codec::{Compact, Data, Decode, Encode};
use crate::error::Error;
use crate::host::{Host, Packed, cut, pack, packed};
use crate::memory;

/// A value as it is stored at the host.
pub(crate) trait Stored: Clone + 'static {
    /// Appends the stored form.
    fn write(&self, bytes: &mut Vec<u8>) -> Result<(), Error>;

    /// Reads a value from its stored form.
    fn read(bytes: &[u8]) -> Result<Self, Error>;
}

impl<T: Data> Stored for T {
    #[inline(always)]
    fn write(&self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        Compact.encode(self, bytes)
    }

    #[inline(always)]
    fn read(bytes: &[u8]) -> Result<T, Error> {
        Compact.decode(bytes)
    }
}

/// The cells of a state.
pub(crate) struct Column<T> {
    name: String,
    state: u32,
    expiry: Expiry,
    host: Rc<dyn Host>,
    keys: Rc<KeyContext>,
    cells: RefCell<Values<T>>,
    queue: RefCell<WriteQueue>,
    /// Slots whose cells were read in this call, if the host is to know.
    read: RefCell<Vec<u32>>,
    /// Has the processor fetch what a value has elsewhere in memory.
    touch_behind: Cell<Option<fn(&T)>>,
}

/// One value a slot. Whether it is dirty is kept apart from the values: it decides a branch, which
/// would wait for the value to come from memory.
struct Values<T> {
    values: Cells<Option<T>>,
    is_dirty: Vec<bool>,
    dirty: VecDeque<u32>,
}

impl<T> Default for Values<T> {
    fn default() -> Values<T> {
        Values { values: Cells::default(), is_dirty: Vec::new(), dirty: VecDeque::new() }
    }
}

impl<T> Values<T> {
    /// Lists a cell as dirty, if it is not.
    #[cold]
    #[inline(never)]
    fn mark_dirty(&mut self, slot: usize) {
        self.is_dirty[slot] = true;
        self.dirty.push_back(slot as u32);
    }
}

impl<T: Stored> Column<T> {
    pub(crate) fn new(
        host: &Rc<dyn Host>,
        keys: &Rc<KeyContext>,
        name: &str,
        state: u32,
        expiry: Expiry,
    ) -> Rc<Column<T>> {
        let column = Rc::new(Column {
            name: name.to_owned(),
            state,
            expiry,
            host: Rc::clone(host),
            keys: Rc::clone(keys),
            cells: RefCell::default(),
            queue: RefCell::default(),
            read: RefCell::default(),
            touch_behind: Cell::new(None),
        });
        keys.add_store(Rc::clone(&column) as Rc<dyn KeyedStore>);
        column
    }

    /// Says how the processor is to fetch what values have elsewhere in memory: done for all
    /// records of a call, it takes little more time than for one.
    pub(super) fn touch_behind(&self, touch: fn(&T)) {
        self.touch_behind.set(Some(touch));
    }

    /// The number of the state.
    pub(super) fn state(&self) -> u32 {
        self.state
    }

    /// Shows the value of the current key.
    #[inline]
    pub(crate) fn read<R>(&self, show: impl FnOnce(Option<&T>) -> R) -> R {
        let slot = self.keys.slot_for(&self.name);
        if self.expiry == Expiry::AtHostAfterReads {
            self.note_read(slot as u32);
        }
        show(self.cells.borrow().values.get(slot).as_ref())
    }

    /// Notes that the cell of a slot was read.
    #[cold]
    fn note_read(&self, slot: u32) {
        let read = &mut *self.read.borrow_mut();
        if read.last() != Some(&slot) {
            read.push(slot);
        }
    }

    /// Tells the host what was read in this call.
    fn touch(&self, table: &SlotTable) {
        let read = &mut *self.read.borrow_mut();
        read.sort_unstable();
        read.dedup();
        let mut keys = packed();
        read.drain(..).for_each(|slot| pack(&mut keys, &table.key(slot)));
        if !keys.ends.is_empty() {
            self.host.touch(self.state, &keys, &packed());
        }
    }

    /// Lets the value of the current key be changed.
    #[inline]
    pub(crate) fn write<R>(&self, change: impl FnOnce(&mut Option<T>) -> R) -> R {
        let slot = self.keys.slot_for(&self.name);
        let cells = &mut *self.cells.borrow_mut();
        if !cells.is_dirty[slot] {
            cells.mark_dirty(slot);
        }
        change(cells.values.get_mut(slot))
    }

    fn read_in(
        &self,
        cells: &mut Values<T>,
        slots: &[u32],
        table: &SlotTable,
    ) -> Result<(), Error> {
        if slots.is_empty() {
            return Ok(());
        }
        let mut keys = packed();
        slots.iter().for_each(|slot| pack(&mut keys, &table.key(*slot)));
        let found = self.host.multi_get(self.state, &keys, &packed());
        for (index, slot) in slots.iter().enumerate() {
            let value = match found.present.get(index) {
                Some(1) => {
                    let bytes = cut(&found.values.ends, &found.values.bytes, index);
                    Some(decode(&self.name, bytes)?)
                }
                _ => None,
            };
            *cells.values.get_mut(*slot as usize) = value;
            cells.is_dirty[*slot as usize] = false;
        }
        Ok(())
    }
}

/// Decodes a stored value; one that does not decode was written by another version of the job.
pub(super) fn decode<T: Stored>(name: &str, bytes: &[u8]) -> Result<T, Error> {
    T::read(bytes).map_err(|error| {
        error.context(format!("keyed state '{name}' holds another type")).into_fatal()
    })
}

impl<T: Stored> KeyedStore for Column<T> {
    fn evict(&self, slot: u32, key: &[u8]) {
        let cells = &mut *self.cells.borrow_mut();
        let value = cells.values.get_mut(slot as usize).take();
        if std::mem::take(&mut cells.is_dirty[slot as usize]) {
            self.queue.borrow_mut().push(key, None, value.as_ref());
        }
    }

    fn load(&self, slots: &Slots<'_>) -> Result<(), Error> {
        self.queue.borrow_mut().write(&*self.host, self.state, &self.name)?;
        let cells = &mut *self.cells.borrow_mut();
        cells.values.grow_to(slots.table.len());
        if cells.is_dirty.len() < slots.table.len() {
            cells.is_dirty.resize(slots.table.len(), false);
        }
        self.read_in(cells, if self.expires() { slots.touched } else { slots.fresh }, slots.table)
    }

    fn fetch(&self, records: &[u32]) {
        let cells = &*self.cells.borrow();
        for slot in records {
            memory::touch(cells.values.get(*slot as usize));
            memory::touch(&cells.is_dirty[*slot as usize]);
        }
        if let Some(touch) = self.touch_behind.get() {
            let values =
                records.iter().filter_map(|slot| cells.values.get(*slot as usize).as_ref());
            values.for_each(touch);
        }
    }

    fn flush(&self, table: &SlotTable, limit: usize) -> Result<(), Error> {
        let queue = &mut *self.queue.borrow_mut();
        let cells = &mut *self.cells.borrow_mut();
        for _ in 0..cells.dirty.len().min(limit) {
            let Some(slot) = cells.dirty.pop_front() else { break };
            if std::mem::take(&mut cells.is_dirty[slot as usize]) {
                let value = cells.values.get(slot as usize).as_ref();
                queue.push(&table.key(slot), None, value);
            }
            if queue.is_long() {
                queue.write(&*self.host, self.state, &self.name)?;
            }
        }
        queue.write(&*self.host, self.state, &self.name)?;
        self.touch(table);
        Ok(())
    }

    fn write_slot(&self, slot: u32, key: &[u8]) -> Result<(), Error> {
        let cells = &*self.cells.borrow();
        // A slot that no call has loaded yet has no cell.
        if cells.is_dirty.get(slot as usize) != Some(&true) {
            return Ok(());
        }
        let queue = &mut *self.queue.borrow_mut();
        queue.push(key, None, cells.values.get(slot as usize).as_ref());
        queue.write(&*self.host, self.state, &self.name)
    }

    fn state(&self) -> u32 {
        self.state
    }

    fn dirty(&self) -> usize {
        self.cells.borrow().dirty.len()
    }

    fn expires(&self) -> bool {
        self.expiry != Expiry::Never
    }
}

/// Bytes of values that are gathered for one call of the host, which takes 64 MiB by default.
const QUEUE_BYTES_MAX: usize = 4 << 20;

/// Writes to one state on their way to the host. At most one per entry, so order is free.
pub(super) struct WriteQueue {
    keys: Packed,
    user_keys: Packed,
    values: Packed,
    deleted_keys: Packed,
    deleted_user_keys: Packed,
    failure: Option<Error>,
}

impl Default for WriteQueue {
    fn default() -> WriteQueue {
        WriteQueue {
            keys: packed(),
            user_keys: packed(),
            values: packed(),
            deleted_keys: packed(),
            deleted_user_keys: packed(),
            failure: None,
        }
    }
}

impl WriteQueue {
    /// Whether it has as many bytes as one call of the host is to carry.
    pub(super) fn is_long(&self) -> bool {
        self.values.bytes.len() >= QUEUE_BYTES_MAX
    }

    /// Queues a put, or a delete for `None`.
    pub(super) fn push<T: Stored>(
        &mut self,
        key: &[u8],
        user_key: Option<&[u8]>,
        value: Option<&T>,
    ) {
        let Some(value) = value else {
            pack(&mut self.deleted_keys, key);
            if let Some(user_key) = user_key {
                pack(&mut self.deleted_user_keys, user_key);
            }
            return;
        };
        if let Err(error) = value.write(&mut self.values.bytes) {
            self.failure = Some(error);
        }
        self.values.ends.push(self.values.bytes.len() as u32);
        pack(&mut self.keys, key);
        if let Some(user_key) = user_key {
            pack(&mut self.user_keys, user_key);
        }
    }

    /// Hands the queue to the host.
    pub(super) fn write(&mut self, host: &dyn Host, state: u32, name: &str) -> Result<(), Error> {
        let failed = |error: Error| error.context(format!("writing keyed state '{name}'"));
        if let Some(error) = self.failure.take() {
            return Err(failed(error).into_fatal());
        }
        if !self.keys.ends.is_empty() {
            host.multi_put(state, &self.keys, &self.user_keys, &self.values)
                .map_err(|message| failed(Error::fatal(message)))?;
        }
        if !self.deleted_keys.ends.is_empty() {
            host.multi_delete(state, &self.deleted_keys, &self.deleted_user_keys);
        }
        let columns = [
            &mut self.keys,
            &mut self.user_keys,
            &mut self.values,
            &mut self.deleted_keys,
            &mut self.deleted_user_keys,
        ];
        for column in columns {
            column.ends.clear();
            column.bytes.clear();
        }
        Ok(())
    }
}
