//! wit/timers.wit: timers in columns.

use wasmtime::StoreContextMut;

use super::Functions;
use crate::abi::{TimeDomainBoth, TimersOut};
use crate::error::HostError;
use crate::host::{PackedView, TimeDomain, TimerView};
use crate::store::{Stop, StoreState};

type Store<'a> = StoreContextMut<'a, StoreState>;
type Arguments = (u32, TimeDomainBoth, TimersOut);

pub(super) fn add(functions: &mut Functions<'_>) -> wasmtime::Result<()> {
    functions.func_wrap(
        "register",
        |mut store: Store<'_>, (operator, at, timers): Arguments| {
            let mut host = store.data_mut().take_host();
            let result = columns("timers.register", &store, &timers)
                .map(|timers| host.register_timers(operator, domain(at), timers));
            store.data_mut().return_host(host, std::time::Duration::ZERO);
            Ok((result.map_err(Stop::Host)?,))
        },
    )?;
    functions.func_wrap("delete", |mut store: Store<'_>, (operator, at, timers): Arguments| {
        let mut host = store.data_mut().take_host();
        let result = columns("timers.delete", &store, &timers)
            .map(|timers| host.delete_timers(operator, domain(at), timers));
        store.data_mut().return_host(host, std::time::Duration::ZERO);
        result.map_err(|error| Stop::Host(error).into())
    })?;
    functions.func_wrap("wake-at", |mut store: Store<'_>, (timestamp,): (i64,)| {
        store.data_mut().host().wake_at(timestamp);
        Ok(())
    })?;
    functions.func_wrap("cached", |mut store: Store<'_>, (first,): (Option<i64>,)| {
        store.data_mut().host().cached_timers(first);
        Ok(())
    })?;
    functions.func_wrap("current-watermark", |mut store: Store<'_>, ()| {
        Ok((store.data_mut().host().current_watermark(),))
    })
}

fn domain(domain: TimeDomainBoth) -> TimeDomain {
    match domain {
        TimeDomainBoth::EventTime => TimeDomain::EventTime,
        TimeDomainBoth::ProcessingTime => TimeDomain::ProcessingTime,
    }
}

fn columns<'a>(
    function: &'static str,
    store: &'a Store<'_>,
    timers: &TimersOut,
) -> Result<TimerView<'a>, HostError> {
    let view = TimerView {
        timestamps: timers.timestamps.as_le_slice(store),
        keys: PackedView {
            ends: timers.key_ends.as_le_slice(store),
            bytes: timers.keys.as_le_slice(store),
        },
        namespaces: PackedView {
            ends: timers.namespace_ends.as_le_slice(store),
            bytes: timers.namespaces.as_le_slice(store),
        },
    };
    let count = view.timestamps.len();
    let namespaces_fit = view.namespaces.is_empty() || view.namespaces.len() == count;
    if view.keys.len() == count
        && namespaces_fit
        && view.keys.is_valid()
        && view.namespaces.is_valid()
    {
        return Ok(view);
    }
    let reason = format!(
        "{count} timestamps, {} keys, {} namespaces, or ends that do not fit the bytes",
        view.keys.len(),
        view.namespaces.len()
    );
    Err(HostError::InvalidColumns { function, reason })
}
