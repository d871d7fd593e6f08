//! The binary `sandbar` as a user or a script meets it: what it prints where, and its exit codes.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The skeleton of a Flink configuration that must be accepted as it is.
const SKELETON: &str = "\
parallelism.default: 4
taskmanager.numberOfTaskSlots: 4
taskmanager.memory.process.size: 4096m
taskmanager.memory.managed.size: 1024m
execution.checkpointing.interval: 10000
execution.checkpointing.timeout: 60000
execution.checkpointing.max-concurrent-checkpoints: 1
state.checkpoints.dir: file:///var/lib/sandbar/checkpoints
state.savepoints.dir: file:///var/lib/sandbar/savepoints
high-availability: none
";

/// A job without plugins.
const COPY: &str = r#"
name = "copy"

[[sources]]
name = "lines"
connector = "files"
options = { path = "lines.txt" }

[[sinks]]
name = "console"
connector = "print"
inputs = ["lines"]
"#;

/// A folder to run in, which is also home and so holds the cache of plugins.
struct Folder(TempDir);

/// What a command did.
struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        let folder = TempDir::new().expect("a folder can be made");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("the folder can be written");
        }
        Folder(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandbar"));
        command.args(arguments).current_dir(self.path()).env("HOME", self.path());
        for variable in ["SANDBAR_CONF_DIR", "SANDBAR_LOG", "SANDBAR_SDK", "XDG_CACHE_HOME"] {
            command.env_remove(variable);
        }
        let Output { status, stdout, stderr } = command.output().expect("it starts");
        let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
        Outcome { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Runs a command that must succeed, and returns what it printed.
    #[track_caller]
    fn check_printed(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {}{}", outcome.stdout, outcome.stderr);
        outcome.stdout
    }

    /// Runs a command that must fail with this code, saying all of this on standard error and
    /// nothing on standard output.
    #[track_caller]
    fn check_refused(&self, arguments: &[&str], code: i32, expected: &[&str]) {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, Some(code), "{arguments:?}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "", "{arguments:?}");
        for words in expected {
            assert!(outcome.stderr.contains(words), "{words:?} not in {}", outcome.stderr);
        }
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let printed = self.run(arguments).stdout;
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error} in {printed}"))
    }
}

#[test]
fn usage_errors_exit_with_2() {
    let folder = Folder::with(&[]);
    folder.check_refused(&[], 2, &["Usage: sandbar"]);
    folder.check_refused(&["walk"], 2, &["unrecognized subcommand 'walk'"]);
    folder.check_refused(
        &["info", "-Dparallelism", "job.toml"],
        2,
        &["`parallelism` is not an override of an option; write it as key=value"],
    );
    folder.check_refused(&["info", "-p", "0", "job.toml"], 2, &["0 is not in 1.."]);
    folder.check_refused(
        &["info", "--explain-chaining", "--format", "dot", "job.toml"],
        2,
        &["use text or json"],
    );
}

#[test]
fn version_and_help_are_printed() {
    let folder = Folder::with(&[]);
    assert!(folder.check_printed(&["--version"]).starts_with("sandbar 0."));
    let verbs: [&[&str]; 25] = [
        &[],
        &["run"],
        &["info"],
        &["job"],
        &["job", "schema"],
        &["job", "validate"],
        &["job", "connectors"],
        &["plugin"],
        &["plugin", "new"],
        &["plugin", "build"],
        &["plugin", "inspect"],
        &["plugin", "upload"],
        &["plugin", "list"],
        &["plugin", "delete"],
        &["list"],
        &["cancel"],
        &["logs"],
        &["cluster"],
        &["cluster", "start"],
        &["cluster", "stop"],
        &["cluster", "status"],
        &["jobmanager"],
        &["taskmanager"],
        &["config"],
        &["config", "check"],
    ];
    for verb in verbs {
        let help = folder.check_printed(&[verb, &["--help"]].concat());
        assert!(help.contains("\nExamples:\n  sandbar "), "{verb:?}: {help}");
    }
}

