//! The epoch ticker: one thread per engine that makes every running guest look up regularly, so
//! that a cancel or a deadline interrupts any guest code, an endless loop too.

use std::time::Duration;

/// Distance of two ticks. A cancel or deadline is noticed within about one tick.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(10);

/// Starts the ticker. It ends by itself when the engine is gone.
///
/// # Errors
/// The operating system's, when no thread can be started.
pub(crate) fn start_ticker(engine: &wasmtime::Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("epoch-ticker".into()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH_TICK);
        }
    })?;
    Ok(())
}
