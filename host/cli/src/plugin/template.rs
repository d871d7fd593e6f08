//! The files that `sandbar plugin new` starts from: the folders of `templates/`, with `{{name}}`,
//! `{{module}}` and `{{sdk}}` filled in.

use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;

/// What a plugin can start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Template {
    /// Two operators and a job file that wires them.
    #[default]
    Job,
    /// One operator with a config, and a job file that uses it.
    Operator,
    /// A job written in Rust.
    Code,
}

/// What is filled in.
#[derive(Debug)]
pub(super) struct Names<'a> {
    /// Name of the crate.
    pub(super) package: &'a str,
    /// Folder of the SDK, absolute.
    pub(super) sdk: &'a Path,
}

type Files = &'static [(&'static str, &'static str)];

/// Files of every template.
const EVERY: Files = &[
    ("Cargo.toml", include_str!("../../templates/Cargo.toml.in")),
    (".gitignore", include_str!("../../templates/gitignore.in")),
    ("input/lines.txt", include_str!("../../templates/lines.txt")),
];

const JOB: Files = &[
    ("src/lib.rs", include_str!("../../templates/job/lib.rs.in")),
    ("job.toml", include_str!("../../templates/job/job.toml.in")),
    ("README.md", include_str!("../../templates/job/README.md.in")),
];

const OPERATOR: Files = &[
    ("src/lib.rs", include_str!("../../templates/operator/lib.rs.in")),
    ("job.toml", include_str!("../../templates/operator/job.toml.in")),
    ("README.md", include_str!("../../templates/operator/README.md.in")),
];

const CODE: Files = &[
    ("src/lib.rs", include_str!("../../templates/code/lib.rs.in")),
    ("README.md", include_str!("../../templates/code/README.md.in")),
];

impl Template {
    /// The files with their paths in the plugin's folder.
    ///
    /// # Errors
    /// The SDK's path cannot be written in a manifest.
    pub(super) fn files(self, names: &Names<'_>) -> anyhow::Result<Vec<(&'static str, String)>> {
        let own = match self {
            Template::Job => JOB,
            Template::Operator => OPERATOR,
            Template::Code => CODE,
        };
        let sdk = names.sdk.to_str().with_context(|| {
            let folder = names.sdk.display();
            format!("the path of the SDK is not UTF-8, which Cargo.toml needs: {folder}")
        })?;
        // TOML's basic strings escape as JSON's do.
        let sdk = serde_json::Value::from(sdk).to_string();
        let fill = |text: &str| {
            text.replace("{{name}}", names.package)
                .replace("{{module}}", &names.module())
                .replace("\"{{sdk}}\"", &sdk)
        };
        Ok(EVERY.iter().chain(own).map(|(path, text)| (*path, fill(text))).collect())
    }

    /// The command that runs what was built.
    pub(super) fn run_command(self, names: &Names<'_>) -> String {
        match self {
            Template::Job | Template::Operator => "sandbar run job.toml".to_owned(),
            Template::Code => format!("sandbar run {}.wasm -- input/lines.txt", names.module()),
        }
    }
}

impl Names<'_> {
    /// The crate's name as rustc writes it, which is what its files are called.
    fn module(&self) -> String {
        self.package.replace('-', "_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_filled_in() {
        let names = Names { package: "word-count", sdk: Path::new("/a \"b\"/rust") };
        for template in Template::value_variants() {
            let files = template.files(&names).unwrap();
            for (path, text) in &files {
                assert!(!text.contains("{{") || !text.contains("}}"), "{path}: {text}");
            }
            let manifest = &files[0].1;
            assert!(manifest.contains("name = \"word-count\""), "{manifest}");
            assert!(manifest.contains("path = \"/a \\\"b\\\"/rust\""), "{manifest}");
        }
    }
}
