//! wit/runtime-context.wit: who and where an instance is.

use wasmtime::StoreContextMut;

use super::Functions;
use crate::abi::{JobIn, SubtaskIn};
use crate::store::StoreState;

pub(super) fn add(functions: &mut Functions<'_>) -> wasmtime::Result<()> {
    functions.func_wrap("get-job", |store: StoreContextMut<'_, StoreState>, ()| {
        let context = &store.data().context;
        Ok((JobIn { id: context.job_id.to_string(), name: context.job_name.clone() },))
    })?;
    functions.func_wrap("get-subtask", |store: StoreContextMut<'_, StoreState>, ()| {
        let context = &store.data().context;
        Ok((SubtaskIn {
            index: context.subtask,
            parallelism: context.parallelism,
            max_parallelism: context.max_parallelism,
            attempt: context.attempt,
        },))
    })?;
    functions.func_wrap(
        "get-config",
        |store: StoreContextMut<'_, StoreState>, (key,): (String,)| {
            Ok((store.data().context.configuration.get(&key).cloned(),))
        },
    )?;
    functions.func_wrap(
        "current-processing-time",
        |mut store: StoreContextMut<'_, StoreState>, ()| {
            Ok((store.data_mut().host().processing_time(),))
        },
    )
}
