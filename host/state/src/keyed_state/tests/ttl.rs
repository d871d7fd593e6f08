//! Time to live against a plain model: for each value, entry and element the time of its writing.
//! Source: Flink, `docs/dev/datastream/fault-tolerance/state`, State TTL.

use super::*;

const TTL_MS: i64 = 100;

fn with_ttl(kind: StateKind, update: TtlUpdateType, visibility: TtlVisibility) -> StateDescriptor {
    let ttl = StateTtl { ms: TTL_MS as u64, update, visibility };
    StateDescriptor { ttl: Some(ttl), ..descriptor("seen", kind, None) }
}

/// The value of a list: elements with their times, and without one those that are added.
fn list(elements: &[(i64, &str)]) -> Vec<u8> {
    let mut value = Vec::new();
    for (stamp, element) in elements {
        elements::append(*stamp, element.as_bytes(), &mut value);
    }
    value
}

fn put_list(state: &mut KeyedState, id: StateId, value: &[u8]) -> Result<(), StateError> {
    let values: PackedBuffer = [value].into_iter().collect();
    state.multi_put(id, pack(&["k"]).view(), Packed::EMPTY, values.view())
}

fn get_list(state: &mut KeyedState, id: StateId) -> Option<Vec<(i64, String)>> {
    let (mut present, mut values) = (Vec::new(), PackedBuffer::new());
    let keys = pack(&["k"]);
    state.multi_get(id, keys.view(), Packed::EMPTY, &mut present, values.view_mut()).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let found = elements::Elements(values.view().get(0)).map(|(at, bytes)| (at, text(bytes)));
    (present == [1]).then(|| found.collect())
}

#[test]
fn elements_of_a_list_expire_one_by_one() {
    let (mut state, clock) = open(1 << 20);
    let (update, visibility) = (TtlUpdateType::default(), TtlVisibility::default());
    let id = state.declare(with_ttl(StateKind::List, update, visibility)).unwrap();
    put_list(&mut state, id, &list(&[(UNSTAMPED, "a")])).unwrap();
    clock.advance(60);
    let with_a = get_list(&mut state, id).unwrap();
    assert_eq!(with_a, [(1000, "a".to_string())]);
    put_list(&mut state, id, &list(&[(1000, "a"), (UNSTAMPED, "b")])).unwrap();
    clock.advance(40);
    assert_eq!(get_list(&mut state, id).unwrap(), [(1060, "b".to_string())]);
    assert_eq!(scan(&mut state, id, "k", ALL).len(), "=".len() + 13);
    clock.advance(60);
    assert_eq!((get_list(&mut state, id), state.used_bytes()), (None, 0));
    // A guest cannot make an element live longer than from now.
    put_list(&mut state, id, &list(&[(i64::MAX, "c")])).unwrap();
    assert_eq!(get_list(&mut state, id).unwrap(), [(1160, "c".to_string())]);
}

#[test]
fn a_list_that_is_no_list_is_refused() {
    let (mut state, _) = open(1 << 20);
    let id = state.declare(descriptor("seen", StateKind::List, Some(100))).unwrap();
    let mut broken = list(&[(UNSTAMPED, "a"), (UNSTAMPED, "bc")]);
    broken.pop();
    check_refused(
        put_list(&mut state, id, &broken),
        "sums/seen: a list with time to live is broken behind 1 elements: 13 bytes are no element",
    );
    put_list(&mut state, id, &list(&[(UNSTAMPED, "a")])).unwrap();
    check_refused(
        state.declare(descriptor("seen", StateKind::List, None)),
        "list state sums/seen has entries, and lists with and without time to live are stored in \
         different forms; give the state another name, or restore without it",
    );
}

#[test]
fn what_has_expired_may_be_seen_until_it_is_cleaned_up() {
    for kind in [StateKind::Value, StateKind::Map] {
        let (mut state, clock) = open(1 << 20);
        let visibility = TtlVisibility::ReturnExpiredIfNotCleanedUp;
        let descriptor = with_ttl(kind, TtlUpdateType::default(), visibility);
        let id = state.declare(descriptor).unwrap();
        let path = if kind == StateKind::Map { "k/a" } else { "k" };
        put(&mut state, id, &[&format!("{path}=1")]).unwrap();
        clock.advance(100);
        assert_ne!(scan(&mut state, id, "k", ALL), "");
        assert_eq!(get(&mut state, id, &[path]).unwrap(), "1");
        assert_eq!(get(&mut state, id, &[path]).unwrap(), "-", "the read before deleted it");
        put(&mut state, id, &[&format!("{path}=2")]).unwrap();
        sweep_all(&mut state, &clock);
        assert_eq!(get(&mut state, id, &[path]).unwrap(), "-");
    }
}

