//! A map per key. Entries are cached one by one; scans read the host's pages and lay what is dirty
//! in the cache over them.

mod column;

use std::marker::PhantomData;
use std::rc::Rc;

pub(crate) use column::MapColumn;

use super::bound;
use crate::codec::{Data, Key, decode_key, encode_key};
use crate::error::Error;

/// A map per key, obtained with [`crate::RuntimeContext::map_state`].
///
/// Each entry is stored on its own, so maps may be large. Entries are ordered by the bytes of
/// their user keys, which for strings is the order of their bytes. A lookup that misses the cache
/// costs a host call.
///
/// # Panics
/// As [`crate::ValueState`].
///
/// ```
/// use sandbar_sdk::prelude::*;
///
/// /// Counts the visits of each user, by page.
/// #[derive(Default)]
/// struct Visits {
///     pages: MapState<String, u64>,
/// }
///
/// impl KeyedProcessFunction<String, String, (String, u64)> for Visits {
///     fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
///         self.pages = ctx.map_state(MapStateDescriptor::new("pages"))?;
///         Ok(())
///     }
///
///     fn process(
///         &mut self,
///         page: String,
///         _ctx: &mut Context<String>,
///         out: &mut Collector<(String, u64)>,
///     ) -> Result<()> {
///         let visits = self.pages.get(&page)?.unwrap_or(0) + 1;
///         self.pages.put(&page, visits)?;
///         out.collect((page, visits));
///         Ok(())
///     }
/// }
/// ```
pub struct MapState<K, V> {
    column: Option<Rc<MapColumn<V>>>,
    marker: PhantomData<fn() -> K>,
}

impl<K, V> Default for MapState<K, V> {
    /// Makes a handle that is not bound yet.
    fn default() -> MapState<K, V> {
        MapState { column: None, marker: PhantomData }
    }
}

impl<K, V> Clone for MapState<K, V> {
    fn clone(&self) -> MapState<K, V> {
        MapState { column: self.column.clone(), marker: PhantomData }
    }
}

impl<K, V> std::fmt::Debug for MapState<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MapState").field("bound", &self.column.is_some()).finish()
    }
}

impl<K: Key, V: Data> MapState<K, V> {
    pub(crate) fn new(column: Rc<MapColumn<V>>) -> MapState<K, V> {
        MapState { column: Some(column), marker: PhantomData }
    }

    pub(super) fn state(&self) -> u32 {
        bound(&self.column).state()
    }

    /// A copy of the value of an entry.
    ///
    /// # Errors
    /// The user key does not encode, or what is stored does not decode.
    #[inline]
    pub fn get(&self, key: &K) -> Result<Option<V>, Error> {
        bound(&self.column).read(|bytes| encode_key(key, bytes), |value| value.cloned())
    }

    /// Shows the value of an entry without copying it. The map itself cannot be used meanwhile.
    ///
    /// # Errors
    /// As [`MapState::get`].
    #[inline]
    pub fn with<R>(&self, key: &K, show: impl FnOnce(Option<&V>) -> R) -> Result<R, Error> {
        bound(&self.column).read(|bytes| encode_key(key, bytes), show)
    }

    /// Changes the value of an entry in place; `None` is no entry, before and after. The map
    /// itself cannot be used meanwhile.
    ///
    /// ```
    /// use sandbar_sdk::prelude::*;
    ///
    /// fn append(lists: &MapState<String, Vec<u32>>, key: &String, number: u32) -> Result<usize> {
    ///     lists.modify(key, |list| list.get_or_insert_default().push(number))?;
    ///     lists.with(key, |list| list.map_or(0, Vec::len))
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`MapState::get`].
    #[inline]
    pub fn modify<R>(&self, key: &K, change: impl FnOnce(&mut Option<V>) -> R) -> Result<R, Error> {
        bound(&self.column).modify(|bytes| encode_key(key, bytes), change)
    }

    /// Whether there is an entry.
    ///
    /// # Errors
    /// As [`MapState::get`].
    #[inline]
    pub fn contains(&self, key: &K) -> Result<bool, Error> {
        bound(&self.column).read(|bytes| encode_key(key, bytes), |value| value.is_some())
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// The user key does not encode.
    #[inline]
    pub fn put(&self, key: &K, value: V) -> Result<(), Error> {
        bound(&self.column).write(|bytes| encode_key(key, bytes), Some(value))
    }

    /// Removes an entry, if it is there.
    ///
    /// # Errors
    /// As [`MapState::put`].
    #[inline]
    pub fn remove(&self, key: &K) -> Result<(), Error> {
        bound(&self.column).write(|bytes| encode_key(key, bytes), None)
    }

    /// Visits all entries in the order of their key bytes, a page of them in memory at a time.
    /// Changes made meanwhile are not seen by the visit.
    ///
    /// # Errors
    /// What is stored does not decode, or `visit` fails.
    pub fn for_each(&self, mut visit: impl FnMut(K, V) -> Result<(), Error>) -> Result<(), Error> {
        bound(&self.column).scan(|key, value| visit(decode_key(key)?, value).map(|()| true))
    }

    /// All entries in the order of their key bytes.
    ///
    /// # Errors
    /// As [`MapState::for_each`].
    pub fn entries(&self) -> Result<Vec<(K, V)>, Error> {
        let mut entries = Vec::new();
        self.for_each(|key, value| {
            entries.push((key, value));
            Ok(())
        })?;
        Ok(entries)
    }

    /// Whether there are no entries.
    ///
    /// # Errors
    /// As [`MapState::for_each`].
    pub fn is_empty(&self) -> Result<bool, Error> {
        let mut empty = true;
        bound(&self.column).scan(|_, _| {
            empty = false;
            Ok(false)
        })?;
        Ok(empty)
    }

    /// Removes all entries; costs as much as visiting them.
    ///
    /// # Errors
    /// As [`MapState::for_each`].
    pub fn clear(&self) -> Result<(), Error> {
        bound(&self.column).clear()
    }
}
