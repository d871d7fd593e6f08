//! Manifests of the members: lints, edition, licence and versions come from the root, and a crate
//! built for Wasm says so where scripts/build-guests.sh looks for it.

use serde_json::Value;

use crate::finding::Finding;

/// Checks one package of `cargo metadata` together with the text of its manifest.
pub fn check(path: &str, text: &str, package: &Value) -> Vec<Finding> {
    let mut findings = check_inherited(path, text);
    if package["description"].as_str().unwrap_or("").is_empty() {
        findings.push(Finding::on(path, "no description: say in one line what the crate is"));
    }
    let is_guest = package["metadata"]["sandbar"]["guest"] == true;
    if is_guest != is_cdylib(package) {
        let message = "a guest is a crate with `crate-type = [\"cdylib\"]` in [lib] and \
                       `guest = true` in [package.metadata.sandbar]: this one has only one of them";
        findings.push(Finding::on(path, message));
    }
    findings
}

fn is_cdylib(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    let mut types =
        targets.flat_map(|target| target["crate_types"].as_array().into_iter().flatten());
    types.any(|crate_type| crate_type == "cdylib")
}

/// Checks what a manifest must take from the root instead of saying it itself.
fn check_inherited(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for key in ["version", "edition", "rust-version", "license", "publish"] {
        if !text.contains(&format!("{key}.workspace = true")) {
            findings.push(Finding::on(path, format!("write `{key}.workspace = true`")));
        }
    }
    if !text.contains("[lints]\nworkspace = true") {
        findings.push(Finding::on(path, "no lints: write `[lints]` and `workspace = true`"));
    }
    let mut section = "";
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            section = line;
        } else if is_own_version(section, line) {
            let message = "a version of its own: declare it in [workspace.dependencies]";
            findings.push(Finding::at(path, index + 1, message));
        }
    }
    findings
}

fn is_own_version(section: &str, line: &str) -> bool {
    let is_entry = line.starts_with(|c: char| c.is_alphanumeric()) && line.contains('=');
    section.ends_with("dependencies]") && is_entry && !line.contains("workspace = true")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::check;

    const GOOD: &str = "[package]\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
        [dependencies]\nserde.workspace = true\n[lints]\nworkspace = true\n";

    fn package(crate_type: &str, is_guest: bool) -> Value {
        json!({
            "description": "A crate",
            "metadata": { "sandbar": { "guest": is_guest } },
            "targets": [{ "crate_types": [crate_type] }],
        })
    }

    #[track_caller]
    fn check_count(text: &str, package: &Value, expected: usize) {
        assert_eq!(check("a/Cargo.toml", text, package).len(), expected, "{text} {package}");
    }

    #[test]
    fn manifests_that_go_their_own_way_are_found() {
        let library = package("lib", false);
        check_count(GOOD, &library, 0);
        check_count(&GOOD.replace("edition.workspace = true", "edition = \"2021\""), &library, 1);
        check_count(&GOOD.replace("[lints]\nworkspace = true", ""), &library, 1);
        check_count(&GOOD.replace("serde.workspace = true", "serde = \"1\""), &library, 1);
        check_count(GOOD, &json!({ "targets": [] }), 1);
    }

    #[test]
    fn guests_that_would_not_be_built_are_found() {
        check_count(GOOD, &package("cdylib", true), 0);
        check_count(GOOD, &package("cdylib", false), 1);
        check_count(GOOD, &package("lib", true), 1);
    }
}
