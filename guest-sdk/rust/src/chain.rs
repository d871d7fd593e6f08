//! Fusion: the operators of an instance as typed pipes. A record goes from one operator to the next
//! by one virtual call, as a value: nothing is encoded or allocated between them.
//!
//! Law: when a record turns out bad, what it pushed so far leaves no trace in the outputs.

pub(crate) mod erased;
pub(crate) mod external;
pub(crate) mod head;
pub(crate) mod instance;
pub(crate) mod pipe;
pub(crate) mod wiring;

#[cfg(test)]
mod tests;
