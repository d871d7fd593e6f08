//! The newest lines of this process's log, kept in memory for REST.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are kept; the oldest go first.
const BYTES_MAX: usize = 1 << 20;

/// A writer that keeps what was written last. Clones share what they keep.
#[derive(Clone, Debug, Default)]
pub struct LogBuffer(Arc<Mutex<VecDeque<u8>>>);

impl LogBuffer {
    /// The lines that are kept, without one whose beginning is gone.
    pub fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        drop(kept);
        let cut = if bytes.len() < BYTES_MAX { 0 } else { first_line(&bytes) };
        String::from_utf8_lossy(&bytes[cut..]).into_owned()
    }
}

/// Where the first whole line begins.
fn first_line(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

impl io::Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let newest = &bytes[bytes.len().saturating_sub(BYTES_MAX)..];
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let excess = (kept.len() + newest.len()).saturating_sub(BYTES_MAX);
        kept.drain(..excess);
        kept.extend(newest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_was_written_last_is_kept_in_whole_lines() {
        let mut log = LogBuffer::default();
        assert_eq!(log.text(), "");
        log.write_all(b"first\nsecond\n").unwrap();
        assert_eq!(log.text(), "first\nsecond\n");
        let line = format!("{}\n", "x".repeat(999));
        for _ in 0..=BYTES_MAX / line.len() {
            log.write_all(line.as_bytes()).unwrap();
        }
        let text = log.text();
        assert!(text.len() <= BYTES_MAX && text.len() > BYTES_MAX - 2 * line.len());
        assert!(text.lines().all(|kept| kept.len() == 999));
    }

    #[test]
    fn a_write_larger_than_all_that_is_kept_leaves_its_end() {
        let mut log = LogBuffer::default();
        log.write_all(&vec![b'a'; BYTES_MAX]).unwrap();
        log.write_all(format!("{}\nend\n", "b".repeat(2 * BYTES_MAX)).as_bytes()).unwrap();
        assert_eq!(log.text(), "end\n");
    }
}
