//! Snapshots taken at one parallelism and restored at another are the same state, and damage is
//! an error.

use super::*;

/// Entries of two states by (state, key, user key): one value-like with time to live, one a map.
type Entries = BTreeMap<(usize, Vec<u8>, Vec<u8>), Vec<u8>>;

fn descriptors() -> [StateDescriptor; 2] {
    [
        descriptor("count", StateKind::Reducing, Some(1_000_000)),
        descriptor("items", StateKind::Map, None),
    ]
}

fn owner(key: &[u8], parallelism: u32) -> u32 {
    subtask_of(key_group(key, MAX_PARALLELISM), parallelism, MAX_PARALLELISM)
}

/// The state of all subtasks, filled.
fn fill(parallelism: u32, entries: &Entries) -> Vec<KeyedState> {
    let mut subtasks: Vec<_> =
        (0..parallelism).map(|subtask| state_of(subtask, parallelism, 1 << 30).0).collect();
    for state in &mut subtasks {
        descriptors().into_iter().for_each(|descriptor| {
            state.declare(descriptor).unwrap();
        });
    }
    for ((index, key, user_key), value) in entries {
        let state = &mut subtasks[owner(key, parallelism) as usize];
        let pack = |string: &Vec<u8>| [string].into_iter().collect::<PackedBuffer>();
        let user_keys = if *index == 1 { pack(user_key) } else { PackedBuffer::new() };
        let id = StateId(*index as u32);
        state.multi_put(id, pack(key).view(), user_keys.view(), pack(value).view()).unwrap();
    }
    subtasks
}

fn snapshots(subtasks: &[KeyedState]) -> BTreeMap<u32, Vec<u8>> {
    let groups = subtasks.iter().flat_map(|state| {
        let groups = state.key_groups().range();
        groups.map(move |group| (group, state.snapshot(group).unwrap().flatten().collect()))
    });
    groups.collect()
}

/// Reads back everything that should be there, and checks that there is no more.
fn check(subtasks: &mut [KeyedState], entries: &Entries) {
    let parallelism = subtasks.len() as u32;
    let mut total = 0;
    for state in subtasks.iter_mut() {
        for (index, descriptor) in descriptors().into_iter().enumerate() {
            assert_eq!(state.declare(descriptor), Ok(StateId(index as u32)));
            total += state.entries(StateId(index as u32)).unwrap();
        }
    }
    assert_eq!(total, entries.len());
    for ((index, key, user_key), value) in entries {
        let state = &mut subtasks[owner(key, parallelism) as usize];
        let (mut user_keys, mut values) = (PackedBuffer::new(), PackedBuffer::new());
        let id = StateId(*index as u32);
        state.scan(id, key, ALL, user_keys.view_mut(), values.view_mut()).unwrap();
        let found = user_keys.view().iter().zip(values.view().iter());
        assert!({ found }.any(|found| found == (user_key, value)), "{key:?}/{user_key:?}");
    }
}

