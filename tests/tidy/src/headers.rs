//! Headers: a Rust file opens with 1 to 8 lines of `//!`, every interface and world of the
//! contract and every script says what it is.

use crate::finding::Finding;

/// Lines a header may have. The root of a crate may have more: it is the crate's documentation.
pub const HEADER_LINES_MAX: usize = 8;

/// Checks a Rust file.
pub fn check_rust(path: &str, text: &str) -> Vec<Finding> {
    let header = text.lines().take_while(|line| line.starts_with("//!")).count();
    let is_root = path.ends_with("/lib.rs") || path.ends_with("/main.rs");
    let said = text.lines().next().and_then(|line| line.strip_prefix("//!")).unwrap_or("");
    if said.trim().is_empty() {
        let message = "no header: open with `//!` lines that say what it is, what it owns and \
                       which law it keeps";
        vec![Finding::at(path, 1, message)]
    } else if header > HEADER_LINES_MAX && !is_root {
        let message = format!("header of {header} lines, at most {HEADER_LINES_MAX}: shorten it");
        vec![Finding::at(path, 1, message)]
    } else {
        Vec::new()
    }
}

/// Checks a file of the contract.
pub fn check_wit(path: &str, text: &str) -> Vec<Finding> {
    let lines: Vec<&str> = text.lines().collect();
    let is_named = |line: &str| line.starts_with("interface ") || line.starts_with("world ");
    let is_documented =
        |index: usize| index.checked_sub(1).is_some_and(|above| lines[above].starts_with("///"));
    (0..lines.len())
        .filter(|&index| is_named(lines[index]) && !is_documented(index))
        .map(|index| {
            let message = format!("`{}` has no `///` line above it", lines[index].trim());
            Finding::at(path, index + 1, message)
        })
        .collect()
}

/// Checks a script: the first line after `#!` is a comment.
pub fn check_script(path: &str, text: &str) -> Vec<Finding> {
    let mut lines = text.lines().skip_while(|line| line.starts_with("#!"));
    if lines.next().is_some_and(|line| line.starts_with("# ")) {
        Vec::new()
    } else {
        vec![Finding::at(path, 1, "no header: say below `#!` what the script does")]
    }
}

#[cfg(test)]
mod tests {
    use super::{check_rust, check_script, check_wit};

    #[test]
    fn rust_files_without_a_header_are_found() {
        assert_eq!(check_rust("a/b.rs", "//! Says it.\nfn f() {}"), vec![]);
        assert_eq!(check_rust("a/b.rs", "fn f() {}").len(), 1);
        assert_eq!(check_rust("a/b.rs", "//!\nfn f() {}").len(), 1);
        assert_eq!(check_rust("a/b.rs", "").len(), 1);
    }

    #[test]
    fn long_headers_are_found_outside_crate_roots() {
        assert_eq!(check_rust("a/b.rs", &"//! x\n".repeat(8)), vec![]);
        assert_eq!(check_rust("a/b.rs", &"//! x\n".repeat(9)).len(), 1);
        assert_eq!(check_rust("a/src/lib.rs", &"//! x\n".repeat(9)), vec![]);
    }

    #[test]
    fn bare_interfaces_are_found() {
        assert_eq!(check_wit("a.wit", "package p;\n\n/// Doc.\ninterface i {\n}"), vec![]);
        assert_eq!(check_wit("a.wit", "package p;\n\ninterface i {\n}").len(), 1);
        assert_eq!(check_wit("a.wit", "world w {\n}").len(), 1);
    }

    #[test]
    fn bare_scripts_are_found() {
        assert_eq!(check_script("a.sh", "#!/bin/sh\n# Builds it.\nset -eu"), vec![]);
        assert_eq!(check_script("a.sh", "#!/bin/sh\nset -eu").len(), 1);
    }
}
