//! Links over gRPC: one call of one method, `/sandbar.rpc.JobManager/Connect`, a stream of
//! messages each way for as long as the link lives. What breaks the connection ends the call, so
//! both ends hear of it at once; a peer that hangs is found by heartbeats.
//!
//! Messages are MessagePack of the enums in [`crate::message`], which describe themselves: the job
//! graph holds JSON, which formats without types cannot carry.
//!
//! With TLS both ends show a certificate before the call; see [`crate::tls`].

mod client;
mod codec;
mod server;
mod tls_connector;
mod tls_incoming;

pub use client::{ClientLink, ConnectError, connect};
pub use codec::{NESTING_MAX, decode, encode};
pub use server::{ServerHandle, serve};

/// Path of the one method.
const PATH: &str = "/sandbar.rpc.JobManager/Connect";
/// Bytes of a message at most: a plugin of the largest size, and room.
pub const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// Messages that wait to be sent on a link; a TaskManager that falls further behind is given up.
const OUTGOING_MAX: usize = 4096;
