//! Ctrl-C and SIGTERM: the first is counted, for the job to be cancelled; the second ends the
//! process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// Signals received by this process since it began to listen.
pub(crate) struct Signals {
    received: Arc<AtomicUsize>,
}

impl Signals {
    /// Begins to listen, on a thread of its own.
    pub(crate) fn listen() -> io::Result<Signals> {
        Signals::listen_and(|| {})
    }

    /// The same, and does something at the first signal. It may block.
    pub(crate) fn listen_and(on_first: impl FnOnce() + Send + 'static) -> io::Result<Signals> {
        let received = Arc::new(AtomicUsize::new(0));
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
                counter.fetch_add(1, Ordering::SeqCst);
            };
            next();
            on_first();
            next();
            std::process::exit(i32::from(super::EXIT_INTERRUPTED));
        })?;
        Ok(Signals { received })
    }

    /// How many have been received.
    pub(crate) fn received(&self) -> usize {
        self.received.load(Ordering::SeqCst)
    }
}
