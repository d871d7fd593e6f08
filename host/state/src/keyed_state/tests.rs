//! Keyed state against an ordered map, and what it refuses.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sandbar_model::ManualClock;
use sandbar_model::key_group::{key_group, subtask_of};

use super::*;
use crate::packed::PackedBuffer;
use crate::snapshot::SnapshotError;

mod budget;
mod keys;
mod restore;
mod ttl;

const MAX_PARALLELISM: u32 = 128;

fn descriptor(name: &str, kind: StateKind, ttl_ms: Option<u64>) -> StateDescriptor {
    let ttl = ttl_ms.map(|ms| StateTtl {
        ms,
        update: TtlUpdateType::default(),
        visibility: TtlVisibility::default(),
    });
    let formats = StateFormats::default();
    StateDescriptor { operator: "sums".to_string(), name: name.to_string(), kind, ttl, formats }
}

/// Moves the clock from clean-up to clean-up until nothing is left that can expire.
fn sweep_all(state: &mut KeyedState, clock: &ManualClock) {
    while let Some(due) = state.next_clean_up() {
        clock.advance(due.max(clock.now_ms()) - clock.now_ms());
        state.delete_expired();
    }
}

fn state_of(subtask: u32, parallelism: u32, budget: u64) -> (KeyedState, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(1000));
    let key_groups = KeyGroups::of_subtask(subtask, parallelism, MAX_PARALLELISM);
    let dyn_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    (KeyedState::new(key_groups, ManagedMemory::new(budget), dyn_clock), clock)
}

fn open(budget: u64) -> (KeyedState, Arc<ManualClock>) {
    state_of(0, 1, budget)
}

fn pack(strings: &[&str]) -> PackedBuffer {
    strings.iter().collect()
}

/// Puts `key[/user key]=value` entries.
fn put(state: &mut KeyedState, id: StateId, entries: &[&str]) -> Result<(), StateError> {
    let (mut keys, mut user_keys, mut values) =
        (PackedBuffer::new(), PackedBuffer::new(), PackedBuffer::new());
    for entry in entries {
        let (path, value) = entry.split_once('=').unwrap();
        let (key, user_key) = path.split_once('/').unwrap_or((path, ""));
        keys.push(key.as_bytes());
        values.push(value.as_bytes());
        if path.contains('/') {
            user_keys.push(user_key.as_bytes());
        }
    }
    state.multi_put(id, keys.view(), user_keys.view(), values.view())
}

/// The values of `key[/user key]`s, `-` where there is none.
fn get(state: &mut KeyedState, id: StateId, paths: &[&str]) -> Result<String, StateError> {
    let (mut keys, mut user_keys) = (PackedBuffer::new(), PackedBuffer::new());
    for path in paths {
        let (key, user_key) = path.split_once('/').unwrap_or((path, ""));
        keys.push(key.as_bytes());
        if path.contains('/') {
            user_keys.push(user_key.as_bytes());
        }
    }
    let (mut present, mut values) = (Vec::new(), PackedBuffer::new());
    state.multi_get(id, keys.view(), user_keys.view(), &mut present, values.view_mut())?;
    let show = |(is_present, value): (&u8, &[u8])| match is_present {
        1 => String::from_utf8(value.to_vec()).unwrap(),
        _ => "-".to_string(),
    };
    Ok(present.iter().zip(values.view().iter()).map(show).collect::<Vec<_>>().join(" "))
}

fn scan(state: &mut KeyedState, id: StateId, key: &str, range: ScanRange<'_>) -> String {
    let (mut user_keys, mut values) = (PackedBuffer::new(), PackedBuffer::new());
    state.scan(id, key.as_bytes(), range, user_keys.view_mut(), values.view_mut()).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let entries = user_keys.view();
    entries
        .iter()
        .zip(values.view().iter())
        .map(|(user_key, value)| format!("{}={}", text(user_key), text(value)))
        .collect::<Vec<_>>()
        .join(" ")
}

