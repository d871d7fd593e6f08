//! The operators over the state backend do what those over hash maps do.

use std::sync::Arc;

use sandbar_model::{RecordBatch, SystemClock};
use sandbar_state::{KeyGroups, KeyedState, ManagedMemory, Timers};

use super::*;

fn services() -> NativeServices {
    let groups = KeyGroups::of_subtask(0, 1, 128);
    let memory = ManagedMemory::new(1 << 30);
    NativeServices {
        uid: "work".to_owned(),
        state: KeyedState::new(groups.clone(), memory.clone(), Arc::new(SystemClock)),
        timers: Timers::new(groups, memory),
    }
}

/// One half of the records from `first` on, the other half of them where there are two inputs.
fn batch(first: u64, count: u64, keys: u64) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for n in first..first + count {
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // Out of order by less than the second that watermarks are behind, with gaps between.
        let at = (n / 40 * 100 + n / 3000 * 12_000 + (mixed >> 40) % 900).cast_signed();
        let mut pair = [0; 16];
        pair[..8].copy_from_slice(&((mixed >> 20) % keys).to_le_bytes());
        pair[8..].copy_from_slice(&n.to_le_bytes());
        batch.push(at, &pair);
    }
    batch
}

/// What an operator emits of 12,000 records, one in three of them to the second of two inputs.
fn results(mut function: Box<dyn NativeFunction>, keys: u64) -> Vec<(i64, Vec<u8>)> {
    let mut out = RecordBatch::new();
    for part in 0..120 {
        let batch = batch(part * 100, 100, keys);
        let input = u32::from(part % 3 == 2);
        function.process(input, batch.view(), &mut out).unwrap();
        if part % 2 == 1 {
            let latest = batch.timestamps.iter().max().unwrap();
            function.on_watermark(latest - 1_000, &mut out).unwrap();
        }
    }
    function.on_watermark(i64::MAX, &mut out).unwrap();
    let view = out.view();
    (0..view.len()).map(|index| (view.timestamps[index], view.value(index).to_vec())).collect()
}

#[track_caller]
fn check(operator: &str) {
    for keys in [20, 1_000] {
        let PluginHandle::Native(plain) = native::plugin().1 else { panic!("it is native") };
        let mut expected = results(plain.open(operator, "").unwrap(), keys);
        let mut found = results(BackendKeyed.open_keyed(operator, "", services()).unwrap(), keys);
        assert!(expected.len() > 10, "{operator}: {} results", expected.len());
        expected.sort_unstable();
        found.sort_unstable();
        assert!(found == expected, "{operator} with {keys} keys: {} results", found.len());
    }
}

#[test]
fn all_work_has_the_results_of_the_hash_maps() {
    for operator in
        ["keyed-sum", "keyed-tumble", "keyed-slide", "keyed-session", "keyed-timers", "keyed-join"]
    {
        check(operator);
    }
}

#[test]
fn nothing_is_left_of_what_has_ended() {
    for operator in ["keyed-tumble", "keyed-slide", "keyed-session", "keyed-join"] {
        let mut function = BackendKeyed.open_keyed(operator, "", services()).unwrap();
        let mut out = RecordBatch::new();
        function.process(0, batch(0, 1_000, 50).view(), &mut out).unwrap();
        assert!(function.keyed_state().unwrap().used_bytes() > 0, "{operator}");
        function.on_watermark(i64::MAX, &mut out).unwrap();
        assert_eq!(function.keyed_state().unwrap().used_bytes(), 0, "{operator}");
    }
}
