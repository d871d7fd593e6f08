//! Keyed state of running jobs: asked for over REST and the command line, expired by the host, and
//! shown in metrics.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use sandbar_processes::metrics::OFTEN;
use sandbar_processes::process::command;
use sandbar_processes::{Cluster, eventually, guest, jobs};
use serde_json::{Value, json};

/// Whoever a job reads lines from.
struct Feed(TcpListener);

impl Feed {
    fn new() -> Feed {
        Feed(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// A source that reads them.
    fn source(&self) -> Value {
        let port = self.0.local_addr().unwrap().port();
        json!({
            "name": "words",
            "connector": "socket",
            "options": { "host": "127.0.0.1", "port": port, "format": "text" },
            "parallelism": 1,
        })
    }

    fn accept(&self) -> TcpStream {
        self.0.accept().unwrap().0
    }
}

fn path(job: &str, operator: &str, state: &str, parameters: &str) -> String {
    format!("/jobs/{job}/state/{operator}/{state}?{parameters}")
}

/// Why a question is refused.
#[track_caller]
fn check_refused(cluster: &Cluster, path: &str, status: u16, parts: &[&str]) {
    let (found, errors) = cluster.rest().refused("GET", path, None);
    assert_eq!(found, status, "{path}: {errors:?}");
    parts.iter().for_each(|part| assert!(errors[0].contains(part), "{part}: {errors:?}"));
}

#[test]
fn a_query_equals_the_running_count() {
    let cluster = Cluster::with_workers(2, 2, &[]);
    let feed = Feed::new();
    let mut spec = jobs::count_words("counts", 3, 1);
    spec["sources"][0] = feed.source();
    let job = cluster.submit(&spec);
    let mut lines = feed.accept();
    cluster.await_tasks(&job, "RUNNING");
    let count = |word: &str| {
        let asked = path(&job, "count", "count", &format!("key={word}"));
        let (status, text) = cluster.rest().text("GET", &asked, None);
        (status == 200).then(|| serde_json::from_str::<Value>(&text).unwrap())
    };
    for round in 1..4 {
        for number in 0..20 {
            lines.write_all(format!("word{number}\n").as_bytes()).unwrap();
        }
        for number in 0..20 {
            let shown = eventually("the count is that of the words sent", || {
                count(&format!("word{number}")).filter(|shown| shown["value"] == round)
            });
            let expected = json!({
                "operator": shown["operator"],
                "state": "count",
                "kind": "value",
                "key": format!("word{number}"),
                "value": round,
            });
            assert_eq!(shown, expected);
        }
    }
    let uid = count("word7").unwrap()["operator"].as_str().unwrap().to_owned();
    let by_json = cluster.rest().get(&path(&job, &uid, "count", "key-json=%22word7%22"));
    assert_eq!(by_json["value"], 3);
    let by_hex = cluster.rest().get(&path(&job, &uid, "count", "key-hex=776f726437"));
    assert_eq!(by_hex["value"], 3);
    let address = cluster.rest().address();
    let arguments = ["state", "get", &job, "count", "count", "--key", "word7", "-m", address];
    let said = command(cluster.folder()).args(arguments).output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "3\n");
    check_what_is_not_there(&cluster, &job);
    // The job went on, at its first attempt.
    assert!(cluster.tasks(&job).iter().all(|task| task["attempt"] == 0));
    cluster.cancel(&job);
    cluster.await_state(&job, "CANCELED");
    check_refused(&cluster, &path(&job, "count", "count", "key=word7"), 404, &["CANCELED"]);
}

fn check_what_is_not_there(cluster: &Cluster, job: &str) {
    let refused = |path: String, status, parts: &[&str]| {
        check_refused(cluster, &path, status, parts);
    };
    refused(path(job, "count", "count", "key=none"), 404, &["count", "nothing for this key"]);
    refused(path(job, "count", "counts", "key=a"), 404, &["no state counts", "it has count"]);
    refused(path(job, "sum", "count", "key=a"), 404, &["no operator sum", "words", "count"]);
    refused(path(job, "words", "count", "key=a"), 404, &["words", "no keyed state"]);
    refused(path(job, "count", "count", ""), 400, &["key-json"]);
    refused(path(job, "count", "count", "key=a&key-hex=00"), 400, &["only one"]);
    refused(path(job, "count", "count", "key-hex=0"), 400, &["hexadecimal"]);
    refused(path(job, "count", "count", "key-json=7"), 400, &["text", "hexadecimal"]);
    refused(path(job, "count", "count", "key=word7&user-key=a"), 400, &["no user keys"]);
    let other = "0123456789abcdef0123456789abcdef";
    refused(path(other, "count", "count", "key=a"), 404, &["there is no job"]);
}

#[test]
fn state_expires_though_nobody_touches_it_and_its_size_shrinks() {
    let cluster = Cluster::with_workers(1, 2, &[OFTEN]);
    let feed = Feed::new();
    let job = cluster.submit(&json!({
        "name": "recent",
        "plugins": { "operators": { "path": guest("guest-operators") } },
        "sources": [feed.source()],
        "operators": [{
            "name": "recent",
            "plugin": "operators",
            "operator": "recent",
            "config": { "ttl-ms": 3000 },
            "inputs": [{ "from": "words", "key": "value" }],
            "parallelism": 1,
        }],
        "sinks": [{
            "name": "out", "connector": "print", "inputs": ["recent"], "parallelism": 1,
        }],
    }));
    let mut lines = feed.accept();
    cluster.await_tasks(&job, "RUNNING");
    for number in 0..1000 {
        lines.write_all(format!("word{number}\n").as_bytes()).unwrap();
    }
    let shown = eventually("the map is there", || {
        let asked = path(&job, "recent", "seen", "key=word999");
        let (status, text) = cluster.rest().text("GET", &asked, None);
        (status == 200).then(|| serde_json::from_str::<Value>(&text).unwrap())
    });
    let uid = shown["operator"].as_str().unwrap().to_owned();
    assert_eq!(shown["entries"], json!([{ "key": 7, "value": "word999" }]));
    let one = cluster.rest().get(&path(&job, "recent", "seen", "key=word999&user-key=7"));
    assert_eq!(one["value"], "word999");
    let metric = |name: &str| cluster.metric(&job, (1, 0), &format!("{uid}.{name}"));
    let entries = eventually("all entries are counted", || {
        metric("stateEntries").filter(|entries| *entries >= 1000.0)
    });
    assert!(entries <= 2000.0, "{entries}");
    let size = metric("stateSize").unwrap();
    assert!(size > entries * 64.0, "{size} bytes of {entries} entries");
    // Nothing is sent and nothing is asked for any more.
    eventually("what has expired is deleted", || {
        (metric("stateEntries") == Some(0.0) && metric("stateSize") == Some(0.0)).then_some(())
    });
    check_refused(&cluster, &path(&job, "recent", "count", "key=word999"), 404, &["nothing"]);
    // The count starts again.
    lines.write_all(b"word999\n").unwrap();
    eventually("it starts again", || {
        let printed = cluster.printed();
        let ones = printed.iter().filter(|line| *line == "word999\t1").count();
        (ones == 2).then_some(())
    });
}

/// Runs the job `states` of the guest with a key of two members, `[7, "ann"]`.
fn run_states(cluster: &Cluster, feed: &Feed) -> String {
    let port = feed.0.local_addr().unwrap().port().to_string();
    let plugin = guest("guest-keyed-streams");
    let address = cluster.rest().address();
    let run = ["run", "-d", "-p", "2", "-m", address, plugin.to_str().unwrap(), "--", "states"];
    let said = command(cluster.folder()).args(run).arg(&port).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    cluster.rest().get("/jobs/overview")["jobs"][0]["jid"].as_str().unwrap().to_owned()
}

#[test]
fn state_of_windows_and_joins_is_found_by_the_json_of_its_key() {
    let cluster = Cluster::with_workers(1, 2, &[]);
    let feed = Feed::new();
    let job = run_states(&cluster, &feed);
    let mut lines = feed.accept();
    cluster.await_tasks(&job, "RUNNING");
    lines.write_all(b"ann,7\n").unwrap();
    let key = "[7,\"ann\"]";
    for (operator, state) in [
        ("tumbling", "windows"),
        ("sliding", "windows"),
        ("two-phase", "windows"),
        ("window%20join", "windows"),
        ("interval", "buffers"),
        ("Join", "left-records"),
        ("Join", "right-records"),
        ("temporal", "left"),
        ("temporal", "right"),
    ] {
        let asked = path(&job, operator, state, "key-json=%5B7,%22ann%22%5D");
        let shown = eventually(&format!("{operator} has got the record: {state}"), || {
            let (status, text) = cluster.rest().text("GET", &asked, None);
            assert!([200, 404].contains(&status), "{operator}/{state}: {text}");
            (status == 200).then(|| serde_json::from_str::<Value>(&text).unwrap())
        });
        assert_eq!(shown["key"], json!([7, "ann"]), "{operator}/{state}: {shown}");
    }
    let address = cluster.rest().address();
    let arguments = ["state", "get", &job, "tumbling", "windows", "--key-json", key, "-m", address];
    let said = command(cluster.folder()).args(arguments).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    cluster.cancel(&job);
}

/// Runs a plugin's job on the cluster, and returns its id.
fn run_detached(cluster: &Cluster, package: &str, arguments: &[&str]) -> String {
    let (plugin, address) = (guest(package), cluster.rest().address());
    let mut run = command(cluster.folder());
    run.args(["run", "-d", "-m", address, "-p", "1"]).arg(plugin).arg("--").args(arguments);
    let said = run.output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    let id = text.trim().strip_prefix("Job has been submitted with JobID ");
    id.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&said.stderr))).to_owned()
}

#[test]
fn every_kind_of_state_with_a_time_to_live_shrinks_to_nothing() {
    let cluster = Cluster::with_workers(1, 1, &[OFTEN]);
    let feed = Feed::new();
    let port = feed.0.local_addr().unwrap().port().to_string();
    let job = run_detached(&cluster, "guest-keyed", &["states", &port, "2000"]);
    let mut lines = feed.accept();
    for number in 0..500 {
        let line = format!("{{\"at\":{number},\"key\":\"k{number}\",\"value\":7}}\n");
        lines.write_all(line.as_bytes()).unwrap();
    }
    let metric = |name: &str| cluster.metric(&job, (1, 0), &format!("states.{name}"));
    // A value, a list, a map, a reducing and an aggregating state of each key.
    let size = eventually("all state is there", || {
        metric("stateEntries").filter(|entries| *entries >= 5.0 * 500.0)?;
        metric("stateSize")
    });
    assert!(size > 5.0 * 500.0 * 8.0, "{size} bytes");
    // Nothing is sent any more.
    eventually("all of it has expired", || {
        (metric("stateEntries") == Some(0.0) && metric("stateSize") == Some(0.0)).then_some(())
    });
}
