//! Packed columns: many byte strings in two columns, borrowed, borrowed for appending, and owned.
//! The layout of the state interface of the operator contract.

use crate::error::{ColumnProblem, StateError};

/// Many byte strings: string `i` is `bytes[ends[i-1] .. ends[i]]`.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a> {
    /// Where each string ends.
    pub ends: &'a [u32],
    /// All strings, back to back.
    pub bytes: &'a [u8],
}

/// Packed columns that strings are appended to.
#[derive(Debug)]
pub struct PackedMut<'a> {
    /// Where each string ends.
    pub ends: &'a mut Vec<u32>,
    /// All strings, back to back.
    pub bytes: &'a mut Vec<u8>,
}

/// Packed columns that own their bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackedBuffer {
    /// Where each string ends.
    pub ends: Vec<u32>,
    /// All strings, back to back.
    pub bytes: Vec<u8>,
}

impl<'a> Packed<'a> {
    /// No strings.
    pub const EMPTY: Packed<'static> = Packed { ends: &[], bytes: &[] };

    /// Number of strings.
    #[inline]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no strings.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// String `index`; the columns must be valid.
    #[inline]
    pub fn get(&self, index: usize) -> &'a [u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.bytes[start..self.ends[index] as usize]
    }

    /// All strings in order; the columns must be valid.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map(move |index| self.get(index))
    }

    /// Checks that the ends never decrease and end at the last byte.
    ///
    /// # Errors
    /// Names `column` and what is wrong with it.
    pub fn check(&self, column: &'static str) -> Result<(), StateError> {
        let last = self.ends.last().copied().unwrap_or(0) as usize;
        let problem = if !self.ends.is_sorted() {
            ColumnProblem::Decreasing
        } else if last != self.bytes.len() {
            ColumnProblem::LastEnd { last, bytes: self.bytes.len() }
        } else {
            return Ok(());
        };
        Err(StateError::Column { column, problem })
    }

    /// Checks as [`Packed::check`], and that there are `expected` strings.
    ///
    /// # Errors
    /// Names `column` and what is wrong with it.
    pub fn check_len(&self, column: &'static str, expected: usize) -> Result<(), StateError> {
        if self.len() != expected {
            let problem = ColumnProblem::Length { expected, found: self.len() };
            return Err(StateError::Column { column, problem });
        }
        self.check(column)
    }
}

impl PackedMut<'_> {
    /// Adds a string; all strings together must stay below 4 GiB.
    #[inline]
    pub fn push(&mut self, string: &[u8]) {
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len() as u32);
    }
}

impl PackedBuffer {
    /// Makes empty columns.
    pub fn new() -> PackedBuffer {
        PackedBuffer::default()
    }

    /// Borrows both columns.
    #[inline]
    pub fn view(&self) -> Packed<'_> {
        Packed { ends: &self.ends, bytes: &self.bytes }
    }

    /// Borrows both columns for appending.
    #[inline]
    pub fn view_mut(&mut self) -> PackedMut<'_> {
        PackedMut { ends: &mut self.ends, bytes: &mut self.bytes }
    }

    /// Adds a string.
    #[inline]
    pub fn push(&mut self, string: &[u8]) {
        self.view_mut().push(string);
    }

    /// Removes all strings and keeps the memory.
    pub fn clear(&mut self) {
        self.ends.clear();
        self.bytes.clear();
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for PackedBuffer {
    fn from_iter<I: IntoIterator<Item = T>>(strings: I) -> PackedBuffer {
        let mut buffer = PackedBuffer::new();
        strings.into_iter().for_each(|string| buffer.push(string.as_ref()));
        buffer
    }
}

#[cfg(test)]
mod tests;