fn entries() -> impl Strategy<Value = Entries> {
    let strings = || proptest::collection::vec(any::<u8>(), 0..4);
    let value = || proptest::collection::vec(any::<u8>(), 0..40);
    let values = (strings(), value()).prop_map(|(key, value)| ((0, key, Vec::new()), value));
    let maps = ((strings(), strings()), value())
        .prop_map(|((key, user_key), value)| ((1, key, user_key), value));
    proptest::collection::vec(prop_oneof![values, maps], 0..60)
        .prop_map(|entries| entries.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn state_is_the_same_at_another_parallelism(
        entries in entries(), before in 1u32..6, after in 1u32..6,
    ) {
        let taken = snapshots(&fill(before, &entries));
        let mut subtasks: Vec<_> =
            (0..after).map(|subtask| state_of(subtask, after, 1 << 30).0).collect();
        for state in &mut subtasks {
            for group in state.key_groups().range() {
                state.restore(&taken[&group]).unwrap();
            }
        }
        check(&mut subtasks, &entries);
        let used_bytes = |states: &[KeyedState]| -> u64 {
            states.iter().map(KeyedState::used_bytes).sum()
        };
        prop_assert_eq!(used_bytes(&subtasks), used_bytes(&fill(after, &entries)));
    }

    #[test]
    fn damage_is_an_error(
        entries in entries(), group in 0u32..MAX_PARALLELISM, at: usize, bit in 0u8..8,
    ) {
        let snapshot = &snapshots(&fill(1, &entries))[&group];
        let restore = |bytes: &[u8]| state_of(0, 1, 1 << 30).0.restore(bytes);
        restore(snapshot).unwrap();
        let at = at % snapshot.len();
        prop_assert!(restore(&snapshot[..at]).is_err());
        let mut flipped = snapshot.clone();
        flipped[at] ^= 1 << bit;
        prop_assert!(restore(&flipped).is_err());
        let longer: Vec<u8> = snapshot.iter().chain(b"x").copied().collect();
        prop_assert!(restore(&longer).is_err());
    }

    #[test]
    fn rubbish_is_an_error(bytes: Vec<u8>) {
        prop_assert!(state_of(0, 1, 1 << 20).0.restore(&bytes).is_err());
    }
}

#[test]
fn a_large_key_group_is_written_in_many_frames() {
    let (mut state, _) = open(1 << 30);
    let id = state.declare(descriptor("items", StateKind::Map, None)).unwrap();
    let keys: PackedBuffer = (0..20_000).map(|_| "key").collect();
    let user_keys: PackedBuffer = (0..20_000u32).map(u32::to_be_bytes).collect();
    state.multi_put(id, keys.view(), user_keys.view(), user_keys.view()).unwrap();
    let group = key_group(b"key", MAX_PARALLELISM);
    let frames: Vec<_> = state.snapshot(group).unwrap().collect();
    assert!(frames.len() > 4, "{} frames", frames.len());
    let (mut restored, _) = open(1 << 30);
    restored.restore(&frames.concat()).unwrap();
    assert_eq!(restored.entries(id), Ok(20_000));
    assert!(restored.restore(&frames[..3].concat()).is_err());
}

#[test]
fn a_snapshot_that_does_not_belong_is_refused() {
    let snapshot = &snapshots(&fill(1, &Entries::new()))[&100];
    let check = |state: &mut KeyedState, bytes: &[u8], expected: SnapshotError| {
        assert_eq!(state.restore(bytes), Err(StateError::Snapshot(expected)));
    };
    let (mut first_half, _) = state_of(0, 2, 1 << 20);
    check(&mut first_half, snapshot, SnapshotError::KeyGroup { found: 100, start: 0, end: 63 });
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(0));
    let key_groups = KeyGroups::of_subtask(0, 1, 64);
    let mut narrow = KeyedState::new(key_groups, ManagedMemory::new(0), clock);
    check(&mut narrow, snapshot, SnapshotError::MaxParallelism { found: 128, expected: 64 });
}

#[test]
fn what_has_expired_is_not_in_a_snapshot_and_the_rest_keeps_its_age() {
    let (mut state, clock) = open(1 << 20);
    let id = state.declare(descriptor("seen", StateKind::Value, Some(100))).unwrap();
    put(&mut state, id, &["a=1"]).unwrap();
    let group = key_group(b"a", MAX_PARALLELISM);
    clock.advance(60);
    let alive: Vec<u8> = state.snapshot(group).unwrap().flatten().collect();
    clock.advance(40);
    let expired: Vec<u8> = state.snapshot(group).unwrap().flatten().collect();
    assert!(expired.len() < alive.len());
    let (mut restored, restored_clock) = open(1 << 20);
    restored_clock.advance(60);
    restored.restore(&alive).unwrap();
    restored.declare(descriptor("seen", StateKind::Value, Some(100))).unwrap();
    assert_eq!(get(&mut restored, id, &["a"]).unwrap(), "1");
    restored_clock.advance(40);
    assert_eq!(get(&mut restored, id, &["a"]).unwrap(), "-");
}

#[test]
fn a_state_that_is_not_declared_after_a_restore_is_kept() {
    let entries = Entries::from([((1, b"k".to_vec(), b"u".to_vec()), b"v".to_vec())]);
    let group = key_group(b"k", MAX_PARALLELISM);
    let (mut between, _) = open(1 << 20);
    between.restore(&snapshots(&fill(1, &entries))[&group]).unwrap();
    let again: Vec<u8> = between.snapshot(group).unwrap().flatten().collect();
    let (state, _) = open(1 << 20);
    let mut subtasks = [state];
    subtasks[0].restore(&again).unwrap();
    check(&mut subtasks, &entries);
}
