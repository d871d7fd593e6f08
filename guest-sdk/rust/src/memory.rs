//! The only unsafe code of the SDK: copies of short strings of bytes, slices of a batch's text,
//! and the guest's allocator. They are here because a call into the engine (`memory.copy`) and
//! dlmalloc's `malloc` and `free` cost more than all else that is done to a record of some dozen
//! bytes.

#![expect(unsafe_code, reason = "raw copies and a global allocator cannot be written without")]

use std::mem::MaybeUninit;
use std::ops::Range;
use std::str::Utf8Error;

use crate::codec::ValueColumn;

#[cfg(all(target_arch = "wasm32", feature = "allocator"))]
mod allocator;
mod slices;

pub use slices::{ByteSlice, TextSlice};

/// Strings up to this length are copied in line: in a component `memory.copy` is a call into the
/// engine, which costs more than the copy of a short string.
const INLINE_BYTES_MAX: usize = 64;

/// Bytes that are copied at once out of a column.
const BLOCK_BYTES: usize = 16;

/// Has the processor fetch a value from memory, all of it.
#[inline(always)]
pub(crate) fn touch<T>(value: &T) {
    /// Bytes that come from memory together.
    const LINE_BYTES: usize = 64;
    let start = std::ptr::from_ref(value).cast::<MaybeUninit<u8>>();
    let mut offset = 0;
    while offset < size_of::<T>() {
        // SAFETY: the byte is one of the value's; what it is, padding perhaps, is not looked at.
        let _ = unsafe { start.add(offset).read_volatile() };
        offset += LINE_BYTES;
    }
}

/// Bytes of linear memory that are in use or were, since it never shrinks.
#[cfg(target_arch = "wasm32")]
pub(crate) fn in_use_bytes() -> usize {
    const PAGE_BYTES: usize = 65_536;
    core::arch::wasm32::memory_size(0).saturating_mul(PAGE_BYTES)
}

/// Tests have no linear memory of their own.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn in_use_bytes() -> usize {
    0
}

/// Appends bytes to a vector.
#[inline(always)]
pub(crate) fn append(target: &mut Vec<u8>, bytes: &[u8]) {
    target.reserve(bytes.len());
    let end = target.len();
    // SAFETY: there is room for the bytes behind `end`, which the copy initialises; a borrowed
    // slice cannot overlap the spare capacity of a vector that is borrowed mutably.
    unsafe {
        copy(bytes.as_ptr(), target.as_mut_ptr().add(end), bytes.len());
        target.set_len(end + bytes.len());
    }
}

/// Copies bytes into a vector of their own.
#[inline(always)]
pub(crate) fn to_vec(bytes: &[u8]) -> Vec<u8> {
    let mut vector = Vec::with_capacity(bytes.len());
    // SAFETY: the vector has room for the bytes, which the copy initialises, and is its own.
    unsafe {
        copy(bytes.as_ptr(), vector.as_mut_ptr(), bytes.len());
        vector.set_len(bytes.len());
    }
    vector
}

/// Copies text into a string of its own.
#[inline(always)]
pub(crate) fn to_string(text: &str) -> String {
    // SAFETY: the bytes are those of a `str`.
    unsafe { String::from_utf8_unchecked(to_vec(text.as_bytes())) }
}

/// Copies part of a column into a vector of its own. Most short strings have others behind them, so
/// that a fixed number of bytes can be copied, whatever the length: the processor has no branch to
/// guess, and the vector is one of few sizes.
///
/// # Panics
/// The range is not within the column.
#[inline(always)]
pub(crate) fn to_vec_from(column: &[u8], range: Range<usize>) -> Vec<u8> {
    let part = &column[range.clone()];
    match column[range.start..].first_chunk::<BLOCK_BYTES>() {
        Some(block) if part.len() <= BLOCK_BYTES => {
            let mut vector = Vec::with_capacity(BLOCK_BYTES);
            vector.extend_from_slice(block);
            vector.truncate(part.len());
            vector
        }
        _ => to_vec(part),
    }
}

/// As [`to_vec_from`], for text.
///
/// # Errors
/// The bytes are not UTF-8.
///
/// # Panics
/// The range is not within the column.
#[inline(always)]
pub(crate) fn to_string_from(
    column: &ValueColumn<'_>,
    range: Range<usize>,
) -> Result<String, Utf8Error> {
    if !column.is_text(&range) {
        check_utf8(&column.bytes()[range.clone()])?;
    }
    // SAFETY: the bytes of the range were found to be UTF-8: by themselves, or as part of the
    // column, whose bytes and text are the same and which nobody outside the SDK can make.
    Ok(unsafe { String::from_utf8_unchecked(to_vec_from(column.bytes(), range)) })
}

/// Out of line and without the string, so that the string can stay in registers.
#[inline(never)]
fn check_utf8(bytes: &[u8]) -> Result<(), Utf8Error> {
    str::from_utf8(bytes).map(|_| ())
}

/// Whether two strings of bytes are the same. Plain `==` compares byte by byte in a component.
#[inline]
pub(crate) fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let (left, left_rest) = left.as_chunks::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    let words = left
        .iter()
        .zip(right)
        .all(|(left, right)| u64::from_le_bytes(*left) == u64::from_le_bytes(*right));
    words && left_rest.iter().zip(right_rest).all(|(one, other)| one == other)
}

/// A block of 16 bytes that the target moves at once.
#[cfg(target_feature = "simd128")]
type Block = std::arch::wasm32::v128;
/// A block of 16 bytes.
#[cfg(not(target_feature = "simd128"))]
type Block = [u64; 2];

/// Copies `length` bytes. Short strings are copied as two runs of a fixed length, one from the
/// start and one up to the end, which overlap unless the string is as long as both.
///
/// # Safety
/// Both ranges of `length` bytes are valid and do not overlap.
#[inline(always)]
unsafe fn copy(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: every access lies within the ranges, as the conditions on `length` say.
    unsafe {
        match length {
            8..=15 => copy_ends::<u64>(from, to, length),
            16..=32 => copy_ends::<Block>(from, to, length),
            33..=INLINE_BYTES_MAX => copy_ends::<[Block; 2]>(from, to, length),
            4..=7 => copy_ends::<u32>(from, to, length),
            1..=3 => {
                copy_run::<u8>(from, to, 0);
                copy_run::<u8>(from, to, length / 2);
                copy_run::<u8>(from, to, length - 1);
            }
            _ => copy_long(from, to, length),
        }
    }
}

/// Leaves a copy to the engine. Out of line, so that callers need no registers for it.
///
/// # Safety
/// As [`copy`].
#[inline(never)]
unsafe fn copy_long(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: the caller's.
    unsafe { to.copy_from_nonoverlapping(from, length) }
}

/// Copies the first and the last `Run` of a string.
///
/// # Safety
/// As [`copy`], and `length` is one to two runs.
#[inline(always)]
unsafe fn copy_ends<Run>(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: the caller's.
    unsafe {
        copy_run::<Run>(from, to, 0);
        copy_run::<Run>(from, to, length - size_of::<Run>());
    }
}

/// Copies one run at an offset.
///
/// # Safety
/// Both ranges have a `Run` at the offset.
#[inline(always)]
unsafe fn copy_run<Run>(from: *const u8, to: *mut u8, at: usize) {
    // SAFETY: the caller's; unaligned accesses need no alignment.
    unsafe {
        let run = from.add(at).cast::<Run>().read_unaligned();
        to.add(at).cast::<Run>().write_unaligned(run);
    }
}

#[cfg(test)]
mod tests;
