//! Lengths: files of at most 400 lines (600 for tests), lines of at most 100 characters. The
//! length of functions is clippy's.

use crate::finding::Finding;

/// Lines a source file may have: what a reader takes in at one sitting.
pub const FILE_LINES_MAX: usize = 400;
/// Lines a file of tests may have: cases are read one by one.
pub const TEST_FILE_LINES_MAX: usize = 600;
/// Characters a line may have, as in `rustfmt.toml`.
pub const LINE_CHARS_MAX: usize = 100;

/// Checks one source file.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.chars().count()))
        .filter(|(_, chars)| *chars > LINE_CHARS_MAX)
        .map(|(line, chars)| {
            let message = format!("line of {chars} characters, at most {LINE_CHARS_MAX}: break it");
            Finding::at(path, line, message)
        })
        .collect();
    let (lines, lines_max) = (text.lines().count(), lines_max(path));
    if lines > lines_max {
        let message = format!("file of {lines} lines, at most {lines_max}: split it by subject");
        findings.push(Finding::on(path, message));
    }
    findings
}

fn lines_max(path: &str) -> usize {
    let mut folders = path.split('/').rev();
    let is_test = folders.next() == Some("tests.rs") || folders.any(|folder| folder == "tests");
    if is_test { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[track_caller]
    fn check_count(path: &str, text: &str, expected: usize) {
        assert_eq!(check(path, text).len(), expected, "{path}");
    }

    #[test]
    fn long_files_are_found() {
        check_count("host/a/src/b.rs", &"x\n".repeat(400), 0);
        check_count("host/a/src/b.rs", &"x\n".repeat(401), 1);
        check_count("host/a/src/b/tests.rs", &"x\n".repeat(600), 0);
        check_count("host/a/src/b/tests.rs", &"x\n".repeat(601), 1);
        check_count("host/a/tests/c.rs", &"x\n".repeat(600), 0);
    }

    #[test]
    fn long_lines_are_found() {
        check_count("a.rs", &"é".repeat(100), 0);
        check_count("a.rs", &"é".repeat(101), 1);
    }
}
