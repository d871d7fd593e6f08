//! A cluster whose processes speak TLS does what others do, and keeps out who has no certificate.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::io::{Read, Write};
use std::path::Path;

use sandbar_processes::process::command;
use sandbar_processes::{Certificates, Cluster, Process, Rest, jobs};

const RECORDS: u64 = 10_000;

/// The sum of the counts that a job has printed.
fn counted(cluster: &Cluster) -> u64 {
    let lines = cluster.printed();
    let counts = lines.iter().filter_map(|line| line.rsplit('\t').next()?.parse::<u64>().ok());
    counts.sum()
}

#[test]
fn a_keyed_job_runs_over_two_task_managers_and_its_cluster_comes_back() {
    let mut cluster = Cluster::secured(Certificates::new("the CA"), &[]);
    cluster.add_worker(1, &[]);
    cluster.add_worker(1, &["-Dtaskmanager.network.compression.codec=LZ4"]);
    cluster.await_workers(2);
    let job = cluster.submit(&jobs::count_words("job", 2, RECORDS));
    cluster.await_state(&job, "FINISHED");
    assert_eq!(counted(&cluster), RECORDS);
    cluster.restart_job_manager(&[]);
    cluster.await_workers(2);
    let endless = cluster.submit(&jobs::endless("endless", 2));
    cluster.await_tasks(&endless, "RUNNING");
    // What runs between processes of which one dies fails, as it does without TLS.
    cluster.workers[0].signal(rustix::process::Signal::KILL);
    cluster.await_state(&endless, "FAILED");
}

#[test]
fn task_managers_without_the_right_certificate_are_kept_out() {
    let mut cluster = Cluster::secured(Certificates::new("the CA"), &[]);
    let port = format!("-Djobmanager.rpc.port={}", cluster.rpc_port());
    let patience = "-Dtaskmanager.registration.timeout=2s";
    let own = ["taskmanager", "--slots", "1", &port, patience];
    let plain = Process::start(cluster.folder(), "plain", &own);
    let others = Certificates::new("another CA");
    let arguments: Vec<&str> = own.into_iter().chain(others.options()).collect();
    let stranger = Process::start(cluster.folder(), "stranger", &arguments);
    for (mut process, reason) in
        [(plain, "security.ssl.internal.enabled"), (stranger, "issued by \"the CA\", is not taken")]
    {
        assert_eq!(process.wait().code(), Some(1));
        let error = process.stderr();
        assert!(error.contains("not registered for 2.0s") && error.contains(reason), "{error}");
    }
    assert_eq!(cluster.overview("taskmanagers"), 0);
    let log = cluster.job_manager.stderr();
    for reason in ["a connection to the RPC port is refused", "the other side does not speak TLS"] {
        assert!(log.contains(reason), "{reason}: {log}");
    }
    assert!(cluster.job_manager.is_running());
    cluster.add_worker(1, &[]);
    cluster.await_workers(1);
}

#[test]
fn clients_without_a_certificate_are_not_served() {
    let cluster = Cluster::secured(Certificates::new("the CA"), &[]);
    let address = cluster.rest().address();
    let (status, errors) = Rest::new(address).refused("GET", "/overview", None);
    assert_eq!(status, 400);
    assert!(errors[0].contains("https://"), "{errors:?}");
    assert!(!Rest::secured(address, &Certificates::new("another CA")).answers());
    assert!(cluster.rest().answers());
    let log = cluster.job_manager.stderr();
    assert!(log.contains(&format!("https://{address}")), "{log}");
}

#[test]
fn task_managers_that_the_job_manager_starts_get_its_certificates() {
    let cluster = Cluster::secured(
        Certificates::new("the CA"),
        &["-Dsandbar.resource.provider=process", "-Dtaskmanager.numberOfTaskSlots=2"],
    );
    let job = cluster.submit(&jobs::endless("job", 4));
    cluster.await_tasks(&job, "RUNNING");
    assert_eq!(cluster.overview("taskmanagers"), 2);
}

