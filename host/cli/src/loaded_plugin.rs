//! A plugin file, loaded as a cluster loads it, and what is known of it.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use sandbar_cluster::settings;
use sandbar_config::Configuration;
use sandbar_model::plugin::{OperatorDescription, PluginDescription, Port};
use sandbar_wasm::{CONTRACT_VERSION, Plugin, PluginBytes, PluginError, PluginForm};
use serde_json::{Value, json};

use crate::{configuration, output};

const NO_FAILURE: &str = "writing into a string does not fail";

/// A plugin that can be run.
#[derive(Debug)]
pub(crate) struct LoadedPlugin {
    file: String,
    file_bytes: usize,
    form: PluginForm,
    plugin: Plugin,
    /// None for a job plugin that cannot be described with these arguments, and why not.
    description: Result<PluginDescription, PluginError>,
}

impl LoadedPlugin {
    /// Reads and loads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no plugin.
    pub(crate) fn open(
        path: &Path,
        arguments: &[String],
        configuration: &Configuration,
    ) -> anyhow::Result<LoadedPlugin> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read plugin {file}"))?;
        LoadedPlugin::of_bytes(&file, &bytes, arguments, configuration)
    }

    /// Loads the bytes of a file.
    ///
    /// # Errors
    /// They are no plugin.
    pub(crate) fn of_bytes(
        file: &str,
        bytes: &[u8],
        arguments: &[String],
        configuration: &Configuration,
    ) -> anyhow::Result<LoadedPlugin> {
        let limit = settings::engine(configuration, None)?.plugin_bytes_max;
        let form = PluginBytes::parse(file, bytes, limit)?.form;
        let granted = settings::capabilities(configuration).map_err(anyhow::Error::msg)?;
        let plugin = configuration::engine(configuration)?.load(file, bytes, granted)?;
        let description = plugin.describe(arguments);
        // What a job plugin offers may depend on arguments that only a job gives.
        let may_need_arguments = plugin.defines_job() && arguments.is_empty();
        let description = match description {
            Err(error) if !may_need_arguments => return Err(error.into()),
            described => described,
        };
        let file = file.to_owned();
        Ok(LoadedPlugin { file, file_bytes: bytes.len(), form, plugin, description })
    }

    /// What it says of itself; an error where that depends on arguments.
    pub(crate) fn description(&self) -> Result<&PluginDescription, &PluginError> {
        self.description.as_ref()
    }

    /// The world that it exports.
    pub(crate) fn world(&self) -> &'static str {
        if self.plugin.defines_job() { "job-plugin" } else { "operator-plugin" }
    }

    /// All that is known of it, for people.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect(NO_FAILURE);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let size = size(self.file_bytes);
        if let Ok(PluginDescription { name, version, .. }) = &self.description {
            writeln!(text, "plugin    {name} {version}")?;
        }
        writeln!(text, "file      {}", self.file)?;
        writeln!(text, "form      {}, {size} ({} bytes)", form(self.form), self.file_bytes)?;
        writeln!(text, "hash      {}", self.plugin.id())?;
        writeln!(text, "world     sandbar:operator/{}", self.world())?;
        let imports = self.plugin.imports();
        match &self.description {
            Ok(description) => {
                let contract = &description.contract;
                writeln!(text, "contract  {contract}, this host serves {CONTRACT_VERSION}")?;
                writeln!(text, "imports   {}", joined_lines(&imports))?;
                writeln!(text, "operators {}", description.operators.len())?;
                description.operators.iter().try_for_each(|operator| write_operator(text, operator))
            }
            Err(error) => {
                writeln!(text, "imports   {}", joined_lines(&imports))?;
                writeln!(text, "operators depend on arguments: {error}")?;
                writeln!(text, "          give the job's arguments after --")
            }
        }
    }

    /// All that is known of it, for programs.
    pub(crate) fn to_json(&self) -> Value {
        let (description, needs) = match &self.description {
            Ok(description) => (Some(description), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let operators = |it: &PluginDescription| -> Vec<Value> {
            it.operators.iter().map(operator_json).collect()
        };
        json!({
            "file": self.file,
            "form": form(self.form).replace(' ', "-"),
            "bytes": self.file_bytes,
            "hash": self.plugin.id().to_string(),
            "world": format!("sandbar:operator/{}", self.world()),
            "host-contract": CONTRACT_VERSION,
            "imports": self.plugin.imports(),
            "defines-job": self.plugin.defines_job(),
            "name": description.map(|it| &it.name),
            "version": description.map(|it| &it.version),
            "contract": description.map(|it| &it.contract),
            "operators": description.map(operators),
            "not-described": needs,
        })
    }
}

fn form(form: PluginForm) -> &'static str {
    match form {
        PluginForm::Component => "component",
        PluginForm::CoreModule => "core module",
    }
}

/// `95.3 KiB`.
pub(crate) fn size(bytes: usize) -> String {
    const KIB: f64 = 1024.0;
    match bytes as f64 / KIB {
        kib if kib < 1.0 => format!("{bytes} bytes"),
        kib if kib < KIB => format!("{kib:.1} KiB"),
        kib => format!("{:.1} MiB", kib / KIB),
    }
}

fn joined_lines(lines: &[String]) -> String {
    if lines.is_empty() { "nothing".to_owned() } else { lines.join("\n          ") }
}

/// The word that job files and descriptions use for a kind.
pub(crate) fn kind(operator: &OperatorDescription) -> String {
    let kind = serde_json::to_value(operator.kind).expect("a kind is a word");
    kind.as_str().unwrap_or_default().to_owned()
}

fn write_operator(text: &mut String, operator: &OperatorDescription) -> std::fmt::Result {
    writeln!(text, "\n{}  ({})", operator.name, kind(operator))?;
    if !operator.doc.is_empty() {
        writeln!(text, "{}", output::paragraph(&operator.doc, "  "))?;
    }
    for Port { name, format } in &operator.inputs {
        writeln!(text, "  input  {name}: {format}")?;
    }
    for Port { name, format } in &operator.outputs {
        writeln!(text, "  output {name}: {format}")?;
    }
    for state in &operator.states {
        writeln!(text, "  state  {}: {} of {}", state.name, state.kind, state.schema)?;
    }
    let config_schema = &operator.config_schema;
    if !config_schema.is_empty() {
        // On one line, as far as it is JSON.
        match serde_json::from_str::<Value>(config_schema) {
            Ok(schema) => writeln!(text, "  config {schema}")?,
            Err(_) => writeln!(text, "  config {config_schema}")?,
        }
    }
    Ok(())
}

fn operator_json(operator: &OperatorDescription) -> Value {
    let mut value = serde_json::to_value(operator).expect("a description is plain text");
    // A schema is JSON of its own; one that does not parse stays text.
    if let Ok(schema) = serde_json::from_str::<Value>(&operator.config_schema) {
        value["config-schema"] = schema;
    }
    value
}
