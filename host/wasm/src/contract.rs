//! The contract's version and names, and the check of a component's imports and exports against
//! it, before anything of it runs.

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::error::PluginError;

/// The version of `sandbar:operator` that this host serves.
pub const CONTRACT_VERSION: &str = "0.1.0";

/// Our package.
const PACKAGE: &str = "sandbar:operator/";
/// Interfaces that every plugin exports.
const REQUIRED_EXPORTS: [&str; 2] = ["plugin", "operator"];
/// Exported by a job plugin.
const JOB_EXPORT: &str = "job";
/// Interfaces that a plugin may import.
const IMPORTS: [&str; 8] = [
    "types",
    "runtime-context",
    "collector",
    "keyed-state",
    "operator-state",
    "timers",
    "logging",
    "metrics",
];

/// Full name of an interface of the contract.
pub(crate) fn interface(name: &str) -> String {
    format!("{PACKAGE}{name}@{CONTRACT_VERSION}")
}

/// What a component turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct World {
    /// Whether it exports `job`.
    pub(crate) defines_job: bool,
    /// Whether it imports anything of WASI.
    pub(crate) needs_wasi: bool,
}

/// Checks what a component imports and exports.
///
/// # Errors
/// The first thing that is not as the contract says. Exports beyond ours are fine: some languages'
/// tools add their own.
pub(crate) fn check(
    plugin: &str,
    engine: &wasmtime::Engine,
    component: &Component,
) -> Result<World, PluginError> {
    let ty = component.component_type();
    let imports: Vec<&str> = ty.imports(engine).map(|(name, _)| name).collect();
    let exports: Vec<&str> = ty.exports(engine).map(|(name, _)| name).collect();
    for name in imports.iter().chain(&exports) {
        check_version(plugin, name)?;
    }
    let needs_wasi = check_imports(plugin, &imports)?;
    for required in REQUIRED_EXPORTS {
        if !exports.iter().any(|name| is_interface(name, required)) {
            return Err(PluginError::WrongWorld {
                plugin: plugin.to_owned(),
                missing: interface(required),
                exports: list(&exports),
            });
        }
    }
    let defines_job = ty.exports(engine).any(|(name, item)| {
        is_interface(name, JOB_EXPORT) && matches!(item.ty, ComponentItem::ComponentInstance(_))
    });
    Ok(World { defines_job, needs_wasi })
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn is_interface(name: &str, interface: &str) -> bool {
    name.strip_prefix(PACKAGE).and_then(|rest| rest.split('@').next()) == Some(interface)
}

fn check_imports(plugin: &str, imports: &[&str]) -> Result<bool, PluginError> {
    let mut needs_wasi = false;
    for name in imports {
        let ours = IMPORTS.iter().any(|interface| is_interface(name, interface));
        let wasi = is_served_wasi(name);
        needs_wasi |= wasi;
        if !ours && !wasi {
            let import = (*name).to_owned();
            return Err(PluginError::MissingImport { plugin: plugin.to_owned(), import });
        }
    }
    Ok(needs_wasi)
}

fn is_served_wasi(name: &str) -> bool {
    let served = ["cli", "clocks", "filesystem", "io", "random", "sockets"];
    name.strip_prefix("wasi:")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(package, rest)| served.contains(&package) && rest.contains("@0.2."))
}

/// Semantic versioning before 1.0: the minor number breaks, the patch number adds.
fn check_version(plugin: &str, name: &str) -> Result<(), PluginError> {
    let Some((_, version)) = name.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@'))
    else {
        return Ok(());
    };
    let numbers = |text: &str| -> Vec<u64> {
        text.split('.').map(|part| part.parse().unwrap_or(u64::MAX)).collect()
    };
    if numbers(version) > numbers(CONTRACT_VERSION) {
        return Err(PluginError::ContractTooNew {
            plugin: plugin.to_owned(),
            found: version.to_owned(),
            supported: CONTRACT_VERSION,
        });
    }
    Ok(())
}
