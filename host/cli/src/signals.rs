//! Ctrl-C and SIGTERM: the first is counted, for what runs to be ended in order; the second ends
//! the process.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

/// Exit code after Ctrl-C, as shells have it: 128 + SIGINT.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// Signals received by this process since it began to listen.
pub(crate) struct Signals {
    received: Arc<Received>,
}

#[derive(Default)]
struct Received {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Signals {
    /// Begins to listen, on a thread of its own.
    pub(crate) fn listen() -> io::Result<Signals> {
        Signals::listen_and(|| {})
    }

    /// The same, and does something at the first signal. It may block.
    pub(crate) fn listen_and(on_first: impl FnOnce() + Send + 'static) -> io::Result<Signals> {
        let received = Arc::new(Received::default());
        let counter = Arc::clone(&received);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (mut interrupts, mut terminations) = {
            let _entered = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let mut next = || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = interrupts.recv() => {}
                        _ = terminations.recv() => {}
                    }
                });
                counter.add();
            };
            next();
            on_first();
            next();
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        })?;
        Ok(Signals { received })
    }

    /// Whether one has been received.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.wait(Duration::ZERO)
    }

    /// Waits until one has been received, but not longer than this; whether one has.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let count = self.received.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.received.changed.wait_timeout_while(count, timeout, |count| *count == 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 > 0
    }
}

impl Received {
    /// Counts one more.
    fn add(&self) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        self.changed.notify_all();
    }
}
