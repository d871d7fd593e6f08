//! The catalogue: every connector by role and name, with its options. `source` and `sink` make
//! connectors from it; documentation and the CLI print it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_json::Value;

use crate::error::{ConnectorError, hint};
use crate::options::{OptionSpec, Options};
use crate::sink::Sink;
use crate::source::Source;
use crate::{datagen, discard, files_sink, files_source, print, socket, stdin};

/// Which end of a job a connector is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectorRole {
    /// Reads.
    Source,
    /// Writes.
    Sink,
}

impl ConnectorRole {
    fn word(self) -> &'static str {
        match self {
            ConnectorRole::Source => "source",
            ConnectorRole::Sink => "sink",
        }
    }
}

/// One connector: how it is called and what it takes.
pub struct ConnectorSpec {
    /// Its role; `files` exists in both.
    pub role: ConnectorRole,
    /// What a job file writes.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// All its options.
    pub options: &'static [OptionSpec],
    open: Open,
}

enum Open {
    Source(fn(&Options<'_>) -> Result<Box<dyn Source>, ConnectorError>),
    Sink(fn(&Options<'_>) -> Result<Box<dyn Sink>, ConnectorError>),
}

impl fmt::Display for ConnectorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}'", self.role.word(), self.name)
    }
}

impl fmt::Debug for ConnectorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectorSpec")
            .field("role", &self.role)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// All connectors, sources first.
pub fn catalogue() -> &'static [ConnectorSpec] {
    &CATALOGUE
}

/// Makes a source from its name and options.
///
/// Relative paths start from `base_dir`, the folder of the job file, or from the working
/// directory when there is none.
///
/// # Errors
/// The name or an option is unknown, an option is missing or wrong; a hint names what is nearest.
pub fn source(
    name: &str,
    options: &BTreeMap<String, Value>,
    base_dir: Option<&Path>,
) -> Result<Box<dyn Source>, ConnectorError> {
    let spec = find(ConnectorRole::Source, name)?;
    match spec.open {
        Open::Source(open) => open(&Options::open(spec, options, base_dir)?),
        Open::Sink(_) => Err(unknown(ConnectorRole::Source, name)),
    }
}

/// Makes a sink from its name and options; as [`source`].
///
/// # Errors
/// As [`source`].
pub fn sink(
    name: &str,
    options: &BTreeMap<String, Value>,
    base_dir: Option<&Path>,
) -> Result<Box<dyn Sink>, ConnectorError> {
    let spec = find(ConnectorRole::Sink, name)?;
    match spec.open {
        Open::Sink(open) => open(&Options::open(spec, options, base_dir)?),
        Open::Source(_) => Err(unknown(ConnectorRole::Sink, name)),
    }
}

fn find(role: ConnectorRole, name: &str) -> Result<&'static ConnectorSpec, ConnectorError> {
    CATALOGUE
        .iter()
        .find(|spec| spec.role == role && spec.name == name)
        .ok_or_else(|| unknown(role, name))
}

fn unknown(role: ConnectorRole, name: &str) -> ConnectorError {
    let of_role = CATALOGUE.iter().filter(|spec| spec.role == role);
    let known: Vec<&str> = of_role.map(|spec| spec.name).collect();
    let other = CATALOGUE.iter().find(|spec| spec.role != role && spec.name == name);
    let hint = match other {
        Some(spec) => format!(", which is a {}", spec.role.word()),
        None => hint(name, &known),
    };
    let known = known.join(", ");
    ConnectorError::UnknownConnector { role: role.word(), name: name.to_owned(), hint, known }
}

static CATALOGUE: [ConnectorSpec; 7] = [
    ConnectorSpec {
        role: ConnectorRole::Source,
        name: "files",
        doc: "Reads lines, JSON lines or CSV rows of files, shared among subtasks by splits.",
        options: files_source::OPTIONS,
        open: Open::Source(files_source::open),
    },
    ConnectorSpec {
        role: ConnectorRole::Source,
        name: "socket",
        doc: "Connects to a TCP server and reads lines, in subtask 0; what is lost stays lost.",
        options: socket::OPTIONS,
        open: Open::Source(socket::open),
    },
    ConnectorSpec {
        role: ConnectorRole::Source,
        name: "stdin",
        doc: "Reads lines of the process's standard input, in subtask 0.",
        options: stdin::OPTIONS,
        open: Open::Source(stdin::open),
    },
    ConnectorSpec {
        role: ConnectorRole::Source,
        name: "datagen",
        doc: "Makes records up: the same ones for the same seed, at any parallelism.",
        options: datagen::OPTIONS,
        open: Open::Source(datagen::open),
    },
    ConnectorSpec {
        role: ConnectorRole::Sink,
        name: "print",
        doc: "Writes records as lines to standard output or standard error.",
        options: print::OPTIONS,
        open: Open::Sink(print::open),
    },
    ConnectorSpec {
        role: ConnectorRole::Sink,
        name: "files",
        doc: "Writes records as lines to part files in a folder, each of them seen when complete.",
        options: files_sink::OPTIONS,
        open: Open::Sink(files_sink::open),
    },
    ConnectorSpec {
        role: ConnectorRole::Sink,
        name: "discard",
        doc: "Drops all records.",
        options: discard::OPTIONS,
        open: Open::Sink(discard::open),
    },
];

#[cfg(test)]
mod tests;
