//! How long tests wait for jobs: in time that this process had, not by the clock alone.
//!
//! Law: a process that was stopped, or whose machine was, has its patience still when it goes on.
//! Else every job that runs at that moment would seem to hang, in whatever state it is.

use std::time::Duration;

use sandbar_cluster::{JobClient, JobResult};

/// The longest wait at a time, and what a stop of any length counts for at most.
const SLICE: Duration = Duration::from_millis(100);

/// Waits in slices until there is something, or patience is over.
fn wait_in_slices<T>(patience: Duration, mut wait: impl FnMut(Duration) -> Option<T>) -> Option<T> {
    let slices = patience.as_nanos().div_ceil(SLICE.as_nanos());
    (0..slices).find_map(|_| wait(SLICE))
}

/// Waits for the end of a job.
///
/// # Errors
/// The patience is over; says what each task of the job does or waits for.
pub fn await_end(job: &JobClient, patience: Duration) -> Result<JobResult, String> {
    wait_in_slices(patience, |slice| job.wait_timeout(slice)).ok_or_else(|| {
        format!("it did not end within {patience:?} that this process had: {}", job.activity())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn time_in_which_the_process_was_stopped_uses_up_no_patience() {
        let (mut now, mut ran) = (Duration::ZERO, Duration::ZERO);
        let ended = wait_in_slices(2 * SECOND, |slice| {
            // It is stopped for an hour in the middle of a wait, and goes on afterwards.
            let stop = if ran == 5 * SLICE { HOUR } else { Duration::ZERO };
            ran += slice;
            now += slice + stop;
            (ran == SECOND).then_some(now)
        });
        assert_eq!(ended, Some(HOUR + SECOND));
    }

    #[test]
    fn patience_ends() {
        let mut waited = Duration::ZERO;
        let ended: Option<()> = wait_in_slices(SECOND, |slice| {
            waited += slice;
            None
        });
        assert_eq!((ended, waited), (None, SECOND));
    }
}
