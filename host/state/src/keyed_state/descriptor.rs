//! How a keyed state is declared and asked.

/// A keyed state as an operator declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDescriptor {
    /// Uid of the operator; state is restored by it.
    pub operator: String,
    /// Unique within its operator.
    pub name: String,
    /// What kind of handle the guest puts over it.
    pub kind: StateKind,
    /// Time to live in milliseconds; none keeps entries for ever.
    pub ttl_ms: Option<u64>,
}

/// The kinds of keyed state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateKind {
    /// One value.
    Value,
    /// A list, stored as one value.
    List,
    /// A map: one entry per user key.
    Map,
    /// A value folded with a reduce function.
    Reducing,
    /// An accumulator with a separate result type.
    Aggregating,
}

impl StateKind {
    /// All kinds, by the number that snapshots have for them.
    const ALL: [StateKind; 5] = [
        StateKind::Value,
        StateKind::List,
        StateKind::Map,
        StateKind::Reducing,
        StateKind::Aggregating,
    ];

    /// As the operator contract calls it.
    pub fn name(self) -> &'static str {
        match self {
            StateKind::Value => "value",
            StateKind::List => "list",
            StateKind::Map => "map",
            StateKind::Reducing => "reducing",
            StateKind::Aggregating => "aggregating",
        }
    }

    /// The number in snapshots. **Invariant**: never changes.
    pub(super) fn to_code(self) -> u8 {
        match self {
            StateKind::Value => 0,
            StateKind::List => 1,
            StateKind::Map => 2,
            StateKind::Reducing => 3,
            StateKind::Aggregating => 4,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<StateKind> {
        StateKind::ALL.get(usize::from(code)).copied()
    }
}

/// Names a declared state in later calls; the position in the order of declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateId(pub u32);

/// Which entries of a key a scan returns.
#[derive(Clone, Copy, Debug)]
pub struct ScanRange<'a> {
    /// Only user keys that start with this.
    pub prefix: &'a [u8],
    /// Only user keys after this one.
    pub after: Option<&'a [u8]>,
    /// At most this many entries; 0 is taken as 1, since an empty page means the end.
    pub limit: u32,
    /// At most this many bytes of user keys and values, but at least one entry.
    pub page_bytes: usize,
}
