//! Time to live of keyed state: when entries expire. The host decides what has expired, by its
//! processing time; the cache holds entries of such states for one call only.

use std::time::Duration;

use crate::host::{TimeToLive, TtlUpdate, TtlVisibility};

/// What starts the time to live of an entry again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpdateType {
    /// Creating and writing it.
    #[default]
    OnCreateAndWrite,
    /// Reading it, too.
    OnReadAndWrite,
}

/// What a read sees of an entry that has expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateVisibility {
    /// Nothing.
    #[default]
    NeverReturnExpired,
    /// The entry, if the host has not deleted it yet.
    ReturnExpiredIfNotCleanedUp,
}

/// When the entries of a state expire: an entry lives this long after it was last written, by
/// processing time. Each entry of a map and each element of a list expires on its own. The host
/// deletes what has expired in the background, also where nobody reads.
///
/// Source: Flink's `StateTtlConfig` (`docs/dev/datastream/fault-tolerance/state`, State TTL).
///
/// ```
/// use std::time::Duration;
///
/// use sandbar_sdk::prelude::*;
///
/// let hour = StateTtlConfig::new(Duration::from_secs(3600))
///     .update_type(UpdateType::OnReadAndWrite)
///     .state_visibility(StateVisibility::ReturnExpiredIfNotCleanedUp);
/// let descriptor = ValueStateDescriptor::<u64>::new("last visit").enable_time_to_live(hour);
/// # drop(descriptor);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateTtlConfig {
    ttl: Duration,
    update_type: UpdateType,
    state_visibility: StateVisibility,
}

impl StateTtlConfig {
    /// Lets entries live this long after they were created or written, and never shows them later.
    /// Counted in milliseconds.
    pub fn new(ttl: Duration) -> StateTtlConfig {
        StateTtlConfig {
            ttl,
            update_type: UpdateType::default(),
            state_visibility: StateVisibility::default(),
        }
    }

    /// Sets what starts the time to live again.
    #[must_use]
    pub fn update_type(self, update_type: UpdateType) -> StateTtlConfig {
        StateTtlConfig { update_type, ..self }
    }

    /// Sets what a read sees of an entry that has expired.
    #[must_use]
    pub fn state_visibility(self, state_visibility: StateVisibility) -> StateTtlConfig {
        StateTtlConfig { state_visibility, ..self }
    }

    /// In the contract's terms.
    pub(crate) fn to_host(self) -> TimeToLive {
        TimeToLive {
            milliseconds: u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX),
            update: match self.update_type {
                UpdateType::OnCreateAndWrite => TtlUpdate::OnCreateAndWrite,
                UpdateType::OnReadAndWrite => TtlUpdate::OnReadAndWrite,
            },
            visibility: match self.state_visibility {
                StateVisibility::NeverReturnExpired => TtlVisibility::NeverReturnExpired,
                StateVisibility::ReturnExpiredIfNotCleanedUp => {
                    TtlVisibility::ReturnExpiredIfNotCleanedUp
                }
            },
        }
    }
}

/// How long the cache may keep the entries of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// As long as it likes.
    Never,
    /// For one call, since the host decides what has expired.
    AtHost,
    /// The same, and the host is told what was read.
    AtHostAfterReads,
}

impl Expiry {
    pub(crate) fn of(ttl: Option<StateTtlConfig>) -> Expiry {
        match ttl.map(|ttl| ttl.update_type) {
            None => Expiry::Never,
            Some(UpdateType::OnCreateAndWrite) => Expiry::AtHost,
            Some(UpdateType::OnReadAndWrite) => Expiry::AtHostAfterReads,
        }
    }
}
