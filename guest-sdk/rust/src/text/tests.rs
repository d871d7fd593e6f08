//! Tests of the splitter against std's.

use proptest::prelude::*;

use super::*;

fn check(text: &str, separator: u8) {
    let parts: Vec<&str> = split(text, separator).collect();
    assert_eq!(parts, text.split(char::from(separator)).collect::<Vec<_>>(), "{text:?}");
}

proptest! {
    #[test]
    fn texts_are_split_as_std_splits_them(text in "[ a!\u{0}\u{80}\u{a0}\u{2020}\u{1f40f}]{0,60}") {
        check(&text, b' ');
        check(&text, b'a');
        check(&text, 0);
    }

    #[test]
    fn words_of_all_lengths_are_found(lengths in prop::collection::vec(0usize..30, 0..20)) {
        let words: Vec<String> = lengths.iter().map(|length| "!".repeat(*length)).collect();
        check(&words.join(" "), b' ');
    }
}

#[test]
fn every_byte_is_told_from_the_separator() {
    for separator in 0..128u8 {
        let text: String = (0..128u8).map(char::from).chain("äöü€".chars()).collect();
        check(&text, separator);
    }
}

#[test]
#[should_panic(expected = "0x80 is no ASCII character")]
fn a_separator_that_could_be_part_of_a_character_is_refused() {
    let _ = split("text", 0x80);
}
