//! The process that started this one, known by the other end of standard input: whichever way it
//! ends, the end of the pipe is heard of here.

use std::io;

/// Does something once standard input has ended. What comes before is ignored.
///
/// # Errors
/// No thread can be started.
pub(crate) fn on_end(action: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("parent".to_owned()).spawn(move || {
        // One that cannot be read has ended too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        action();
    })?;
    Ok(())
}
