//! Columns from outside that do not fit are named.

use super::*;

fn check(ends: &[u32], bytes: &[u8], expected: &str) {
    let error = Packed { ends, bytes }.check_len("keys", 2).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn columns_that_do_not_fit_are_named() {
    check(&[1], b"a", "column keys has 1 entries where 2 are needed");
    check(&[2, 1], b"a", "column keys has ends that decrease");
    check(&[1, 3], b"ab", "column keys ends at 3 but its bytes are 2 long");
    check(&[1, 1], b"ab", "column keys ends at 1 but its bytes are 2 long");
    Packed { ends: &[0, 2], bytes: b"ab" }.check_len("keys", 2).unwrap();
    Packed::EMPTY.check_len("keys", 0).unwrap();
}

#[test]
fn what_is_pushed_is_what_is_read() {
    let buffer: PackedBuffer = [&b"one"[..], b"", b"three"].into_iter().collect();
    assert_eq!(buffer.view().iter().collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
    buffer.view().check_len("keys", 3).unwrap();
}
