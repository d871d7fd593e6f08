//! What waits under a key of an interval join, and how long.
//!
//! Law: while anything waits, there is a timer at or before the time when it goes.

use serde::{Deserialize, Serialize};

use crate::codec::Key;
use crate::context::Context;
use crate::error::Error;
use crate::join::time_buffer::TimeBuffer;

/// In how many steps the records of an inner join go, while event time goes on by as much as pairs
/// may be apart.
const CLEANUPS_PER_INTERVAL: i64 = 8;

/// What waits under a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "Left: Serialize, Right: Serialize",
    deserialize = "Left: Deserialize<'de>, Right: Deserialize<'de>"
))]
pub(super) struct Buffers<Left, Right> {
    pub(super) left: TimeBuffer<Left>,
    pub(super) right: TimeBuffer<Right>,
}

impl<Left, Right> Default for Buffers<Left, Right> {
    fn default() -> Buffers<Left, Right> {
        Buffers { left: TimeBuffer::default(), right: TimeBuffer::default() }
    }
}

/// How long records wait.
#[derive(Clone, Copy)]
pub(super) struct Keeping {
    /// After the timestamp of a left record.
    pub(super) left: i64,
    /// After that of a right one.
    pub(super) right: i64,
    /// They go at multiples of this.
    pub(super) step: i64,
}

impl Keeping {
    /// The step in which the records of an inner join go.
    pub(super) fn step(lower: i64, upper: i64) -> i64 {
        (upper.saturating_sub(lower) / CLEANUPS_PER_INTERVAL).max(1)
    }

    /// When the first of a key's records need wait no longer.
    #[inline]
    pub(super) fn first_expiry<Left, Right>(self, buffers: &Buffers<Left, Right>) -> Option<i64> {
        let left = buffers.left.first().map(|at| at.saturating_add(self.left));
        let right = buffers.right.first().map(|at| at.saturating_add(self.right));
        match (left, right) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (only, None) | (None, only) => only,
        }
    }

    /// When records go that need wait no longer at a time. Without outer rows nobody sees when, so
    /// that they go together, some time after they could. Source: Flink SQL, `TimeIntervalJoin`,
    /// which keeps rows longer, too.
    #[inline]
    fn cleanup(self, expiry: i64) -> i64 {
        match self.step {
            1 => expiry,
            step => expiry.saturating_add((step - expiry.rem_euclid(step)) % step),
        }
    }

    /// Registers a timer for the first records that go, or nothing if they are none.
    pub(super) fn register<K: Key, Left, Right>(
        self,
        buffers: &Buffers<Left, Right>,
        ctx: &Context<K>,
    ) -> Result<(), Error> {
        let next = self.first_expiry(buffers);
        next.map_or(Ok(()), |next| ctx.register_event_time_timer(self.cleanup(next)))
    }

    /// Moves the timer, if other records go first than before. There is a timer for exactly when
    /// they go, so that it need not be stored.
    #[inline]
    pub(super) fn move_timer<K: Key, Left, Right>(
        self,
        before: Option<i64>,
        buffers: &Buffers<Left, Right>,
        ctx: &Context<K>,
    ) -> Result<(), Error> {
        if self.first_expiry(buffers) == before {
            return Ok(());
        }
        // Where records go together, a timer that is left behind costs less than its deletion.
        if let (Some(before), 1) = (before, self.step) {
            ctx.delete_event_time_timer(before)?;
        }
        self.register(buffers, ctx)
    }
}
