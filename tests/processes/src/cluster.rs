//! A cluster of processes: one JobManager, and the TaskManagers that a test adds.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::process::Process;
use crate::rest::Rest;
use crate::{eventually, root};

/// The cluster; dropping it kills its processes.
pub struct Cluster {
    /// TaskManagers in the order they were added.
    pub workers: Vec<Process>,
    /// The JobManager.
    pub job_manager: Process,
    rest: Rest,
    rpc_port: u16,
    folder: TempDir,
    /// With these all processes speak TLS.
    certificates: Option<Certificates>,
}

impl Cluster {
    /// A JobManager without TaskManagers, on free ports.
    ///
    /// # Panics
    /// If it does not serve in time.
    pub fn start(options: &[&str]) -> Cluster {
        Cluster::make(None, options)
    }

    /// The same, whose processes all speak TLS, and so do clients. TaskManagers that are added get
    /// certificates without being told.
    ///
    /// # Panics
    /// If it does not serve in time.
    pub fn secured(certificates: Certificates, options: &[&str]) -> Cluster {
        Cluster::make(Some(certificates), options)
    }

    fn make(certificates: Option<Certificates>, options: &[&str]) -> Cluster {
        let folder = TempDir::new().expect("a folder can be made");
        let mut all = vec!["-Djobmanager.rpc.port=0"];
        all.extend(certificates.iter().flat_map(Certificates::options));
        all.extend(options);
        let (job_manager, rest, rpc_port) = start_job_manager(&folder, certificates.as_ref(), &all);
        Cluster { workers: Vec::new(), job_manager, rest, rpc_port, folder, certificates }
    }

    /// The same, with TaskManagers that have registered.
    ///
    /// # Panics
    /// If they do not in time.
    pub fn with_workers(workers: u32, slots: u32, options: &[&str]) -> Cluster {
        let mut cluster = Cluster::start(options);
        for _ in 0..workers {
            cluster.add_worker(slots, &[]);
        }
        cluster.await_workers(workers.into());
        cluster
    }

    /// Starts a TaskManager, and returns its index.
    pub fn add_worker(&mut self, slots: u32, options: &[&str]) -> usize {
        let slots = slots.to_string();
        let port = format!("-Djobmanager.rpc.port={}", self.rpc_port);
        let mut all = vec!["taskmanager", "--slots", &slots, &port];
        all.extend(self.certificates.iter().flat_map(Certificates::options));
        all.extend(options);
        let name = format!("taskmanager-{}", self.workers.len());
        let worker = Process::start(self.folder.path(), &name, &all);
        self.workers.push(worker);
        self.workers.len() - 1
    }

    /// Kills the JobManager with SIGKILL and starts another one at the same RPC port.
    ///
    /// # Panics
    /// If it does not serve in time.
    pub fn restart_job_manager(&mut self, options: &[&str]) {
        self.job_manager.signal(rustix::process::Signal::KILL);
        self.job_manager.wait();
        let port = format!("-Djobmanager.rpc.port={}", self.rpc_port);
        let mut all = vec![port.as_str()];
        all.extend(self.certificates.iter().flat_map(Certificates::options));
        all.extend(options);
        let (job_manager, rest, _) =
            start_job_manager(&self.folder, self.certificates.as_ref(), &all);
        (self.job_manager, self.rest) = (job_manager, rest);
    }

    /// Waits until this many TaskManagers are registered.
    ///
    /// # Panics
    /// If they are not in time.
    pub fn await_workers(&self, workers: u64) {
        eventually(&format!("{workers} TaskManagers are registered"), || {
            (self.overview("taskmanagers") == workers).then_some(())
        });
    }

    /// A number of the cluster.
    ///
    /// # Panics
    /// If there is no such number.
    pub fn overview(&self, name: &str) -> u64 {
        self.rest.get("/overview")[name].as_u64().expect("there is such a number")
    }

    /// The REST API.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Where TaskManagers register.
    pub fn rpc_port(&self) -> u16 {
        self.rpc_port
    }

    /// The folder of its processes.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Submits a job spec and returns its id.
    ///
    /// # Panics
    /// If it is refused.
    pub fn submit(&self, spec: &Value) -> String {
        self.submit_with(spec, &json!({}))
    }

    /// The same with options.
    ///
    /// # Panics
    /// If it is refused.
    pub fn submit_with(&self, spec: &Value, configuration: &Value) -> String {
        let body = json!({ "spec": spec, "configuration": configuration });
        let answer = self.rest.ask("POST", "/jobs", Some(&body));
        answer["jobid"].as_str().expect("a job has an id").to_owned()
    }

