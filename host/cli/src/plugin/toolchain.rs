//! The Rust toolchain that builds guests: found as scripts/guest-toolchain.sh finds it, and run
//! as scripts/build-guests.sh runs it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::configuration;

/// What guests are compiled for: std without files, clocks and threads.
const TARGET: &str = "wasm32-unknown-unknown";

/// Lets the guest use 128-bit vectors, in which the SDK copies short strings; the engine has them.
/// Joins the crate's own `build.rustflags`. Its `target.*.rustflags` or a `RUSTFLAGS` variable
/// replace it, as Cargo has it: the guest is then slower and works all the same.
const VECTORS: &str = "build.rustflags=[\"-Ctarget-feature=+simd128\"]";
/// Set to `build-std`, it passes over a toolchain that has the target.
const CHOICE_VARIABLE: &str = "SANDBAR_GUEST_TOOLCHAIN";

/// How guests can be built on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Toolchain {
    /// The active toolchain has the target's standard library.
    Installed,
    /// Debian's toolchain builds the standard library from its sources as it goes.
    BuildStd {
        /// Where rust-lld is.
        linker_folder: PathBuf,
    },
}

/// A crate to build.
#[derive(Debug)]
pub(super) struct CargoBuild<'a> {
    /// Its folder, absolute.
    pub(super) folder: &'a Path,
    /// Cargo's profile.
    pub(super) profile: &'a str,
    /// More for cargo.
    pub(super) arguments: &'a [String],
}

impl Toolchain {
    /// Finds the toolchain for a crate in this folder, which may choose one itself.
    ///
    /// # Errors
    /// There is none; the message says what to install.
    pub(super) fn find(folder: &Path) -> anyhow::Result<Toolchain> {
        let is_passed_over =
            configuration::variable(CHOICE_VARIABLE).is_some_and(|choice| choice == "build-std");
        if !is_passed_over && has_target(folder) {
            return Ok(Toolchain::Installed);
        }
        if has_debian_toolchain()
            && let Some(linker_folder) = linker_folder(folder)
        {
            return Ok(Toolchain::BuildStd { linker_folder });
        }
        bail!(
            "no Rust toolchain here has a standard library for {TARGET}; either: rustup target \
             add {TARGET}, or as root on Debian: apt-get install rustc-web cargo-web rust-web-src \
             lld-22"
        )
    }

    /// Builds a crate and returns the core module; what cargo says goes to standard error.
    ///
    /// # Errors
    /// Cargo cannot be started or fails, or the crate builds no module.
    pub(super) fn build(&self, build: &CargoBuild<'_>) -> anyhow::Result<PathBuf> {
        let mut cargo = self.command(build);
        let program = cargo.get_program().display().to_string();
        let mut child = cargo
            .spawn()
            .with_context(|| format!("cannot start {program}; install Rust 1.95 or later"))?;
        let messages = child.stdout.take().context("cargo has no standard output")?;
        let manifest = build.folder.join("Cargo.toml");
        let mut module = None;
        for line in BufReader::new(messages).lines() {
            let line = line.context("cannot read what cargo says")?;
            module = module_of(&line, &manifest).or(module);
        }
        let status = child.wait().context("cannot wait for cargo")?;
        if !status.success() {
            bail!("cargo could not build {} ({status}); it says why above", manifest.display());
        }
        module.with_context(|| {
            format!(
                "{} builds no WebAssembly module; add crate-type = [\"cdylib\"] under [lib]",
                manifest.display()
            )
        })
    }

