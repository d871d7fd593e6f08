//! Timers against an ordered set, and their snapshots.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const MAX_PARALLELISM: u32 = 128;
const EVENT: TimeDomain = TimeDomain::EventTime;
const PROCESSING: TimeDomain = TimeDomain::ProcessingTime;

fn open(budget: u64) -> (Timers, TimerOwner) {
    let key_groups = KeyGroups::of_subtask(0, 1, MAX_PARALLELISM);
    let mut timers = Timers::new(key_groups, ManagedMemory::new(budget));
    let owner = timers.owner("window").unwrap();
    (timers, owner)
}

/// Columns of `timestamp:key[/namespace]` timers.
fn columns(timers: &[&str]) -> TimerColumns {
    let mut columns = TimerColumns::default();
    for timer in timers {
        let (timestamp, path) = timer.split_once(':').unwrap();
        let (key, namespace) = path.split_once('/').unwrap_or((path, ""));
        columns.timestamps.push(timestamp.parse().unwrap());
        columns.keys.push(key.as_bytes());
        columns.namespaces.push(namespace.as_bytes());
    }
    columns
}

fn show(columns: &TimerColumns) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let show_one = |(timestamp, key, namespace): (i64, &[u8], &[u8])| match namespace {
        b"" => format!("{timestamp}:{}", text(key)),
        namespace => format!("{timestamp}:{}/{}", text(key), text(namespace)),
    };
    columns.view().iter().map(show_one).collect::<Vec<_>>().join(" ")
}

fn pop(timers: &mut Timers, up_to: i64, max: usize) -> String {
    timers.pop_due(EVENT, up_to, max).map_or_else(String::new, |due| show(&due.timers))
}

#[test]
fn timers_fire_in_order_and_once() {
    let (mut timers, owner) = open(1 << 20);
    let batch = columns(&["5:a", "3:b/w", "5:a/w", "4:c", "3:b/w", "9:a"]);
    timers.register(owner, EVENT, batch.view()).unwrap();
    assert_eq!(timers.next_due(EVENT), Some(3));
    assert_eq!(timers.next_due(PROCESSING), None);
    assert_eq!(pop(&mut timers, 2, 10), "");
    assert_eq!(pop(&mut timers, 5, 3), "3:b/w 4:c 5:a");
    assert_eq!(pop(&mut timers, 5, 3), "5:a/w");
    assert_eq!(pop(&mut timers, 5, 3), "");
    assert_eq!(pop(&mut timers, i64::MAX, 3), "9:a");
    assert_eq!((timers.len(EVENT), timers.used_bytes()), (0, 0));
}

#[test]
fn a_timer_of_many_that_is_registered_again_fires_once() {
    let (mut timers, owner) = open(1 << 30);
    let named = |n: u32| format!("7:key {n}");
    let batch = |from: u32| -> Vec<String> { (from..from + 1000).map(named).collect() };
    // Each is registered up to five times, in other batches.
    for from in (0..10_000).step_by(250) {
        let batch = batch(from);
        let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
        timers.register(owner, EVENT, columns(&batch).view()).unwrap();
    }
    let most = timers.used_bytes();
    assert_eq!(timers.len(EVENT), 10_750);
    assert!(most < 2 * 10_750 * (96 + 9) + 1000 * (96 + 9), "{most} bytes are charged");
    timers.delete(owner, EVENT, columns(&["7:key 3", "7:key 10700"]).view()).unwrap();
    let fired = pop(&mut timers, 7, usize::MAX);
    let mut expected: Vec<String> = (0..10_750).map(named).collect();
    expected.retain(|timer| timer != "7:key 3" && timer != "7:key 10700");
    let mut fired: Vec<&str> = fired.split("7:").filter(|it| !it.is_empty()).collect();
    assert_eq!(fired.len(), expected.len());
    fired.sort_unstable();
    expected.sort_unstable();
    assert!(fired.iter().zip(&expected).all(|(one, other)| other.ends_with(one.trim_end())));
    assert_eq!((timers.len(EVENT), timers.used_bytes()), (0, 0));
}

