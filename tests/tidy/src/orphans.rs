//! Dead files: a Rust file that no `mod` line reaches is never compiled, and nobody notices.

use std::collections::HashMap;

use crate::finding::Finding;
use crate::source::{code_of, identifiers};

/// Checks all Rust files of the repository, given as path and text.
pub fn check(files: &[(String, String)]) -> Vec<Finding> {
    let by_path: HashMap<&str, &str> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let is_reached = |path: &str| {
        let Some((parents, module)) = parents(path) else { return true };
        parents
            .iter()
            .filter_map(|parent| by_path.get(parent.as_str()))
            .any(|text| declares(text, module))
    };
    files
        .iter()
        .filter(|(path, _)| !is_reached(path))
        .map(|(path, _)| {
            Finding::on(path, "no `mod` line leads here: declare it or take the file out")
        })
        .collect()
}

/// The files that could declare this one, and the name they would give it; none for the roots of
/// crates, and for what is not under a `src`.
fn parents(path: &str) -> Option<(Vec<String>, &str)> {
    let (crate_folder, inside) = path.rsplit_once("/src/")?;
    let stem = inside.strip_suffix(".rs")?;
    if matches!(stem, "lib" | "main") || inside.starts_with("bin/") {
        return None;
    }
    Some(match stem.rsplit_once('/') {
        Some((folder, module)) => (vec![format!("{crate_folder}/src/{folder}.rs")], module),
        None => {
            let roots = ["lib", "main"];
            (roots.map(|root| format!("{crate_folder}/src/{root}.rs")).to_vec(), stem)
        }
    })
}

fn declares(text: &str, module: &str) -> bool {
    let code = code_of(text);
    let words: Vec<&str> = identifiers(&code).collect();
    words.windows(2).any(|pair| pair == ["mod", module])
}

#[cfg(test)]
mod tests {
    use super::check;

    #[track_caller]
    fn check_orphans(files: &[(&str, &str)], expected: &[&str]) {
        let files: Vec<(String, String)> =
            files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
        let places: Vec<String> = check(&files).into_iter().map(|found| found.place).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn files_without_a_mod_line_are_found() {
        check_orphans(
            &[("a/src/lib.rs", "pub mod b; // mod c;"), ("a/src/b.rs", ""), ("a/src/c.rs", "")],
            &["a/src/c.rs"],
        );
        check_orphans(
            &[("a/src/lib.rs", "mod b;"), ("a/src/b.rs", "mod tests;"), ("a/src/b/c.rs", "")],
            &["a/src/b/c.rs"],
        );
    }

    #[test]
    fn roots_and_integration_tests_are_left_alone() {
        check_orphans(&[("a/src/main.rs", ""), ("a/src/bin/b.rs", ""), ("a/tests/c.rs", "")], &[]);
    }
}