    fn command(&self, build: &CargoBuild<'_>) -> Command {
        let mut cargo = match self {
            Toolchain::Installed => Command::new("cargo"),
            Toolchain::BuildStd { .. } => Command::new("/usr/bin/cargo"),
        };
        cargo
            .args(["build", "--lib", "--target", TARGET, "--profile", build.profile])
            .arg("--message-format=json-render-diagnostics")
            .args(["--config", VECTORS])
            .args(build.arguments)
            .current_dir(build.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Toolchain::BuildStd { linker_folder } = self {
            // Debian's cargo and rustc must not meet a rustup proxy, hence the short PATH. In the
            // folder of a rustup toolchain's rust-lld, gcc-ld holds what it starts.
            let folder = linker_folder.display();
            cargo
                .arg("-Zbuild-std=std,panic_abort")
                .env("PATH", format!("/usr/bin:/bin:{folder}:{folder}/gcc-ld"))
                .env("RUSTC_BOOTSTRAP", "1");
        }
        cargo
    }
}

/// The module in a message of cargo, if it tells of one of this crate.
/// Source: the Cargo Book, "External tools", "Artifact messages".
fn module_of(message: &str, manifest: &Path) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_ours = message["reason"] == "compiler-artifact"
        && message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest);
    if !is_ours {
        return None;
    }
    let files = message["filenames"].as_array()?;
    let mut paths = files.iter().filter_map(Value::as_str).map(PathBuf::from);
    paths.find(|path| path.extension().is_some_and(|extension| extension == "wasm"))
}

fn has_target(folder: &Path) -> bool {
    let library = printed(folder, "rustc", &["--print", "target-libdir", "--target", TARGET]);
    let entries = library.and_then(|library| std::fs::read_dir(library).ok());
    entries.into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libcore-") && name.ends_with(".rlib")
    })
}

fn has_debian_toolchain() -> bool {
    let root = Path::new("/");
    let sysroot = printed(root, "/usr/bin/rustc", &["--print", "sysroot"]);
    Path::new("/usr/bin/cargo").is_file()
        && sysroot.is_some_and(|sysroot| {
            Path::new(&sysroot).join("lib/rustlib/src/rust/library").is_dir()
        })
}

/// Debian's own rust-lld, a link that dangles without its lld package, or that of a rustup
/// toolchain.
fn linker_folder(folder: &Path) -> Option<PathBuf> {
    let of_debian = PathBuf::from("/usr/bin");
    if of_debian.join("rust-lld").is_file() {
        return Some(of_debian);
    }
    let sysroot = printed(folder, "rustc", &["--print", "sysroot"])?;
    let targets = std::fs::read_dir(Path::new(&sysroot).join("lib/rustlib")).ok()?;
    targets
        .flatten()
        .map(|target| target.path().join("bin"))
        .find(|programs| programs.join("rust-lld").is_file())
}

/// What a program prints on standard output, trimmed; none when it fails.
fn printed(folder: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_module(message: &str, expected: Option<&str>) {
        let found = module_of(message, Path::new("/p/Cargo.toml"));
        assert_eq!(found.as_deref(), expected.map(Path::new), "{message}");
    }

    #[test]
    fn the_module_is_found_among_cargos_messages() {
        let artifact = r#"{"reason":"compiler-artifact","manifest_path":"/p/Cargo.toml",
            "filenames":["/p/target/libp.rlib","/p/target/p.wasm"]}"#;
        check_module(artifact, Some("/p/target/p.wasm"));
        check_module(&artifact.replace("/p/Cargo", "/other/Cargo"), None);
        check_module(&artifact.replace("p.wasm", "p.d"), None);
        check_module(r#"{"reason":"build-finished","success":true}"#, None);
        check_module("Compiling p", None);
    }

    #[test]
    fn debians_toolchain_is_kept_away_from_rustups() {
        let build = CargoBuild { folder: Path::new("/p"), profile: "release", arguments: &[] };
        let linker_folder = PathBuf::from("/lld");
        let command = Toolchain::BuildStd { linker_folder }.command(&build);
        assert_eq!(command.get_program(), "/usr/bin/cargo");
        let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
        assert_eq!(path, Some("/usr/bin:/bin:/lld:/lld/gcc-ld".as_ref()));
        let last = command.get_args().last();
        assert_eq!(last, Some("-Zbuild-std=std,panic_abort".as_ref()));
    }
}
