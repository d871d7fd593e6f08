//! The value of a list state with time to live: its elements one behind the other, each with the
//! time of its writing (8 bytes, little-endian), its length (4 bytes, little-endian) and its bytes.
//! A guest writes [`UNSTAMPED`] for an element that it adds, and leaves the times of the others.

use crate::error::ElementsError;

/// The time of an element that is to become that of the write.
pub const UNSTAMPED: i64 = i64::MIN;

/// Bytes in front of an element.
const HEADER_BYTES: usize = 12;

/// The elements of a value, as far as it has the right form.
#[derive(Clone, Copy)]
pub(crate) struct Elements<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (i64, &'a [u8]);

    fn next(&mut self) -> Option<(i64, &'a [u8])> {
        let (stamp, rest) = self.0.split_first_chunk::<8>()?;
        let (len, bytes) = rest.split_first_chunk::<4>()?;
        let (element, behind) = bytes.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        self.0 = behind;
        Some((i64::from_le_bytes(*stamp), element))
    }
}

/// The elements of the value of a list state with time to live, as far as it has the right form.
pub fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    Elements(value).map(|(_, element)| element)
}

/// Checks that a value is nothing but elements.
pub(super) fn check(value: &[u8]) -> Result<(), ElementsError> {
    let mut elements = Elements(value);
    let count = elements.by_ref().count();
    match elements.0 {
        [] => Ok(()),
        rest => Err(ElementsError { elements: count, rest: rest.len() }),
    }
}

/// Appends an element.
pub(super) fn append(stamp: i64, element: &[u8], value: &mut Vec<u8>) {
    value.extend_from_slice(&stamp.to_le_bytes());
    value.extend_from_slice(&(element.len() as u32).to_le_bytes());
    value.extend_from_slice(element);
}

/// Gives elements without a time this one. None keeps a time that has not come yet.
pub(super) fn stamp_unstamped(value: &mut [u8], now_ms: i64) {
    each_stamp(value, |stamp| {
        let is_kept = (UNSTAMPED + 1..=now_ms).contains(&i64::from_le_bytes(*stamp));
        if !is_kept {
            *stamp = now_ms.to_le_bytes();
        }
    });
}

/// Changes the times of all elements.
pub(super) fn each_stamp(value: &mut [u8], mut change: impl FnMut(&mut [u8; 8])) {
    let mut at = 0;
    while let Some((_, element)) = Elements(&value[at..]).next() {
        let len = element.len();
        if let Some(stamp) = value[at..].first_chunk_mut() {
            change(stamp);
        }
        at += HEADER_BYTES + len;
    }
}
