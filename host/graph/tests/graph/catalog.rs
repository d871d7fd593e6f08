//! Plugins and connectors for the tests.

use std::collections::BTreeMap;

use sandbar_graph::{Catalog, SinkTraits, SourceTraits};
use sandbar_model::plugin::{OperatorDescription, OperatorKind, PluginDescription, Port};
use serde_json::Value;

/// Two plugins, `words` and `other`, and a few connectors.
pub(crate) struct TestCatalog {
    plugins: BTreeMap<&'static str, PluginDescription>,
}

impl TestCatalog {
    pub(crate) fn new() -> TestCatalog {
        let plugin = |name: &'static str, operators| {
            let description = PluginDescription {
                name: name.to_owned(),
                version: "1.0.0".to_owned(),
                contract: "0.1.0".to_owned(),
                operators,
                defines_job: false,
            };
            (name, description)
        };
        let other = vec![
            operator("copy", OperatorKind::Process, &["text"], &["text"]),
            operator("unpack", OperatorKind::Process, &["compact:Word"], &["text"]),
        ];
        TestCatalog { plugins: [plugin("words", words()), plugin("other", other)].into() }
    }
}

fn words() -> Vec<OperatorDescription> {
    use OperatorKind::{
        KeySelector, KeyedBroadcastProcess, KeyedProcess, KeyedTwoInputProcess, Partitioner,
        Process, TwoInputProcess,
    };
    let mut split = operator("split", Process, &["text"], &["json"]);
    split.outputs.push(Port { name: "rejected".to_owned(), format: "text".to_owned() });
    let mut limit = operator("limit", Process, &["json"], &["json"]);
    limit.config_schema = r#"{
        "type": "object",
        "properties": {
            "max": { "type": "integer", "minimum": 1 },
            "unit": { "enum": ["records", "bytes"] }
        },
        "required": ["max"],
        "additionalProperties": false
    }"#
    .to_owned();
    let mut unclear = operator("unclear", Process, &["text"], &["text"]);
    unclear.config_schema = "{".to_owned();
    let mut own_letters = operator("own-letters", Process, &["text"], &["text"]);
    own_letters.outputs.push(Port { name: "dead-letter".to_owned(), format: "text".to_owned() });
    vec![
        split,
        limit,
        unclear,
        own_letters,
        operator("upper", Process, &["text"], &["text"]),
        operator("count", KeyedProcess, &["json"], &["json"]),
        operator("zip", TwoInputProcess, &["text", "text"], &["text"]),
        operator("join", KeyedTwoInputProcess, &["json", "json"], &["json"]),
        operator("match", KeyedBroadcastProcess, &["json", "json"], &["json"]),
        operator("by-word", KeySelector, &["json"], &["json"]),
        operator("spread", Partitioner, &["json"], &["json"]),
        operator("pack", Process, &["text"], &["compact:Word"]),
        operator("unpack", Process, &["compact:Word"], &["text"]),
        operator("store", Process, &["bytes"], &[]),
        operator("contradiction", Process, &["text", "text"], &["text"]),
    ]
}

fn operator(
    name: &str,
    kind: OperatorKind,
    inputs: &[&str],
    outputs: &[&str],
) -> OperatorDescription {
    let ports = |formats: &[&str]| {
        let port = |format: &&str| Port { name: "main".to_owned(), format: (*format).to_owned() };
        formats.iter().map(port).collect()
    };
    OperatorDescription {
        name: name.to_owned(),
        doc: String::new(),
        kind,
        inputs: ports(inputs),
        outputs: ports(outputs),
        states: Vec::new(),
        config_schema: String::new(),
    }
}

impl Catalog for TestCatalog {
    fn plugin(&self, name: &str) -> Option<&PluginDescription> {
        self.plugins.get(name)
    }

    fn plugin_names(&self) -> Vec<String> {
        self.plugins.keys().map(|name| (*name).to_owned()).collect()
    }

    fn source(
        &self,
        connector: &str,
        options: &BTreeMap<String, Value>,
    ) -> Result<SourceTraits, String> {
        let format = options.get("format").and_then(Value::as_str).unwrap_or("text").to_owned();
        match connector {
            "files" => Ok(SourceTraits { format, parallelism_max: None }),
            "socket" => Ok(SourceTraits { format, parallelism_max: Some(1) }),
            other => Err(format!("there is no source `{other}`")),
        }
    }

    fn sink(
        &self,
        connector: &str,
        _options: &BTreeMap<String, Value>,
    ) -> Result<SinkTraits, String> {
        let formats = match connector {
            "print" => vec!["bytes".to_owned()],
            "lines" => vec!["text".to_owned()],
            other => return Err(format!("there is no sink `{other}`")),
        };
        Ok(SinkTraits { formats })
    }
}
