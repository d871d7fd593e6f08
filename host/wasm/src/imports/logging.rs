//! wit/logging.wit: log lines, limited in volume.

use wasmtime::StoreContextMut;

use super::Functions;
use crate::abi::LevelOut;
use crate::host::LogLevel;
use crate::store::StoreState;

pub(super) fn add(functions: &mut Functions<'_>) -> wasmtime::Result<()> {
    functions.func_wrap(
        "log",
        |mut store: StoreContextMut<'_, StoreState>,
         (operator, level, message): (u32, LevelOut, String)| {
            let level = match level {
                LevelOut::Trace => LogLevel::Trace,
                LevelOut::Debug => LogLevel::Debug,
                LevelOut::Info => LogLevel::Info,
                LevelOut::Warn => LogLevel::Warn,
                LevelOut::Error => LogLevel::Error,
            };
            store.data_mut().log(operator, level, &message);
            Ok(())
        },
    )
}
