//! TaskManagers come, go, hang and die, before, while and after a JobManager is there.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use sandbar_processes::{Cluster, Process, Proxy, eventually, jobs, within};
use tempfile::TempDir;

/// Options under which a silent process is missed soon.
const IMPATIENT: [&str; 2] = ["-Dheartbeat.interval=200ms", "-Dheartbeat.timeout=1s"];

#[test]
fn a_task_manager_registers_with_its_slots_and_shares_its_memory_among_them() {
    let mut cluster = Cluster::start(&[]);
    cluster.add_worker(3, &["-Dtaskmanager.memory.managed.size=300m"]);
    cluster.add_worker(1, &[]);
    cluster.await_workers(2);
    assert_eq!(cluster.overview("slots-total"), 4);
    let all = cluster.rest().get("/taskmanagers");
    let of_three = all["taskmanagers"].as_array().unwrap().iter().find(|worker| {
        assert_eq!(worker["slotsNumber"], worker["freeSlots"]);
        worker["slotsNumber"] == 3
    });
    let id = of_three.unwrap()["id"].as_str().unwrap().to_owned();
    let details = cluster.rest().get(&format!("/taskmanagers/{id}"));
    assert_eq!(details["memoryConfiguration"]["managedMemory"], 300 << 20, "{details:#}");
    assert_eq!(details["hardware"]["managedMemory"], 300 << 20);
}

#[test]
fn slots_are_as_many_as_cores_unless_told() {
    let mut cluster = Cluster::start(&[]);
    let port = format!("-Djobmanager.rpc.port={}", cluster.rpc_port());
    let plain = Process::start(cluster.folder(), "plain", &["taskmanager", &port]);
    cluster.workers.push(plain);
    cluster.await_workers(1);
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    assert_eq!(cluster.overview("slots-total"), cores);
    let eight = "-Dtaskmanager.numberOfTaskSlots=8";
    let told = Process::start(cluster.folder(), "told", &["taskmanager", &port, eight]);
    cluster.workers.push(told);
    cluster.await_workers(2);
    assert_eq!(cluster.overview("slots-total"), cores + 8);
}

#[test]
fn a_task_manager_that_was_there_first_registers_when_the_job_manager_comes() {
    // A port that nobody listens on, for as long as it takes to start the JobManager.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("-Djobmanager.rpc.port={}", free.local_addr().unwrap().port());
    drop(free);
    let folder = TempDir::new().unwrap();
    let worker = Process::start(folder.path(), "early", &["taskmanager", "--slots", "1", &port]);
    eventually("it has tried", || worker.stderr().contains("no JobManager answers").then_some(()));
    let cluster = Cluster::start(&[&port]);
    cluster.await_workers(1);
}

