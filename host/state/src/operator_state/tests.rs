//! Lists and broadcast maps, and how they are dealt out to other subtasks.

use proptest::prelude::*;

use super::*;

fn open(budget: u64) -> OperatorState {
    OperatorState::new(ManagedMemory::new(budget))
}

fn elements(strings: &[&str]) -> Vec<Vec<u8>> {
    strings.iter().map(|string| string.as_bytes().to_vec()).collect()
}

#[test]
fn lists_and_maps_are_read_as_written() {
    let mut state = open(1 << 20);
    assert_eq!(state.get_list("source", "offsets"), elements(&[]));
    state.set_list("source", "offsets", Redistribution::Split, elements(&["a", "b"])).unwrap();
    state.set_list("source", "offsets", Redistribution::Split, elements(&["c"])).unwrap();
    assert_eq!(state.get_list("source", "offsets"), elements(&["c"]));
    assert_eq!(state.get_list("other", "offsets"), elements(&[]));
    let mut put = |key: &[u8], value: Option<&[u8]>| {
        state.put_broadcast("join", "rules", key.to_vec(), value.map(<[u8]>::to_vec)).unwrap();
    };
    put(b"b", Some(b"2"));
    put(b"a", Some(b"1"));
    put(b"c", Some(b"3"));
    put(b"c", None);
    put(b"d", None);
    assert_eq!(state.get_broadcast("join", "rules", b"a"), Some(&b"1"[..]));
    assert_eq!(state.get_broadcast("join", "rules", b"c"), None);
    let all: Vec<_> = state.scan_broadcast("join", "rules").collect();
    assert_eq!(all, [(&b"a"[..], &b"1"[..]), (b"b", b"2")]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut state = open(140);
    state.set_list("source", "offsets", Redistribution::Split, elements(&["abcd"])).unwrap();
    let refused =
        state.set_list("source", "offsets", Redistribution::Union, elements(&[])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "state source/offsets is declared as union list but exists as split list; give the state \
         another name, or restore without it"
    );
    let error = state.put_broadcast("join", "rules", vec![0; 6], Some(vec![0; 3])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "join/rules: 73 bytes more do not fit the managed memory of 140 bytes, of which 68 are \
         used; raise taskmanager.memory.managed.size or the parallelism"
    );
    state.put_broadcast("join", "rules", vec![0; 6], Some(vec![])).unwrap();
    state.set_list("source", "offsets", Redistribution::Split, elements(&["abc"])).unwrap();
    state.set_list("source", "offsets", Redistribution::Split, elements(&[])).unwrap();
    state.put_broadcast("join", "rules", vec![0; 6], None).unwrap();
    assert_eq!(state.used_bytes(), 0);
}

/// One snapshot a subtask, with the lists as given, by name.
fn subtasks(
    redistribution: Redistribution,
    lists: &[(&str, &[&[&str]])],
) -> Vec<OperatorStateSnapshot> {
    let count = lists[0].1.len();
    let of_subtask = |index: usize| OperatorStateSnapshot {
        lists: lists
            .iter()
            .map(|(name, parts)| {
                let elements = elements(parts[index]);
                (StateName::new("source", name), ListState { redistribution, elements })
            })
            .collect(),
        broadcasts: BTreeMap::new(),
    };
    (0..count).map(of_subtask).collect()
}

#[test]
fn split_lists_are_cut_as_flink_cuts_them() {
    let before = subtasks(
        Redistribution::Split,
        &[("x", &[&["1", "2"], &["3", "4"]]), ("y", &[&["5"], &[]])],
    );
    let after = subtasks(
        Redistribution::Split,
        &[("x", &[&["1", "2"], &["3"], &["4"]]), ("y", &[&[], &["5"], &[]])],
    );
    assert_eq!(redistribute(&before, 3), after);
    assert_eq!(redistribute(&before, 2), before, "the same parallelism keeps all in place");
    let one = subtasks(Redistribution::Split, &[("x", &[&["1", "2", "3", "4"]]), ("y", &[&["5"]])]);
    assert_eq!(redistribute(&before, 1), one);
}

#[test]
fn united_lists_and_broadcast_maps_go_to_everyone() {
    let before = subtasks(Redistribution::Union, &[("x", &[&["1", "2"], &["3"]])]);
    let all: &[&str] = &["1", "2", "3"];
    let after = subtasks(Redistribution::Union, &[("x", &[all; 3])]);
    assert_eq!(redistribute(&before, 3), after);
    assert_eq!(redistribute(&before, 2), after[..2]);

    let mut one = open(1 << 20);
    one.put_broadcast("join", "rules", b"a".to_vec(), Some(b"1".to_vec())).unwrap();
    let one = one.snapshot();
    assert_eq!(redistribute(&[one.clone(), one.clone()], 3), vec![one; 3]);
    assert_eq!(redistribute(&[], 2), vec![OperatorStateSnapshot::default(); 2]);
}

fn snapshot() -> impl Strategy<Value = OperatorStateSnapshot> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..6);
    let name = || "[a-c]".prop_map(|name| StateName::new("operator", &name));
    // The redistribution follows from the name, as it does in a job.
    let list = (name(), proptest::collection::vec(bytes(), 0..8)).prop_map(|(name, elements)| {
        let redistribution =
            if name.name == "a" { Redistribution::Union } else { Redistribution::Split };
        (name, ListState { redistribution, elements })
    });
    let map = (name(), proptest::collection::btree_map(bytes(), bytes(), 0..8));
    let lists = proptest::collection::vec(list, 0..4);
    (lists, proptest::collection::vec(map, 0..3)).prop_map(|(lists, maps)| OperatorStateSnapshot {
        lists: lists.into_iter().collect(),
        broadcasts: maps.into_iter().collect(),
    })
}

