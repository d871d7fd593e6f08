//! Cuts files into splits, one at a time as subtasks ask for them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Settings;
use super::compression::Compression;
use crate::error::ConnectorError;
use crate::source::{Split, SplitEnumerator};

/// What a split of this source means: the lines that start at or after `start` and before `end`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct FileSplit {
    pub(super) path: String,
    pub(super) compression: Compression,
    /// Offset in the text, which is not that in the file where it is compressed. Once a split is
    /// being read, the line that comes next.
    pub(super) start: u64,
    /// None: up to the end of the file.
    pub(super) end: Option<u64>,
}

struct InputFile {
    path: String,
    bytes: u64,
    compression: Compression,
}

/// Deals out splits first come, first served.
pub(super) struct FilesEnumerator {
    files: Vec<InputFile>,
    split_bytes: u64,
    splittable: bool,
    passes: u32,
    /// The split that comes next: its pass, its file, its start.
    pass: u32,
    file: usize,
    start: u64,
}

impl FilesEnumerator {
    pub(super) fn new(settings: &Settings) -> Result<FilesEnumerator, ConnectorError> {
        let found = settings.input.discover()?;
        let mut files = Vec::with_capacity(found.len());
        for file in found.into_iter().filter(|file| file.bytes > 0) {
            let compression = match settings.compression {
                Some(compression) => compression,
                None => Compression::of_file(&file.path).map_err(|source| ConnectorError::Io {
                    action: "read",
                    path: file.path.display().to_string(),
                    source,
                })?,
            };
            files.push(InputFile { path: utf8(file.path)?, bytes: file.bytes, compression });
        }
        Ok(FilesEnumerator {
            files,
            split_bytes: settings.split_bytes,
            splittable: settings.is_splittable(),
            passes: settings.repeat,
            pass: 0,
            file: 0,
            start: 0,
        })
    }
}

/// Splits travel as JSON, so a path has to be text.
fn utf8(path: PathBuf) -> Result<String, ConnectorError> {
    path.into_os_string().into_string().map_err(|path| ConnectorError::WrongPath {
        path: path.to_string_lossy().into_owned(),
        found: "not a UTF-8 name",
        remedy: "rename the file",
    })
}

impl SplitEnumerator for FilesEnumerator {
    fn next_split(&mut self, _subtask: u32) -> Result<Option<Split>, ConnectorError> {
        if self.file == self.files.len() {
            self.file = 0;
            self.pass += 1;
        }
        if self.pass >= self.passes {
            return Ok(None);
        }
        let Some(file) = self.files.get(self.file) else {
            return Ok(None);
        };
        let start = self.start;
        let splittable = self.splittable && file.compression == Compression::None;
        let end = splittable.then(|| start.saturating_add(self.split_bytes).min(file.bytes));
        match end {
            Some(end) if end < file.bytes => self.start = end,
            Some(_) | None => {
                self.start = 0;
                self.file += 1;
            }
        }
        let payload =
            FileSplit { path: file.path.clone(), compression: file.compression, start, end };
        let id = format!("{}:{start}#{}", file.path, self.pass);
        Ok(Some(Split::encode(id, &payload)))
    }

    fn restart(&mut self, _parallelism: u32) {
        (self.pass, self.file, self.start) = (0, 0, 0);
    }
}
