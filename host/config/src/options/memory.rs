//! Slots, memory and network buffers of a TaskManager.

use std::num::NonZeroU32;

use crate::option::options;
use crate::value::MemorySize;

options! {
    /// Number of task slots of a TaskManager: how many subtasks of one vertex it can run.
    TASK_SLOTS: NonZeroU32 = "taskmanager.numberOfTaskSlots", default "1";

    /// Size of a network buffer, and so about the largest batch between two tasks.
    MEMORY_SEGMENT_SIZE: MemorySize = "taskmanager.memory.segment-size", default "32 kb";

    /// Network buffers that belong to each channel: its credit when no other is lent.
    NETWORK_BUFFERS_PER_CHANNEL: NonZeroU32 =
        "taskmanager.network.memory.buffers-per-channel", default "2";

    /// Network buffers of a gate that are lent to the channels that have most to send.
    NETWORK_FLOATING_BUFFERS_PER_GATE: u32 =
        "taskmanager.network.memory.floating-buffers-per-gate", default "8";

    /// Memory for keyed state and timers, shared evenly by the slots.
    MANAGED_MEMORY_SIZE: MemorySize = "taskmanager.memory.managed.size", default "128 mb";

    /// Memory that guests may grow their linear memories to, shared evenly by the slots: that of
    /// all instances of a slot together.
    GUEST_MEMORY_SIZE: MemorySize = "taskmanager.memory.guest.size", default "4 gb";

    /// Memory of a whole TaskManager process.
    TASKMANAGER_PROCESS_SIZE: Option<MemorySize> = "taskmanager.memory.process.size"
        => not_yet_in_effect;

    /// Memory of a whole JobManager process.
    JOBMANAGER_PROCESS_SIZE: Option<MemorySize> = "jobmanager.memory.process.size"
        => not_yet_in_effect;
}
