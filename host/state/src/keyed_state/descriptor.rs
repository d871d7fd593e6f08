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
    /// Time to live; none keeps entries for ever.
    pub ttl: Option<StateTtl>,
    /// How its bytes read.
    pub formats: StateFormats,
}

/// Time to live of a state, by processing time. Source: Flink's `StateTtlConfig`
/// (`docs/dev/datastream/fault-tolerance/state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateTtl {
    /// How long, in milliseconds.
    pub ms: u64,
    /// What starts it again.
    pub update: TtlUpdateType,
    /// What a read sees of what has expired.
    pub visibility: TtlVisibility,
}

/// What starts the time to live of an entry again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TtlUpdateType {
    /// Creating and writing it.
    #[default]
    OnCreateAndWrite,
    /// Reading it, too.
    OnReadAndWrite,
}

/// What a read sees of an entry that has expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TtlVisibility {
    /// Nothing.
    #[default]
    NeverReturnExpired,
    /// The entry if it was not deleted yet. A `multi_get` that sees it deletes it.
    ReturnExpiredIfNotCleanedUp,
}

/// How the bytes of a state read, in the words of a port's format: `text`, `json`, `bytes`, or
/// `compact:` and a type. Empty where that is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateFormats {
    /// Its keys.
    pub key: String,
    /// The user keys of a map state.
    pub user_key: String,
    /// Its values; the elements of a list state.
    pub value: String,
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
