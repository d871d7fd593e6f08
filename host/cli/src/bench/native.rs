//! The benchmark guests' functions as native operators of the same engine.

use std::sync::Arc;

use memchr::memchr_iter;
use rustc_hash::FxHashMap;
use sandbar_model::plugin::{OperatorDescription, OperatorKind, PluginDescription, Port};
use sandbar_model::{RecordBatch, RecordBatchView};
use sandbar_taskmanager::{NativeFunction, NativePlugin, PluginHandle};

/// Native operators by the names of the guest plugin `benchmarks`.
pub(super) struct NativeBenchmarks;

impl NativePlugin for NativeBenchmarks {
    fn open(&self, operator: &str, _config: &str) -> Result<Box<dyn NativeFunction>, String> {
        match operator {
            "map" => Ok(Box::new(Bump)),
            "words" => Ok(Box::new(Words)),
            "count-updates" => Ok(Box::<CountUpdates>::default()),
            other => Err(format!("no native operator {other}")),
        }
    }
}

/// The plugin as a job's catalogue has it.
pub(super) fn plugin() -> (PluginDescription, PluginHandle) {
    let operator = |name: &str, kind, input: &str, output: &str| OperatorDescription {
        name: name.to_owned(),
        doc: String::new(),
        kind,
        inputs: vec![Port { name: "main".to_owned(), format: input.to_owned() }],
        outputs: vec![Port { name: "main".to_owned(), format: output.to_owned() }],
        states: Vec::new(),
        config_schema: String::new(),
    };
    let description = PluginDescription {
        name: "native".to_owned(),
        version: "0.1.0".to_owned(),
        contract: sandbar_wasm::CONTRACT_VERSION.to_owned(),
        operators: vec![
            operator("words", OperatorKind::Process, "text", "text"),
            operator("count-updates", OperatorKind::KeyedProcess, "text", "bytes"),
        ],
        defines_job: false,
    };
    (description, PluginHandle::Native(Arc::new(NativeBenchmarks)))
}

/// Adds 1 to the first byte.
struct Bump;

impl NativeFunction for Bump {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        out: &mut RecordBatch,
    ) -> Result<(), (usize, String)> {
        for index in 0..batch.len() {
            let start = out.values.len();
            out.push(batch.timestamps[index], batch.value(index));
            if let Some(first) = out.values.get_mut(start) {
                *first = first.wrapping_add(1);
            }
        }
        Ok(())
    }
}

/// Splits lines at blanks, with vectors of the processor.
struct Words;

impl NativeFunction for Words {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        out: &mut RecordBatch,
    ) -> Result<(), (usize, String)> {
        for index in 0..batch.len() {
            let line = batch.value(index);
            std::str::from_utf8(line).map_err(|error| (index, error.to_string()))?;
            let mut start = 0;
            for end in memchr_iter(b' ', line).chain([line.len()]) {
                if end > start {
                    out.push(batch.timestamps[index], &line[start..end]);
                }
                start = end + 1;
            }
        }
        Ok(())
    }
}

/// Counts by key and emits every update.
#[derive(Default)]
struct CountUpdates {
    counts: FxHashMap<Vec<u8>, u64>,
    value: Vec<u8>,
}

impl NativeFunction for CountUpdates {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        out: &mut RecordBatch,
    ) -> Result<(), (usize, String)> {
        for index in 0..batch.len() {
            let key = batch.key(index);
            let count = match self.counts.get_mut(key) {
                Some(count) => count,
                None => self.counts.entry(key.to_vec()).or_default(),
            };
            *count += 1;
            self.value.clear();
            self.value.extend_from_slice(batch.value(index));
            self.value.extend_from_slice(&count.to_le_bytes());
            out.push(batch.timestamps[index], &self.value);
        }
        Ok(())
    }
}
