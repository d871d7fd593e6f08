//! Lines are those of the text, however the input is cut into reads.

use proptest::prelude::*;

use super::*;

/// Gives out its bytes in pieces of the given sizes.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        self.bytes.read(&mut out[..size])
    }
}

fn cut(bytes: &[u8], sizes: &[usize], delimiter: &str) -> Vec<(u64, Vec<u8>)> {
    let input = Pieces { bytes, sizes: sizes.to_vec(), turn: 0 };
    let rules = LineRules { delimiter: delimiter.into(), line_bytes_max: 1000 };
    let mut lines = LineBuffer::new(input, rules, 0);
    let mut found = Vec::new();
    loop {
        let position = lines.position();
        match lines.next_line().unwrap() {
            Some(line) => found.push((position, line.text().to_vec())),
            None => return found,
        }
    }
}

/// The same by the simplest means.
fn model(text: &str, delimiter: &str) -> Vec<(u64, Vec<u8>)> {
    let mut offset = 0;
    let mut found = Vec::new();
    for piece in text.split_inclusive(delimiter) {
        let ended = piece.strip_suffix(delimiter);
        let line = match (ended, delimiter) {
            (Some(line), "\n") => line.strip_suffix('\r').unwrap_or(line),
            (Some(line), _) => line,
            (None, _) => piece,
        };
        found.push((offset, line.as_bytes().to_vec()));
        offset += piece.len() as u64;
    }
    found
}

fn check_too_long(text: &str, limit: usize, expected: Option<u64>) {
    let mut lines = LineBuffer::new(text.as_bytes(), LineRules::newline(limit), 0);
    let offset = loop {
        match lines.next_line() {
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(LineError::TooLong { offset, .. }) => break Some(offset),
            Err(LineError::Read(error)) => panic!("{error}"),
        }
    };
    assert_eq!(offset, expected, "{text:?} with at most {limit} bytes a line");
}

#[test]
fn a_line_beyond_the_limit_is_refused_where_it_starts() {
    check_too_long("abc\nabc\r\nabc", 3, None);
    check_too_long("abc\nabcd\nabc", 3, Some(4));
    check_too_long("abc\nabcd", 3, Some(4));
    let long = "x".repeat(3 * READ_BYTES);
    check_too_long(&format!("abc\n{long}\n"), 1000, Some(4));
    check_too_long(&format!("abc\n{long}\n"), 3 * READ_BYTES, None);
}

proptest! {
    #[test]
    fn lines_are_those_of_the_text(
        text in "[ab\r\n;]{0,60}",
        sizes in prop::collection::vec(1usize..20, 1..5),
        delimiter in prop::sample::select(vec!["\n", ";", "\r\n", "a;", "aab"]),
    ) {
        prop_assert_eq!(cut(text.as_bytes(), &sizes, delimiter), model(&text, delimiter));
    }
}
