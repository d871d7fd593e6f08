//! Tests of the copies: every length, at every alignment, next to bytes that must not change.

use super::*;

#[test]
fn copies_are_exact_at_every_length() {
    let bytes: Vec<u8> = (0..700u32).map(|index| (index * 7 + 1) as u8).collect();
    for length in 0..=300 {
        for start in 0..9 {
            let source = &bytes[start..start + length];
            let mut target = vec![0xAA; start];
            append(&mut target, source);
            append(&mut target, b"end");
            let (before, rest) = target.split_at(start);
            assert!(before.iter().all(|byte| *byte == 0xAA));
            assert_eq!(rest, [source, b"end"].concat(), "length {length} from {start}");
            assert_eq!(to_vec(source), source);
        }
    }
}

#[test]
fn strings_are_copied() {
    assert_eq!(to_string("größe, größer, am größten"), "größe, größer, am größten");
}

#[test]
fn strings_are_equal_in_all_of_their_bytes() {
    let bytes: Vec<u8> = (0..40).collect();
    for length in 0..40 {
        assert!(equal(&bytes[..length], &bytes[..length]));
        assert!(!equal(&bytes[..length], &bytes[..length + 1]));
        for position in 0..length {
            let mut other = bytes[..length].to_vec();
            other[position] ^= 0x80;
            assert!(!equal(&bytes[..length], &other), "{length} at {position}");
        }
    }
}

#[test]
fn parts_of_a_column_are_copied_wherever_they_lie() {
    let bytes: Vec<u8> = (0..100).collect();
    for start in 0..100 {
        for end in start..=100 {
            assert_eq!(to_vec_from(&bytes, start..end), bytes[start..end]);
        }
    }
}

#[test]
fn parts_of_a_column_that_are_no_text_are_refused() {
    let text = "a größe b";
    let check = |bytes: &[u8]| {
        let values = std::rc::Rc::new(bytes.to_vec());
        let column = ValueColumn::new(&values, true);
        for start in 0..bytes.len() {
            for end in start..=bytes.len() {
                let expected = str::from_utf8(&bytes[start..end]).map(str::to_owned);
                assert_eq!(to_string_from(&column, start..end), expected, "{start}..{end}");
            }
        }
    };
    check(text.as_bytes());
    check(b"all of this is text and long enough for a block of it to be copied");
    check(&[text.as_bytes(), b"\xff not text, but for a part"].concat());
}