const ALL: ScanRange<'static> =
    ScanRange { prefix: b"", after: None, limit: u32::MAX, page_bytes: usize::MAX };

fn check_refused<T: std::fmt::Debug>(result: Result<T, StateError>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[test]
fn values_are_read_as_written() {
    let (mut state, _) = open(1 << 20);
    let id = state.declare(descriptor("count", StateKind::Value, None)).unwrap();
    put(&mut state, id, &["a=1", "b=2", "a=3"]).unwrap();
    assert_eq!(get(&mut state, id, &["a", "c", "b", "a"]).unwrap(), "3 - 2 3");
    let keys = pack(&["a", "c"]);
    state.multi_delete(id, keys.view(), Packed::EMPTY).unwrap();
    assert_eq!(get(&mut state, id, &["a", "b"]).unwrap(), "- 2");
    assert_eq!(scan(&mut state, id, "b", ALL), "=2");
    assert_eq!(scan(&mut state, id, "b", ScanRange { after: Some(b""), ..ALL }), "");
}

#[test]
fn maps_are_scanned_in_order_a_page_at_a_time() {
    let (mut state, _) = open(1 << 20);
    let id = state.declare(descriptor("items", StateKind::Map, None)).unwrap();
    put(&mut state, id, &["k/b2=4", "k/a=1", "k/b=2", "k/b1=3", "l/b=9", "k/c=5"]).unwrap();
    assert_eq!(scan(&mut state, id, "k", ALL), "a=1 b=2 b1=3 b2=4 c=5");
    let b = ScanRange { prefix: b"b", ..ALL };
    assert_eq!(scan(&mut state, id, "k", b), "b=2 b1=3 b2=4");
    assert_eq!(scan(&mut state, id, "k", ScanRange { limit: 2, ..b }), "b=2 b1=3");
    assert_eq!(scan(&mut state, id, "k", ScanRange { after: Some(b"b1"), ..b }), "b2=4");
    assert_eq!(scan(&mut state, id, "k", ScanRange { after: Some(b"a"), ..b }), "b=2 b1=3 b2=4");
    assert_eq!(scan(&mut state, id, "k", ScanRange { after: Some(b"b2"), ..b }), "");
    assert_eq!(scan(&mut state, id, "k", ScanRange { page_bytes: 5, ..ALL }), "a=1 b=2");
    assert_eq!(scan(&mut state, id, "k", ScanRange { page_bytes: 0, limit: 0, ..ALL }), "a=1");
    assert_eq!(scan(&mut state, id, "none", ALL), "");
}

#[test]
fn what_does_not_fit_is_refused() {
    let (mut state, _) = open(1 << 20);
    let value = state.declare(descriptor("count", StateKind::Value, None)).unwrap();
    let map = state.declare(descriptor("items", StateKind::Map, None)).unwrap();
    check_refused(get(&mut state, StateId(7), &["a"]), "state 7 was not declared; 2 states are");
    check_refused(
        get(&mut state, map, &["a"]),
        "column user-keys has 0 entries where 1 are needed",
    );
    check_refused(
        get(&mut state, value, &["a/b"]),
        "state sums/count is a value state: it takes no user keys",
    );
    let (one, two) = (pack(&["a"]), pack(&["a", "b"]));
    check_refused(
        state.multi_put(value, one.view(), Packed::EMPTY, two.view()),
        "column values has 2 entries where 1 are needed",
    );
    let broken = Packed { ends: &[5], bytes: b"abc" };
    check_refused(
        state.multi_delete(value, broken, Packed::EMPTY),
        "column keys ends at 5 but its bytes are 3 long",
    );
    check_refused(
        state.declare(descriptor("count", StateKind::List, None)),
        "state sums/count is declared as list but exists as value; give the state another name, \
         or restore without it",
    );
    let again = state.declare(descriptor("count", StateKind::Value, None));
    assert_eq!(again, Ok(value));
}

#[test]
fn a_key_of_another_subtask_is_refused_and_nothing_is_written() {
    let (mut state, _) = state_of(0, 2, 1 << 20);
    let id = state.declare(descriptor("count", StateKind::Value, None)).unwrap();
    let is_mine =
        |key: &str| subtask_of(key_group(key.as_bytes(), MAX_PARALLELISM), 2, MAX_PARALLELISM) == 0;
    let keys: Vec<String> = (0..20).map(|index| format!("k{index}")).collect();
    let mine = keys.iter().find(|key| is_mine(key)).unwrap();
    let other = keys.iter().find(|key| !is_mine(key)).unwrap();
    let group = key_group(other.as_bytes(), MAX_PARALLELISM);
    check_refused(
        put(&mut state, id, &[&format!("{mine}=1"), &format!("{other}=1")]),
        &format!(
            "sums/count: key \"{other}\" is in key group {group}, outside the subtask's key \
             groups 0 to 63; send the records through a hash partitioner by the same key"
        ),
    );
    assert_eq!(get(&mut state, id, &[mine]).unwrap(), "-");
    assert_eq!(state.used_bytes(), 0);
}

#[test]
fn what_is_over_the_budget_is_refused_and_nothing_is_written() {
    let (mut state, _) = open(200);
    let id = state.declare(descriptor("count", StateKind::Value, None)).unwrap();
    put(&mut state, id, &["a=1234567890", "b=1234567890"]).unwrap();
    assert_eq!(state.used_bytes(), 150);
    check_refused(
        put(&mut state, id, &["a=0", "c=1"]),
        "sums/count: 66 bytes more do not fit the managed memory of 200 bytes, of which 150 are \
         used; raise taskmanager.memory.managed.size or the parallelism",
    );
    assert_eq!(get(&mut state, id, &["a", "c"]).unwrap(), "1234567890 -");
    put(&mut state, id, &["a=2", "b=2222222222"]).unwrap();
    assert_eq!(state.used_bytes(), 141);
    state.multi_delete(id, pack(&["a", "b"]).view(), Packed::EMPTY).unwrap();
    assert_eq!((state.used_bytes(), state.entries(id)), (0, Ok(0)));
}

#[test]
fn the_budget_is_shared_and_comes_back() {
    let memory = ManagedMemory::new(200);
    let (_, clock) = open(0);
    let open_one = || {
        let key_groups = KeyGroups::of_subtask(0, 1, MAX_PARALLELISM);
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let mut state = KeyedState::new(key_groups, memory.clone(), clock);
        let id = state.declare(descriptor("count", StateKind::Value, None)).unwrap();
        (state, id)
    };
    let (mut first, first_id) = open_one();
    let (mut second, second_id) = open_one();
    put(&mut first, first_id, &["a=1", "b=1"]).unwrap();
    put(&mut second, second_id, &["a=1", "b=1"]).unwrap_err();
    put(&mut second, second_id, &["a=1"]).unwrap();
    assert_eq!(memory.used_bytes(), 3 * 66);
    drop(first);
    assert_eq!(memory.used_bytes(), 66);
}

#[test]
fn entries_live_for_their_time_after_the_last_write() {
    for kind in [StateKind::Value, StateKind::Map] {
        let (mut state, clock) = open(1 << 20);
        let id = state.declare(descriptor("seen", kind, Some(100))).unwrap();
        let path = |key: &str| match kind {
            StateKind::Map => format!("k/{key}"),
            StateKind::Value | StateKind::List => key.to_string(),
            StateKind::Reducing | StateKind::Aggregating => unreachable!(),
        };
        put(&mut state, id, &[&(path("a") + "=1"), &(path("b") + "=2")]).unwrap();
        let both = [path("a"), path("b")];
        let both: Vec<&str> = both.iter().map(String::as_str).collect();
        clock.advance(60);
        put(&mut state, id, &[&(path("b") + "=3")]).unwrap();
        clock.advance(39);
        assert_eq!(get(&mut state, id, &both).unwrap(), "1 3");
        clock.advance(1);
        assert_eq!(state.entries(id), Ok(2));
        if kind == StateKind::Map {
            assert_eq!(scan(&mut state, id, "k", ALL), "b=3");
        } else {
            assert_eq!(scan(&mut state, id, "a", ALL), "");
        }
        assert_eq!(get(&mut state, id, &both).unwrap(), "- 3");
        assert_eq!(state.entries(id), Ok(1), "what is found expired is deleted");
        sweep_all(&mut state, &clock);
        assert_eq!((state.entries(id), state.used_bytes()), (Ok(0), 0));
    }
}

#[test]
fn what_has_expired_makes_room() {
    let (mut state, clock) = open(150);
    let id = state.declare(descriptor("seen", StateKind::Value, Some(100))).unwrap();
    put(&mut state, id, &["a=1", "b=2"]).unwrap();
    put(&mut state, id, &["c=3"]).unwrap_err();
    clock.advance(100);
    put(&mut state, id, &["c=3"]).unwrap();
    assert_eq!(get(&mut state, id, &["a", "b", "c"]).unwrap(), "- - 3");
}

#[test]
fn time_to_live_can_be_given_and_taken() {
    for kind in [StateKind::Value, StateKind::Map] {
        let (mut state, clock) = open(1 << 20);
        let paths: &[&str] = if kind == StateKind::Map { &["a/x"] } else { &["a"] };
        let id = state.declare(descriptor("seen", kind, None)).unwrap();
        put(&mut state, id, &[&format!("{}=17", paths[0])]).unwrap();
        let used_bytes = state.used_bytes();
        state.declare(descriptor("seen", kind, Some(100))).unwrap();
        assert_eq!(state.used_bytes(), used_bytes + 8);
        clock.advance(99);
        assert_eq!(get(&mut state, id, paths).unwrap(), "17");
        state.declare(descriptor("seen", kind, None)).unwrap();
        assert_eq!(state.used_bytes(), used_bytes);
        clock.advance(99);
        assert_eq!(get(&mut state, id, paths).unwrap(), "17");
        state.declare(descriptor("seen", kind, Some(50))).unwrap();
        clock.advance(50);
        assert_eq!(get(&mut state, id, paths).unwrap(), "-");
    }
}

/// A batch of one operation; keys and user keys are few, so that batches meet.
#[derive(Clone, Debug)]
enum Operation {
    Put(Vec<(u8, u8, Vec<u8>)>),
    Delete(Vec<(u8, u8)>),
    Get(Vec<(u8, u8)>),
    Scan { key: u8, prefix: Vec<u8>, after: Option<Vec<u8>>, limit: u32 },
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let key = || 0u8..6;
    let keys = || proptest::collection::vec((key(), key()), 0..6);
    let user_key = || proptest::collection::vec(0u8..3, 0..3);
    let value = proptest::collection::vec(any::<u8>(), 0..5);
    let operation = prop_oneof![
        4 => proptest::collection::vec((key(), key(), value), 0..6).prop_map(Operation::Put),
        2 => keys().prop_map(Operation::Delete),
        2 => keys().prop_map(Operation::Get),
        2 => (key(), user_key(), proptest::option::of(user_key()), 1u32..5).prop_map(
            |(key, prefix, after, limit)| Operation::Scan { key, prefix, after, limit }
        ),
    ];
    proptest::collection::vec(operation, 0..40)
}

type Model = BTreeMap<(Vec<u8>, Vec<u8>), Vec<u8>>;

/// User keys of several lengths, some a prefix of another.
fn user_key_of(is_map: bool, number: u8) -> Vec<u8> {
    if is_map { vec![number % 3; usize::from(number / 2)] } else { Vec::new() }
}

fn columns(is_map: bool, keys: &[(u8, u8)]) -> (PackedBuffer, PackedBuffer) {
    let user_keys = keys.iter().filter(|_| is_map).map(|(_, user)| user_key_of(is_map, *user));
    (keys.iter().map(|(key, _)| [*key]).collect(), user_keys.collect())
}

fn apply(state: &mut KeyedState, id: StateId, model: &mut Model, operation: &Operation) {
    let is_map = state.descriptor(id).unwrap().kind == StateKind::Map;
    let address = |key: &u8, user: &u8| (vec![*key], user_key_of(is_map, *user));
    match operation {
        Operation::Put(entries) => {
            let pairs: Vec<_> = entries.iter().map(|(key, user, _)| (*key, *user)).collect();
            let (keys, user_keys) = columns(is_map, &pairs);
            let values: PackedBuffer = entries.iter().map(|(.., value)| value).collect();
            state.multi_put(id, keys.view(), user_keys.view(), values.view()).unwrap();
            for (key, user, value) in entries {
                model.insert(address(key, user), value.clone());
            }
        }
        Operation::Delete(pairs) => {
            let (keys, user_keys) = columns(is_map, pairs);
            state.multi_delete(id, keys.view(), user_keys.view()).unwrap();
            for (key, user) in pairs {
                model.remove(&address(key, user));
            }
        }
        Operation::Get(pairs) => {
            let (keys, user_keys) = columns(is_map, pairs);
            let (mut present, mut values) = (Vec::new(), PackedBuffer::new());
            let (keys, user_keys) = (keys.view(), user_keys.view());
            state.multi_get(id, keys, user_keys, &mut present, values.view_mut()).unwrap();
            let found = present.iter().zip(values.view().iter());
            let found: Vec<_> =
                found.map(|(flag, value)| (*flag == 1).then(|| value.to_vec())).collect();
            let expected: Vec<_> =
                pairs.iter().map(|(key, user)| model.get(&address(key, user)).cloned()).collect();
            assert_eq!(found, expected);
        }
        Operation::Scan { key, prefix, after, limit } => {
            let range =
                ScanRange { prefix, after: after.as_deref(), limit: *limit, page_bytes: 1 << 20 };
            let (mut user_keys, mut values) = (PackedBuffer::new(), PackedBuffer::new());
            state.scan(id, &[*key], range, user_keys.view_mut(), values.view_mut()).unwrap();
            let found = user_keys
                .view()
                .iter()
                .zip(values.view().iter())
                .map(|(user_key, value)| (user_key.to_vec(), value.to_vec()));
            let expected = model.iter().filter(|((model_key, user_key), _)| {
                let is_after = after.as_ref().is_none_or(|after| user_key > after);
                model_key == &[*key] && user_key.starts_with(prefix) && is_after
            });
            let expected = expected.map(|((_, user_key), value)| (user_key.clone(), value.clone()));
            let expected: Vec<_> = expected.take(*limit as usize).collect();
            assert_eq!(found.collect::<Vec<_>>(), expected);
        }
    }
    assert_eq!(state.entries(id), Ok(model.len()));
}

proptest! {
    #[test]
    fn keyed_state_is_an_ordered_map(operations in operations(), is_map: bool, has_ttl: bool) {
        let (mut state, _) = open(1 << 20);
        let kind = if is_map { StateKind::Map } else { StateKind::Aggregating };
        let ttl_ms = has_ttl.then_some(1000);
        let id = state.declare(descriptor("state", kind, ttl_ms)).unwrap();
        let mut model = Model::new();
        for operation in &operations {
            apply(&mut state, id, &mut model, operation);
        }
        let everything = model.keys().map(|(key, _)| key.clone());
        let keys: PackedBuffer = everything.collect();
        let user_keys = model.keys().filter(|_| is_map).map(|(_, user_key)| user_key);
        let user_keys: PackedBuffer = user_keys.collect();
        state.multi_delete(id, keys.view(), user_keys.view()).unwrap();
        prop_assert_eq!(state.used_bytes(), 0, "every byte charged is given back");
    }
}
