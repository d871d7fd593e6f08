//! Files as such: no large blobs, no `mod.rs`, and no path that exists on one machine only.

use crate::finding::Finding;
use crate::tree::File;

/// Bytes a file may have; real input of an example may have more. A clone carries every version.
pub const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Folders of a machine, written so that this file does not hold them.
const MACHINE_FOLDERS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tm", "p/"), concat!("/ho", "me/")];

/// Checks the list of files.
pub fn check_list(files: &[File]) -> Vec<Finding> {
    files.iter().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_data = file.path.starts_with("examples/") && file.path.contains("/data/");
    if file.bytes > FILE_BYTES_MAX && !is_data {
        let message = format!(
            "{} bytes, at most {FILE_BYTES_MAX} outside examples/*/data: generate it or ship less",
            file.bytes
        );
        findings.push(Finding::on(&file.path, message));
    }
    if file.path.ends_with("/mod.rs") {
        let message = "mod.rs: name it after its module, `foo.rs` beside `foo/`";
        findings.push(Finding::on(&file.path, message));
    }
    findings
}

/// Checks a text for absolute paths of a machine.
pub fn check_text(path: &str, text: &str) -> Vec<Finding> {
    text.lines()
        .enumerate()
        .flat_map(|(index, line)| {
            MACHINE_FOLDERS.iter().filter(|folder| names_folder(line, folder)).map(move |folder| {
                let message = format!(
                    "`{folder}` exists on one machine only: use a path inside the repository, \
                     or tempfile"
                );
                Finding::at(path, index + 1, message)
            })
        })
        .collect()
}

/// Whether a line holds the folder as the start of a path, not in the middle of one.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-})*".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::{FILE_BYTES_MAX, MACHINE_FOLDERS, check_list, check_text};
    use crate::tree::File;

    #[track_caller]
    fn check_count(path: &str, bytes: u64, expected: usize) {
        let files = [File { path: path.to_owned(), bytes }];
        assert_eq!(check_list(&files).len(), expected, "{path}");
    }

    #[test]
    fn large_files_are_found() {
        check_count("docs/picture.png", FILE_BYTES_MAX, 0);
        check_count("docs/picture.png", FILE_BYTES_MAX + 1, 1);
        check_count("examples/a/data/book.txt", FILE_BYTES_MAX + 1, 0);
        check_count("examples/a/expected/out.txt", FILE_BYTES_MAX + 1, 1);
    }

    #[test]
    fn mod_rs_is_found() {
        check_count("host/model/src/time/mod.rs", 10, 1);
        check_count("host/model/src/time.rs", 10, 0);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for folder in MACHINE_FOLDERS {
            let found = |line: String| check_text("a.md", &line).len();
            assert_eq!(found(format!("cd {folder}main")), 1);
            assert_eq!(found(format!("open(\"{folder}x\")")), 1);
            assert_eq!(found(format!("file://{folder}x")), 1);
            assert_eq!(found(format!("examples{folder}x and $dir{folder}y")), 0);
        }
    }
}
