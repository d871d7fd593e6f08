//! Questions for the keyed state of running jobs: finds the task that has a key, asks its
//! TaskManager, and hands the answer to who asked.
//!
//! Law: a question has a deadline, at which it is forgotten; there are [`QUERIES_MAX`] at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbar_model::JobId;
use sandbar_model::job_graph::{JobGraph, JobVertex, OperatorNode};
use sandbar_model::key_group::{key_group, subtask_of};
use sandbar_model::status::ExecutionState;
use sandbar_rpc::state_query::{QueryKey, StateAnswer, StateQuery};
use sandbar_rpc::{GatewayError, TaskAttempt, TaskManagerId, ToTaskManager};

use super::{JobManager, Reply, answer, milliseconds};
use crate::task_ref::TaskRef;

/// How long a task may take to answer. It answers between two batches of records.
pub const QUERY_TIME_MAX: Duration = Duration::from_secs(5);
/// Questions without an answer, at a time.
const QUERIES_MAX: usize = 1024;
/// Names of operators or states in a message, at most.
const SHOWN_NAMES_MAX: usize = 50;

/// What a question ends in: JSON, or why not.
pub type QueryResult = Result<String, GatewayError>;

/// Questions that TaskManagers have not answered.
#[derive(Default)]
pub(super) struct StateQueries {
    open: BTreeMap<u64, OpenQuery>,
    asked: u64,
}

struct OpenQuery {
    job: JobId,
    query: StateQuery,
    task_manager: TaskManagerId,
    deadline_ms: i64,
    /// It was sent on, since another task has the key.
    sent_on: bool,
    reply: Reply<QueryResult>,
}

impl StateQueries {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Forgets questions whose time is over: nobody waits for them any more.
    pub(super) fn expire(&mut self, now: i64) {
        self.open.retain(|_, query| query.deadline_ms > now);
    }
}

impl JobManager {
    pub(super) fn on_query_state(
        &mut self,
        job: JobId,
        query: StateQuery,
        reply: Reply<QueryResult>,
    ) {
        if self.state_queries.len() >= QUERIES_MAX {
            let busy =
                format!("{QUERIES_MAX} queries of state wait for an answer; ask again later");
            return answer(&reply, Err(GatewayError::Unavailable(busy)));
        }
        self.ask_for_state(job, query, false, reply);
    }

    fn ask_for_state(
        &mut self,
        job: JobId,
        mut query: StateQuery,
        sent_on: bool,
        reply: Reply<QueryResult>,
    ) {
        let (task, task_manager, uid) = match self.owner_of(job, &query) {
            Ok(found) => found,
            Err(error) => return answer(&reply, Err(error)),
        };
        query.operator = uid;
        self.state_queries.asked += 1;
        let request = self.state_queries.asked;
        let message = ToTaskManager::QueryState { request, task, query: query.clone() };
        let deadline_ms = self.now() + milliseconds(QUERY_TIME_MAX);
        let id = task_manager.clone();
        let open = OpenQuery { job, query, task_manager, deadline_ms, sent_on, reply };
        self.state_queries.open.insert(request, open);
        self.send(&id, message);
    }

    /// The task that has a key, as far as the key's bytes are known, where it runs, and the uid of
    /// the operator.
    fn owner_of(
        &self,
        job: JobId,
        query: &StateQuery,
    ) -> Result<(TaskAttempt, TaskManagerId, String), GatewayError> {
        let Some(master) = self.jobs.get(&job) else {
            return Err(GatewayError::NotFound(match self.archive.job(job) {
                Some(ended) => format!("job {job} has ended as {}: it has no state", ended.status),
                None => format!("there is no job {job}"),
            }));
        };
        let execution = master.execution();
        let (vertex, operator) = operator_of(execution.graph(), &query.operator)
            .map_err(|reason| GatewayError::NotFound(format!("job {job} {reason}")))?;
        let bytes: &[u8] = match &query.key {
            QueryKey::Text(text) | QueryKey::Json(text) => text.as_bytes(),
            QueryKey::Bytes(bytes) => bytes,
        };
        let group = key_group(bytes, vertex.max_parallelism);
        let subtask = subtask_of(group, vertex.parallelism, vertex.max_parallelism);
        let current = execution
            .subtask(TaskRef { vertex: vertex.id, subtask })
            .map(|of_subtask| of_subtask.current())
            .filter(|current| current.state == ExecutionState::Running);
        let Some((current, slot)) = current.and_then(|of| Some((of, of.slot.as_ref()?))) else {
            return Err(GatewayError::NotFound(format!(
                "job {job} is {}, and subtask {subtask} of {}, which has the key, does not run",
                execution.status(),
                vertex.name
            )));
        };
        let task = TaskAttempt { job, vertex: vertex.id, subtask, attempt: current.attempt };
        Ok((task, slot.task_manager.clone(), operator.uid.clone()))
    }

    pub(super) fn on_state(&mut self, id: &TaskManagerId, request: u64, found: StateAnswer) {
        let asked = self.state_queries.open.get(&request).map(|open| &open.task_manager);
        if asked != Some(id) {
            return;
        }
        let Some(open) = self.state_queries.open.remove(&request) else { return };
        let OpenQuery { job, query, sent_on, reply, .. } = open;
        let StateQuery { operator, state, .. } = &query;
        let result = match found {
            StateAnswer::Found(json) => Ok(json),
            StateAnswer::Absent => Err(GatewayError::NotFound(format!(
                "state {state} of operator {operator} has nothing for this key"
            ))),
            StateAnswer::NoState(names) if names.is_empty() => Err(GatewayError::NotFound(
                format!("operator {operator} of job {job} has no keyed state"),
            )),
            StateAnswer::NoState(names) => Err(GatewayError::NotFound(format!(
                "operator {operator} of job {job} has no state {state}; it has {}",
                listed(names.iter().map(String::as_str))
            ))),
            StateAnswer::Invalid(reason) => Err(GatewayError::Invalid(vec![reason])),
            StateAnswer::Unavailable(reason) => Err(GatewayError::Unavailable(reason)),
            StateAnswer::Elsewhere(key) if !sent_on => {
                let query = StateQuery { key: QueryKey::Bytes(key), ..query };
                return self.ask_for_state(job, query, true, reply);
            }
            StateAnswer::Elsewhere(_) => Err(GatewayError::Unavailable(
                "the job was rescaled meanwhile; ask again".to_owned(),
            )),
        };
        answer(&reply, result);
    }
}

/// The operator of a uid, or else of a name, with its vertex; or why there is none.
fn operator_of<'a>(
    graph: &'a JobGraph,
    asked: &str,
) -> Result<(&'a JobVertex, &'a OperatorNode), String> {
    let all = || {
        let of_vertex = |vertex: &'a JobVertex| vertex.operators.iter().map(move |of| (vertex, of));
        graph.vertices.iter().flat_map(of_vertex)
    };
    if let Some(found) = all().find(|(_, operator)| operator.uid == asked) {
        return Ok(found);
    }
    let mut named = all().filter(|(_, operator)| operator.name == asked);
    match (named.next(), named.next()) {
        (Some(found), None) => Ok(found),
        (Some(_), Some(_)) => Err(format!("has several operators {asked}; name one by its uid")),
        (None, _) => {
            let names = listed(all().map(|(_, operator)| operator.name.as_str()));
            Err(format!("has no operator {asked}; it has {names}"))
        }
    }
}

/// Names, as many as fit a message.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let more = names.len().saturating_sub(SHOWN_NAMES_MAX);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
