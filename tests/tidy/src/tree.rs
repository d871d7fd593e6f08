//! The repository as the rules see it: the files git would take, their text, and what cargo says
//! of the workspace. All I/O of this crate is here.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// One file of the repository.
#[derive(Debug)]
pub struct File {
    /// Relative to the root, with `/` between folders.
    pub path: String,
    /// Size on disk.
    pub bytes: u64,
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file that is tracked, or untracked and not ignored.
///
/// # Panics
/// When git cannot list them.
pub fn files() -> Vec<File> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listing = run(Command::new("git").args(arguments));
    let mut paths: Vec<&str> = listing.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    let size_of = |path: &str| std::fs::symlink_metadata(root().join(path)).map(|meta| meta.len());
    paths
        .into_iter()
        // A file deleted but not yet committed is listed still.
        .filter_map(|path| Some(File { path: path.to_owned(), bytes: size_of(path).ok()? }))
        .collect()
}

/// The text of every file whose name ends so and that is not data of an example or test job.
/// Files that are not UTF-8 are left out.
pub fn texts(ends: &[&str]) -> Vec<(String, String)> {
    files()
        .into_iter()
        .filter(|file| ends.iter().any(|end| file.path.ends_with(end)) && !is_data(&file.path))
        .filter_map(|file| {
            let text = std::fs::read_to_string(root().join(&file.path)).ok()?;
            Some((file.path, text))
        })
        .collect()
}

/// Whether a file is input or expected output, which no rule on text applies to.
pub fn is_data(path: &str) -> bool {
    let folders: Vec<&str> = path.split('/').collect();
    match folders.as_slice() {
        ["examples", _, "data" | "expected", ..] => true,
        ["tests", "jobs", _, file, ..] => !file.ends_with(".toml"),
        _ => false,
    }
}

/// What `cargo metadata` says of the members of the workspace.
///
/// # Panics
/// When cargo fails or prints something else than JSON.
pub fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let printed = run(Command::new(cargo).args(arguments));
    serde_json::from_str(&printed).expect("cargo metadata prints JSON")
}

/// Runs a command at the root and returns what it prints.
fn run(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().expect("git and cargo can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}");
    String::from_utf8(output.stdout).expect("paths and JSON are UTF-8")
}

#[cfg(test)]
mod tests {
    use super::is_data;

    #[test]
    fn data_is_told_from_sources() {
        assert!(is_data("examples/word-count/data/book.txt"));
        assert!(is_data("examples/word-count/expected/counts.tsv"));
        assert!(is_data("tests/jobs/map/input/a.txt"));
        assert!(!is_data("tests/jobs/map/job.toml"));
        assert!(!is_data("examples/word-count/src/lib.rs"));
        assert!(!is_data("host/model/src/data/lib.rs"));
    }
}
