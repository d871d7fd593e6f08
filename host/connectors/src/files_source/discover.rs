//! Finds the files that a path stands for, in a fixed order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use crate::error::ConnectorError;

/// The most files that one source reads; their list is held in memory.
const FILES_MAX: usize = 1_000_000;

/// How deep folders may be nested.
const FOLDER_DEPTH_MAX: usize = 64;

/// A file of the input.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FoundFile {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// A path as the user means it: absolute, and perhaps a glob.
pub(super) struct InputPath {
    path: PathBuf,
    /// The same as a pattern, with what the user did not write escaped.
    pattern: String,
}

impl InputPath {
    pub(super) fn new(text: &str, base: &Path) -> InputPath {
        let path = base.join(text);
        let pattern = if Path::new(text).is_absolute() {
            text.to_owned()
        } else {
            format!("{}/{text}", Pattern::escape(&base.to_string_lossy()))
        };
        InputPath { path, pattern }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_folder(&self) -> bool {
        self.path.is_dir()
    }

    /// All files, in the order of their paths. A path that exists is never taken for a glob.
    pub(super) fn discover(&self) -> Result<Vec<FoundFile>, ConnectorError> {
        let mut files = Vec::new();
        if self.path.exists() {
            collect(&self.path, 0, &mut files)?;
        } else if self.path.to_string_lossy().contains(['*', '?', '[']) {
            self.expand(&mut files)?;
        }
        if files.is_empty() {
            return Err(ConnectorError::NoInput { path: self.path.display().to_string() });
        }
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    fn expand(&self, files: &mut Vec<FoundFile>) -> Result<(), ConnectorError> {
        let options = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let matches = glob::glob_with(&self.pattern, options).map_err(|error| {
            let source = io::Error::new(io::ErrorKind::InvalidInput, error);
            ConnectorError::Io { action: "read the glob", path: self.pattern.clone(), source }
        })?;
        for found in matches {
            let path = found.map_err(|error| ConnectorError::Io {
                action: "list",
                path: error.path().display().to_string(),
                source: error.into(),
            })?;
            collect(&path, 0, files)?;
        }
        Ok(())
    }
}

/// Adds a file, or all files below a folder.
fn collect(path: &Path, depth: usize, files: &mut Vec<FoundFile>) -> Result<(), ConnectorError> {
    let failed = |action| {
        let path = path.display().to_string();
        move |source| ConnectorError::Io { action, path, source }
    };
    let metadata = fs::metadata(path).map_err(failed("look at"))?;
    if metadata.is_file() {
        files.push(FoundFile { path: path.to_owned(), bytes: metadata.len() });
        return check_count(path, files.len(), FILES_MAX, "files");
    }
    if !metadata.is_dir() {
        return Err(ConnectorError::WrongPath {
            path: path.display().to_string(),
            found: "neither a file nor a folder",
            remedy: "use the sources 'stdin' or 'socket' for streams",
        });
    }
    check_count(path, depth, FOLDER_DEPTH_MAX, "folders nested in one another")?;
    for entry in fs::read_dir(path).map_err(failed("list"))? {
        let entry = entry.map_err(failed("list"))?;
        if is_wanted(&entry).map_err(failed("look into"))? {
            collect(&entry.path(), depth + 1, files)?;
        }
    }
    Ok(())
}

/// Files and folders that are not hidden. Links to folders are not followed, since they may lead
/// round in circles; links to files are, and broken links are skipped.
fn is_wanted(entry: &fs::DirEntry) -> io::Result<bool> {
    if entry.file_name().as_encoded_bytes().starts_with(b".") {
        return Ok(false);
    }
    let kind = entry.file_type()?;
    Ok(kind.is_dir() || kind.is_file() || (kind.is_symlink() && entry.path().is_file()))
}

fn check_count(
    path: &Path,
    count: usize,
    limit: usize,
    subject: &'static str,
) -> Result<(), ConnectorError> {
    if count <= limit {
        return Ok(());
    }
    Err(ConnectorError::TooMany { path: path.display().to_string(), limit, subject })
}
