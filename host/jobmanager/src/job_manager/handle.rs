//! The handle of a JobManager's loop: each method is one event, and waits for the answer.

use crossbeam_channel::Receiver;
use sandbar_model::JobId;
use sandbar_rpc::state_query::StateQuery;
use sandbar_rpc::{
    ClusterOverview, GatewayError, JobView, LinkEvent, RequestedRequirements, RequirementsError,
    TaskManagerId, TaskManagerView,
};
use tokio::sync::mpsc;

use super::{Event, QUERY_TIME_MAX, QueryResult, Reply, Submission};

/// Speaks to a JobManager. Not for tokio's threads: its methods block for a moment.
#[derive(Clone, Debug)]
pub struct JobManagerHandle {
    events: mpsc::Sender<Event>,
}

impl JobManagerHandle {
    pub(super) fn new(events: mpsc::Sender<Event>) -> JobManagerHandle {
        JobManagerHandle { events }
    }

    /// Where events go, for transports.
    pub fn events(&self) -> &mpsc::Sender<Event> {
        &self.events
    }

    /// Tells of a link; false if the JobManager has ended.
    pub fn link(&self, event: LinkEvent) -> bool {
        self.events.blocking_send(Event::Link(event)).is_ok()
    }

    /// Runs a job.
    pub fn submit(&self, submission: Submission) -> bool {
        self.events.blocking_send(Event::Submit(Box::new(submission))).is_ok()
    }

    /// Cancels a job and returns what it was before, if there is such a job.
    pub fn cancel(&self, job: JobId) -> Option<JobView> {
        self.ask(|reply| Event::Cancel(job, reply)).flatten()
    }

    /// Changes the bounds of the parallelism of a job's vertices; none if the JobManager has
    /// ended.
    ///
    /// # Errors
    /// What there is against it.
    pub fn update_requirements(
        &self,
        job: JobId,
        requested: RequestedRequirements,
    ) -> Option<Result<(), RequirementsError>> {
        self.ask(|reply| Event::Requirements(job, requested, reply))
    }

    /// Shows a job.
    pub fn job(&self, job: JobId) -> Option<JobView> {
        self.ask(|reply| Event::Job(job, reply)).flatten()
    }

    /// Shows all jobs, oldest first.
    pub fn jobs(&self) -> Vec<JobView> {
        self.ask(Event::Jobs).unwrap_or_default()
    }

    /// Where the end of a job will be told: once, or at once with none if there is no such job.
    /// The channel closes if the JobManager ends first.
    pub fn end_of(&self, job: JobId) -> Receiver<Option<JobView>> {
        let (reply, answer) = crossbeam_channel::bounded(1);
        // If the JobManager has ended, the channel is closed at once.
        let _ = self.events.blocking_send(Event::Wait(job, reply));
        answer
    }

    /// Shows all TaskManagers, in the order they registered.
    pub fn task_managers(&self) -> Vec<TaskManagerView> {
        self.ask(Event::TaskManagers).unwrap_or_default()
    }

    /// Asks a TaskManager for its log; none if it is not there, or is lost meanwhile.
    pub fn task_manager_log(&self, id: &TaskManagerId) -> Option<String> {
        self.ask(|reply| Event::TaskManagerLog(id.clone(), reply))
    }

    /// Asks a running job for the state of a key, and waits for [`QUERY_TIME_MAX`] at most.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn query_state(&self, job: JobId, query: StateQuery) -> QueryResult {
        let unavailable = |why: &str| Err(GatewayError::Unavailable(why.to_owned()));
        let (reply, answer) = crossbeam_channel::bounded(1);
        if self.events.blocking_send(Event::QueryState(job, query, reply)).is_err() {
            return unavailable("the cluster is ending");
        }
        answer.recv_timeout(QUERY_TIME_MAX).unwrap_or_else(|_| {
            let seconds = QUERY_TIME_MAX.as_secs();
            unavailable(&format!(
                "the task that has the key did not answer within {seconds} s: it is busy with a \
                 batch, back-pressured, or lost; ask again"
            ))
        })
    }

    /// Tells that TaskManagers which the provider started have ended before they registered.
    pub fn workers_failed(&self, workers: u32) {
        // A JobManager that has ended wants none.
        let _ = self.events.blocking_send(Event::WorkersFailed(workers));
    }

    /// Shows the cluster's numbers.
    pub fn overview(&self) -> ClusterOverview {
        self.ask(Event::Overview).unwrap_or_default()
    }

    /// Ends all TaskManagers and the JobManager.
    pub fn stop(&self) {
        // It has ended already when nobody listens.
        let _ = self.events.blocking_send(Event::Stop);
    }

    fn ask<T>(&self, event: impl FnOnce(Reply<T>) -> Event) -> Option<T> {
        let (reply, answer) = crossbeam_channel::bounded(1);
        self.events.blocking_send(event(reply)).ok()?;
        answer.recv().ok()
    }
}
