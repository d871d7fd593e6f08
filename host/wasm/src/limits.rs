//! Limits of one guest instance, each with its default and unit, and the limiter that holds a
//! guest to those wasmtime can see.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::guest_memory::GuestMemory;

/// What one instance may use. Every field is a hard bound.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Linear memory of all memories together, in bytes. Default 256 MiB.
    pub memory_bytes_max: usize,
    /// What the memories of all instances in the slot are paid from. Default: unbounded.
    pub slot_memory: GuestMemory,
    /// Elements of each table. Default 20,000.
    pub table_elements_max: usize,
    /// Core instances that one component may hold. Default 64.
    pub instances_max: usize,
    /// Bytes that the host allocates for the arguments of one call from the guest. Default 64 MiB.
    pub host_call_bytes_max: usize,
    /// Bytes of all columns of one emitted batch. Default 16 MiB.
    pub batch_bytes_max: usize,
    /// Log volume in bytes per second, with a burst of one second's worth. Default 64 KiB.
    pub log_bytes_per_second: usize,
    /// Length of one log line in bytes; longer ones are cut. Default 8 KiB.
    pub log_line_bytes_max: usize,
    /// Metrics and states that one instance may declare, each. Default 256.
    pub declarations_max: usize,
    /// Guest time of one call; waiting in the host does not count. Default 30 s.
    pub call_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory_bytes_max: 256 << 20,
            slot_memory: GuestMemory::unbounded(),
            table_elements_max: 20_000,
            instances_max: 64,
            host_call_bytes_max: 64 << 20,
            batch_bytes_max: 16 << 20,
            log_bytes_per_second: 64 << 10,
            log_line_bytes_max: 8 << 10,
            declarations_max: 256,
            call_deadline: Duration::from_secs(30),
        }
    }
}

/// Default of [`crate::EngineOptions::stack_bytes_max`]: 512 KiB.
pub const STACK_BYTES_MAX_DEFAULT: usize = 512 << 10;
/// Default of [`crate::EngineOptions::plugin_bytes_max`]: 64 MiB.
pub const PLUGIN_BYTES_MAX_DEFAULT: usize = 64 << 20;

/// Sums the memories of a store and refuses growth beyond the limits. A refusal is a value the
/// guest sees (`memory.grow` returns -1); that it happened is remembered for the error message.
#[derive(Debug)]
pub(crate) struct GuestLimiter {
    memory_bytes_max: usize,
    table_elements_max: usize,
    instances_max: usize,
    /// Invariant: taken from `slot_memory`.
    memory_bytes: usize,
    slot_memory: GuestMemory,
    /// Bytes of the last growth, until it is known to have failed.
    granted: usize,
    pub(crate) memory_refused: Option<MemoryRefusal>,
}

/// Which limit a guest's memory has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryRefusal {
    /// That of the instance.
    Instance,
    /// That of all instances in its slot.
    Slot,
}

impl GuestLimiter {
    pub(crate) fn new(limits: &Limits) -> GuestLimiter {
        GuestLimiter {
            memory_bytes_max: limits.memory_bytes_max,
            table_elements_max: limits.table_elements_max,
            instances_max: limits.instances_max,
            memory_bytes: 0,
            slot_memory: limits.slot_memory.clone(),
            granted: 0,
            memory_refused: None,
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

impl Drop for GuestLimiter {
    fn drop(&mut self) {
        self.slot_memory.give_back(self.memory_bytes);
    }
}

impl ResourceLimiter for GuestLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory_bytes.saturating_sub(current).saturating_add(desired);
        let more = total.saturating_sub(self.memory_bytes);
        self.granted = 0;
        if total > self.memory_bytes_max {
            self.memory_refused = Some(MemoryRefusal::Instance);
        } else if !self.slot_memory.try_take(more) {
            self.memory_refused = Some(MemoryRefusal::Slot);
        } else {
            self.memory_bytes = total;
            self.granted = more;
            return Ok(true);
        }
        Ok(false)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // Granted here, then refused by the memory's own maximum or by the system.
        let granted = std::mem::take(&mut self.granted);
        self.memory_bytes -= granted;
        self.slot_memory.give_back(granted);
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= self.table_elements_max)
    }

    fn instances(&self) -> usize {
        self.instances_max
    }
}
