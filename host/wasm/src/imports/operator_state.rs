//! wit/operator-state.wit: lists and broadcast maps of a subtask.

use wasmtime::StoreContextMut;

use super::Functions;
use crate::abi::RedistributionOut;
use crate::host::Redistribution;
use crate::store::StoreState;

type Store<'a> = StoreContextMut<'a, StoreState>;
type SetList = (u32, String, RedistributionOut, Vec<Vec<u8>>);
type PutBroadcast = (u32, String, Vec<u8>, Option<Vec<u8>>);

pub(super) fn add(functions: &mut Functions<'_>) -> wasmtime::Result<()> {
    functions.func_wrap(
        "set-list",
        |mut store: Store<'_>, (operator, name, redistribution, elements): SetList| {
            let redistribution = match redistribution {
                RedistributionOut::Split => Redistribution::Split,
                RedistributionOut::Union => Redistribution::Union,
            };
            Ok((store.data_mut().host().set_list(operator, &name, redistribution, elements),))
        },
    )?;
    functions.func_wrap("get-list", |mut store: Store<'_>, (operator, name): (u32, String)| {
        Ok((store.data_mut().host().get_list(operator, &name),))
    })?;
    functions.func_wrap(
        "put-broadcast",
        |mut store: Store<'_>, (operator, name, key, value): PutBroadcast| {
            Ok((store.data_mut().host().put_broadcast(operator, &name, key, value),))
        },
    )?;
    functions.func_wrap(
        "get-broadcast",
        |mut store: Store<'_>, (operator, name, key): (u32, String, Vec<u8>)| {
            Ok((store.data_mut().host().get_broadcast(operator, &name, &key),))
        },
    )?;
    functions.func_wrap(
        "scan-broadcast",
        |mut store: Store<'_>, (operator, name): (u32, String)| {
            Ok((store.data_mut().host().scan_broadcast(operator, &name),))
        },
    )
}