#[test]
fn a_task_manager_without_a_job_manager_ends_with_an_error_after_its_time() {
    let folder = TempDir::new().unwrap();
    let arguments =
        ["taskmanager", "-Djobmanager.rpc.port=9", "-Dtaskmanager.registration.timeout=500ms"];
    let mut worker = Process::start(folder.path(), "alone", &arguments);
    assert_eq!(worker.wait().code(), Some(1));
    let error = worker.stderr();
    for part in ["500.0ms", "taskmanager.registration.timeout", "jobmanager.rpc.address"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_task_manager_that_is_killed_is_missed_at_once() {
    let mut cluster = Cluster::with_workers(2, 1, &[]);
    let started = Instant::now();
    cluster.workers[0].signal(Signal::KILL);
    cluster.await_workers(1);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(!cluster.workers[0].is_running());
}

#[test]
fn a_task_manager_that_hangs_is_missed_after_the_timeout_and_comes_back() {
    let cluster = Cluster::with_workers(2, 1, &IMPATIENT);
    cluster.workers[0].signal(Signal::STOP);
    cluster.await_workers(1);
    cluster.workers[0].signal(Signal::CONT);
    cluster.await_workers(2);
}

#[test]
fn a_task_manager_behind_a_network_that_swallows_all_is_lost_and_comes_back() {
    let mut cluster = Cluster::start(&IMPATIENT);
    let proxy = Proxy::to(cluster.rpc_port());
    cluster.add_worker(1, &[&format!("-Djobmanager.rpc.port={}", proxy.port())]);
    cluster.await_workers(1);
    let lost = cluster.submit(&jobs::apart("lost", 1));
    cluster.await_tasks(&lost, "RUNNING");
    let stopped = Instant::now();
    proxy.stop_forwarding();
    cluster.await_workers(0);
    // The connection is there, so only silence tells.
    assert!(stopped.elapsed() > Duration::from_millis(800), "{:?}", stopped.elapsed());
    cluster.await_state(&lost, "FAILED");
    let why = cluster.rest().get(&format!("/jobs/{lost}/exceptions"));
    let text = why["root-exception"].as_str().unwrap();
    assert!(text.contains("is lost: it was not heard of for"), "{text}");
    eventually("the TaskManager gives the JobManager up too", || {
        cluster.workers[0].stderr().contains("all tasks are cancelled").then_some(())
    });
    proxy.forward_again();
    cluster.await_workers(1);
    let next = cluster.submit(&jobs::count_words("next", 1, 100));
    cluster.await_state(&next, "FINISHED");
    assert!(cluster.workers[0].is_running());
}

#[test]
fn a_task_manager_whose_job_manager_hangs_cancels_its_tasks_and_comes_back() {
    let cluster = Cluster::with_workers(1, 1, &IMPATIENT);
    let job = cluster.submit(&jobs::apart("job", 1));
    cluster.await_tasks(&job, "RUNNING");
    cluster.job_manager.signal(Signal::STOP);
    eventually("the TaskManager notices", || {
        cluster.workers[0].stderr().contains("all tasks are cancelled").then_some(())
    });
    cluster.job_manager.signal(Signal::CONT);
    let failed = cluster.await_state(&job, "FAILED");
    assert_eq!(failed["name"], "job");
    cluster.await_workers(1);
    let again = cluster.submit(&jobs::apart("again", 1));
    cluster.await_tasks(&again, "RUNNING");
}

#[test]
fn a_job_manager_that_is_started_again_gets_its_task_managers_back() {
    let mut cluster = Cluster::with_workers(2, 1, &[]);
    let lost = cluster.submit(&jobs::apart("lost", 2));
    cluster.await_tasks(&lost, "RUNNING");
    cluster.restart_job_manager(&[]);
    cluster.await_workers(2);
    // The jobs are lost with the JobManager that had them; what ran for it is gone.
    let (status, errors) = cluster.rest().refused("GET", &format!("/jobs/{lost}"), None);
    assert_eq!(status, 404, "{errors:?}");
    let job = cluster.submit(&jobs::apart("job", 2));
    cluster.await_tasks(&job, "RUNNING");
    assert!(cluster.workers.iter_mut().all(Process::is_running));
}

#[test]
fn a_signal_ends_a_task_manager_and_its_tasks() {
    let mut cluster = Cluster::with_workers(1, 1, &[]);
    let job = cluster.submit(&jobs::apart("job", 1));
    cluster.await_tasks(&job, "RUNNING");
    cluster.workers[0].signal(Signal::TERM);
    assert_eq!(cluster.workers[0].wait().code(), Some(0));
    cluster.await_workers(0);
}

#[test]
fn a_task_manager_that_is_told_to_end_leaves_and_one_that_dies_is_lost() {
    let mut cluster = Cluster::with_workers(2, 1, &[]);
    let line_with = |of: &Cluster, text: &str| {
        let log = of.job_manager.stderr();
        log.lines().find(|line| line.contains(text)).map(str::to_owned)
    };
    cluster.workers[0].signal(Signal::TERM);
    cluster.workers[0].wait();
    cluster.await_workers(1);
    let left = eventually("its leaving is logged", || line_with(&cluster, "TaskManager left"));
    assert!(left.contains("INFO"), "{left}");
    assert_eq!(line_with(&cluster, "TaskManager lost"), None);
    let job = cluster.submit(&jobs::apart("job", 1));
    cluster.await_tasks(&job, "RUNNING");
    cluster.workers[1].signal(Signal::KILL);
    let lost = eventually("its loss is logged", || line_with(&cluster, "TaskManager lost"));
    assert!(lost.contains("WARN"), "{lost}");
}

#[test]
fn a_task_manager_leaves_a_job_manager_that_hangs() {
    let mut cluster = Cluster::with_workers(1, 1, &[]);
    cluster.job_manager.signal(Signal::STOP);
    let started = Instant::now();
    cluster.workers[0].signal(Signal::TERM);
    assert_eq!(cluster.workers[0].wait().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    cluster.job_manager.signal(Signal::CONT);
}

#[test]
fn a_cluster_that_is_ended_leaves_no_process() {
    let mut cluster = Cluster::with_workers(2, 1, &[]);
    let job = cluster.submit(&jobs::apart("job", 2));
    cluster.await_tasks(&job, "RUNNING");
    cluster.rest().ask("DELETE", "/cluster", None);
    assert_eq!(cluster.job_manager.wait().code(), Some(0));
    for worker in &mut cluster.workers {
        assert_eq!(worker.wait().code(), Some(0), "{}", worker.stderr());
    }
}

#[test]
fn heartbeats_that_cannot_be_are_refused_by_name() {
    for options in
        [["-Dheartbeat.interval=0", ""], ["-Dheartbeat.timeout=1s", "-Dheartbeat.interval=2s"]]
    {
        let folder = TempDir::new().unwrap();
        let free = ["jobmanager", "-Drest.port=0", "-Djobmanager.rpc.port=0"];
        let options = options.into_iter().filter(|option| !option.is_empty());
        let arguments: Vec<&str> = free.into_iter().chain(options).collect();
        let mut process = Process::start(folder.path(), "jobmanager", &arguments);
        assert_eq!(process.wait().code(), Some(1), "{arguments:?}");
        assert!(process.stderr().contains("heartbeat.interval"), "{}", process.stderr());
    }
}

#[test]
fn ports_that_are_taken_are_named_with_the_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (option, remedy) in [
        (format!("-Drest.port={port}"), "rest.port"),
        (format!("-Djobmanager.rpc.port={port}"), "jobmanager.rpc.port"),
    ] {
        let folder = TempDir::new().unwrap();
        let free = ["jobmanager", "-Drest.port=0", "-Djobmanager.rpc.port=0", &option];
        let mut process = Process::start(folder.path(), "jobmanager", &free);
        assert_eq!(process.wait().code(), Some(1), "{option}");
        let error = process.stderr();
        assert!(error.contains(remedy) && error.contains("(0 for any)"), "{error}");
    }
}

#[test]
fn strangers_on_the_rpc_and_data_ports_disturb_nobody() {
    use std::io::{ErrorKind, Read, Write};

    let cluster = Cluster::with_workers(2, 1, &[]);
    let all = cluster.rest().get("/taskmanagers");
    let data = all["taskmanagers"][0]["dataPort"].as_u64().unwrap() as u16;
    // Any bytes will do; these are the same in every run.
    let noise: Vec<u8> =
        (0..100_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for port in [cluster.rpc_port(), data] {
        for bytes in [&noise[..], b"GET / HTTP/1.1\r\n\r\n", b"", &noise[..7]] {
            let mut stranger = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            stranger.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            // The other end may have hung up already.
            let _ = stranger.write_all(bytes);
            let _ = stranger.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            // It is hung up on, or reset; it does not hang.
            let hangs = stranger.read_to_end(&mut answer).is_err_and(|error| {
                matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
            });
            assert!(!hangs, "port {port} keeps a stranger that sent {} bytes", bytes.len());
        }
    }
    let job = cluster.submit(&jobs::count_words("job", 2, 1000));
    cluster.await_state(&job, "FINISHED");
    within(Duration::from_secs(10), "both are there", || {
        (cluster.overview("taskmanagers") == 2).then_some(())
    });
}
