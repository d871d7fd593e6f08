//! Every record goes to exactly the right channels, and the wiring is Flink's.

use proptest::prelude::*;
use sandbar_model::RecordBatch;

use super::*;

fn exchange(subtask: u32, upstream: u32, downstream: u32) -> Exchange {
    Exchange {
        subtask: SubtaskIndex(subtask),
        upstream_parallelism: upstream,
        downstream_parallelism: downstream,
        max_parallelism: key_group::default_max_parallelism(downstream),
    }
}

fn batch_of(keys: &[Vec<u8>]) -> RecordBatch {
    let mut batch = RecordBatch::new();
    keys.iter().for_each(|key| batch.push_keyed(0, key, b"value"));
    batch
}

/// The downstream subtasks that each of the records reaches.
fn select(selector: &mut PartitionSelector, batch: &RecordBatch) -> Vec<Vec<u32>> {
    let mut out = vec![77];
    let selection = selector.select_batch(batch.view(), &mut out).unwrap();
    let start = selector.connected().start;
    let to_subtask = |channel: u32| {
        assert!(channel < selector.channels());
        start + channel
    };
    match selection {
        Selection::All(channel) => vec![vec![to_subtask(channel)]; batch.len()],
        Selection::Broadcast => vec![selector.connected().collect(); batch.len()],
        Selection::PerRecord => {
            assert_eq!(out.len(), batch.len());
            out.into_iter().map(|channel| vec![to_subtask(channel)]).collect()
        }
    }
}

fn loads(choices: &[Vec<u32>], parallelism: u32) -> Vec<u32> {
    let mut loads = vec![0; parallelism as usize];
    choices.iter().flatten().for_each(|subtask| loads[*subtask as usize] += 1);
    loads
}

fn spread(loads: impl IntoIterator<Item = u32>) -> u32 {
    let loads: Vec<u32> = loads.into_iter().collect();
    loads.iter().max().unwrap() - loads.iter().min().unwrap()
}

fn check_wiring(upstream: u32, downstream: u32, expected: &[Range<u32>]) {
    let wiring: Vec<_> = (0..upstream)
        .map(|subtask| {
            downstream_of(Partitioner::Rescale, &exchange(subtask, upstream, downstream))
        })
        .collect();
    assert_eq!(wiring, expected, "{upstream} to {downstream}");
}

#[test]
fn rescale_is_wired_as_flinks_pointwise_pattern() {
    check_wiring(3, 3, &[0..1, 1..2, 2..3]);
    check_wiring(1, 3, std::slice::from_ref(&(0..3)));
    check_wiring(2, 4, &[0..2, 2..4]);
    check_wiring(2, 3, &[0..2, 2..3]);
    check_wiring(3, 7, &[0..3, 3..5, 5..7]);
    check_wiring(4, 2, &[0..1, 0..1, 1..2, 1..2]);
    check_wiring(3, 2, &[0..1, 1..2, 1..2]);
    check_wiring(5, 3, &[0..1, 1..2, 1..2, 2..3, 2..3]);
}

#[test]
fn each_partitioner_has_its_kind_of_selection() {
    let cases = [
        (Partitioner::Forward, 4, Some(Selection::All(0))),
        (Partitioner::Global, 6, Some(Selection::All(0))),
        (Partitioner::Broadcast, 6, Some(Selection::Broadcast)),
        (Partitioner::Rebalance, 1, Some(Selection::All(0))),
        (Partitioner::Hash, 1, Some(Selection::All(0))),
        (Partitioner::Rescale, 2, Some(Selection::All(0))),
        (Partitioner::Rescale, 8, None),
        (Partitioner::Rebalance, 6, None),
        (Partitioner::Shuffle, 6, None),
        (Partitioner::Hash, 6, None),
        (Partitioner::Custom, 6, None),
        (Partitioner::Custom, 1, None),
    ];
    let batch = batch_of(&[vec![0; CUSTOM_KEY_BYTES], vec![0; CUSTOM_KEY_BYTES]]);
    for (partitioner, downstream, expected) in cases {
        let mut selector =
            PartitionSelector::new(partitioner, exchange(1, 4, downstream), 7).unwrap();
        let selection = selector.select_batch(batch.view(), &mut Vec::new()).unwrap();
        let expected = expected.unwrap_or(Selection::PerRecord);
        assert_eq!(selection, expected, "{partitioner:?} to {downstream}");
    }
}

