//! wit/collector.wit: batches and watermarks leave the guest. The columns are read where they lie
//! in the guest's memory; the host copies them once, into its output buffer.

use std::time::Instant;

use sandbar_model::RecordBatchView;
use wasmtime::StoreContextMut;

use super::Functions;
use crate::abi::BatchOut;
use crate::error::HostError;
use crate::store::{Stop, StoreState};

pub(super) fn add(functions: &mut Functions<'_>) -> wasmtime::Result<()> {
    functions.func_wrap(
        "emit",
        |mut store: StoreContextMut<'_, StoreState>, (output, batch): (u32, BatchOut)| {
            // The host leaves the store while the columns are borrowed from it.
            let started = Instant::now();
            let mut host = store.data_mut().take_host();
            let columns = RecordBatchView {
                timestamps: batch.timestamps.as_le_slice(&store),
                key_ends: batch.key_ends.as_le_slice(&store),
                keys: batch.keys.as_le_slice(&store),
                value_ends: batch.value_ends.as_le_slice(&store),
                values: batch.values.as_le_slice(&store),
            };
            let limit = store.data().limits.batch_bytes_max;
            let result = check(output, columns, limit).and_then(|()| host.emit(output, columns));
            store.data_mut().return_host(host, started.elapsed());
            result.map_err(|error| Stop::Host(error).into())
        },
    )?;
    functions.func_wrap(
        "emit-watermark",
        |mut store: StoreContextMut<'_, StoreState>, (output, watermark): (u32, i64)| {
            // What is behind the output may be another instance, whose time is not this one's.
            let started = Instant::now();
            let mut host = store.data_mut().take_host();
            let result = host.emit_watermark(output, watermark);
            store.data_mut().return_host(host, started.elapsed());
            result.map_err(|error| Stop::Host(error).into())
        },
    )
}

fn check(output: u32, columns: RecordBatchView<'_>, limit: usize) -> Result<(), HostError> {
    if columns.bytes() > limit {
        return Err(HostError::BatchTooLarge { output, bytes: columns.bytes(), limit });
    }
    columns.validate().map_err(|source| HostError::InvalidBatch { output, source })
}
