//! Text, a word of the machine at a time. Most parts of a text are short, and what std does before
//! it gets to its fast loop costs a component more than all of a short part.

use std::iter::FusedIterator;

/// Bytes that are looked at together.
const BLOCK: usize = 8;
/// The lowest bit of each byte of a block.
const ONES: u64 = u64::MAX / 0xFF;
/// All bits but the highest of each byte of a block.
const LOW: u64 = ONES * 0x7F;

/// Splits a text at each place of an ASCII character, as [`str::split`] does, and several times as
/// fast if the parts are short.
///
/// # Panics
/// The separator is no ASCII character.
///
/// ```
/// use sandbar_sdk::text::split;
///
/// let words: Vec<&str> = split("the  rays of light", b' ').collect();
/// assert_eq!(words, ["the", "", "rays", "of", "light"]);
/// assert_eq!(split("", b' ').collect::<Vec<_>>(), [""]);
/// ```
#[inline]
pub fn split(text: &str, separator: u8) -> Split<'_> {
    assert!(separator.is_ascii(), "the separator {separator:#x} is no ASCII character");
    let pattern = ONES * u64::from(separator);
    Split { text, pattern, places: 0, block: 0, behind: 0, start: Some(0) }
}

/// The parts of a text, made by [`split`].
#[derive(Clone, Debug)]
pub struct Split<'a> {
    text: &'a str,
    /// The separator in each byte.
    pattern: u64,
    /// The highest bit of each byte of the block that is a separator, where that is still to come.
    places: u64,
    /// Where the block starts.
    block: usize,
    /// Where the next block starts.
    behind: usize,
    /// Where the next part starts, unless all parts are done.
    start: Option<usize>,
}

/// The separators of a block, as the highest bits of their bytes.
#[inline(always)]
fn find(block: [u8; BLOCK], pattern: u64) -> u64 {
    // A byte is 0 where it is the separator; adding cannot carry into the next byte.
    let differs = u64::from_le_bytes(block) ^ pattern;
    !(((differs & LOW) + LOW) | differs | LOW)
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let start = self.start?;
        let bytes = self.text.as_bytes();
        while self.places == 0 {
            if self.behind >= bytes.len() {
                self.start = None;
                return Some(&self.text[start..]);
            }
            let rest = &bytes[self.behind..];
            let block = match rest.first_chunk() {
                Some(block) => *block,
                None => last_block(rest, self.pattern),
            };
            self.places = find(block, self.pattern);
            (self.block, self.behind) = (self.behind, self.behind + BLOCK);
        }
        let end = self.block + self.places.trailing_zeros() as usize / 8;
        self.places &= self.places - 1;
        self.start = Some(end + 1);
        Some(&self.text[start..end])
    }
}

impl FusedIterator for Split<'_> {}

/// The last bytes of a text, and bytes behind them that are not the separator.
#[inline(never)]
fn last_block(rest: &[u8], pattern: u64) -> [u8; BLOCK] {
    let mut block = (!pattern).to_le_bytes();
    block[..rest.len()].copy_from_slice(rest);
    block
}

#[cfg(test)]
mod tests;
