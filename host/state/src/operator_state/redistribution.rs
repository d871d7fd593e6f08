//! Redistribution of operator state from the subtasks of a checkpoint to those of a job. Pure.
//!
//! Source: Flink, `RoundRobinOperatorStateRepartitioner.java`.

use std::collections::BTreeSet;

use super::{ListState, OperatorStateSnapshot, Redistribution, StateName};

/// Deals the state of the subtasks of a checkpoint out to `parallelism` subtasks.
///
/// A split list is laid end to end and cut into pieces of equal length within one; lists take
/// turns in which subtask gets the first of the longer pieces. With the parallelism of before,
/// each subtask keeps its own. A united list and a broadcast map go to everyone.
pub fn redistribute(
    before: &[OperatorStateSnapshot],
    parallelism: u32,
) -> Vec<OperatorStateSnapshot> {
    let mut after = vec![OperatorStateSnapshot::default(); parallelism as usize];
    let mut first = 0;
    let names: BTreeSet<&StateName> =
        before.iter().flat_map(|snapshot| snapshot.lists.keys()).collect();
    for name in names {
        let lists: Vec<Option<&ListState>> =
            before.iter().map(|snapshot| snapshot.lists.get(name)).collect();
        let Some(redistribution) = lists.iter().flatten().next().map(|list| list.redistribution)
        else {
            continue;
        };
        for (index, elements) in
            deal(&lists, redistribution, parallelism as usize, &mut first).into_iter().enumerate()
        {
            after[index].lists.insert(name.clone(), ListState { redistribution, elements });
        }
    }
    broadcast(before, &mut after);
    after
}

/// The elements that each subtask gets of one list.
fn deal(
    lists: &[Option<&ListState>],
    redistribution: Redistribution,
    parallelism: usize,
    first: &mut usize,
) -> Vec<Vec<Vec<u8>>> {
    let all = || lists.iter().flatten().flat_map(|list| list.elements.iter().cloned());
    match redistribution {
        Redistribution::Union => vec![all().collect(); parallelism],
        Redistribution::Split if lists.len() == parallelism => {
            let own =
                |list: &Option<&ListState>| list.map_or_else(Vec::new, |l| l.elements.clone());
            lists.iter().map(own).collect()
        }
        Redistribution::Split => split(all().collect(), parallelism, first),
    }
}

/// Cuts elements into pieces, the longer ones from subtask `first` on, which moves past them.
fn split(elements: Vec<Vec<u8>>, parallelism: usize, first: &mut usize) -> Vec<Vec<Vec<u8>>> {
    let (length, longer) = (elements.len() / parallelism, elements.len() % parallelism);
    let mut pieces = vec![Vec::new(); parallelism];
    let mut elements = elements.into_iter();
    for turn in 0..parallelism {
        let size = length + usize::from(turn < longer);
        pieces[(*first + turn) % parallelism] = elements.by_ref().take(size).collect();
    }
    *first = (*first + longer) % parallelism;
    pieces
}

/// Gives each subtask the maps of one subtask of before, since those are all alike.
fn broadcast(before: &[OperatorStateSnapshot], after: &mut [OperatorStateSnapshot]) {
    let names: BTreeSet<&StateName> =
        before.iter().flat_map(|snapshot| snapshot.broadcasts.keys()).collect();
    for name in names {
        let maps: Vec<_> =
            before.iter().filter_map(|snapshot| snapshot.broadcasts.get(name)).collect();
        for (index, snapshot) in after.iter_mut().enumerate() {
            snapshot.broadcasts.insert(name.clone(), maps[index % maps.len()].clone());
        }
    }
}
