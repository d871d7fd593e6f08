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