#[test]
fn every_option_is_listed() {
    let folder = Folder::with(&[]);
    let text = folder.check_printed(&["config"]);
    assert!(text.contains("parallelism.default: integer, default 1\n"), "{text}");
    let list = folder.json(&["config", "--json"]);
    let keys: Vec<&str> =
        list.as_array().unwrap().iter().map(|option| option["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), sandbar_config::options::all().count());
    assert!(keys.contains(&"sandbar.guest.memory.max"), "{keys:?}");
}

#[test]
fn the_usual_configuration_has_no_errors() {
    let folder = Folder::with(&[("config.yaml", SKELETON)]);
    let printed = folder.check_printed(&["config", "check", "config.yaml"]);
    assert!(printed.contains("taskmanager.memory.process.size: 4096m\n"), "{printed}");
    let checked = folder.json(&["config", "check", "--json", "config.yaml"]);
    assert_eq!(checked["errors"], serde_json::json!([]));
    assert_eq!(checked["values"].as_array().unwrap().len(), 10);
}

#[test]
fn wrong_configuration_is_refused_line_by_line() {
    let wrong = "paralelism.default: 3\nparallelism.default: x\nsandbar.guest.stack.max: big\n";
    let folder = Folder::with(&[("config.yaml", wrong), ("job.toml", COPY), ("lines.txt", "")]);
    let errors = [
        "error: option `parallelism.default` has the value `x`, expected a whole number",
        "\nerror: option `sandbar.guest.stack.max` has the value `big`, expected",
    ];
    folder.check_refused(&["info", "--config", "config.yaml", "job.toml"], 1, &errors);
    let outcome = folder.run(&["config", "check", "config.yaml"]);
    assert_eq!(outcome.code, Some(1));
    let warning = "warning: there is no option `paralelism.default`; did you mean";
    assert!(outcome.stderr.contains(warning), "{}", outcome.stderr);
    folder.check_refused(
        &["config", "check", "none.yaml"],
        1,
        &["error: cannot read configuration file none.yaml: No such file"],
    );
    folder.check_refused(
        &["info", "-Dparallelism.default=many", "job.toml"],
        1,
        &["error: option `parallelism.default` has the value `many`"],
    );
}

#[test]
fn the_graph_of_a_job_is_shown_without_a_cluster() {
    let folder = Folder::with(&[("job.toml", COPY), ("lines.txt", "a\n")]);
    let chained = folder.check_printed(&["info", "-p", "2", "job.toml"]);
    assert!(chained.contains("Source: lines -> Sink: console"), "{chained}");
    let plan = folder.json(&["info", "-p", "2", "--format", "json", "job.toml"]);
    assert_eq!(plan["plan"]["nodes"][0]["parallelism"], 2);
    let dot = folder.check_printed(&["info", "--format", "dot", "--graph", "stream", "job.toml"]);
    assert!(dot.starts_with("digraph \"copy\""), "{dot}");
    let disabled = "-Dpipeline.operator-chaining.enabled=false";
    let explained = folder.check_printed(&["info", "--explain-chaining", disabled, "job.toml"]);
    assert!(explained.contains("chaining-disabled"), "{explained}");
}

#[test]
fn all_errors_of_a_job_are_said_at_once() {
    let wrong = COPY.replace("connector", "conector").replace("inputs", "input");
    let folder = Folder::with(&[("wrong.toml", &wrong), ("job.toml", COPY), ("lines.txt", "")]);
    folder.check_refused(
        &["job", "validate", "wrong.toml"],
        1,
        &["error: wrong.toml:6:1", "\nerror: wrong.toml:11:1", "`connector`?", "`inputs`?"],
    );
    let validated = folder.json(&["job", "validate", "--json", "wrong.toml"]);
    assert_eq!(validated["valid"], false);
    assert_eq!(validated["errors"].as_array().unwrap().len(), 3, "{validated}");
    assert_eq!(
        folder.check_printed(&["job", "validate", "-p", "3", "job.toml"]),
        "ok: job \"copy\" has 1 source, 0 operators and 1 sink, in 1 vertex with 3 subtasks\n"
    );
    folder.check_refused(&["job", "validate", "none.toml"], 1, &["error: cannot read job file"]);
}

#[test]
fn keys_of_a_job_that_no_option_has_are_warned_of() {
    let misspelt = "[configuration]\n\"paralelism.default\" = 2\n\"my.key\" = true\n\
                    \"user.key\" = \"x\"\n";
    let job = COPY.replace("[[sources]]", &format!("{misspelt}[[sources]]"));
    let folder = Folder::with(&[("job.toml", &job), ("lines.txt", "a\n")]);
    let warnings = "\
warning: configuration of job \"copy\": there is no option `my.key`; begin keys of your own with \
`user.`
warning: configuration of job \"copy\": there is no option `paralelism.default`; did you mean \
`parallelism.default`?
";
    for verb in [&["run", "-q"][..], &["info"], &["job", "validate"]] {
        let outcome = folder.run(&[verb, &["job.toml"]].concat());
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), warnings), "{verb:?}");
    }
}

#[test]
fn arguments_for_a_job_file_are_refused() {
    let folder = Folder::with(&[("job.toml", COPY), ("lines.txt", "a\n")]);
    let expected = "error: job file job.toml takes no arguments, but `-- book.txt 3` was given";
    for verb in [&["run"][..], &["info"], &["job", "validate"]] {
        let arguments = [verb, &["job.toml", "--", "book.txt", "3"]].concat();
        folder.check_refused(&arguments, 1, &[expected, "leave them out"]);
    }
}

/// A record a second for an hour, with the time at which it was made.
const HOUR: &str = "\
name = 'hour'
[[sources]]
name = 'seconds'
connector = 'datagen'
options = { rate = 1, count = 3600, fields = { now = { kind = 'now' } } }
[[sinks]]
name = 'out'
connector = 'print'
inputs = ['seconds']
";

