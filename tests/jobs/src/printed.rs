//! What print sinks of a test cluster write, and a way to wait for it.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The output of print sinks; every clone is the same output.
#[derive(Clone, Debug, Default)]
pub(crate) struct Printed(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Printed {
    /// Everything since the last [`Printed::take`].
    pub(crate) fn text(&self) -> String {
        let bytes = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Everything since the last time, once there is something or the timeout is over.
    pub(crate) fn take(&self, timeout: Duration) -> String {
        let (bytes, written) = &*self.0;
        let locked = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = written.wait_timeout_while(locked, timeout, |found| found.is_empty());
        let (mut found, _) = waited.unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&std::mem::take(&mut *found)).into_owned()
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
