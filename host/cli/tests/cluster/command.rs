//! A folder to run the binary in, with a cluster beside it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use sandbar_rest::{RestHandle, RestOptions, RestServer};
use serde_json::Value;
use tempfile::TempDir;

use crate::fake_dispatcher::FakeDispatcher;

/// A job without plugins.
pub(crate) const COPY: &str = r#"
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

/// A cluster, and a folder that is also home.
pub(crate) struct Fixture {
    pub(crate) home: TempDir,
    pub(crate) dispatcher: Arc<FakeDispatcher>,
    pub(crate) address: String,
    pub(crate) server: Option<RestHandle>,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn of(output: Output) -> Outcome {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Outcome { code: output.status.code(), stdout, stderr }
    }

    /// The last line of standard output as JSON.
    #[track_caller]
    pub(crate) fn last_json(&self) -> Value {
        serde_json::from_str(self.stdout.lines().last().unwrap()).unwrap()
    }

    /// That it failed with this code and these words on standard error.
    #[track_caller]
    pub(crate) fn check_refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} not in {}", self.stderr);
        }
    }

    #[track_caller]
    pub(crate) fn check_printed(&self, stdout: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(0), stdout), "{self:?}");
    }
}

impl Fixture {
    pub(crate) fn new() -> Fixture {
        Fixture::with_files(&[])
    }

    pub(crate) fn with_files(files: &[(&str, &str)]) -> Fixture {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(home.path().join(name), text).unwrap();
        }
        let dispatcher = Arc::new(FakeDispatcher::default());
        let options = RestOptions { port: 0, ..RestOptions::default() };
        let gateway = Arc::clone(&dispatcher);
        let server = RestServer::start(&options, gateway).unwrap();
        let address = server.local_address().to_string();
        Fixture { home, dispatcher, address, server: Some(server) }
    }

    /// A command that finds the cluster by its options.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandbar"));
        let conf = self.home.path().join("conf");
        std::fs::create_dir_all(&conf).unwrap();
        let (host, port) = self.address.rsplit_once(':').unwrap();
        let options = format!("rest:\n  address: {host}\n  port: {port}\n");
        std::fs::write(conf.join("config.yaml"), options).unwrap();
        command.args(arguments).current_dir(self.home.path());
        command.env("HOME", self.home.path()).env("SANDBAR_CONF_DIR", conf).env("TZ", "UTC");
        for variable in ["SANDBAR_LOG", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null());
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command(arguments).output().unwrap())
    }

    /// Starts a command whose output is read while it runs.
    pub(crate) fn start(&self, arguments: &[&str]) -> Started {
        let mut command = self.command(arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Started { child, seen: String::new() }
    }
}

/// A command that runs.
pub(crate) struct Started {
    child: Child,
    /// What it has written to standard error so far.
    seen: String,
}

impl Started {
    /// Reads standard error until a line has these words.
    #[track_caller]
    pub(crate) fn await_line(&mut self, words: &str) {
        let stderr = self.child.stderr.take().unwrap();
        let mut stderr = BufReader::with_capacity(1, stderr);
        loop {
            let mut line = String::new();
            let read = stderr.read_line(&mut line).unwrap();
            assert!(read > 0, "no line with {words:?} but {}", self.seen);
            self.seen.push_str(&line);
            if line.contains(words) {
                break;
            }
        }
        self.child.stderr = Some(stderr.into_inner());
    }

    /// Sends Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn outcome(self) -> Outcome {
        let mut outcome = Outcome::of(self.child.wait_with_output().unwrap());
        outcome.stderr.insert_str(0, &self.seen);
        outcome
    }
}