#[test]
fn an_hour_by_a_virtual_clock_is_over_at_once_and_the_same_in_every_run() {
    let folder = Folder::with(&[("job.toml", HOUR)]);
    let lines = |start_ms: i64| -> String {
        (0..3600).map(|second| format!("{{\"now\":{}}}\n", start_ms + second * 1000)).collect()
    };
    let run = ["run", "-q", "-p", "1", "job.toml", "--virtual-clock"];
    for _ in 0..2 {
        assert_eq!(folder.check_printed(&run), lines(0));
    }
    let started = [&run[..], &["2024-01-01T00:00:00Z"]].concat();
    assert_eq!(folder.check_printed(&started), lines(1_704_067_200_000));
}

#[test]
fn a_virtual_clock_is_for_one_process_and_sources_with_a_pace() {
    let endless = HOUR.replace("rate = 1, count = 3600, ", "");
    let folder = Folder::with(&[("job.toml", HOUR), ("endless.toml", &endless)]);
    let refused = |arguments: &[&str], code: i32, expected: &[&str]| {
        folder.check_refused(&[arguments, &["--virtual-clock"]].concat(), code, expected);
    };
    refused(&["run", "endless.toml"], 1, &["source \"seconds\" (datagen) has neither an end nor"]);
    let local = "run the job with the target local";
    refused(&["run", "-d", "job.toml"], 1, &["with -d they would run on a cluster", local]);
    refused(&["run", "-t", "application", "job.toml"], 1, &["with this target", local]);
    refused(&["run-application", "job.toml"], 1, &["with this target", local]);
    refused(&["run", "-Dexecution.target=remote", "job.toml"], 1, &["with this target", local]);
    folder.check_refused(
        &["run", "--virtual-clock", "job.toml"],
        2,
        &["job.toml is no time with an offset", "name it before --virtual-clock"],
    );
}

#[test]
fn schema_and_connectors_are_printed() {
    let folder = Folder::with(&[]);
    let schema = folder.json(&["job", "schema"]);
    assert_eq!(schema["required"], serde_json::json!(["name"]));
    let connectors = folder.json(&["job", "connectors", "--json"]);
    assert_eq!(connectors[0]["name"], "files");
    assert_eq!(connectors[0]["options"][0]["required"], true);
    let print = folder.check_printed(&["job", "connectors", "print"]);
    assert!(print.contains("target (one of stdout, stderr), default stdout"), "{print}");
    folder.check_refused(&["job", "connectors", "kafka"], 1, &["no connector 'kafka', only: "]);
}

#[test]
fn files_that_are_no_plugins_are_refused_by_name() {
    let folder = Folder::with(&[
        ("empty.wasm", ""),
        ("words.wasm", "hello"),
        ("words.jar", "PK\x03\x04rest"),
        ("words.elf", "\x7fELFrest"),
        ("module.wasm", "\0asm\x01\0\0\0"),
    ]);
    // An empty component.
    std::fs::write(folder.path().join("component.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    let cases = [
        ("empty.wasm", "is not WebAssembly: the file is empty"),
        ("words.wasm", "starts with the bytes 68 65 6c 6c"),
        ("words.jar", "zip or jar archive"),
        ("words.elf", "native ELF binary"),
        ("module.wasm", "no custom section `component-type`"),
        ("component.wasm", "does not export sandbar:operator/plugin@"),
        ("none.wasm", "cannot read plugin none.wasm"),
    ];
    for (file, expected) in cases {
        for verb in ["inspect", "validate"] {
            let begin = format!("error: {}", if file == "none.wasm" { "cannot" } else { "plugin" });
            folder.check_refused(&["plugin", verb, file], 1, &[&begin, expected]);
        }
    }
}

#[test]
fn a_folder_that_is_no_plugin_is_not_built() {
    let folder = Folder::with(&[]);
    folder.check_refused(&["plugin", "build"], 1, &["holds no Cargo.toml", "plugin new"]);
    folder.check_refused(&["plugin", "build", "none"], 1, &["cannot open plugin folder none"]);
}

#[test]
fn a_plugin_is_only_made_where_nothing_is_lost() {
    let folder = Folder::with(&[("file", "")]);
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/rust");
    let sdk = sdk.to_str().unwrap();
    for template in ["job", "operator", "code"] {
        let name = format!("my-{template}");
        let template = ["plugin", "new", "--sdk", sdk, "--template", template, &name];
        folder.check_printed(&template);
        folder.check_refused(&template, 1, &["is not empty"]);
        let manifest = std::fs::read_to_string(folder.path().join(&name).join("Cargo.toml"));
        assert!(manifest.unwrap().contains(&format!("name = \"{name}\"")));
    }
    let with_sdk = |name| ["plugin", "new", "--sdk", sdk, name];
    folder.check_refused(&with_sdk("file"), 1, &["error: file is a file"]);
    folder.check_refused(&with_sdk("2nd"), 1, &["\"2nd\" cannot be the name of a plugin"]);
    folder.check_refused(
        &["plugin", "new", "--sdk", ".", "hello"],
        1,
        &["folder . does not hold the Rust SDK"],
    );
    assert!(!folder.path().join("hello").exists());
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let binary = env!("CARGO_BIN_EXE_sandbar");
    let shell = format!("\"{binary}\" config --json | head -c 1; \"{binary}\" config >&-");
    let outcome = Command::new("sh").args(["-c", &shell]).output().unwrap();
    let stderr = String::from_utf8(outcome.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
}
