//! The elements of a list with time to live, in the form that the contract gives them: each with
//! the time of its writing, so that the host can let it expire.

use crate::codec::{Compact, Data, Decode, Encode};
use crate::error::Error;
use crate::state::Stored;

/// Time of an element that is added; the host replaces it.
const UNSTAMPED: i64 = i64::MIN;
/// Bytes in front of an element: time and length.
const HEADER_BYTES: usize = 12;

/// A list and the times of its elements. Invariant: as many as elements.
#[derive(Clone)]
pub(crate) struct Elements<T> {
    values: Vec<T>,
    stamps: Vec<i64>,
}

impl<T> Elements<T> {
    /// A list whose elements are all added now.
    pub(crate) fn new(values: Vec<T>) -> Elements<T> {
        let stamps = vec![UNSTAMPED; values.len()];
        Elements { values, stamps }
    }

    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    pub(crate) fn into_values(self) -> Vec<T> {
        self.values
    }

    /// Adds elements at the end.
    pub(crate) fn extend(&mut self, values: impl IntoIterator<Item = T>) {
        self.values.extend(values);
        self.stamps.resize(self.values.len(), UNSTAMPED);
    }
}

impl<T> Default for Elements<T> {
    fn default() -> Elements<T> {
        Elements::new(Vec::new())
    }
}

impl<T: Data> Stored for Elements<T> {
    fn write(&self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        for (value, stamp) in self.values.iter().zip(&self.stamps) {
            bytes.extend_from_slice(&stamp.to_le_bytes());
            let start = bytes.len();
            bytes.extend_from_slice(&[0; 4]);
            Compact.encode(value, bytes)?;
            let len = (bytes.len() - start - 4) as u32;
            bytes[start..start + 4].copy_from_slice(&len.to_le_bytes());
        }
        Ok(())
    }

    fn read(bytes: &[u8]) -> Result<Elements<T>, Error> {
        let mut elements = Elements::default();
        for (stamp, element) in cut_elements(bytes) {
            elements.values.push(Compact.decode(element)?);
            elements.stamps.push(stamp);
        }
        Ok(elements)
    }
}

/// Cuts the elements out of a stored list.
pub(crate) fn cut_elements(mut bytes: &[u8]) -> impl Iterator<Item = (i64, &[u8])> {
    std::iter::from_fn(move || {
        let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
        let (stamp, len) = header.split_at(8);
        let len = u32::from_le_bytes(len.try_into().ok()?) as usize;
        let (element, behind) = rest.split_at_checked(len)?;
        bytes = behind;
        Some((i64::from_le_bytes(stamp.try_into().ok()?), element))
    })
}