fn check_refused(partitioner: Partitioner, exchange: Exchange, expected: &str) {
    let error = PartitionSelector::new(partitioner, exchange, 0).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn wirings_that_cannot_be_are_refused() {
    check_refused(
        Partitioner::Forward,
        exchange(0, 2, 3),
        "partitioner FORWARD connects 2 upstream subtasks to 3 downstream subtasks; give both the \
         same parallelism, or use REBALANCE",
    );
    check_refused(
        Partitioner::Hash,
        exchange(2, 2, 3),
        "upstream subtask is 2 but must be between 0 and 1",
    );
    let too_wide = Exchange { max_parallelism: 4, ..exchange(0, 1, 5) };
    check_refused(
        Partitioner::Hash,
        too_wide,
        "downstream parallelism is 5 but must be between 1 and 4",
    );
    let none = Exchange { downstream_parallelism: 0, ..exchange(0, 1, 1) };
    check_refused(
        Partitioner::Global,
        none,
        "downstream parallelism is 0 but must be between 1 and 128",
    );
}

#[test]
fn records_without_a_channel_are_refused() {
    let check = |partitioner, batch: &RecordBatch, expected: &str| {
        let mut selector = PartitionSelector::new(partitioner, exchange(0, 1, 3), 0).unwrap();
        let error = selector.select_batch(batch.view(), &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let mut bare = RecordBatch::new();
    bare.push(1, b"value");
    let no_keys = "the records have no keys; put a key selector in front of the edge";
    check(Partitioner::Hash, &bare, no_keys);
    check(Partitioner::Custom, &bare, no_keys);
    let key = |subtask: u32| subtask.to_le_bytes().to_vec();
    check(
        Partitioner::Custom,
        &batch_of(&[key(2), key(3)]),
        "record 1: the partitioner chose subtask 3; there are 3, counted from 0",
    );
    check(
        Partitioner::Custom,
        &batch_of(&[vec![1, 0]]),
        "record 0: the partitioner wrote a key of 2 bytes; it must write the subtask as a \
         little-endian u32, 4 bytes",
    );
}

fn partitioners() -> impl Strategy<Value = Partitioner> {
    proptest::sample::select(vec![
        Partitioner::Rebalance,
        Partitioner::Rescale,
        Partitioner::Shuffle,
        Partitioner::Broadcast,
        Partitioner::Global,
        Partitioner::Hash,
        Partitioner::Custom,
    ])
}

proptest! {
    #[test]
    fn every_record_goes_where_its_partitioner_says(
        partitioner in partitioners(),
        (upstream, downstream) in (1u32..9, 1u32..9),
        (subtask, seed) in any::<(u32, u64)>(),
        keys: Vec<u32>,
    ) {
        let exchange = exchange(subtask % upstream, upstream, downstream);
        let keys: Vec<Vec<u8>> =
            keys.iter().map(|key| (key % downstream).to_le_bytes().to_vec()).collect();
        let batch = batch_of(&keys);
        let mut selector = PartitionSelector::new(partitioner, exchange, seed).unwrap();
        let choices = select(&mut selector, &batch);
        prop_assert_eq!(choices.len(), keys.len());
        for (key, choice) in keys.iter().zip(&choices) {
            let max = exchange.max_parallelism;
            let owner = key_group::subtask_of(key_group::key_group(key, max), downstream, max);
            match partitioner {
                Partitioner::Broadcast => {
                    prop_assert_eq!(choice, &(0..downstream).collect::<Vec<_>>());
                }
                Partitioner::Global => prop_assert_eq!(choice, &[0]),
                Partitioner::Hash => prop_assert_eq!(choice, &[owner]),
                Partitioner::Custom => prop_assert_eq!(choice, &[u32::from(key[0])]),
                Partitioner::Forward
                | Partitioner::Rebalance
                | Partitioner::Rescale
                | Partitioner::Shuffle => {
                    prop_assert_eq!(choice.len(), 1);
                    prop_assert!(selector.connected().contains(&choice[0]));
                }
            }
        }
    }

    #[test]
    fn round_robin_is_even_across_batches(
        downstream in 1u32..9, seed: u64, sizes in proptest::collection::vec(0usize..30, 0..10),
    ) {
        let exchange = exchange(0, 1, downstream);
        for partitioner in [Partitioner::Rebalance, Partitioner::Rescale] {
            let mut selector = PartitionSelector::new(partitioner, exchange, seed).unwrap();
            let mut choices = Vec::new();
            for size in &sizes {
                choices.extend(select(&mut selector, &batch_of(&vec![vec![]; *size])));
                prop_assert!(spread(loads(&choices, downstream)) <= 1);
            }
            for pair in choices.windows(2) {
                prop_assert_eq!(pair[1][0], (pair[0][0] + 1) % downstream);
            }
        }
    }

    #[test]
    fn both_ends_of_an_edge_see_the_same_wiring(
        (upstream, any_downstream) in (1u32..40, 1u32..40), forward: bool,
    ) {
        let (partitioner, downstream) = match forward {
            true => (Partitioner::Forward, upstream),
            false => (Partitioner::Rescale, any_downstream),
        };
        let mut reached = vec![Vec::new(); downstream as usize];
        let mut channels = Vec::new();
        for source in 0..upstream {
            let targets = downstream_of(partitioner, &exchange(source, upstream, downstream));
            channels.push(targets.end - targets.start);
            targets.for_each(|target| reached[target as usize].push(source));
        }
        prop_assert!(spread(channels) <= 1);
        prop_assert!(spread(reached.iter().map(|sources| sources.len() as u32)) <= 1);
        for (target, sources) in reached.into_iter().enumerate() {
            prop_assert!(!sources.is_empty());
            let seen = upstream_of(partitioner, &exchange(target as u32, upstream, downstream));
            prop_assert_eq!(seen.collect::<Vec<_>>(), sources);
        }
    }
}

#[test]
fn rebalance_starts_where_the_seed_says_and_shuffle_reaches_all() {
    let batch = batch_of(&vec![vec![]; 4000]);
    let mut starts = [0; 4];
    for seed in 0..400 {
        let mut selector =
            PartitionSelector::new(Partitioner::Rebalance, exchange(0, 1, 4), seed).unwrap();
        starts[select(&mut selector, &batch)[0][0] as usize] += 1;
    }
    assert!(starts.iter().all(|count| (60..140).contains(count)), "starts {starts:?}");
    let mut shuffle = PartitionSelector::new(Partitioner::Shuffle, exchange(0, 1, 4), 9).unwrap();
    let loads = loads(&select(&mut shuffle, &batch), 4);
    assert!(loads.iter().all(|load| (850..1150).contains(load)), "loads {loads:?}");
}
