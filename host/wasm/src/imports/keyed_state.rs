//! wit/keyed-state.wit: batches of state access. Arguments stay in the guest's memory during the
//! call; answers are copied into it once.

use wasmtime::StoreContextMut;

use super::Functions;
use crate::abi::{
    DescriptorOut, FormatsOut, FoundIn, PackedIn, PackedOut, PageIn, StateKindOut, TtlUpdateOut,
    TtlVisibilityOut,
};
use crate::error::HostError;
use crate::host::{
    Found, Packed, PackedView, Page, ScanRange, StateDescriptor, StateFormats, StateKind,
    TimeToLive,
};
use crate::store::{Stop, StoreState};

type Store<'a> = StoreContextMut<'a, StoreState>;

pub(super) fn add(functions: &mut Functions<'_>) -> wasmtime::Result<()> {
    functions.func_wrap(
        "declare",
        |mut store: Store<'_>, (operator, descriptor): (u32, DescriptorOut)| {
            Ok((declare(store.data_mut(), operator, descriptor),))
        },
    )?;
    functions.func_wrap(
        "multi-get",
        |mut store: Store<'_>, (state, keys, user_keys): (u32, PackedOut, PackedOut)| {
            let mut host = store.data_mut().take_host();
            let mut found = Found::default();
            let result = columns("keyed-state.multi-get", &store, &keys, &user_keys)
                .and_then(|(keys, user_keys)| host.multi_get(state, keys, user_keys, &mut found));
            store.data_mut().return_host(host, std::time::Duration::ZERO);
            result.map_err(Stop::Host)?;
            Ok((FoundIn { present: found.present, values: packed_in(found.values) },))
        },
    )?;
    functions.func_wrap(
        "multi-put",
        |mut store: Store<'_>,
         (state, keys, user_keys, values): (u32, PackedOut, PackedOut, PackedOut)| {
            let mut host = store.data_mut().take_host();
            let result = columns("keyed-state.multi-put", &store, &keys, &user_keys).and_then(
                |(keys, user_keys)| {
                    let values = packed("keyed-state.multi-put", &store, &values)?;
                    if values.len() != keys.len() {
                        return Err(uneven("keyed-state.multi-put", "values", values, keys));
                    }
                    host.multi_put(state, keys, user_keys, values)
                },
            );
            store.data_mut().return_host(host, std::time::Duration::ZERO);
            Ok((result.map_err(Stop::Host)?,))
        },
    )?;
    functions.func_wrap(
        "multi-delete",
        |mut store: Store<'_>, (state, keys, user_keys): (u32, PackedOut, PackedOut)| {
            let mut host = store.data_mut().take_host();
            let result = columns("keyed-state.multi-delete", &store, &keys, &user_keys)
                .and_then(|(keys, user_keys)| host.multi_delete(state, keys, user_keys));
            store.data_mut().return_host(host, std::time::Duration::ZERO);
            result.map_err(|error| Stop::Host(error).into())
        },
    )?;
    functions.func_wrap(
        "touch",
        |mut store: Store<'_>, (state, keys, user_keys): (u32, PackedOut, PackedOut)| {
            let mut host = store.data_mut().take_host();
            let result = columns("keyed-state.touch", &store, &keys, &user_keys)
                .and_then(|(keys, user_keys)| host.touch(state, keys, user_keys));
            store.data_mut().return_host(host, std::time::Duration::ZERO);
            result.map_err(|error| Stop::Host(error).into())
        },
    )?;
    functions.func_wrap("scan", scan)?;
    functions.func_wrap("keys", keys)
}

fn declare(data: &mut StoreState, operator: u32, descriptor: DescriptorOut) -> Result<u32, String> {
    if data.states_declared >= data.limits.declarations_max {
        return Err(format!("more than {} states declared", data.limits.declarations_max));
    }
    data.states_declared += 1;
    let kind = match descriptor.kind {
        StateKindOut::Value => StateKind::Value,
        StateKindOut::List => StateKind::List,
        StateKindOut::Map => StateKind::Map,
        StateKindOut::Reducing => StateKind::Reducing,
        StateKindOut::Aggregating => StateKind::Aggregating,
    };
    let ttl = descriptor.ttl.map(|ttl| TimeToLive {
        ms: ttl.milliseconds,
        renewed_by_reads: match ttl.update {
            TtlUpdateOut::OnCreateAndWrite => false,
            TtlUpdateOut::OnReadAndWrite => true,
        },
        returns_expired: match ttl.visibility {
            TtlVisibilityOut::NeverReturnExpired => false,
            TtlVisibilityOut::ReturnExpiredIfNotCleanedUp => true,
        },
    });
    let FormatsOut { key, user_key, value } = descriptor.formats;
    let formats = StateFormats { key, user_key, value };
    let state = StateDescriptor { name: descriptor.name, kind, ttl, formats };
    data.host().declare_state(operator, state)
}

type ScanArguments = (u32, Vec<u8>, Vec<u8>, Option<Vec<u8>>, u32);

fn scan(
    mut store: Store<'_>,
    (state, key, prefix, after, limit): ScanArguments,
) -> wasmtime::Result<(PageIn,)> {
    let mut page = Page::default();
    let range = ScanRange { prefix: &prefix, after: after.as_deref(), limit };
    store.data_mut().host().scan(state, &key, range, &mut page).map_err(Stop::Host)?;
    Ok((PageIn { user_keys: packed_in(page.user_keys), values: packed_in(page.values) },))
}

type KeysArguments = (u32, Option<Vec<u8>>, u32);

fn keys(
    mut store: Store<'_>,
    (state, after, limit): KeysArguments,
) -> wasmtime::Result<(PackedIn,)> {
    let mut keys = Packed::default();
    let host = store.data_mut().host();
    host.keys(state, after.as_deref(), limit, &mut keys).map_err(Stop::Host)?;
    Ok((packed_in(keys),))
}

fn packed_in(packed: Packed) -> PackedIn {
    PackedIn { ends: packed.ends, bytes: packed.bytes }
}

fn packed<'a>(
    function: &'static str,
    store: &'a Store<'_>,
    packed: &PackedOut,
) -> Result<PackedView<'a>, HostError> {
    let view =
        PackedView { ends: packed.ends.as_le_slice(store), bytes: packed.bytes.as_le_slice(store) };
    if view.is_valid() {
        return Ok(view);
    }
    let reason = "ends decrease or do not fit the bytes".to_owned();
    Err(HostError::InvalidColumns { function, reason })
}

fn columns<'a>(
    function: &'static str,
    store: &'a Store<'_>,
    keys: &PackedOut,
    user_keys: &PackedOut,
) -> Result<(PackedView<'a>, PackedView<'a>), HostError> {
    let keys = packed(function, store, keys)?;
    let user_keys = packed(function, store, user_keys)?;
    if !user_keys.is_empty() && user_keys.len() != keys.len() {
        return Err(uneven(function, "user-keys", user_keys, keys));
    }
    Ok((keys, user_keys))
}

fn uneven(
    function: &'static str,
    column: &str,
    found: PackedView<'_>,
    keys: PackedView<'_>,
) -> HostError {
    let reason = format!("{} {column} for {} keys", found.len(), keys.len());
    HostError::InvalidColumns { function, reason }
}