#[test]
fn strangers_on_the_ports_of_tls_disturb_nobody() {
    let mut cluster = Cluster::secured(Certificates::new("the CA"), &[]);
    cluster.add_worker(1, &[]);
    cluster.add_worker(1, &[]);
    cluster.await_workers(2);
    let all = cluster.rest().get("/taskmanagers");
    let data = all["taskmanagers"][0]["dataPort"].as_u64().unwrap() as u16;
    let rest = cluster.rest().address().rsplit(':').next().unwrap().parse().unwrap();
    for port in [cluster.rpc_port(), data, rest] {
        for bytes in [&[0x16, 3, 1, 0xff, 0xff][..], b"GET / HTTP/1.1\r\n\r\n", b"", &[0; 9999]] {
            let mut stranger = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            stranger.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
            // The other end may have hung up already.
            let _ = stranger.write_all(bytes);
            let _ = stranger.shutdown(std::net::Shutdown::Write);
            // It is hung up on, and does not hang.
            let _ = stranger.read_to_end(&mut Vec::new());
        }
    }
    let job = cluster.submit(&jobs::count_words("job", 2, RECORDS));
    cluster.await_state(&job, "FINISHED");
    assert_eq!(cluster.overview("taskmanagers"), 2);
}

#[test]
fn files_that_cannot_be_used_are_named_at_the_start() {
    let folder = tempfile::TempDir::new().unwrap();
    let others = Certificates::new("another CA");
    let mine = Certificates::new("the CA");
    // The last one wins.
    let foreign = others.options().find(|option| option.contains("internal.ca=")).unwrap();
    for (option, parts) in [
        ("-Dsandbar.ssl.internal.ca=gone.pem", ["cannot read gone.pem", "sandbar.ssl.internal.ca"]),
        (foreign, ["would refuse this certificate", "issued by \"the CA\""]),
    ] {
        for verb in ["jobmanager", "taskmanager"] {
            let mut arguments = vec![verb, "-Djobmanager.rpc.port=0", "-Drest.port=0"];
            arguments.extend(mine.options());
            arguments.push(option);
            let mut process = Process::start(folder.path(), verb, &arguments);
            assert_eq!(process.wait().code(), Some(1), "{option}");
            let error = process.stderr();
            for part in parts {
                assert!(error.contains(part), "{part}: {error}");
            }
        }
    }
}

/// Runs a command to its end, which is a success.
#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str], certificates: &Certificates) -> String {
    let output = command(folder).args(arguments).args(certificates.options()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_command_line_speaks_to_a_cluster_over_tls() {
    let certificates = Certificates::new("the CA");
    let folder = tempfile::TempDir::new().unwrap();
    let home = folder.path();
    let file = home.join("job.json");
    std::fs::write(&file, jobs::endless("endless", 1).to_string()).unwrap();
    let start = ["cluster", "start", "--slots", "1", "-Drest.port=0", "-Djobmanager.rpc.port=0"];
    let started = succeeds(home, &start, &certificates);
    let address = started.split_whitespace().find(|word| word.starts_with("https://")).unwrap();
    let run = ["run", "-d", "-m", address, file.to_str().unwrap()];
    let submitted = succeeds(home, &run, &certificates);
    let job = submitted.trim().rsplit(' ').next().unwrap();
    let listed = succeeds(home, &["list", "-a", "-m", address], &certificates);
    assert!(listed.contains(job), "{listed}");
    let status = succeeds(home, &["cluster", "status"], &certificates);
    assert!(status.contains(address) && status.contains("1 TaskManager"), "{status}");
    // Without a CA to know the cluster by, nothing is asked.
    let output = command(home).args(["list", "-m", address]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("sandbar.ssl.rest.ca"), "{error}");
    let stopped = succeeds(home, &["cluster", "stop"], &certificates);
    assert!(stopped.contains("Stopped the cluster"), "{stopped}");
}
