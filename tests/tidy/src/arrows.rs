//! Arrows between crates, as ARCHITECTURE.md draws them: down the rows, never sideways; one crate
//! knows wasmtime; guests and their SDK know no host; `anyhow` stays at the rim.

use serde_json::Value;

use crate::finding::Finding;

/// The crates of the host from ground to roof. An arrow goes to a lower row, never along one.
const ROWS: [(&str, &[&str]); 7] = [
    ("nouns", &["sandbar-model"]),
    ("ground", &["sandbar-config", "sandbar-metrics"]),
    (
        "services",
        &["sandbar-rpc", "sandbar-graph", "sandbar-state", "sandbar-connectors", "sandbar-wasm"],
    ),
    ("planes", &["sandbar-rest", "sandbar-jobmanager", "sandbar-taskmanager"]),
    ("wiring", &["sandbar-cluster"]),
    ("clients", &["sandbar-client"]),
    ("roof", &["sandbar-cli"]),
];

/// Arrows that point down and are forbidden all the same: from, to, why.
const FORBIDDEN: [(&str, &str, &str); 1] =
    [("sandbar-jobmanager", "sandbar-wasm", "the control plane compiles without wasmtime")];

/// A member of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the root.
    pub folder: String,
    /// The names of what it depends on, for building and for testing.
    pub dependencies: Vec<String>,
}

/// Where a crate stands, which decides what it may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Host,
    GuestSdk,
    Guest,
    Tidy,
    Test,
}

/// Reads the members of the workspace from `cargo metadata`.
///
/// # Panics
/// When the JSON is not what `cargo metadata --format-version 1` prints.
pub fn packages(metadata: &Value) -> Vec<Package> {
    let text = |value: &Value| value.as_str().expect("a string of cargo metadata").to_owned();
    let root = text(&metadata["workspace_root"]);
    let members = metadata["packages"].as_array().expect("cargo metadata lists packages");
    members
        .iter()
        .map(|package| {
            let manifest = text(&package["manifest_path"]);
            let folder = manifest.trim_start_matches(&root).trim_end_matches("Cargo.toml");
            let dependencies = package["dependencies"].as_array().into_iter().flatten();
            Package {
                name: text(&package["name"]),
                folder: folder.trim_matches('/').to_owned(),
                dependencies: dependencies.map(|dependency| text(&dependency["name"])).collect(),
            }
        })
        .collect()
}

/// Checks every arrow of the workspace.
pub fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = packages.iter().filter_map(check_name).collect();
    for package in packages {
        for dependency in &package.dependencies {
            let known = packages.iter().find(|other| other.name == *dependency);
            let broken = match known {
                Some(target) => broken_arrow(package, target),
                None => broken_import(package, dependency),
            };
            findings.extend(broken.map(|why| {
                Finding::on(&package.name, format!("must not depend on {dependency}: {why}"))
            }));
        }
    }
    findings
}

fn check_name(package: &Package) -> Option<Finding> {
    let folder = package.folder.strip_prefix("host/")?;
    if package.name != format!("sandbar-{folder}") {
        let message = format!("package of {}: name it sandbar-{folder}", package.folder);
        Some(Finding::on(&package.name, message))
    } else if row(&package.name).is_none() {
        let message = "has no row: draw it in ARCHITECTURE.md and add it to ROWS in tests/tidy";
        Some(Finding::on(&package.name, message))
    } else {
        None
    }
}

fn row(name: &str) -> Option<usize> {
    ROWS.iter().position(|(_, names)| names.contains(&name))
}

fn place(package: &Package) -> Place {
    let folders: Vec<&str> = package.folder.split('/').collect();
    match folders.as_slice() {
        ["host", ..] => Place::Host,
        ["guest-sdk", ..] => Place::GuestSdk,
        ["plugins" | "examples", ..] | ["tests", "guests", ..] => Place::Guest,
        ["tests", "tidy"] => Place::Tidy,
        _ => Place::Test,
    }
}

/// Why one member may not depend on another, if it may not.
fn broken_arrow(from: &Package, to: &Package) -> Option<String> {
    match (place(from), place(to)) {
        (Place::Host, Place::Host) => broken_row(&from.name, &to.name),
        (Place::Host, Place::GuestSdk | Place::Guest) => {
            Some("the host and its guests share nothing but wit/".to_owned())
        }
        (Place::Host | Place::GuestSdk | Place::Guest, Place::Tidy | Place::Test) => {
            Some("nothing depends on a test crate".to_owned())
        }
        (Place::GuestSdk, Place::Host | Place::Guest) => Some("the SDK knows only wit/".to_owned()),
        (Place::Guest, Place::Host) => Some("a guest knows only its SDK".to_owned()),
        (Place::Tidy, _) => Some("tests/tidy builds in seconds, alone".to_owned()),
        (Place::GuestSdk | Place::Guest, Place::GuestSdk)
        | (Place::Guest, Place::Guest)
        | (Place::Test, _) => None,
    }
}

