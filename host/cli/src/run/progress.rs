//! The progress of a job: one line that is rewritten on a terminal, and a line now and then where
//! there is none.

use std::time::Duration;

use sandbar_cluster::JobSnapshot;

/// How often a line is written where there is no terminal.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Width that a line is cut to, so that it never wraps on an ordinary terminal.
const COLUMNS_MAX: usize = 118;

/// Shows progress on standard error.
pub(crate) struct Progress {
    terminal: bool,
    shown: bool,
    last_at: Duration,
    last_records: Vec<u64>,
}

impl Progress {
    pub(crate) fn new(terminal: bool) -> Progress {
        Progress { terminal, shown: false, last_at: Duration::ZERO, last_records: Vec::new() }
    }

    /// Shows where the job is, `elapsed` after its start.
    pub(crate) fn show(&mut self, elapsed: Duration, snapshot: &JobSnapshot) {
        let since = elapsed.saturating_sub(self.last_at);
        if !self.terminal && since < PLAIN_INTERVAL {
            return;
        }
        let vertices = snapshot.vertices.iter().enumerate().map(|(index, vertex)| {
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
        let line = format!(
            "{} {:.1}s | {}",
            snapshot.status,
            elapsed.as_secs_f64(),
            vertices.collect::<Vec<_>>().join(" | ")
        );
        let line: String = line.chars().take(COLUMNS_MAX).collect();
        match self.terminal {
            true => eprint!("\r\x1b[2K{line}"),
            false => eprintln!("{line}"),
        }
        self.shown = true;
        self.last_at = elapsed;
        self.last_records = snapshot.vertices.iter().map(|vertex| vertex.records_in).collect();
    }

    /// Removes the line, so that what follows starts on a clean one.
    pub(crate) fn clear(&mut self) {
        if self.terminal && self.shown {
            eprint!("\r\x1b[2K");
            self.shown = false;
        }
    }
}

/// The first operator of a long chain stands for it.
fn short(name: &str) -> &str {
    name.split(" -> ").next().unwrap_or(name)
}

/// A number for people: 1234567 as 1.2M.
pub(crate) fn count(number: f64) -> String {
    match number {
        n if n >= 1e9 => format!("{:.1}G", n / 1e9),
        n if n >= 1e6 => format!("{:.1}M", n / 1e6),
        n if n >= 1e4 => format!("{:.1}k", n / 1e3),
        n => format!("{n:.0}"),
    }
}
