//! State of one subtask: keyed state, timers and operator state, in memory, with their snapshots.
//!
//! Law: one owner, the task's thread (`&mut self`, no locks); every byte is paid from the slot's
//! managed memory; whatever comes from a guest or a snapshot is checked and never makes a panic.
//! Must not know Wasm, tasks or where snapshots are stored.

pub mod backend;
pub mod error;
pub mod key_groups;
pub mod keyed_state;
pub mod managed_memory;
pub mod operator_state;
pub mod packed;
pub mod snapshot;
pub mod timers;

pub use backend::StateBackend;
pub use error::StateError;
pub use key_groups::KeyGroups;
pub use keyed_state::elements;
pub use keyed_state::{
    KeyedState, KeysRange, ScanRange, StateDescriptor, StateFormats, StateId, StateKind, StateTtl,
    StateUsage, TtlUpdateType, TtlVisibility,
};
pub use managed_memory::ManagedMemory;
pub use operator_state::{OperatorState, OperatorStateSnapshot, Redistribution, redistribute};
pub use packed::{Packed, PackedBuffer, PackedMut};
pub use snapshot::SnapshotError;
pub use timers::{DueTimers, TimeDomain, TimerColumns, TimerOwner, TimerView, Timers};