#[test]
fn a_read_renews_what_is_renewed_by_reads() {
    for (update, expected) in
        [(TtlUpdateType::OnCreateAndWrite, "-"), (TtlUpdateType::OnReadAndWrite, "1")]
    {
        let (mut state, clock) = open(1 << 20);
        let visibility = TtlVisibility::default();
        let id = state.declare(with_ttl(StateKind::Value, update, visibility)).unwrap();
        put(&mut state, id, &["a=1", "b=1"]).unwrap();
        clock.advance(60);
        state.touch(id, pack(&["a", "none"]).view(), Packed::EMPTY).unwrap();
        clock.advance(60);
        assert_eq!(get(&mut state, id, &["a"]).unwrap(), expected);
        assert_eq!(get(&mut state, id, &["b", "none"]).unwrap(), "- -");
    }
}

#[test]
fn clean_up_is_bounded_and_reaches_what_nobody_touches() {
    for kind in [StateKind::Value, StateKind::Map, StateKind::List] {
        let (mut state, clock) = open(1 << 30);
        let id = state.declare(descriptor("seen", kind, Some(100))).unwrap();
        let names: Vec<String> = (0..20_000).map(|index| format!("{index}")).collect();
        let keys: PackedBuffer = match kind {
            StateKind::Map => names.iter().map(|_| "k").collect(),
            StateKind::Value | StateKind::List => names.iter().collect(),
            StateKind::Reducing | StateKind::Aggregating => unreachable!(),
        };
        let user_keys: PackedBuffer = names.iter().filter(|_| kind == StateKind::Map).collect();
        let values: PackedBuffer = names.iter().map(|_| list(&[(UNSTAMPED, "v")])).collect();
        state.multi_put(id, keys.view(), user_keys.view(), values.view()).unwrap();
        clock.advance(100);
        let (mut steps, mut before) = (0, 20_000);
        while let Some(due) = state.next_clean_up() {
            assert!(due <= clock.now_ms());
            state.delete_expired();
            let left = state.entries(id).unwrap();
            assert!(before - left <= SWEEP_PLACES_MAX, "{} in a step", before - left);
            (steps, before) = (steps + 1, left);
            clock.advance(SWEEP_INTERVAL_MS);
        }
        assert!((5..40).contains(&steps), "{kind:?}: {steps} steps");
        assert_eq!((state.used_bytes(), state.usage("sums")), (0, StateUsage::default()));
    }
}

#[test]
fn no_clean_up_is_due_before_anything_can_expire() {
    let (mut state, clock) = open(1 << 20);
    let id = state.declare(descriptor("seen", StateKind::Value, Some(60_000))).unwrap();
    assert_eq!(state.next_clean_up(), None);
    put(&mut state, id, &["a=1"]).unwrap();
    state.delete_expired();
    assert_eq!(state.next_clean_up(), Some(61_000));
    clock.advance(60_000);
    state.delete_expired();
    assert_eq!((state.next_clean_up(), state.entries(id)), (None, Ok(0)));
}

/// What to do to a key, or an entry of its map.
#[derive(Clone, Copy, Debug)]
enum Step {
    Put(u8),
    Delete(u8),
    Get(u8),
    Touch(u8),
    Pass(i64),
    CleanUp,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u8..8).prop_map(Step::Put),
        (0u8..8).prop_map(Step::Put),
        (0u8..8).prop_map(Step::Delete),
        (0u8..8).prop_map(Step::Get),
        (0u8..8).prop_map(Step::Get),
        (0u8..8).prop_map(Step::Touch),
        (1i64..60).prop_map(Step::Pass),
        Just(Step::CleanUp),
        Just(Step::Restore),
    ]
}

/// Takes snapshots of all key groups and restores them.
fn restored(state: &KeyedState, clock: &Arc<ManualClock>) -> KeyedState {
    let dyn_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    let key_groups = KeyGroups::of_subtask(0, 1, MAX_PARALLELISM);
    let mut restored = KeyedState::new(key_groups, ManagedMemory::new(1 << 20), dyn_clock);
    for group in state.key_groups().range() {
        let snapshot: Vec<u8> = state.snapshot(group).unwrap().flatten().collect();
        restored.restore(&snapshot).unwrap();
    }
    restored
}

