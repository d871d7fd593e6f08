//! Tests of the writer against postcard's own bytes, for every kind of value that serde knows.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

fn written<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.serialize(&mut Writer(&mut bytes)).unwrap();
    bytes
}

fn check<T: Serialize + ?Sized>(value: &T) {
    assert_eq!(written(value), postcard::to_allocvec(value).unwrap());
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    One(i64),
    Two(u8, String),
    Named { at: (i16, u16), of: Vec<Shape> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(u32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pair(i8, bool);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    numbers: (u64, i64, u32, i32, u128, i128),
    reals: (f32, f64),
    letter: char,
    text: String,
    maybe: Option<Box<Everything>>,
    map: BTreeMap<String, u16>,
    shapes: Vec<Shape>,
    small: (Unit, (), Wrapped, Pair),
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Empty),
        any::<i64>().prop_map(Shape::One),
        (any::<u8>(), ".{0,40}").prop_map(|(number, text)| Shape::Two(number, text)),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        (any::<(i16, u16)>(), prop::collection::vec(inner, 0..3))
            .prop_map(|(at, of)| Shape::Named { at, of })
    })
}

prop_compose! {
    fn anything()(
        numbers in any::<(u64, i64, u32, i32, u128, i128)>(),
        shift in 0u32..64,
        reals in any::<(f32, f64)>(),
        letter in any::<char>(),
        text in ".{0,200}",
        map in prop::collection::btree_map(".{0,9}", any::<u16>(), 0..5),
        shapes in prop::collection::vec(any_shape(), 0..5),
        pair in any::<(i8, bool, u32)>(),
    ) -> Everything {
        // Numbers of all sizes, not just huge ones.
        let numbers = (
            numbers.0 >> shift,
            numbers.1 >> shift,
            numbers.2 >> (shift / 2),
            numbers.3 >> (shift / 2),
            numbers.4 >> (2 * shift),
            numbers.5 >> (2 * shift),
        );
        let small = (Unit, (), Wrapped(pair.2), Pair(pair.0, pair.1));
        Everything { numbers, reals, letter, text, maybe: None, map, shapes, small }
    }
}

proptest! {
    #[test]
    fn all_values_have_the_bytes_that_postcard_gives_them(
        value in anything(),
        inner in anything(),
    ) {
        check(&value);
        check(&Everything { maybe: Some(Box::new(inner)), ..value });
    }

    #[test]
    fn what_is_written_is_read_back(text in ".{0,300}", number in any::<u64>(), shift in 0..64) {
        let pair = (text, number >> shift);
        let read: (String, u64) = postcard::from_bytes(&written(&pair)).unwrap();
        prop_assert_eq!(read, pair);
    }
}

#[test]
fn numbers_at_the_edges_of_their_lengths_are_postcards() {
    for bit in 0..64 {
        let edge = 1u64 << bit;
        for number in [edge - 1, edge, edge + 1] {
            check(&number);
            check(&(number as u32));
            check(&(number as u16));
            check(&number.cast_signed());
            check(&number.cast_signed().wrapping_neg());
            check(&(number as i16));
        }
    }
    check(&[u128::MAX, 0, 1]);
    check(&[i128::MAX, i128::MIN, -1]);
}

#[test]
fn strings_of_bytes_are_postcards() {
    struct Raw(Vec<u8>);
    impl Serialize for Raw {
        fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.0)
        }
    }
    for length in [0, 1, 15, 16, 17, 127, 128, 20_000] {
        check(&Raw(vec![7; length]));
        check(&vec![7u8; length]);
    }
    check(&std::net::Ipv4Addr::LOCALHOST);
}

#[test]
fn what_is_displayed_is_text() {
    struct Shown(u64);
    impl Serialize for Shown {
        fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&format_args!("number {}", self.0))
        }
    }
    check(&Shown(77));
}

#[test]
fn errors_say_why() {
    struct Unsized;
    impl Serialize for Unsized {
        fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_seq(None).map(|_| unreachable!())
        }
    }
    struct Refusing;
    impl Serialize for Refusing {
        fn serialize<S: ser::Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            Err(ser::Error::custom("no such colour"))
        }
    }
    let error = |value: &dyn Fn(&mut Writer<'_>) -> Written| {
        value(&mut Writer(&mut Vec::new())).unwrap_err().to_string()
    };
    assert!(error(&|writer| Unsized.serialize(writer)).contains("the length of a sequence"));
    assert_eq!(error(&|writer| Refusing.serialize(writer)), "no such colour");
}
