//! What the seeds did, so that a simulation that stopped to try something is noticed.

use std::collections::BTreeMap;

use sandbar_jobmanager::RestartStrategyOptions;
use sandbar_model::status::JobStatus;
use sandbar_rpc::JobView;

use crate::world::Job;

/// Counts of what happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) breaks: u64,
    pub(crate) lost_messages: u64,
    pub(crate) partitions: u64,
    pub(crate) healed: u64,
    pub(crate) crashes: u64,
    pub(crate) crashes_with_tasks: u64,
    pub(crate) hangs: u64,
    /// Processes that went on with tasks that the JobManager had given up.
    pub(crate) woke_given_up: u64,
    /// Links that did not take a message for want of room.
    pub(crate) not_taken: u64,
    pub(crate) patience_lost: u64,
    pub(crate) stalls: u64,
    pub(crate) job_manager_crashes: u64,
    pub(crate) crashes_with_jobs: u64,
    pub(crate) moved_to_another_term: u64,
    /// Registrations under a name that the JobManager believes to be there.
    pub(crate) registrations_over_known: u64,
    pub(crate) refused: u64,
    pub(crate) shut_down: u64,
    /// Reports over another link than the attempt was deployed over.
    pub(crate) late_reports: u64,
    pub(crate) reports_of_unknown_jobs: u64,
    pub(crate) workers_started: u64,
    pub(crate) workers_refused: u64,
    pub(crate) workers_failed: u64,
    pub(crate) slot_request_timeouts: u64,
    pub(crate) task_managers_lost: u64,
    pub(crate) heartbeat_timeouts: u64,
    pub(crate) requirements_changed: u64,
    pub(crate) rescales: u64,
    pub(crate) starved: u64,
    /// Jobs that finished at other parallelism than they were submitted with.
    pub(crate) resized: u64,
    /// Jobs by how they ended, and their strategy.
    ends: BTreeMap<(JobStatus, &'static str), u64>,
    /// Jobs that restarted and ended, by strategy.
    restarted: BTreeMap<&'static str, u64>,
}

fn name_of(strategy: RestartStrategyOptions) -> &'static str {
    match strategy {
        RestartStrategyOptions::None => "none",
        RestartStrategyOptions::FixedDelay(_) => "fixed-delay",
        RestartStrategyOptions::FailureRate(_) => "failure-rate",
        RestartStrategyOptions::ExponentialDelay(_) => "exponential-delay",
    }
}

/// Whether a job that is scheduled adaptively got too few slots at last, which is final.
pub(crate) fn is_starved(view: &JobView) -> bool {
    let newest = view.exceptions.first();
    view.resource_requirements.is_some()
        && newest.is_some_and(|newest| newest.message.contains("NoResourceAvailableException"))
}

impl Seen {
    pub(crate) fn note_end(&mut self, job: &Job, view: &JobView) {
        let strategy = name_of(job.restart_strategy);
        if view.status == JobStatus::Failed && is_starved(view) {
            self.starved += 1;
        } else {
            *self.ends.entry((view.status, strategy)).or_default() += 1;
        }
        let has_restarted = view.restarts > view.rescales;
        *self.restarted.entry(strategy).or_default() += u64::from(has_restarted);
        let count = |text: &str| {
            view.exceptions.iter().filter(|exception| exception.message.contains(text)).count()
                as u64
        };
        self.rescales += u64::from(view.rescales);
        let is_resized = job.graph.vertices.iter().zip(&view.graph.vertices);
        let mut is_resized = is_resized.map(|(one, other)| one.parallelism != other.parallelism);
        let has_finished = view.status == JobStatus::Finished;
        self.resized += u64::from(has_finished && is_resized.any(|is_resized| is_resized));
        self.slot_request_timeouts += count("NoResourceAvailableException");
        self.task_managers_lost += count("is lost: ");
        self.heartbeat_timeouts += count("it was not heard of for");
    }

    pub(crate) fn add(&mut self, other: &Seen) {
        for (own, of_other) in self.counts_mut().into_iter().zip(other.clone().counts_mut()) {
            *own.1 += *of_other.1;
        }
        for (end, count) in &other.ends {
            *self.ends.entry(*end).or_default() += count;
        }
        for (strategy, count) in &other.restarted {
            *self.restarted.entry(strategy).or_default() += count;
        }
    }

    fn counts_mut(&mut self) -> [(&'static str, &mut u64); 29] {
        [
            ("breaks", &mut self.breaks),
            ("lost_messages", &mut self.lost_messages),
            ("partitions", &mut self.partitions),
            ("healed", &mut self.healed),
            ("crashes", &mut self.crashes),
            ("crashes_with_tasks", &mut self.crashes_with_tasks),
            ("hangs", &mut self.hangs),
            ("woke_given_up", &mut self.woke_given_up),
            ("not_taken", &mut self.not_taken),
            ("patience_lost", &mut self.patience_lost),
            ("stalls", &mut self.stalls),
            ("job_manager_crashes", &mut self.job_manager_crashes),
            ("crashes_with_jobs", &mut self.crashes_with_jobs),
            ("moved_to_another_term", &mut self.moved_to_another_term),
            ("registrations_over_known", &mut self.registrations_over_known),
            ("refused", &mut self.refused),
            ("shut_down", &mut self.shut_down),
            ("late_reports", &mut self.late_reports),
            ("reports_of_unknown_jobs", &mut self.reports_of_unknown_jobs),
            ("workers_started", &mut self.workers_started),
            ("workers_refused", &mut self.workers_refused),
            ("workers_failed", &mut self.workers_failed),
            ("slot_request_timeouts", &mut self.slot_request_timeouts),
            ("task_managers_lost", &mut self.task_managers_lost),
            ("heartbeat_timeouts", &mut self.heartbeat_timeouts),
            ("requirements_changed", &mut self.requirements_changed),
            ("rescales", &mut self.rescales),
            ("starved", &mut self.starved),
            ("resized", &mut self.resized),
        ]
    }

    /// Everything has been tried more than once.
    pub(crate) fn check_all(&mut self) {
        let shown = format!("{self:#?}");
        for (name, count) in self.counts_mut() {
            assert!(*count >= 5, "{name} was reached {count} times: {shown}");
        }
        for strategy in ["none", "fixed-delay", "failure-rate", "exponential-delay"] {
            for status in [JobStatus::Finished, JobStatus::Failed, JobStatus::Canceled] {
                // That strategy never gives up.
                let is_possible = (status, strategy) != (JobStatus::Failed, "exponential-delay");
                let is_seen = self.ends.contains_key(&(status, strategy));
                assert_eq!(is_seen, is_possible, "{strategy} {status}: {shown}");
            }
            let has_restarted = self.restarted.get(strategy).is_some_and(|count| *count > 0);
            assert_eq!(has_restarted, strategy != "none", "{strategy}: {shown}");
        }
    }
}