proptest! {
    #[test]
    fn every_element_reaches_exactly_one_subtask_and_loads_are_even(
        before in proptest::collection::vec(snapshot(), 1..5), parallelism in 1u32..6,
    ) {
        let after = redistribute(&before, parallelism);
        prop_assert_eq!(after.len(), parallelism as usize);
        for name in ["a", "b", "c"].map(|name| StateName::new("operator", name)) {
            let parts = |snapshots: &[OperatorStateSnapshot]| -> Vec<Vec<Vec<u8>>> {
                let lists = snapshots.iter().map(|snapshot| snapshot.lists.get(&name));
                lists.map(|list| list.map_or(Vec::new(), |list| list.elements.clone())).collect()
            };
            let mut all = parts(&before).concat();
            if name.name == "a" {
                parts(&after).iter().for_each(|part| assert_eq!(part, &all));
                continue;
            }
            let mut found = parts(&after).concat();
            all.sort();
            found.sort();
            prop_assert_eq!(found, all);
            let sizes = || parts(&after).into_iter().map(|part| part.len());
            let spread = sizes().max().unwrap_or(0) - sizes().min().unwrap_or(0);
            prop_assert!(spread <= 1 || before.len() == parallelism as usize);
        }
    }

    #[test]
    fn a_snapshot_is_read_as_written_and_damage_is_an_error(
        snapshot in snapshot(), at: usize, bit in 0u8..8,
    ) {
        let bytes = snapshot.to_bytes();
        prop_assert_eq!(OperatorStateSnapshot::from_bytes(&bytes), Ok(snapshot.clone()));
        let restored = OperatorState::restore(snapshot.clone(), ManagedMemory::new(1 << 20));
        prop_assert_eq!(restored.unwrap().snapshot(), snapshot);
        let at = at % bytes.len();
        prop_assert!(OperatorStateSnapshot::from_bytes(&bytes[..at]).is_err());
        let mut flipped = bytes;
        flipped[at] ^= 1 << bit;
        prop_assert!(OperatorStateSnapshot::from_bytes(&flipped).is_err());
    }
}
