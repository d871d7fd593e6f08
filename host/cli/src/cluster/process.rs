//! Processes that were started by an earlier command: whether they live, and how they are ended.
//!
//! Law: no process gets a signal but the one that was started. A pid is used again some day, so a
//! process is its pid together with the time at which the kernel started it.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// How often processes are looked at that are to end.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How long a process may take to end once it is told to with SIGTERM.
const TERM_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the kernel may take to end a process after SIGKILL.
const KILL_TIME_MAX: Duration = Duration::from_secs(5);

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessIdentity {
    pub(super) pid: u32,
    /// When it was started, in the kernel's clock ticks since boot.
    started: u64,
}

impl ProcessIdentity {
    /// The process that has this pid.
    ///
    /// # Errors
    /// There is none, or the system has no /proc.
    pub(super) fn of(pid: u32) -> io::Result<ProcessIdentity> {
        let stat = read_stat(pid)?;
        Ok(ProcessIdentity { pid, started: stat.started })
    }

    /// Whether it runs. One that has ended and whose parent has not asked how does not.
    pub(super) fn is_alive(&self) -> bool {
        let is_same = |stat: &Stat| stat.started == self.started && !stat.is_zombie;
        read_stat(self.pid).is_ok_and(|stat| is_same(&stat))
    }

    /// Sends a signal to it, if it lives.
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| self.is_alive()) {
            // Who has ended meanwhile, or is somebody else's, is seen by the look that follows.
            let _ = kill_process(pid, signal);
        }
    }
}

/// Waits until none of these lives, but not longer than this; whether none does.
pub(super) fn await_end(processes: &[ProcessIdentity], timeout: Duration) -> bool {
    let deadline = Instant::now() + timeout;
    while processes.iter().any(ProcessIdentity::is_alive) {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    true
}

/// Ends processes, with SIGTERM and, where that is not enough, with SIGKILL; whether they ended.
pub(super) fn end(processes: &[ProcessIdentity]) -> bool {
    processes.iter().for_each(|process| process.signal(Signal::TERM));
    // One that is stopped hears of it only when it goes on.
    processes.iter().for_each(|process| process.signal(Signal::CONT));
    if await_end(processes, TERM_TIME_MAX) {
        return true;
    }
    processes.iter().for_each(|process| process.signal(Signal::KILL));
    await_end(processes, KILL_TIME_MAX)
}

/// What the kernel says of a process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    is_zombie: bool,
    started: u64,
}

fn read_stat(pid: u32) -> io::Result<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat: {text}"));
    parse_stat(&text).ok_or_else(wrong)
}

/// Reads a line of `/proc/<pid>/stat`. The name, in parentheses, may hold anything, so the fields
/// are counted from the last parenthesis on. Source: proc_pid_stat(5), fields 3 and 22.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some(Stat { is_zombie: matches!(state, "Z" | "X"), started })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn names_with_parentheses_are_passed_over() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        let stat = parse_stat(&format!("42 (a) b (c)) {rest}"));
        assert_eq!(stat, Some(Stat { is_zombie: false, started: 4711 }));
        assert_eq!(parse_stat("42 (a) Z 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn a_process_is_ended_and_known_to_be() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let identity = ProcessIdentity::of(child.id()).unwrap();
        assert!(identity.is_alive());
        assert!(end(&[identity]));
        assert!(!identity.is_alive());
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_is_stopped_is_ended_without_waiting_for_sigkill() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let identity = ProcessIdentity::of(child.id()).unwrap();
        identity.signal(Signal::STOP);
        let started = Instant::now();
        assert!(end(&[identity]));
        assert!(started.elapsed() < TERM_TIME_MAX);
        child.wait().unwrap();
    }

    #[test]
    fn another_process_with_the_pid_is_left_alone() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let identity = ProcessIdentity::of(child.id()).unwrap();
        let earlier = ProcessIdentity { started: identity.started - 1, ..identity };
        assert!(!earlier.is_alive());
        assert!(end(&[earlier]));
        assert!(identity.is_alive());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
