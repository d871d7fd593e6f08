//! Parts of a batch that are shared, not copied: a record as it lies in the memory of the batch it
//! came with.
//!
//! Law: the bytes of a buffer never change, and those of a [`TextSlice`] are UTF-8.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::rc::Rc;
use std::str::Utf8Error;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::codec::ValueColumn;

/// Bytes that may share their memory with the rest of a batch: what an input of format
/// [`Bytes`](crate::Bytes) reads several times as fast as a `Vec<u8>`.
///
/// Cloning copies no bytes. A slice that is kept keeps the memory of its whole batch, some 32 KiB:
/// what goes into state should be a [`Vec`](ByteSlice::to_vec).
#[derive(Clone)]
pub struct ByteSlice {
    buffer: Rc<Vec<u8>>,
    start: u32,
    end: u32,
}

/// Text that may share its memory with the rest of a batch: what an input of format
/// [`Text`](crate::Text) reads several times as fast as a `String`.
///
/// Cloning copies no text. A slice that is kept keeps the memory of its whole batch, some 32 KiB:
/// what goes into state should be a `String`.
///
/// ```
/// use sandbar_sdk::{Collector, TextSlice};
///
/// fn words(line: TextSlice, out: &mut Collector<String>) {
///     line.split_whitespace().for_each(|word| out.collect_str(word));
/// }
/// ```
#[derive(Clone)]
pub struct TextSlice(ByteSlice);

impl ByteSlice {
    /// Shares part of a column.
    ///
    /// # Panics
    /// The range is not within the column.
    #[inline(always)]
    pub(crate) fn of_column(column: &ValueColumn<'_>, range: Range<usize>) -> ByteSlice {
        assert!(range.start <= range.end && range.end <= column.bytes().len());
        let buffer = Rc::clone(column.buffer());
        ByteSlice { buffer, start: range.start as u32, end: range.end as u32 }
    }
}

impl TextSlice {
    /// Shares part of a column.
    ///
    /// # Errors
    /// The bytes are not UTF-8.
    ///
    /// # Panics
    /// The range is not within the column.
    #[inline(always)]
    pub(crate) fn of_column(
        column: &ValueColumn<'_>,
        range: Range<usize>,
    ) -> Result<TextSlice, Utf8Error> {
        if !column.is_text(&range) {
            super::check_utf8(&column.bytes()[range.clone()])?;
        }
        Ok(TextSlice(ByteSlice::of_column(column, range)))
    }
}

impl Deref for ByteSlice {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.buffer[self.start as usize..self.end as usize]
    }
}

impl Deref for TextSlice {
    type Target = str;

    #[inline(always)]
    fn deref(&self) -> &str {
        // SAFETY: every constructor has seen that the bytes are UTF-8, and nothing changes them.
        unsafe { str::from_utf8_unchecked(&self.0) }
    }
}

impl From<Vec<u8>> for ByteSlice {
    fn from(bytes: Vec<u8>) -> ByteSlice {
        let end = bytes.len() as u32;
        ByteSlice { buffer: Rc::new(bytes), start: 0, end }
    }
}

impl From<String> for TextSlice {
    fn from(text: String) -> TextSlice {
        TextSlice(ByteSlice::from(text.into_bytes()))
    }
}

impl From<&[u8]> for ByteSlice {
    fn from(bytes: &[u8]) -> ByteSlice {
        ByteSlice::from(bytes.to_vec())
    }
}

impl From<&str> for TextSlice {
    fn from(text: &str) -> TextSlice {
        TextSlice::from(text.to_owned())
    }
}

impl Serialize for ByteSlice {
    // As a `Vec<u8>`: a sequence of numbers.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl Serialize for TextSlice {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSlice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ByteSlice, D::Error> {
        Vec::deserialize(deserializer).map(ByteSlice::from)
    }
}

impl<'de> Deserialize<'de> for TextSlice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextSlice, D::Error> {
        String::deserialize(deserializer).map(TextSlice::from)
    }
}

impl fmt::Display for TextSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

macro_rules! as_its_target {
    ($slice:ty, $target:ty) => {
        impl PartialEq for $slice {
            fn eq(&self, other: &$slice) -> bool {
                **self == **other
            }
        }

        impl Eq for $slice {}

        impl PartialEq<$target> for $slice {
            fn eq(&self, other: &$target) -> bool {
                **self == *other
            }
        }

        impl PartialEq<&$target> for $slice {
            fn eq(&self, other: &&$target) -> bool {
                **self == **other
            }
        }

        impl PartialOrd for $slice {
            fn partial_cmp(&self, other: &$slice) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $slice {
            fn cmp(&self, other: &$slice) -> Ordering {
                (**self).cmp(&**other)
            }
        }

        impl Hash for $slice {
            fn hash<H: Hasher>(&self, state: &mut H) {
                (**self).hash(state);
            }
        }

        impl Borrow<$target> for $slice {
            fn borrow(&self) -> &$target {
                self
            }
        }

        impl AsRef<$target> for $slice {
            fn as_ref(&self) -> &$target {
                self
            }
        }

        impl fmt::Debug for $slice {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&**self, f)
            }
        }
    };
}

as_its_target!(ByteSlice, [u8]);
as_its_target!(TextSlice, str);

#[cfg(test)]
mod tests;