proptest! {
    #[test]
    fn time_to_live_is_that_of_the_model(
        steps in proptest::collection::vec(step(), 0..60),
        is_map: bool,
        renews: bool,
        returns_expired: bool,
    ) {
        let (mut state, clock) = open(1 << 20);
        let kind = if is_map { StateKind::Map } else { StateKind::Value };
        let update = match renews {
            true => TtlUpdateType::OnReadAndWrite,
            false => TtlUpdateType::OnCreateAndWrite,
        };
        let visibility = match returns_expired {
            true => TtlVisibility::ReturnExpiredIfNotCleanedUp,
            false => TtlVisibility::NeverReturnExpired,
        };
        let declared = with_ttl(kind, update, visibility);
        let id = state.declare(declared.clone()).unwrap();
        let path = |key: u8| if is_map { format!("k/{key}") } else { key.to_string() };
        // When each was written; what has expired may be gone at any time.
        let mut model: BTreeMap<u8, i64> = BTreeMap::new();
        for step in steps {
            let now = clock.now_ms();
            match step {
                Step::Put(key) => {
                    put(&mut state, id, &[&format!("{}={key}", path(key))]).unwrap();
                    model.insert(key, now);
                }
                Step::Delete(key) | Step::Touch(key) => {
                    let text = path(key);
                    let (key_text, user_key) = text.split_once('/').unwrap_or((&text, ""));
                    let keys = pack(&[key_text]);
                    let user_keys = pack(&[user_key]);
                    let user_keys = if is_map { user_keys.view() } else { Packed::EMPTY };
                    if matches!(step, Step::Delete(_)) {
                        state.multi_delete(id, keys.view(), user_keys).unwrap();
                        model.remove(&key);
                    } else {
                        // Only what was seen alive is said to be read.
                        let lives = |written: &i64| *written + TTL_MS > now;
                        if let Some(written) = model.get_mut(&key).filter(|at| lives(at)) {
                            state.touch(id, keys.view(), user_keys).unwrap();
                            *written = if renews { now } else { *written };
                        }
                    }
                }
                Step::Get(key) => {
                    let found = get(&mut state, id, &[&path(key)]).unwrap();
                    match model.get(&key) {
                        None => prop_assert_eq!(found, "-"),
                        Some(written) if written + TTL_MS > now => {
                            prop_assert_eq!(found, key.to_string());
                        }
                        Some(_) => {
                            let may_be_seen = returns_expired && found == key.to_string();
                            prop_assert!(found == "-" || may_be_seen, "{} is {}", key, found);
                            model.remove(&key);
                        }
                    }
                }
                Step::Pass(ms) => clock.advance(ms),
                Step::CleanUp => state.delete_expired(),
                Step::Restore => {
                    state = restored(&state, &clock);
                    prop_assert_eq!(state.declare(declared.clone()), Ok(id));
                    model.retain(|_, written| *written + TTL_MS > now);
                }
            }
            let live = model.values().filter(|at| **at + TTL_MS > clock.now_ms()).count();
            let entries = state.entries(id).unwrap();
            prop_assert!((live..=model.len()).contains(&entries), "{} to {}", live, entries);
        }
        sweep_all(&mut state, &clock);
        prop_assert_eq!(state.used_bytes(), 0);
    }

    #[test]
    fn elements_expire_as_in_the_model(
        steps in proptest::collection::vec((any::<bool>(), 0i64..60), 0..30), restores: bool,
    ) {
        let (mut state, clock) = open(1 << 20);
        let declared = descriptor("seen", StateKind::List, Some(TTL_MS as u64));
        let id = state.declare(declared.clone()).unwrap();
        let mut model: Vec<(i64, String)> = Vec::new();
        for (adds, ms) in steps {
            let now = clock.now_ms();
            model.retain(|(written, _)| written + TTL_MS > now);
            let found = get_list(&mut state, id);
            prop_assert_eq!(found.clone().unwrap_or_default(), model.clone());
            prop_assert_eq!(found.is_some(), !model.is_empty());
            if adds {
                let element = format!("at {now}");
                let mut all: Vec<(i64, &str)> =
                    model.iter().map(|(at, text)| (*at, text.as_str())).collect();
                all.push((UNSTAMPED, &element));
                put_list(&mut state, id, &list(&all)).unwrap();
                model.push((now, element));
            }
            clock.advance(ms);
            state.delete_expired();
            if restores {
                state = restored(&state, &clock);
                state.declare(declared.clone()).unwrap();
            }
        }
        sweep_all(&mut state, &clock);
        prop_assert_eq!(state.used_bytes(), 0);
    }
}
