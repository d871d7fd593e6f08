//! From wasmtime's error to a fault: who stopped the guest, and why.

use wasmtime::{Store, Trap, WasmBacktrace};

use crate::error::{GuestFault, HostError};
use crate::limits::MemoryRefusal;
use crate::store::{Stop, StoreState};

/// Frames of a backtrace that are kept.
const FRAMES_MAX: usize = 20;

const STACK_EXHAUSTED: &str = "call stack exhausted (sandbar.guest.stack.max)";

/// wasmtime has no type for this error.
const HOST_CALL_BUDGET_MESSAGE: &str = "fuel allocated for hostcalls has been exhausted";

pub(super) fn classify(store: &Store<StoreState>, error: &wasmtime::Error) -> GuestFault {
    let state = store.data();
    match error.downcast_ref::<Stop>() {
        Some(Stop::Canceled) => return GuestFault::Canceled,
        Some(Stop::Host(HostError::Canceled)) => return GuestFault::Canceled,
        Some(Stop::Host(failed)) => return GuestFault::Host(failed.clone()),
        Some(Stop::Deadline) => {
            let limit = state.limits.call_deadline;
            return GuestFault::Deadline { limit, backtrace: frames(error) };
        }
        None => {}
    }
    if let Some(refusal) = state.limiter.memory_refused {
        let limit_bytes = match refusal {
            MemoryRefusal::Instance => state.limits.memory_bytes_max,
            MemoryRefusal::Slot => state.limits.slot_memory.budget_bytes(),
        };
        return GuestFault::MemoryLimit { refusal, limit_bytes, backtrace: frames(error) };
    }
    let backtrace = frames(error);
    let reason = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => STACK_EXHAUSTED.to_owned(),
        Some(Trap::MemoryOutOfBounds) if is_recursion(&backtrace) => STACK_EXHAUSTED.to_owned(),
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    if reason.contains(HOST_CALL_BUDGET_MESSAGE) {
        let bytes = state.limits.host_call_bytes_max;
        let message = format!(
            "passed more than {bytes} bytes in one call of the host \
             (sandbar.guest.hostcall.bytes.max)"
        );
        return GuestFault::Host(HostError::Failed(message));
    }
    GuestFault::Trap { reason, said: state.last_error_line.clone(), backtrace }
}

/// Many languages keep part of their stack in linear memory, below everything else, so that deep
/// recursion shows as an access out of bounds with the same function on frame after frame.
fn is_recursion(backtrace: &[String]) -> bool {
    let again = |frame: &String| backtrace.iter().filter(|other| *other == frame).count();
    backtrace.len() == FRAMES_MAX && backtrace.iter().map(again).max() >= Some(FRAMES_MAX / 4)
}

fn frames(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let name = |frame: &wasmtime::FrameInfo| {
        let raw = frame.func_name().unwrap_or("<unknown function>");
        format!("{:#}", rustc_demangle::demangle(raw))
    };
    backtrace.frames().iter().take(FRAMES_MAX).map(name).collect()
}
