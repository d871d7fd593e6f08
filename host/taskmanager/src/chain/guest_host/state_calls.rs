//! State and timer calls between the sandbox's columns and the state backend's.

use sandbar_state::{
    KeysRange, Packed, PackedMut, StateBackend, StateError, StateId, StateKind, StateTtl,
    TtlUpdateType, TtlVisibility,
};
use sandbar_wasm::{
    Found, HostError, PackedView, Page, ScanRange, StateDescriptor, StateFormats, TimeDomain,
    TimerColumns, TimerView,
};

/// Bytes in a page of a scan or of keys, unless one entry alone is larger.
const PAGE_BYTES_MAX: usize = 1 << 20;

const NOT_KEYED: &str = "keyed state needs a keyed input: put a key in front of the operator";

pub(super) fn declare(
    keyed_state: Option<&mut impl StateBackend>,
    operator: String,
    state: StateDescriptor,
) -> Result<u32, String> {
    let Some(keyed_state) = keyed_state else {
        return Err(NOT_KEYED.to_owned());
    };
    let kind = match state.kind {
        sandbar_wasm::StateKind::Value => StateKind::Value,
        sandbar_wasm::StateKind::List => StateKind::List,
        sandbar_wasm::StateKind::Map => StateKind::Map,
        sandbar_wasm::StateKind::Reducing => StateKind::Reducing,
        sandbar_wasm::StateKind::Aggregating => StateKind::Aggregating,
    };
    let ttl = state.ttl.map(|ttl| StateTtl {
        ms: ttl.ms,
        update: match ttl.renewed_by_reads {
            false => TtlUpdateType::OnCreateAndWrite,
            true => TtlUpdateType::OnReadAndWrite,
        },
        visibility: match ttl.returns_expired {
            false => TtlVisibility::NeverReturnExpired,
            true => TtlVisibility::ReturnExpiredIfNotCleanedUp,
        },
    });
    let StateFormats { key, user_key, value } = state.formats;
    let formats = sandbar_state::StateFormats { key, user_key, value };
    let descriptor =
        sandbar_state::StateDescriptor { operator, name: state.name, kind, ttl, formats };
    keyed_state.declare(descriptor).map(|id| id.0).map_err(|error| error.to_string())
}

pub(super) fn multi_get(
    keyed_state: Option<&mut impl StateBackend>,
    state: u32,
    keys: PackedView<'_>,
    user_keys: PackedView<'_>,
    found: &mut Found,
) -> Result<(), HostError> {
    let values = PackedMut { ends: &mut found.values.ends, bytes: &mut found.values.bytes };
    keyed(keyed_state)?
        .multi_get(StateId(state), packed(keys), packed(user_keys), &mut found.present, values)
        .map_err(failed)
}

/// What a guest can do something about, a full budget, is told to it; the rest ends its call.
pub(super) fn multi_put(
    keyed_state: Option<&mut impl StateBackend>,
    state: u32,
    keys: PackedView<'_>,
    user_keys: PackedView<'_>,
    values: PackedView<'_>,
) -> Result<Result<(), String>, HostError> {
    let written = keyed(keyed_state)?.multi_put(
        StateId(state),
        packed(keys),
        packed(user_keys),
        packed(values),
    );
    match written {
        Ok(()) => Ok(Ok(())),
        Err(error @ (StateError::BudgetExceeded { .. } | StateError::EntryTooLarge { .. })) => {
            Ok(Err(error.to_string()))
        }
        Err(error) => Err(failed(error)),
    }
}

pub(super) fn multi_delete(
    keyed_state: Option<&mut impl StateBackend>,
    state: u32,
    keys: PackedView<'_>,
    user_keys: PackedView<'_>,
) -> Result<(), HostError> {
    keyed(keyed_state)?
        .multi_delete(StateId(state), packed(keys), packed(user_keys))
        .map_err(failed)
}

pub(super) fn touch(
    keyed_state: Option<&mut impl StateBackend>,
    state: u32,
    keys: PackedView<'_>,
    user_keys: PackedView<'_>,
) -> Result<(), HostError> {
    keyed(keyed_state)?.touch(StateId(state), packed(keys), packed(user_keys)).map_err(failed)
}

pub(super) fn scan(
    keyed_state: Option<&mut impl StateBackend>,
    state: u32,
    key: &[u8],
    range: ScanRange<'_>,
    page: &mut Page,
) -> Result<(), HostError> {
    let range = sandbar_state::ScanRange {
        prefix: range.prefix,
        after: range.after,
        limit: range.limit,
        page_bytes: PAGE_BYTES_MAX,
    };
    let user_keys = PackedMut { ends: &mut page.user_keys.ends, bytes: &mut page.user_keys.bytes };
    let values = PackedMut { ends: &mut page.values.ends, bytes: &mut page.values.bytes };
    keyed(keyed_state)?.scan(StateId(state), key, range, user_keys, values).map_err(failed)
}

pub(super) fn keys(
    keyed_state: Option<&mut impl StateBackend>,
    state: u32,
    after: Option<&[u8]>,
    limit: u32,
    listed: &mut sandbar_wasm::Packed,
) -> Result<(), HostError> {
    let range = KeysRange { after, limit, page_bytes: PAGE_BYTES_MAX };
    let page = PackedMut { ends: &mut listed.ends, bytes: &mut listed.bytes };
    keyed(keyed_state)?.keys(StateId(state), range, page).map_err(failed)
}

pub(super) fn domain(domain: TimeDomain) -> sandbar_state::TimeDomain {
    match domain {
        TimeDomain::EventTime => sandbar_state::TimeDomain::EventTime,
        TimeDomain::ProcessingTime => sandbar_state::TimeDomain::ProcessingTime,
    }
}

pub(super) fn timer_view(timers: TimerView<'_>) -> sandbar_state::TimerView<'_> {
    sandbar_state::TimerView {
        timestamps: timers.timestamps,
        keys: packed(timers.keys),
        namespaces: packed(timers.namespaces),
    }
}

pub(super) fn columns(timers: sandbar_state::TimerColumns) -> TimerColumns {
    let packed = |buffer: sandbar_state::PackedBuffer| sandbar_wasm::Packed {
        ends: buffer.ends,
        bytes: buffer.bytes,
    };
    TimerColumns {
        timestamps: timers.timestamps,
        keys: packed(timers.keys),
        namespaces: packed(timers.namespaces),
    }
}

fn packed(view: PackedView<'_>) -> Packed<'_> {
    Packed { ends: view.ends, bytes: view.bytes }
}

fn keyed<B: StateBackend>(keyed_state: Option<&mut B>) -> Result<&mut B, HostError> {
    keyed_state.ok_or_else(|| HostError::Failed(NOT_KEYED.to_owned()))
}

fn failed(error: StateError) -> HostError {
    HostError::Failed(error.to_string())
}
