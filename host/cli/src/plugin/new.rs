//! `sandbar plugin new`: the folder of a plugin in Rust that builds, passes its test and runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use super::template::{Names, Template};
use crate::output;

/// Folder of the Rust SDK in a checkout.
const SDK_FOLDER: &str = "guest-sdk/rust";
/// Folder of the Rust SDK, by its environment variable.
const SDK_VARIABLE: &str = "SANDBAR_SDK";

/// Names that cargo or rustc refuse for a package, beside the keywords; or that would be the SDK.
const RESERVED_NAMES: [&str; 7] =
    ["test", "core", "std", "alloc", "proc-macro", "sandbar-sdk", "serde"];
/// Keywords, strict and reserved. Source: the Rust Reference, "Keywords", edition 2024.
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];
/// Characters a name may have. Source: limit of a package name on crates.io.
const NAME_CHARS_MAX: usize = 64;

/// Arguments of `sandbar plugin new`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sandbar plugin new hello && cd hello && sandbar plugin build && sandbar run job.toml
  sandbar plugin new --template operator longer-than    one operator with a config
  sandbar plugin new --template code word-count         a job written in Rust
  sandbar plugin new --sdk ~/sandbar/guest-sdk/rust hello

The SDK is taken from --sdk, from $SANDBAR_SDK, or from the checkout of Sandbar that the binary
or the working directory is in.")]
pub(crate) struct NewArgs {
    /// Folder to make; its last part is the name of the crate.
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// What to start from.
    #[arg(long, value_enum, default_value_t)]
    template: Template,
    /// Folder of the Rust SDK.
    #[arg(long, value_name = "FOLDER", env = SDK_VARIABLE)]
    sdk: Option<PathBuf>,
}

/// Runs the verb.
pub(crate) fn execute(args: &NewArgs) -> anyhow::Result<ExitCode> {
    let name = crate_name(&args.folder)?;
    refuse_what_is_there(&args.folder)?;
    let sdk = find_sdk(args.sdk.as_deref())?;
    let names = Names { package: name, sdk: &sdk };
    for (path, text) in args.template.files(&names)? {
        write(&args.folder.join(path), &text)?;
    }
    // The versions that the SDK was tested with, so that the first build needs no network.
    if let Some(lock) = lock_file(&sdk) {
        let target = args.folder.join("Cargo.lock");
        std::fs::copy(&lock, &target)
            .with_context(|| format!("cannot copy {} to {}", lock.display(), target.display()))?;
    }
    let folder = args.folder.display();
    let run = args.template.run_command(&names);
    output::line(&format!("made {folder}\nnext: cd {folder} && sandbar plugin build && {run}"))?;
    Ok(ExitCode::SUCCESS)
}

fn crate_name(folder: &Path) -> anyhow::Result<&str> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let refused = if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        "it must start with a letter from a to z"
    } else if !name.chars().all(is_plain) {
        "it may only have letters from a to z, digits, - and _"
    } else if name.len() > NAME_CHARS_MAX {
        "it may have 64 characters"
    } else if KEYWORDS.contains(&name) {
        "it is a keyword of Rust"
    } else if RESERVED_NAMES.contains(&name.replace('_', "-").as_str()) {
        "it is the name of a crate that the plugin needs"
    } else {
        return Ok(name);
    };
    bail!("\"{name}\" cannot be the name of a plugin: {refused}; choose one such as my-plugin")
}

fn refuse_what_is_there(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    match std::fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => bail!("folder {shown} is not empty; choose another name or empty it"),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            bail!("{shown} is a file; choose another name or remove it")
        }
        Err(error) => Err(error).with_context(|| format!("cannot look into folder {shown}")),
    }
}

/// The folder of the SDK, absolute.
fn find_sdk(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(folder) = given {
        return sdk_at(folder).with_context(|| {
            format!(
                "folder {} does not hold the Rust SDK; give the folder {SDK_FOLDER} of a \
                 checkout of Sandbar",
                folder.display()
            )
        });
    }
    let binary = std::env::current_exe().and_then(|binary| binary.canonicalize());
    let starts = [binary, std::env::current_dir()];
    let found = starts
        .iter()
        .flatten()
        .find_map(|start| start.ancestors().find_map(|folder| sdk_at(&folder.join(SDK_FOLDER))));
    found.with_context(|| {
        format!(
            "the Rust SDK is neither near this binary nor above the working directory; give its \
             folder with --sdk or ${SDK_VARIABLE}: {SDK_FOLDER} of a checkout of Sandbar"
        )
    })
}

fn sdk_at(folder: &Path) -> Option<PathBuf> {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let is_sdk = manifest.lines().any(|line| line.trim() == "name = \"sandbar-sdk\"");
    if is_sdk { folder.canonicalize().ok() } else { None }
}

fn lock_file(sdk: &Path) -> Option<PathBuf> {
    let file = sdk.ancestors().nth(2)?.join("Cargo.lock");
    file.is_file().then_some(file)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let made = match path.parent() {
        Some(folder) => std::fs::create_dir_all(folder),
        None => Ok(()),
    };
    made.and_then(|()| std::fs::write(path, text))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_name(folder: &str, expected: Result<&str, &str>) {
        let name = crate_name(Path::new(folder)).map_err(|error| error.to_string());
        match (name, expected) {
            (Ok(name), Ok(expected)) => assert_eq!(name, expected),
            (Err(message), Err(expected)) => assert!(message.contains(expected), "{message}"),
            (name, expected) => panic!("{folder}: {name:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn names_are_those_that_cargo_takes() {
        check_name("hello", Ok("hello"));
        check_name("some/where/word-count_2/", Ok("word-count_2"));
        check_name("2words", Err("\"2words\" cannot be the name of a plugin: it must start"));
        check_name("wörter", Err("letters from a to z"));
        check_name("a.b", Err("letters from a to z"));
        check_name("match", Err("keyword"));
        check_name("sandbar_sdk", Err("a crate that the plugin needs"));
        check_name("..", Err("must start with a letter"));
        check_name(&"a".repeat(65), Err("64 characters"));
    }
}
