//! The list of all options: one table a subject. A key is Flink's where Flink has the option
//! (`docs/layouts/shortcodes/generated/*.html`), and starts with `sandbar.` where it does not.

pub mod checkpointing;
pub mod cluster;
pub mod execution;
pub mod guest;
pub mod memory;
pub mod network;
pub mod restart;
pub mod scheduling;
pub mod security;
pub mod state;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::option::OptionEntry;

static ALL: LazyLock<Vec<&'static OptionEntry>> = LazyLock::new(|| {
    [
        execution::all(),
        memory::all(),
        network::all(),
        guest::all(),
        restart::all(),
        scheduling::all(),
        state::all(),
        checkpointing::all(),
        cluster::all(),
        security::all(),
    ]
    .concat()
});

/// Options by key and by older name.
static BY_KEY: LazyLock<BTreeMap<&'static str, &'static OptionEntry>> = LazyLock::new(|| {
    let names = |info: &&'static OptionEntry| {
        let info = *info;
        info.aliases.iter().chain([&info.key]).map(move |key| (*key, info))
    };
    ALL.iter().flat_map(names).collect()
});

/// All options, grouped by subject.
pub fn all() -> impl Iterator<Item = &'static OptionEntry> {
    ALL.iter().copied()
}

/// The option with this key or older name.
pub fn find(key: &str) -> Option<&'static OptionEntry> {
    BY_KEY.get(key).copied()
}

/// Whether an option says something of the processes of a cluster or of the connections between
/// them, so that a job in a process of its own does without it.
pub fn is_of_cluster(key: &str) -> bool {
    // It chooses between the two.
    let target = cluster::EXECUTION_TARGET.key();
    let tables = [cluster::all(), network::all(), security::all()].concat();
    let key = canonical_key(key);
    key != target && tables.iter().any(|entry| entry.key == key)
}

/// The key of the option that has this key or older name; a key that no option has stays.
pub(crate) fn canonical_key(key: &str) -> &str {
    find(key).map_or(key, |info| info.key)
}

#[cfg(test)]
mod tests;
