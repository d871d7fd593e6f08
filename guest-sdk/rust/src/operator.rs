//! The operators: each wraps a function and owns the pipes behind it.

pub(crate) mod aggregate;
pub(crate) mod broadcast;
pub(crate) mod combine;
pub(crate) mod definition;
pub(crate) mod keyed;
pub(crate) mod local_aggregate;
pub(crate) mod partition;
pub(crate) mod process;
pub(crate) mod simple;
pub(crate) mod timestamps;
pub(crate) mod two_input;
