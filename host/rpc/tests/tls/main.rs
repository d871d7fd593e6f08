//! TLS between processes: what a process says of its own files, and links over it.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

mod certificates;
mod files;
mod links;
