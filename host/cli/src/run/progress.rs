//! The progress of a job: one line that is rewritten on a terminal, and a line now and then where
//! there is none.

use std::time::Duration;

use super::shown_job::ShownJob;
use crate::output;

/// How often a line is written where there is no terminal.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Width that a line is cut to, so that it never wraps on an ordinary terminal.
const COLUMNS_MAX: usize = 118;

/// Shows progress on standard error.
pub(super) struct Progress {
    terminal: bool,
    shown: bool,
    last_at: Duration,
    last_records: Vec<u64>,
    last_waiting_for: Option<String>,
}

impl Progress {
    pub(super) fn new(terminal: bool) -> Progress {
        Progress {
            terminal,
            shown: false,
            last_at: Duration::ZERO,
            last_records: Vec::new(),
            last_waiting_for: None,
        }
    }

    /// Shows where the job is, `elapsed` after its start.
    pub(super) fn show(&mut self, elapsed: Duration, job: &ShownJob) {
        let since = elapsed.saturating_sub(self.last_at);
        // Why a job waits is told at once: somebody has to do something.
        let is_news = job.waiting_for.is_some() && job.waiting_for != self.last_waiting_for;
        if !self.terminal && since < PLAIN_INTERVAL && !is_news {
            return;
        }
        let line = self.line(elapsed, since, job);
        match self.terminal {
            true => output::replace_line(&line),
            false => output::say(line),
        }
        self.shown = true;
        self.last_at = elapsed;
        self.last_records = job.vertices.iter().map(|vertex| vertex.records_in).collect();
        self.last_waiting_for.clone_from(&job.waiting_for);
    }

    fn line(&self, elapsed: Duration, since: Duration, job: &ShownJob) -> String {
        let vertices = job.vertices.iter().enumerate().map(|(index, vertex)| {
            let before = self.last_records.get(index).copied().unwrap_or(0);
            let gained = vertex.records_in.saturating_sub(before);
            let rate = gained as f64 / since.as_secs_f64().max(1e-3);
            format!(
                "{}: {} in {} out {}/s",
                short(&vertex.name),
                count(vertex.records_in as f64),
                count(vertex.records_out as f64),
                count(rate)
            )
        });
        let parts: Vec<String> = job.waiting_for.iter().cloned().chain(vertices).collect();
        let line = format!("{} {:.1}s | {}", job.status, elapsed.as_secs_f64(), parts.join(" | "));
        line.chars().take(COLUMNS_MAX).collect()
    }

    /// Removes the line, so that what follows starts on a clean one.
    pub(super) fn clear(&mut self) {
        if self.terminal && self.shown {
            output::replace_line("");
            self.shown = false;
        }
    }
}

/// The first operator of a long chain stands for it.
fn short(name: &str) -> &str {
    name.split(" -> ").next().unwrap_or(name)
}

/// A number for people: 1234567 as 1.2M.
pub(super) fn count(number: f64) -> String {
    match number {
        n if n >= 1e9 => format!("{:.1}G", n / 1e9),
        n if n >= 1e6 => format!("{:.1}M", n / 1e6),
        n if n >= 1e4 => format!("{:.1}k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use sandbar_model::status::JobStatus;

    use super::*;

    #[test]
    fn a_line_says_first_why_a_job_waits() {
        let waiting_for = Some("needs 8 slots, has 4".to_owned());
        let job = ShownJob { status: JobStatus::Running, waiting_for, vertices: Vec::new() };
        let elapsed = Duration::from_millis(1_500);
        let line = Progress::new(false).line(elapsed, elapsed, &job);
        assert_eq!(line, "RUNNING 1.5s | needs 8 slots, has 4");
    }

    #[test]
    fn numbers_are_short() {
        for (number, expected) in [(9_999.0, "9999"), (12_345.0, "12.3k"), (2.5e9, "2.5G")] {
            assert_eq!(count(number), expected);
        }
    }
}