#[test]
fn deleted_timers_do_not_fire() {
    let (mut timers, owner) = open(1 << 20);
    timers.register(owner, EVENT, columns(&["1:a", "1:b", "2:c"]).view()).unwrap();
    timers.register(owner, PROCESSING, columns(&["1:a"]).view()).unwrap();
    timers.delete(owner, EVENT, columns(&["1:a", "2:x", "7:c", "2:c"]).view()).unwrap();
    assert_eq!((timers.next_due(EVENT), timers.next_due(PROCESSING)), (Some(1), Some(1)));
    assert_eq!(pop(&mut timers, 9, 9), "1:b");
    assert_eq!(timers.len(PROCESSING), 1);
}

#[test]
fn operators_are_served_one_by_one_in_their_order() {
    let (mut timers, first) = open(1 << 20);
    let second = timers.owner("join").unwrap();
    assert_eq!(timers.owner("window"), Ok(first));
    timers.register(second, EVENT, columns(&["1:a", "2:a"]).view()).unwrap();
    timers.register(first, EVENT, columns(&["2:b", "8:b"]).view()).unwrap();
    assert_eq!(timers.next_due(EVENT), Some(1));
    assert_eq!(timers.next_due_of(first, EVENT), Some(2));
    let mut take = || timers.pop_due(EVENT, 5, 9).map(|due| (due.owner, show(&due.timers)));
    assert_eq!(take(), Some((first, "2:b".to_string())));
    assert_eq!(take(), Some((second, "1:a 2:a".to_string())));
    assert_eq!(take(), None);
}

