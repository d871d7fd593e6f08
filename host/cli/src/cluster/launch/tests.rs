//! Launches of a script in place of the binary: a cluster that comes, one that does not, and one
//! of which a process ends.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use tempfile::TempDir;

use super::*;
use crate::cluster::state;

/// A folder with a script that is run as `sandbar`.
struct Fixture {
    home: TempDir,
    folder: StateFolder,
    task_managers: u32,
}

impl Fixture {
    /// `$ADDRESSES` is the file to write, `$1` the verb.
    fn new(script: &str) -> Fixture {
        let home = tempfile::tempdir().unwrap();
        let binary = home.path().join("sandbar");
        let head = "#!/bin/sh\nfor ADDRESSES in \"$@\"; do :; done\necho \"args: $*\"\n";
        std::fs::write(&binary, format!("{head}{script}\n")).unwrap();
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
        let folder = StateFolder::open(home.path().join("state")).unwrap();
        Fixture { home, folder, task_managers: 2 }
    }

    fn launch(&self, timeout: Duration) -> anyhow::Result<Option<ClusterState>> {
        self.launch_watched(timeout, &mut |_, interval| {
            thread::sleep(interval);
            false
        })
    }

    fn launch_watched(
        &self,
        timeout: Duration,
        watch: Watch<'_>,
    ) -> anyhow::Result<Option<ClusterState>> {
        let binary = self.home.path().join("sandbar");
        let launch = Launch {
            binary: &binary,
            folder: &self.folder,
            arguments: vec!["-Duser.key=a b".into()],
            configuration: &Configuration::new(),
            task_managers: self.task_managers,
            slots: Some("3"),
            timeout,
        };
        launch.launch(watch)
    }

    fn state(&self) -> Option<ClusterState> {
        state::read(&self.home.path().join("state")).unwrap()
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.logs().join(name)).unwrap()
    }

    /// Waits until a process has written a line.
    fn await_line(&self, name: &str) -> String {
        while !self.log(name).ends_with('\n') {
            thread::yield_now();
        }
        self.log(name)
    }
}

/// A REST API with this number of TaskManagers; its `host:port`.
fn serve_overview(task_managers: u32) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let body = format!(
        "{{\"taskmanagers\":{task_managers},\"slots-total\":6,\"slots-available\":6,\
         \"jobs-running\":0,\"jobs-finished\":0,\"jobs-cancelled\":0,\"jobs-failed\":0,\
         \"flink-version\":\"0\",\"flink-commit\":\"0\"}}"
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

/// A script that serves as JobManager and as TaskManager.
fn script(rest: &str) -> String {
    let addresses = format!("{{\"rest\":\"{rest}\",\"rpc\":\"127.0.0.1:4711\"}}");
    format!(
        "if [ \"$1\" = jobmanager ]; then echo '{addresses}' > \"$ADDRESSES\"; fi\nexec sleep 600"
    )
}

#[test]
fn a_cluster_comes_and_can_be_ended() {
    let rest = serve_overview(2);
    let fixture = Fixture::new(&script(&rest));
    let state = fixture.launch(Duration::from_secs(30)).unwrap().unwrap();
    assert_eq!(fixture.state(), Some(state.clone()));
    assert_eq!(state.rest, Some(rest));
    let names: Vec<&str> = state.processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["jobmanager", "taskmanager-1", "taskmanager-2"]);
    let arguments = "args: taskmanager -Duser.key=a b --slots 3 \
                     -Djobmanager.rpc.address=127.0.0.1 -Djobmanager.rpc.port=4711\n";
    assert_eq!(fixture.await_line("taskmanager-2.log"), arguments);
    assert!(state.identities().iter().all(ProcessIdentity::is_alive));
    assert!(process::end(&state.identities()));
}

#[test]
fn a_jobmanager_alone_is_a_cluster() {
    let rest = serve_overview(0);
    let fixture = Fixture { task_managers: 0, ..Fixture::new(&script(&rest)) };
    let state = fixture.launch(Duration::from_secs(30)).unwrap().unwrap();
    assert_eq!((state.rest.as_ref(), state.processes.len()), (Some(&rest), 1));
    assert_eq!(fixture.state(), Some(state.clone()));
    assert!(process::end(&state.identities()));
}

#[test]
fn a_process_that_ends_is_named_with_its_last_words() {
    let fixture = Fixture::new("echo 'the port is taken' >&2; exit 3");
    let error = fixture.launch(Duration::from_secs(30)).unwrap_err().to_string();
    assert!(error.starts_with("jobmanager ended with exit status: 3; its log "), "{error}");
    assert!(error.ends_with("\n  the port is taken"), "{error}");
    assert_eq!(fixture.state(), None);
}

#[test]
fn a_cluster_that_does_not_come_leaves_no_process() {
    let fixture = Fixture::new(&script(&serve_overview(1)));
    let mut seen = None;
    let watch = &mut |waits_for: &str, interval| {
        seen = fixture.state().filter(|state| state.processes.len() == 3).or(seen.take());
        assert!(!waits_for.is_empty());
        thread::sleep(interval);
        false
    };
    let error = fixture.launch_watched(Duration::from_secs(2), watch).unwrap_err().to_string();
    assert!(error.contains("1 of 2 TaskManagers have registered"), "{error}");
    assert!(!seen.unwrap().identities().iter().any(ProcessIdentity::is_alive));
    assert_eq!(fixture.state(), None);
}

#[test]
fn a_launch_that_is_given_up_leaves_no_process() {
    let fixture = Fixture::new("exec sleep 600");
    let mut seen = None;
    let watch = &mut |_: &str, _| {
        seen = fixture.state();
        true
    };
    assert_eq!(fixture.launch_watched(Duration::from_secs(30), watch).unwrap(), None);
    assert!(!seen.unwrap().identities().iter().any(ProcessIdentity::is_alive));
    assert_eq!(fixture.state(), None);
}

#[test]
fn the_log_before_is_kept() {
    let fixture = Fixture::new("exit 1");
    for _ in 0..2 {
        fixture.launch(Duration::from_secs(30)).unwrap_err();
    }
    assert_eq!(fixture.log("jobmanager.log"), fixture.log("jobmanager.log.1"));
}
