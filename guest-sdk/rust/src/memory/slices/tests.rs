//! Slices are what they share, in every form, and outlive the batch they came with.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::codec::{Bytes, Compact, Decode, Encode, Text};

fn encoded<T>(codec: &impl Encode<T>, value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec.encode(value, &mut bytes).unwrap();
    bytes
}

proptest! {
    #[test]
    fn a_slice_has_the_bytes_of_the_owned_value_in_every_format(text in ".*", bytes: Vec<u8>) {
        let (shared, raw) = (TextSlice::from(&*text), ByteSlice::from(&*bytes));
        prop_assert_eq!(encoded(&Text, &shared), text.as_bytes());
        prop_assert_eq!(encoded(&Bytes, &raw), &*bytes);
        prop_assert_eq!(encoded(&Compact, &(shared.clone(), 7)), encoded(&Compact, &(text, 7)));
        let compact = encoded(&Compact, &(raw.clone(), 7));
        prop_assert_eq!(&compact, &encoded(&Compact, &(bytes, 7)));
        let back: (ByteSlice, i32) = Compact.decode(&compact).unwrap();
        prop_assert_eq!(back, (raw, 7));
    }

    #[test]
    fn slices_of_a_column_are_its_parts(words in prop::collection::vec(".{0,9}", 0..9)) {
        let slices: Vec<TextSlice> = {
            let values = Rc::new(words.concat().into_bytes());
            let column = ValueColumn::new(&values, true);
            let mut end = 0;
            let part = |word: &String| {
                end += word.len();
                Text.decode_from(&column, end - word.len()..end).unwrap()
            };
            words.iter().map(part).collect()
        };
        prop_assert!(slices.iter().zip(&words).all(|(slice, word)| *slice == **word));
        prop_assert_eq!(slices.len(), words.len());
        let set: BTreeSet<TextSlice> = slices.iter().cloned().collect();
        prop_assert!(words.iter().all(|word| set.contains(word.as_str())));
    }
}

#[test]
fn bytes_that_are_no_text_make_no_text_slice() {
    let values = Rc::new(b"\xc3\xa4\xff".to_vec());
    let column = ValueColumn::new(&values, true);
    let read = |range| -> Result<TextSlice, _> { Text.decode_from(&column, range) };
    assert_eq!(read(0..2).unwrap(), "ä");
    for range in [0..1, 1..2, 2..3] {
        assert!(read(range).unwrap_err().to_string().contains("not text"));
    }
}