fn broken_row(from: &str, to: &str) -> Option<String> {
    if let Some((_, _, why)) = FORBIDDEN.iter().find(|(a, b, _)| (*a, *b) == (from, to)) {
        return Some((*why).to_owned());
    }
    // A crate without a row has a finding of its own.
    let (from_row, to_row) = (row(from)?, row(to)?);
    if from_row > to_row {
        return None;
    }
    Some(format!(
        "arrows go down the rows of ARCHITECTURE.md, and this one goes from {} to {}",
        ROWS[from_row].0, ROWS[to_row].0
    ))
}

/// Why a member may not depend on a crate from outside, if it may not.
fn broken_import(package: &Package, dependency: &str) -> Option<String> {
    let is_engine = dependency.starts_with("wasmtime") || dependency.starts_with("cranelift");
    if is_engine && package.name != "sandbar-wasm" {
        return Some("only sandbar-wasm knows wasmtime".to_owned());
    }
    let is_rim = matches!(package.name.as_str(), "sandbar-cli" | "sandbar-cluster")
        || place(package) == Place::Test;
    if dependency == "anyhow" && !is_rim {
        return Some("errors below cli and cluster are thiserror enums".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Package, check, packages};

    const FOLDERS: [&str; 12] = [
        "host/model",
        "host/metrics",
        "host/config",
        "host/state",
        "host/wasm",
        "host/jobmanager",
        "host/taskmanager",
        "host/cluster",
        "guest-sdk/rust",
        "plugins/text",
        "tests/tidy",
        "tests/processes",
    ];

    fn package(folder: &str, dependencies: &[&str]) -> Package {
        let last = folder.rsplit('/').next().unwrap_or(folder);
        Package {
            name: if folder == "guest-sdk/rust" {
                "sandbar-sdk".to_owned()
            } else {
                format!("sandbar-{last}")
            },
            folder: folder.to_owned(),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[track_caller]
    fn check_arrow(folder: &str, dependency: &str, is_allowed: bool) {
        let others = FOLDERS.iter().filter(|other| **other != folder);
        let mut all: Vec<Package> = others.map(|other| package(other, &[])).collect();
        all.push(package(folder, &[dependency]));
        assert_eq!(check(&all).is_empty(), is_allowed, "{folder} -> {dependency}");
    }

    #[test]
    fn arrows_go_down_the_rows_only() {
        check_arrow("host/taskmanager", "sandbar-wasm", true);
        check_arrow("host/cluster", "sandbar-taskmanager", true);
        check_arrow("host/model", "sandbar-config", false);
        check_arrow("host/state", "sandbar-wasm", false);
        check_arrow("host/config", "sandbar-metrics", false);
        check_arrow("host/wasm", "sandbar-taskmanager", false);
    }

    #[test]
    fn planes_never_name_each_other() {
        check_arrow("host/taskmanager", "sandbar-jobmanager", false);
        check_arrow("host/jobmanager", "sandbar-taskmanager", false);
        check_arrow("host/jobmanager", "sandbar-wasm", false);
        check_arrow("host/jobmanager", "sandbar-state", true);
    }

    #[test]
    fn guests_know_no_host() {
        check_arrow("plugins/text", "sandbar-sdk", true);
        check_arrow("plugins/text", "sandbar-model", false);
        check_arrow("guest-sdk/rust", "sandbar-model", false);
        check_arrow("host/wasm", "sandbar-sdk", false);
    }

    #[test]
    fn test_crates_know_all_and_are_known_by_none() {
        check_arrow("tests/processes", "sandbar-cluster", true);
        check_arrow("tests/tidy", "sandbar-model", false);
        check_arrow("host/model", "sandbar-processes", false);
    }

    #[test]
    fn wasmtime_and_anyhow_stay_where_they_belong() {
        check_arrow("host/wasm", "wasmtime", true);
        check_arrow("host/taskmanager", "wasmtime-wasi", false);
        check_arrow("tests/processes", "wasmtime", false);
        check_arrow("host/cluster", "anyhow", true);
        check_arrow("tests/processes", "anyhow", true);
        check_arrow("host/state", "anyhow", false);
        check_arrow("plugins/text", "anyhow", false);
    }

    #[test]
    fn crates_without_a_row_or_with_another_name_are_found() {
        assert_eq!(check(&[package("host/helper", &[])]).len(), 1);
        let renamed = Package { name: "model".to_owned(), ..package("host/model", &[]) };
        assert_eq!(check(&[renamed]).len(), 1);
    }

    #[test]
    fn cargo_metadata_is_read() {
        let metadata = serde_json::json!({
            "workspace_root": "/checkout",
            "packages": [{
                "name": "sandbar-state",
                "manifest_path": "/checkout/host/state/Cargo.toml",
                "dependencies": [{ "name": "sandbar-model", "kind": null }],
            }],
        });
        let read = packages(&metadata);
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].folder, "host/state");
        assert_eq!(read[0].dependencies, ["sandbar-model"]);
    }
}
