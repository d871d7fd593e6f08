//! Operators compiled into the host, so that random jobs also mix them with those in the sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use sandbar_model::plugin::{OperatorDescription, OperatorKind, PluginDescription, Port};
use sandbar_model::{RecordBatch, RecordBatchView};
use sandbar_taskmanager::{NativeFunction, NativePlugin, PluginHandle};

/// The plugin `native`, with the operators `upper` and `split` of the plugin `operators`.
pub(crate) fn plugins() -> BTreeMap<String, (PluginDescription, PluginHandle)> {
    let port = || vec![Port { name: "main".to_owned(), format: "text".to_owned() }];
    let operator = |name: &str| OperatorDescription {
        name: name.to_owned(),
        doc: String::new(),
        kind: OperatorKind::Process,
        inputs: port(),
        outputs: port(),
        states: Vec::new(),
        config_schema: String::new(),
    };
    let description = PluginDescription {
        name: "native".to_owned(),
        version: "0.1.0".to_owned(),
        contract: "0.1.0".to_owned(),
        operators: vec![operator("upper"), operator("split")],
        defines_job: false,
    };
    let handle = PluginHandle::Native(Arc::new(Native));
    BTreeMap::from([("native".to_owned(), (description, handle))])
}

struct Native;

impl NativePlugin for Native {
    fn open(&self, operator: &str, _config: &str) -> Result<Box<dyn NativeFunction>, String> {
        match operator {
            "upper" => Ok(Box::new(Upper)),
            "split" => Ok(Box::new(Split)),
            other => Err(format!("there is no operator {other}")),
        }
    }
}

struct Upper;

impl NativeFunction for Upper {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        out: &mut RecordBatch,
    ) -> Result<(), (usize, String)> {
        for index in 0..batch.len() {
            out.push(batch.timestamps[index], &batch.value(index).to_ascii_uppercase());
        }
        Ok(())
    }
}

struct Split;

impl NativeFunction for Split {
    fn process(
        &mut self,
        _input: u32,
        batch: RecordBatchView<'_>,
        out: &mut RecordBatch,
    ) -> Result<(), (usize, String)> {
        for index in 0..batch.len() {
            let words = batch.value(index).split(|byte| *byte == b' ');
            for word in words.filter(|word| !word.is_empty()) {
                out.push(batch.timestamps[index], word);
            }
        }
        Ok(())
    }
}
