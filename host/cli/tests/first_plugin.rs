//! A user's first minutes with the real binary: each template of `plugin new`, made in a folder
//! outside the checkout, is built, inspected and run as the README says. What cargo compiles for
//! them stays in `target/tmp`; the network is not asked, since building the guests of the
//! workspace has fetched all that a plugin needs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A folder outside the checkout.
struct Outside(TempDir);

impl Outside {
    /// Runs a command that must succeed, and returns what it printed.
    #[track_caller]
    fn check_printed(&self, folder: &str, arguments: &[&str]) -> String {
        let binary = Path::new(env!("CARGO_BIN_EXE_sandbar"));
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .current_dir(self.0.path().join(folder))
            .env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/first-plugin"))
            .env("CARGO_NET_OFFLINE", "true")
            .env("XDG_CACHE_HOME", self.0.path().join("cache"));
        for variable in ["SANDBAR_CONF_DIR", "SANDBAR_LOG", "SANDBAR_SDK"] {
            command.env_remove(variable);
        }
        // The SDK is found near the binary, unless cargo was told to build far from the checkout.
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let checkout = checkout.canonicalize().expect("the checkout is there");
        if !binary.starts_with(&checkout) {
            command.env("SANDBAR_SDK", checkout.join("guest-sdk/rust"));
        }
        let output = command.output().expect("it starts");
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stdout}{stderr}");
        stdout.into_owned()
    }
}

/// Makes, builds, inspects and runs a plugin named after its template: what it describes, and the
/// lines it writes, sorted.
fn first_minutes(template: &str, run: &[&str]) -> (serde_json::Value, Vec<String>) {
    // The tests share a target folder, where a second `hello` would overwrite the first.
    let (name, file) = (format!("hello-{template}"), format!("hello_{template}.wasm"));
    let outside = Outside(TempDir::new().expect("a folder can be made"));
    let made = outside.check_printed("", &["plugin", "new", "--template", template, &name]);
    let commands = format!("cd {name} && sandbar plugin build && sandbar {}", run.join(" "));
    assert!(made.contains(&commands), "{commands:?} is what comes next: {made}");
    let built = outside.check_printed(&name, &["plugin", "build"]);
    assert!(built.starts_with(&format!("built {file}: ")), "{built}");
    let described = outside.check_printed(&name, &["plugin", "inspect", "--json", &file]);
    // With one subtask, print sinks write no number in front.
    let one = [&run[..1], &["-q", "-p", "1"], &run[1..]].concat();
    let mut lines: Vec<String> =
        outside.check_printed(&name, &one).lines().map(str::to_owned).collect();
    lines.sort();
    (serde_json::from_str(&described).expect("it prints JSON"), lines)
}

/// The words of the templates' input, as the templates cut and count them: each with every count
/// on its way.
fn counted(line: impl Fn(&str, u64) -> String) -> Vec<String> {
    let mut counts = BTreeMap::new();
    let text = include_str!("../templates/lines.txt").to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let count = |word| {
        let count = counts.entry(word).and_modify(|count| *count += 1).or_insert(1);
        line(word, *count)
    };
    let mut lines: Vec<String> = words.map(count).collect();
    lines.sort();
    assert!(lines.contains(&line("stream", 3)), "{lines:?}");
    lines
}

fn operators(description: &serde_json::Value) -> Vec<&str> {
    let operators = description["operators"].as_array().expect("a list");
    operators.iter().map(|operator| operator["name"].as_str().expect("a name")).collect()
}

#[test]
fn a_plugin_with_a_job_file() {
    let (description, lines) = first_minutes("job", &["run", "job.toml"]);
    assert_eq!(operators(&description), ["split", "count"]);
    assert_eq!(lines, counted(|word, count| format!("{word} {count}")));
}

#[test]
fn a_plugin_with_a_configured_operator() {
    let (description, lines) = first_minutes("operator", &["run", "job.toml"]);
    assert_eq!(operators(&description), ["longer-than"]);
    assert_eq!(lines, ["itself", "sandbar", "stream", "stream", "stream"]);
}

#[test]
fn a_job_in_code() {
    let (description, lines) =
        first_minutes("code", &["run", "hello_code.wasm", "--", "input/lines.txt"]);
    assert_eq!(description["world"], "sandbar:operator/job-plugin");
    assert_eq!(lines, counted(|word, count| format!("({word},{count})")));
}
