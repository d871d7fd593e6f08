//! A running job of windows and its input: lines over a socket, a clock that is moved between them,
//! and barriers that tell when all before them has been processed.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use sandbar_cluster::{JobClient, JobSource};
use sandbar_jobs::{Outcome, TestCluster, guest};
use sandbar_model::key_group::{default_max_parallelism, key_group, subtask_of};
use sandbar_model::{Clock, ManualClock};
use serde_json::{Value, json};

use crate::cases::{Case, KEYS, Line, START};

/// Before all elements of any case.
const SENTINEL_AT: i64 = -1_000_000;

/// Behind the sentinels, and still before all elements.
const SENTINEL_WATERMARK: i64 = -500_000;

/// The largest parallelism of a case.
const PARALLELISM_MAX: u32 = 4;

/// How long a job may print nothing while something is waited for.
const SILENCE: Duration = Duration::from_secs(10);

/// So many silences end the test; several, since a machine may have stopped all that runs meanwhile.
const SILENCES_MAX: u32 = 3;

/// How often the clock is moved for an input to become idle.
const IDLE_STEPS_MAX: u32 = 20_000;

/// How long to wait for late sentinels before there are more.
const IDLE_PATIENCE: Duration = Duration::from_millis(2);

/// How far the clock is moved until an input without elements is idle, in milliseconds.
const IDLE_STEP_MS: i64 = 10;

/// One key of each subtask, which no element has.
fn probe_keys() -> Vec<u8> {
    let max_parallelism = default_max_parallelism(PARALLELISM_MAX);
    let subtask =
        |key: u8| subtask_of(key_group(&[key], max_parallelism), PARALLELISM_MAX, max_parallelism);
    let probe = |of| (KEYS..128).find(|key| subtask(*key) == of);
    (0..PARALLELISM_MAX).map(|of| probe(of).expect("keys are spread")).collect()
}

fn argument(case: &Case) -> Value {
    json!({
        "label": case.label(),
        "setup": case.setup,
        "process": case.process,
        "tagged": case.tagged,
        "parallelism": case.parallelism,
        "barriers": case.needs_clock(),
        "idle": case.idle,
    })
}

/// A cluster that runs one job after the other, and its clock.
pub(crate) struct Workshop {
    cluster: TestCluster,
    clock: Arc<ManualClock>,
}

impl Workshop {
    pub(crate) fn new() -> Workshop {
        let clock = Arc::new(ManualClock::new(0));
        let options =
            [("execution.buffer-timeout", "0"), ("pipeline.auto-watermark-interval", "1 ms")];
        let cluster = TestCluster::with(&options, Arc::clone(&clock) as Arc<dyn Clock>);
        Workshop { cluster, clock }
    }
}

pub(crate) struct Feed<'a> {
    workshop: &'a Workshop,
    job: JobClient,
    /// What the job has printed.
    text: String,
    lines: TcpStream,
    idle: Option<TcpStream>,
    probes: Vec<u8>,
    barrier_echoes: usize,
    barriers: usize,
}

impl Feed<'_> {
    pub(crate) fn start<'a>(workshop: &'a Workshop, cases: &[Case]) -> Feed<'a> {
        workshop.clock.set(0);
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
        let lines = listen();
        let idle = cases.iter().any(|case| case.idle).then(listen);
        let cases_text = Value::Array(cases.iter().map(argument).collect()).to_string();
        let arguments =
            vec![port(&lines), idle.as_ref().map_or_else(|| "-".to_owned(), port), cases_text];
        let source = JobSource::Plugin { path: guest("guest-windows"), arguments };
        let job = workshop.cluster.submit(&source, &[]).unwrap_or_else(|error| panic!("{error}"));
        let lines = lines.accept().unwrap().0;
        lines.set_nodelay(true).unwrap();
        let idle = idle.map(|listener| listener.accept().unwrap().0);
        let probes = probe_keys();
        let told = cases.iter().filter(|case| case.needs_clock()).count();
        let barrier_echoes = told * probes.len();
        let text = String::new();
        Feed { workshop, job, text, lines, idle, probes, barrier_echoes, barriers: 0 }
    }

    /// Waits until nobody waits for the idle input, which late elements tell, and starts the clock.
    pub(crate) fn await_idleness(&mut self, cases: &[Case]) {
        let awaited: Vec<String> = cases
            .iter()
            .filter(|case| case.idle)
            .flat_map(|case| self.probes.iter().map(|key| format!("{} {key} late", case.label())))
            .collect();
        let mut steps = 0;
        while !awaited.iter().all(|line| self.text.contains(line)) {
            steps += 1;
            assert!(steps < IDLE_STEPS_MAX, "the idle input is waited for:\n{}", self.text);
            self.workshop.clock.advance(IDLE_STEP_MS);
            self.job.wake();
            for case in cases.iter().filter(|case| case.idle) {
                let sentinel = |key: &u8| Line {
                    key: *key,
                    at: SENTINEL_AT,
                    value: 0,
                    watermarks: vec![SENTINEL_WATERMARK],
                };
                let sentinels: Vec<Line> = self.probes.iter().map(sentinel).collect();
                self.send(&case.label(), &sentinels);
            }
            self.text.push_str(&self.workshop.cluster.take_text(IDLE_PATIENCE));
        }
        self.workshop.clock.set(START);
    }

    pub(crate) fn send(&mut self, label: &str, lines: &[Line]) {
        let mut text = String::new();
        for Line { key, at, value, watermarks } in lines {
            let behind: String = watermarks.iter().map(|risen| format!(" {risen}")).collect();
            text.push_str(&format!("{label} {key} {at} {value}{behind}\n"));
        }
        self.lines.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until all that was sent has been processed.
    fn barrier(&mut self) {
        if self.barrier_echoes == 0 {
            return;
        }
        let keys: String = self.probes.iter().map(|key| format!(" {key}")).collect();
        self.lines.write_all(format!("barrier{keys}\n").as_bytes()).unwrap();
        self.barriers += 1;
        let awaited = self.barriers * self.barrier_echoes;
        let mut silences = 0;
        while self.text.matches("barrier").count() < awaited {
            let more = self.workshop.cluster.take_text(SILENCE);
            self.text.push_str(&more);
            silences = if more.is_empty() { silences + 1 } else { 0 };
            if silences == SILENCES_MAX {
                let ended = self.job.wait_timeout(Duration::ZERO);
                let (text, snapshot) = (&self.text, self.job.snapshot());
                let number = self.barriers;
                panic!("barrier {number} does not come: {ended:?}\n{snapshot:#?}\n{text}");
            }
        }
    }

    /// Moves the clock between what was sent before and what is sent afterwards, and waits until all
    /// timers have fired that are due.
    pub(crate) fn advance(&mut self, by_ms: i64) {
        self.barrier();
        self.workshop.clock.advance(by_ms);
        self.job.wake();
        // A subtask looks at the clock before it takes a batch: at the latest, the first barrier
        // makes it look, and has been processed when the second is sent.
        self.barrier();
        self.barrier();
    }

    /// Ends the input. The lines of the outcome are all that the job has printed.
    pub(crate) fn finish(self) -> Outcome {
        let Feed { workshop, job, mut text, lines, idle, .. } = self;
        drop(lines);
        drop(idle);
        let mut outcome = workshop.cluster.attend(&job);
        text.push_str(&workshop.cluster.take_text(Duration::ZERO));
        outcome.lines = text.lines().map(str::to_owned).collect();
        outcome
    }
}
