//! Places in a job file: a path into the spec, with line and column where the text is known.

use std::collections::BTreeMap;
use std::fmt;

/// Where in a job something is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Name of the file, as the caller gave it.
    pub file: String,
    /// Line and column, both from 1, in characters; none when the job has no text.
    pub position: Option<(u32, u32)>,
    /// Path into the spec, such as `operators[2].inputs[0]`; empty for the whole.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        Ok(())
    }
}

/// The places of everything in one job file, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    file: String,
    positions: BTreeMap<String, (u32, u32)>,
}

impl Places {
    /// Makes the places of a job that has no text: only paths.
    pub fn without_text(file: &str) -> Places {
        Places { file: file.to_owned(), positions: BTreeMap::new() }
    }

    pub(crate) fn new(file: &str, positions: BTreeMap<String, (u32, u32)>) -> Places {
        Places { file: file.to_owned(), positions }
    }

    /// The place of a path; its position is that of the nearest thing around it that is written.
    pub fn place(&self, path: &str) -> Place {
        let mut around = path;
        let position = loop {
            if let Some(position) = self.positions.get(around) {
                break Some(*position);
            }
            match around.rfind(['.', '[']) {
                Some(end) => around = &around[..end],
                None => break self.positions.get("").copied(),
            }
        };
        Place { file: self.file.clone(), position, path: path.to_owned() }
    }
}

/// The path of a field of what is at `path`.
pub(crate) fn field(path: &str, name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let quoted = if !name.is_empty() && name.bytes().all(plain) {
        name.to_owned()
    } else {
        format!("{name:?}")
    };
    if path.is_empty() { quoted } else { format!("{path}.{quoted}") }
}

/// The path of an element of the list at `path`.
pub(crate) fn element(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}
