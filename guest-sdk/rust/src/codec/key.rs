//! The bytes of keys. They decide the key group and the place of state, so they must never change.
//!
//! Text is its raw UTF-8 and bytes are themselves, owned or slices, so that keys which the host
//! cuts from records (`key = "value"`, `key = { json = .. }`) read as the same keys; everything
//! else is in postcard's form: integers as varints, tuples and structs field by field.

use std::any::{Any, TypeId};

use super::{Data, Format, compact};
use crate::error::Error;
use crate::memory::{self, ByteSlice, TextSlice};

/// A type that records can be keyed by.
///
/// Two keys are the same exactly if their bytes are. Do not key by floats or by hash maps: equal
/// values of these may have different bytes.
pub trait Key: Data {}

impl<K: Data> Key for K {}

/// Whether a type is one of those whose compact form always exists: text, bytes and numbers.
#[inline]
pub(crate) fn is_plain<T: 'static>() -> bool {
    let plain = [
        TypeId::of::<String>(),
        TypeId::of::<Vec<u8>>(),
        TypeId::of::<TextSlice>(),
        TypeId::of::<ByteSlice>(),
        TypeId::of::<bool>(),
        TypeId::of::<u8>(),
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<i8>(),
        TypeId::of::<i16>(),
        TypeId::of::<i32>(),
        TypeId::of::<i64>(),
        TypeId::of::<f32>(),
        TypeId::of::<f64>(),
    ];
    plain.contains(&TypeId::of::<T>())
}

/// A key that is a whole number, as 64 bits that no other key of its type has.
#[inline(always)]
pub(crate) fn whole_number<K: Key>(key: &K) -> Option<u64> {
    // Resolved when compiled: `K` is known here.
    let any: &dyn Any = key;
    let unsigned = any.downcast_ref::<u64>().copied();
    let unsigned = unsigned.or_else(|| any.downcast_ref().map(|short: &u32| u64::from(*short)));
    let signed = any.downcast_ref::<i64>().copied();
    let signed = signed.or_else(|| any.downcast_ref().map(|short: &i32| i64::from(*short)));
    unsigned.or(signed.map(i64::cast_unsigned))
}

/// The name of the format of a key's bytes, in the words of a port's format.
pub(crate) fn key_format<K: Key>() -> String {
    let key = TypeId::of::<K>();
    if key == TypeId::of::<String>() || key == TypeId::of::<TextSlice>() {
        "text".to_owned()
    } else if key == TypeId::of::<Vec<u8>>() || key == TypeId::of::<ByteSlice>() {
        "bytes".to_owned()
    } else {
        Format::<K>::format(&compact::Compact)
    }
}

/// Appends the canonical bytes of a key.
#[inline]
pub(crate) fn encode_key<K: Key>(key: &K, bytes: &mut Vec<u8>) -> Result<(), Error> {
    // Resolved when compiled: `K` is known here.
    let any: &dyn Any = key;
    if let Some(text) = any.downcast_ref::<String>() {
        memory::append(bytes, text.as_bytes());
    } else if let Some(raw) = any.downcast_ref::<Vec<u8>>() {
        memory::append(bytes, raw);
    } else if let Some(text) = any.downcast_ref::<TextSlice>() {
        memory::append(bytes, text.as_bytes());
    } else if let Some(raw) = any.downcast_ref::<ByteSlice>() {
        memory::append(bytes, raw);
    } else {
        compact::to_bytes(key, bytes)?;
    }
    Ok(())
}

/// Reads a key from its canonical bytes.
#[inline]
pub(crate) fn decode_key<K: Key>(bytes: &[u8]) -> Result<K, Error> {
    let mut key = None::<K>;
    let slot: &mut dyn Any = &mut key;
    if let Some(text) = slot.downcast_mut::<Option<String>>() {
        let valid = str::from_utf8(bytes)
            .map_err(|error| Error::from(error).context("the key is not text"))?;
        *text = Some(memory::to_string(valid));
    } else if let Some(text) = slot.downcast_mut::<Option<TextSlice>>() {
        let valid = str::from_utf8(bytes)
            .map_err(|error| Error::from(error).context("the key is not text"))?;
        *text = Some(TextSlice::from(valid));
    } else if let Some(raw) = slot.downcast_mut::<Option<ByteSlice>>() {
        *raw = Some(ByteSlice::from(bytes));
    } else if let Some(raw) = slot.downcast_mut::<Option<Vec<u8>>>() {
        *raw = Some(memory::to_vec(bytes));
    }
    match key {
        Some(key) => Ok(key),
        None => compact::from_bytes(bytes).map_err(|error| error.context("decoding the key")),
    }
}
