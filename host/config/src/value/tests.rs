//! How values are written.

use std::fmt::Debug;
use std::time::Duration;

use super::*;

fn check<T: ConfigValue + PartialEq + Debug>(text: &str, expected: Option<T>) {
    assert_eq!(T::parse(text), expected, "{text:?} as {}", T::TYPE_NAME);
}

#[test]
fn durations() {
    let ms = |number| Some(Duration::from_millis(number));
    for (text, expected) in [
        ("100 ms", ms(100)),
        ("100ms", ms(100)),
        ("10 s", ms(10_000)),
        ("5 min", ms(300_000)),
        ("1 h", ms(3_600_000)),
        ("2 DAYS", ms(172_800_000)),
        ("1000 us", ms(1)),
        ("10000", ms(10_000)),
        ("0", ms(0)),
        ("-1", None),
        ("1.5 s", None),
        ("10 parsecs", None),
        ("s", None),
        ("", None),
        ("99999999999999999999 s", None),
        ("18446744073709551615 d", None),
    ] {
        check(text, expected);
    }
}

#[test]
fn memory_sizes() {
    let bytes = |number| Some(MemorySize::from_bytes(number));
    for (text, expected) in [
        ("32 kb", bytes(32 << 10)),
        ("64 mb", bytes(64 << 20)),
        ("4096m", bytes(4 << 30)),
        ("1 GB", bytes(1 << 30)),
        ("1 tb", bytes(1 << 40)),
        ("17", bytes(17)),
        ("17 b", bytes(17)),
        ("1.5 gb", None),
        ("-1", None),
        ("1 pb", None),
        ("18446744073709551615 kb", None),
    ] {
        check(text, expected);
    }
    assert_eq!(MemorySize::from_bytes(64 << 20).to_string(), "64 mb");
    assert_eq!(MemorySize::from_bytes(1500).to_string(), "1500 bytes");
    assert_eq!(MemorySize::from_bytes(0).to_string(), "0 bytes");
}

#[test]
fn words_and_special_cases() {
    check("TRUE", Some(true));
    check("yes", None::<bool>);
    check("0", None::<NonZeroU32>);
    check("1", NonZeroU32::new(1));
    check("-1", None::<u32>);
    check("0.25", Some(0.25));
    check("NaN", None::<f64>);
    check("70000", None::<u16>);
    check("", None::<String>);
    check("0", Some(BufferTimeout::EveryRecord));
    check("0 ms", Some(BufferTimeout::EveryRecord));
    check("-1", Some(BufferTimeout::WhenFull));
    check("-1 ms", Some(BufferTimeout::WhenFull));
    check("1 s", Some(BufferTimeout::After(Duration::from_secs(1))));
    check("-2", None::<BufferTimeout>);
    check("-1", Some(MaxParallelism::FromParallelism));
    check("32769", None::<MaxParallelism>);
    assert_eq!(MaxParallelism::parse("32768").and_then(MaxParallelism::fixed), Some(32768));
    check("batch", Some(RuntimeMode::Batch));
    check("quick", None::<RuntimeMode>);
    check("at_least_once", Some(CheckpointingMode::AtLeastOnce));
}

#[test]
fn server_names() {
    let shared = |name: &str| Some(TlsServerName::Shared(name.to_owned()));
    for name in ["sandbar", "a-1.example.org", "10.0.0.1", "::1"] {
        check(name, shared(name));
    }
    check("Dialled-Host", Some(TlsServerName::DialledHost));
    let long = format!("{}.org", "a".repeat(64));
    for wrong in ["", "*", "a..b", "-a", "a_b", "a b", "host:1", &long] {
        check(wrong, None::<TlsServerName>);
    }
}

proptest::proptest! {
    #[test]
    fn a_printed_memory_size_reads_back(bytes in proptest::prelude::any::<u64>(), zeros in 0..50) {
        let size = MemorySize::from_bytes(bytes >> zeros << zeros);
        proptest::prop_assert_eq!(MemorySize::parse(&size.to_string()), Some(size));
    }
}

#[test]
fn ports_are_one_or_a_range() {
    let range = |first, last| Some(PortRange { first, last });
    assert_eq!(PortRange::parse("9249"), range(9249, 9249));
    assert_eq!(PortRange::parse("9249 - 9260"), range(9249, 9260));
    assert_eq!(PortRange::parse("0"), range(0, 0));
    for wrong in ["", "-", "9260-9249", "9249-", "99999", "a-b"] {
        assert_eq!(PortRange::parse(wrong), None, "{wrong}");
    }
}
