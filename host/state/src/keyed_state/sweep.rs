//! The clean-up of what has expired though nobody asks for it: a sweep over all entries of all
//! states with time to live, a bounded step at a time. Source: Flink's incremental clean-up
//! (`docs/dev/datastream/fault-tolerance/state`), which also goes over entries nobody touches.
//!
//! Law: a step looks at [`SWEEP_PLACES_MAX`] places; while anything can expire a step is due.

use super::KeyedState;

/// Places of tables, and entries of maps, that a step looks at.
pub const SWEEP_PLACES_MAX: usize = 4096;
/// Time between two steps, in milliseconds.
pub const SWEEP_INTERVAL_MS: i64 = 50;
/// Shortest time between the end of a sweep and the start of the next, in milliseconds: how long
/// what has expired may stay in a small state.
pub const SWEEP_PAUSE_MS: i64 = 1000;
/// A table that has fewer entries than this part of its places is made smaller after a sweep.
pub(super) const SPARSE: usize = 4;

/// Where a sweep is in a table, and what it has seen.
#[derive(Debug, Default)]
pub(super) struct TableSweep {
    /// The next place.
    pub(super) place: usize,
    /// Number of places when the sweep of the table began; it begins again if that changes.
    places: usize,
    /// In a map: the last user key that was looked at.
    pub(super) after: Option<Box<[u8]>>,
    /// Bytes that were freed in this step.
    pub(super) freed: usize,
    /// What this step may still look at.
    left: usize,
    /// When the first of what was seen alive expires.
    next_expiry: Option<i64>,
}

impl TableSweep {
    pub(super) fn begin(&mut self, places: usize) {
        if self.places != places {
            (self.place, self.places, self.after) = (0, places, None);
        }
    }

    pub(super) fn goes_on(&self) -> bool {
        self.left > 0 && !self.is_done()
    }

    pub(super) fn is_done(&self) -> bool {
        self.place >= self.places
    }

    pub(super) fn looked_at(&mut self, places: usize) {
        self.left = self.left.saturating_sub(places);
    }

    pub(super) fn saw(&mut self, expires_at: Option<i64>) {
        self.next_expiry = self.next_expiry.into_iter().chain(expires_at).min();
    }
}

/// Where the sweep of all states is.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    state: usize,
    table: u32,
    in_table: TableSweep,
    started_ms: i64,
    /// When the next step is due; none before the first.
    due_ms: Option<i64>,
}

impl KeyedState {
    /// When the next call of [`KeyedState::delete_expired`] is due, by the clock of this state;
    /// none while there is nothing that can expire.
    pub fn next_clean_up(&self) -> Option<i64> {
        let mut expiring = self.states.iter().filter(|state| state.descriptor.ttl.is_some());
        expiring.any(|state| state.len() > 0).then(|| self.sweep.due_ms.unwrap_or(i64::MIN))
    }

    /// Deletes some of what has expired, if it is [time](KeyedState::next_clean_up) for that. The
    /// work is bounded; calls at the times it asks for free all that is never read.
    pub fn delete_expired(&mut self) {
        let now_ms = self.clock.now_ms();
        if self.next_clean_up().is_none_or(|due| due > now_ms) {
            return;
        }
        let mut sweep = std::mem::take(&mut self.sweep);
        if (sweep.state, sweep.table, sweep.in_table.place) == (0, 0, 0) {
            sweep.started_ms = now_ms;
            sweep.in_table.next_expiry = None;
        }
        sweep.in_table.left = SWEEP_PLACES_MAX;
        while sweep.state < self.states.len() && sweep.in_table.left > 0 {
            self.sweep_table(&mut sweep);
        }
        let next = if sweep.state < self.states.len() {
            now_ms + SWEEP_INTERVAL_MS
        } else {
            (sweep.state, sweep.table) = (0, 0);
            let shortest = self
                .states
                .iter()
                .filter_map(|state| state.descriptor.ttl)
                .min_by_key(|ttl| ttl.ms);
            let shortest =
                shortest.map_or(i64::MAX, |ttl| i64::try_from(ttl.ms).unwrap_or(i64::MAX));
            // What was written since the start expires no sooner than this.
            let later = sweep.started_ms.saturating_add(shortest);
            let first = sweep.in_table.next_expiry.map_or(later, |seen| seen.min(later));
            first.max(now_ms + SWEEP_PAUSE_MS)
        };
        sweep.due_ms = Some(next);
        self.sweep = sweep;
    }

    /// Lets the next step be due at once: a time to live has changed.
    pub(super) fn sweep_soon(&mut self) {
        self.sweep.due_ms = None;
    }

    /// Goes on in one table, or on to the next.
    fn sweep_table(&mut self, sweep: &mut Sweep) {
        let state = &mut self.states[sweep.state];
        let tables = self.key_groups.len() as u32;
        if state.descriptor.ttl.is_none() || sweep.table >= tables {
            (sweep.state, sweep.table) = (sweep.state + 1, 0);
            return;
        }
        let format = state.format(self.clock.now_ms());
        sweep.in_table.looked_at(1);
        state.sweep(sweep.table, &mut sweep.in_table, &format);
        self.account.shrink(std::mem::take(&mut sweep.in_table.freed) as u64);
        if sweep.in_table.is_done() {
            sweep.table += 1;
            (sweep.in_table.place, sweep.in_table.places) = (0, 0);
        }
    }

    /// Deletes all that has expired, however much that is: for when memory is needed.
    pub(super) fn delete_all_expired(&mut self) {
        let now_ms = self.clock.now_ms();
        for state in &mut self.states {
            if state.descriptor.ttl.is_none() {
                continue;
            }
            let format = state.format(now_ms);
            for table in 0..self.key_groups.len() as u32 {
                let mut sweep = TableSweep { left: usize::MAX, ..TableSweep::default() };
                state.sweep(table, &mut sweep, &format);
                self.account.shrink(sweep.freed as u64);
            }
        }
    }
}
