//! Tests of the codecs: golden bytes, round trips, and what does not decode.

use super::*;

fn check<T: PartialEq + std::fmt::Debug>(codec: impl Codec<T>, value: T, expected: &[u8]) {
    let mut bytes = vec![b'<'];
    codec.encode(&value, &mut bytes).unwrap();
    assert_eq!(&bytes[1..], expected);
    assert_eq!(codec.decode(expected).unwrap(), value);
}

#[test]
fn values_have_these_bytes() {
    check(Text, "größe".to_owned(), "größe".as_bytes());
    check(Bytes, vec![0, 255], &[0, 255]);
    check(Json, (1, "a".to_owned()), br#"[1,"a"]"#);
    check(Compact, (1u64, "a".to_owned()), &[1, 1, b'a']);
    check(Compact, 300u64, &[0xac, 0x02]);
}

fn check_key<K: Key + PartialEq + std::fmt::Debug>(key: K, expected: &[u8]) {
    let mut bytes = Vec::new();
    encode_key(&key, &mut bytes).unwrap();
    assert_eq!(bytes, expected);
    assert_eq!(decode_key::<K>(expected).unwrap(), key);
}

#[test]
fn keys_have_these_bytes_for_ever() {
    check_key("user-1".to_owned(), b"user-1");
    check_key(vec![7u8, 0], &[7, 0]);
    check_key(42u64, &[42]);
    check_key(-1i32, &[1]);
    check_key(("a".to_owned(), 1u32), &[1, b'a', 1]);
}

fn check_refused<T: std::fmt::Debug>(codec: impl Decode<T>, bytes: &[u8], expected: &str) {
    let message = codec.decode(bytes).unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn undecodable_bytes_say_why() {
    check_refused::<String>(Text, &[0xff], "the value is not text: invalid utf-8");
    check_refused::<u64>(Json, b"seven", "the value does not parse as JSON");
    check_refused::<u64>(Compact, &[], "the bytes are no u64");
    check_refused::<u64>(Compact, &[1, 2], "1 bytes are left over");
    let message = decode_key::<String>(&[0xff]).unwrap_err().to_string();
    assert!(message.starts_with("the key is not text"), "{message}");
}

#[test]
fn displayed_values_are_text() {
    let mut bytes = Vec::new();
    DisplayText.encode(&1.5, &mut bytes).unwrap();
    assert_eq!(
        (bytes.as_slice(), Format::<f64>::format(&DisplayText)),
        (&b"1.5"[..], "text".into())
    );
}