#[test]
fn namespaces_that_are_all_empty_have_no_column() {
    let (mut timers, owner) = open(1 << 20);
    let bare = TimerColumns { namespaces: PackedBuffer::new(), ..columns(&["1:a", "1:b"]) };
    timers.register(owner, EVENT, bare.view()).unwrap();
    assert_eq!(timers.pop_due(EVENT, 1, 9).unwrap().timers, bare);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (mut timers, owner) = open(250);
    let check = |target: &mut Timers, of, batch: &TimerColumns, expected: &str| {
        let error = target.register(of, EVENT, batch.view()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let good = columns(&["1:a/w", "2:b/w"]);
    check(&mut timers, TimerOwner(3), &good, "state 3 was not declared; 1 states are");
    let mut bad = good.clone();
    bad.timestamps.pop();
    check(&mut timers, owner, &bad, "column keys has 2 entries where 1 are needed");
    bad = good.clone();
    bad.namespaces.push(b"more");
    check(&mut timers, owner, &bad, "column namespaces has 3 entries where 2 are needed");
    timers.register(owner, EVENT, good.view()).unwrap();
    timers.register(owner, EVENT, good.view()).unwrap();
    check(
        &mut timers,
        owner,
        &columns(&["1:a/w", "3:a/w"]),
        "timers of window: 98 bytes more do not fit the managed memory of 250 bytes, of which 196 \
         are used; raise taskmanager.memory.managed.size or the parallelism",
    );
    assert_eq!(timers.len(EVENT), 2);
}

/// Timestamp, key, namespace; few of each, so that they meet, and some buckets grow an index.
type Timer = (i64, Vec<u8>, Vec<u8>);

fn timer() -> impl Strategy<Value = Timer> {
    (0i64..4, 0u8..16, 0u8..5).prop_map(|(timestamp, key, namespace)| {
        (timestamp, vec![key], vec![namespace; usize::from(namespace % 2)])
    })
}

fn pack(timers: &[Timer]) -> TimerColumns {
    TimerColumns {
        timestamps: timers.iter().map(|(timestamp, ..)| *timestamp).collect(),
        keys: timers.iter().map(|(_, key, _)| key).collect(),
        namespaces: timers.iter().map(|(.., namespace)| namespace).collect(),
    }
}

fn unpack(columns: &TimerColumns) -> Vec<Timer> {
    let own = |(timestamp, key, namespace): (i64, &[u8], &[u8])| {
        (timestamp, key.to_vec(), namespace.to_vec())
    };
    columns.view().iter().map(own).collect()
}

#[derive(Clone, Debug)]
enum Operation {
    Register(Vec<Timer>),
    Delete(Vec<Timer>),
    Pop { up_to: i64, max: usize },
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let timers = || proptest::collection::vec(timer(), 0..12);
    let operation = prop_oneof![
        5 => timers().prop_map(Operation::Register),
        2 => timers().prop_map(Operation::Delete),
        2 => (0i64..4, 1usize..12).prop_map(|(up_to, max)| Operation::Pop { up_to, max }),
    ];
    proptest::collection::vec(operation, 0..60)
}

proptest! {
    #[test]
    fn timers_are_an_ordered_set(operations in operations()) {
        let (mut timers, owner) = open(1 << 30);
        let mut model = BTreeSet::new();
        for operation in operations {
            match operation {
                Operation::Register(batch) => {
                    timers.register(owner, EVENT, pack(&batch).view()).unwrap();
                    model.extend(batch);
                }
                Operation::Delete(batch) => {
                    timers.delete(owner, EVENT, pack(&batch).view()).unwrap();
                    batch.iter().for_each(|timer| {
                        model.remove(timer);
                    });
                }
                Operation::Pop { up_to, max } => {
                    let due = unpack(&timers.pop_due_of(owner, EVENT, up_to, max));
                    let due_count = model.iter().filter(|timer| timer.0 <= up_to).count();
                    prop_assert_eq!(due.len(), due_count.min(max));
                    prop_assert!(due.is_sorted_by_key(|timer| timer.0));
                    for timer in &due {
                        prop_assert!(model.remove(timer), "{:?} fired twice", timer);
                    }
                    let left = model.first().map(|timer| timer.0);
                    prop_assert!(due.last().is_none_or(|last| left.is_none_or(|at| last.0 <= at)));
                }
            }
            prop_assert_eq!(timers.len(EVENT), model.len());
            prop_assert_eq!(timers.next_due(EVENT), model.first().map(|timer| timer.0));
        }
        let rest = unpack(&timers.pop_due_of(owner, EVENT, i64::MAX, usize::MAX));
        prop_assert_eq!(rest.into_iter().collect::<BTreeSet<_>>(), model);
        prop_assert_eq!(timers.used_bytes(), 0, "every byte charged is given back");
    }

    #[test]
    fn timers_are_the_same_at_another_parallelism(
        set in proptest::collection::btree_set(any::<Timer>(), 0..50),
        parallelism in 1u32..6,
        damage in any::<(usize, usize)>(),
        bit in 0u8..8,
    ) {
        let (mut before, owner) = open(1 << 30);
        let all: Vec<_> = set.iter().cloned().collect();
        before.register(owner, PROCESSING, pack(&all).view()).unwrap();
        let taken = before.snapshot();
        prop_assert_eq!(taken.len(), MAX_PARALLELISM as usize);
        let mut found = BTreeSet::new();
        for subtask in 0..parallelism {
            let key_groups = KeyGroups::of_subtask(subtask, parallelism, MAX_PARALLELISM);
            let mut after = Timers::new(key_groups.clone(), ManagedMemory::new(1 << 30));
            for (group, snapshot) in &taken {
                let result = after.restore(snapshot);
                prop_assert_eq!(result.is_ok(), key_groups.range().contains(group));
            }
            let window = after.owner("window").unwrap();
            prop_assert!(after.is_empty(EVENT));
            found.extend(unpack(&after.pop_due_of(window, PROCESSING, i64::MAX, usize::MAX)));
        }
        prop_assert_eq!(found, set);

        let snapshot = &taken[damage.0 % taken.len()].1;
        let at = damage.1 % snapshot.len();
        prop_assert!(open(1 << 30).0.restore(&snapshot[..at]).is_err());
        let mut flipped = snapshot.clone();
        flipped[at] ^= 1 << bit;
        prop_assert!(open(1 << 30).0.restore(&flipped).is_err());
    }
}
