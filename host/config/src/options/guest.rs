//! What user code in a sandbox may use up, and how plugins are loaded.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::option::options;
use crate::value::MemorySize;

options! {
    /// Linear memory of one instance of a plugin; growing beyond it fails in the guest.
    GUEST_MEMORY_MAX: MemorySize = "sandbar.guest.memory.max", default "256 mb";

    /// Table elements (function references) of one instance.
    GUEST_TABLE_ELEMENTS_MAX: u32 = "sandbar.guest.table-elements.max", default "20000";

    /// Stack of a call into a guest; a deeper recursion is a trap.
    GUEST_STACK_MAX: MemorySize = "sandbar.guest.stack.max", default "512 kb";

    /// How long a guest may work in one call; a longer one is interrupted and fails its task. What
    /// the host does for the guest meanwhile, such as waiting for room downstream, does not count.
    GUEST_CALL_DEADLINE: Duration = "sandbar.guest.call.deadline", default "30 s";

    /// Bytes of a batch that a guest may emit at once.
    GUEST_BATCH_BYTES_MAX: MemorySize = "sandbar.guest.batch.bytes.max", default "16 mb";

    /// Bytes that a guest may hand over in one call of a host function.
    GUEST_HOSTCALL_BYTES_MAX: MemorySize = "sandbar.guest.hostcall.bytes.max", default "64 mb";

    /// Bytes of log lines a second of one instance; what exceeds them is dropped and counted.
    GUEST_LOG_BYTES_PER_SECOND: MemorySize = "sandbar.guest.log.bytes-per-second",
        default "64 kb";

    /// What guests may reach beyond the contract, with commas between: `clocks`, `random`.
    GUEST_CAPABILITIES: Option<String> = "sandbar.capabilities";

    /// Whether guests' functions are written to perf-PID.map in the temporary folder, so that
    /// Linux `perf` finds their names.
    GUEST_PERF_MAP: bool = "sandbar.guest.perf-map", default "false";

    /// Size of a plugin file.
    PLUGIN_BYTES_MAX: MemorySize = "sandbar.plugin.bytes.max", default "64 mb";

    /// Folder of compiled plugins; when it is not set, the user's cache directory.
    PLUGIN_CACHE_DIR: Option<String> = "sandbar.plugin.cache.dir";

    /// Keys that an operator keeps decoded in the guest, in front of its keyed state.
    STATE_CACHE_ENTRIES: NonZeroU32 = "sandbar.state.cache.entries", default "1048576";

    /// Linear memory of an instance above which the keys that an operator keeps decoded make room
    /// for each other. Well below `sandbar.guest.memory.max`: what is kept of a key may grow. When
    /// it is not set, 128 mb or the managed memory of the slot, whichever is less.
    STATE_CACHE_MEMORY: Option<MemorySize> = "sandbar.state.cache.memory";
}