    /// Cancels a job.
    ///
    /// # Panics
    /// If that is refused.
    pub fn cancel(&self, job: &str) {
        self.rest.ask("PATCH", &format!("/jobs/{job}?mode=cancel"), None);
    }

    /// A job with its vertices.
    ///
    /// # Panics
    /// If there is none.
    pub fn job(&self, job: &str) -> Value {
        self.rest.get(&format!("/jobs/{job}"))
    }

    /// Waits until a job is in this state.
    ///
    /// # Panics
    /// If it is not in time; shows what it is instead.
    pub fn await_state(&self, job: &str, state: &str) -> Value {
        let mut last = Value::Null;
        let seen = std::panic::AssertUnwindSafe(|| {
            eventually(&format!("job {job} is {state}"), || {
                last = self.job(job);
                (last["state"] == state).then(|| last.clone())
            })
        });
        std::panic::catch_unwind(seen).unwrap_or_else(|panic| {
            let why = self.rest.get(&format!("/jobs/{job}/exceptions"));
            eprintln!("{:#}\n{why:#}\n{}", self.job(job), self.job_manager.stderr());
            std::panic::resume_unwind(panic)
        })
    }

    /// Waits until all tasks of a job are in this state.
    ///
    /// # Panics
    /// If they are not in time.
    pub fn await_tasks(&self, job: &str, state: &str) {
        eventually(&format!("all tasks of {job} are {state}"), || {
            let tasks = self.tasks(job);
            tasks.iter().all(|task| task["status"] == state).then_some(())
        });
    }

    /// The current attempts of all subtasks of a job.
    ///
    /// # Panics
    /// If there is no such job.
    pub fn tasks(&self, job: &str) -> Vec<Value> {
        let details = self.job(job);
        let vertices = details["vertices"].as_array().expect("a job has vertices");
        let mut tasks = Vec::new();
        for vertex in vertices {
            let id = vertex["id"].as_str().expect("a vertex has an id");
            let shown = self.rest.get(&format!("/jobs/{job}/vertices/{id}"));
            tasks.extend(shown["subtasks"].as_array().expect("it has subtasks").clone());
        }
        tasks
    }

    /// What the print sinks of all TaskManagers have written, sorted, without the prefix of the
    /// subtask.
    pub fn printed(&self) -> Vec<String> {
        records(&self.workers.iter().map(Process::stdout).collect::<String>())
    }
}

/// The records that print sinks have written, sorted, without the prefix of the subtask.
pub fn records(text: &str) -> Vec<String> {
    let record = |line: &str| match line.split_once("> ") {
        Some((_, record)) => record.to_owned(),
        None => line.to_owned(),
    };
    let mut lines: Vec<String> = text.lines().map(record).collect();
    lines.sort_unstable();
    lines
}

fn start_job_manager(
    folder: &TempDir,
    certificates: Option<&Certificates>,
    options: &[&str],
) -> (Process, Rest, u16) {
    let written = folder.path().join("addresses.json");
    // One of an earlier JobManager would mislead.
    let _ = std::fs::remove_file(&written);
    let file = written.to_str().expect("temporary folders have plain names");
    let own = ["jobmanager", "-Drest.port=0", "--addresses-file", file];
    let mut process = Process::start(folder.path(), "jobmanager", &[&own, options].concat());
    let text = eventually("the JobManager serves", || {
        assert!(process.is_running(), "the JobManager ended: {}", process.stderr());
        std::fs::read_to_string(&written).ok()
    });
    let addresses: Value = serde_json::from_str(&text).expect("addresses are JSON");
    let rest = addresses["rest"].as_str().expect("it is text");
    let rest = match certificates {
        Some(certificates) => Rest::secured(rest, certificates),
        None => Rest::new(rest),
    };
    let rpc = addresses["rpc"].as_str().expect("it is text");
    let port = rpc.rsplit(':').next().and_then(|port| port.parse().ok());
    (process, rest, port.expect("an address has a port"))
}

/// The whole word count of the book that the examples count, made by other programs, sorted.
///
/// # Panics
/// If it is not there.
pub fn words_of_the_book() -> Vec<String> {
    let path = root().join("examples/word-count/expected/counts.tsv");
    let text = std::fs::read_to_string(path).expect("the expected counts are there");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}
