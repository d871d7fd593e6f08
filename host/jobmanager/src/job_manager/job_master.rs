//! The master of one job: its execution graph, its splits, and what is shown of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use sandbar_model::Watermark;
use sandbar_model::job_graph::JobGraph;
use sandbar_rpc::{
    Accumulators, ExceptionView, JobInformation, JobView, MetricTable, SubtaskView, TaskAttempt,
    TaskDescriptor, TaskLocation, TaskManagerId, ToTaskManager, VertexView,
};

use super::Reply;
use super::splits::SplitCoordinator;
use super::task_managers::TaskManagers;
use super::watermark_alignment::WatermarkAlignment;
use crate::execution_graph::{
    Command, Event, Execution, ExecutionGraph, ExecutionGraphOptions, Failure, PlacedTask,
};
use crate::task_ref::TaskRef;

/// A job to run.
#[derive(Debug)]
pub struct Submission {
    /// What its tasks share.
    pub information: JobInformation,
    /// The splits of its sources.
    pub splits: SplitCoordinator,
    /// How it deals with failures.
    pub options: ExecutionGraphOptions,
}

/// What a TaskManager told of an attempt.
#[derive(Clone, Default)]
struct Told {
    attempt: u32,
    metrics: MetricTable,
    accumulators: Arc<Accumulators>,
}

pub(super) struct JobMaster {
    /// With the graph that runs.
    information: JobInformation,
    execution: ExecutionGraph,
    splits: SplitCoordinator,
    alignment: WatermarkAlignment,
    /// Of the newest attempt of each subtask that told.
    told: BTreeMap<TaskRef, Told>,
    start_time: i64,
    /// When and in which task the newest failure was that the log has.
    logged: Option<(i64, Option<TaskAttempt>)>,
    /// Who waits for its end.
    pub(super) waiters: Vec<Reply<Option<JobView>>>,
}

fn task_ref(task: TaskAttempt) -> TaskRef {
    TaskRef { vertex: task.vertex, subtask: task.subtask }
}

impl JobMaster {
    pub(super) fn new(submission: Submission, now: i64) -> JobMaster {
        let Submission { information, splits, options } = submission;
        tracing::info!(job = %information.job, name = information.graph.name, "JobMaster started");
        JobMaster {
            execution: ExecutionGraph::new(information.job, &information.graph, options, now),
            alignment: WatermarkAlignment::of(&information.graph),
            information,
            splits,
            told: BTreeMap::new(),
            start_time: now,
            logged: None,
            waiters: Vec::new(),
        }
    }

    pub(super) fn execution(&self) -> &ExecutionGraph {
        &self.execution
    }

    pub(super) fn handle(&mut self, event: Event, now: i64) -> Vec<Command> {
        let commands = self.execution.handle(event, now);
        let newest = self.execution.failures().next();
        let logged = newest.map(|failure| (failure.timestamp, failure.task));
        if let Some(failure) = newest.filter(|_| logged != self.logged) {
            let ExceptionView { message, task_manager, .. } = self.exception(failure);
            let task_manager = task_manager.map(|id| id.to_string());
            // At the level of Flink: the local run shows the error itself.
            tracing::info!(job = %self.information.job, task_manager, "failure: {message}");
        }
        self.logged = logged;
        commands
    }

    /// Takes what a TaskManager tells of a task that the job has or had.
    pub(super) fn set_metrics(&mut self, task: TaskAttempt, mut metrics: MetricTable) {
        if let Some(told) = self.told(task) {
            metrics.share_names(&told.metrics);
            told.metrics = metrics;
        }
    }

    /// Takes what the guests of a task have counted when it has ended.
    pub(super) fn set_accumulators(&mut self, task: TaskAttempt, accumulators: Accumulators) {
        if let Some(told) = self.told(task) {
            told.accumulators = Arc::new(accumulators);
        }
    }

    /// Where to keep what is told of an attempt; none if it is an old one, or was never made.
    fn told(&mut self, task: TaskAttempt) -> Option<&mut Told> {
        let known = self.execution.subtask(task_ref(task))?;
        if known.current().attempt < task.attempt {
            return None;
        }
        let told = self.told.entry(task_ref(task)).or_default();
        if told.attempt < task.attempt {
            *told = Told { attempt: task.attempt, ..Told::default() };
        }
        (told.attempt == task.attempt).then_some(told)
    }

    /// The next split for the current attempt of a source's subtask, as JSON.
    pub(super) fn next_split(&mut self, task: TaskAttempt) -> Result<Option<String>, String> {
        let current = self.execution.subtask(task_ref(task)).map(|subtask| subtask.current());
        if current.is_none_or(|current| current.attempt != task.attempt) {
            return Err(format!("attempt {} of the task is not the current one", task.attempt));
        }
        let split = self.splits.next(task_ref(task)).map_err(|error| error.to_string())?;
        let json = split.map(|split| serde_json::to_string(&split)).transpose();
        json.map_err(|error| format!("a split has no form in JSON: {error}"))
    }

    /// Takes the watermark of an attempt of a source's subtask and returns how far it may go; none
    /// if nothing keeps it back.
    pub(super) fn align(&mut self, task: TaskAttempt, watermark: Watermark) -> Option<Watermark> {
        let execution = &self.execution;
        self.alignment.on_watermark(task, watermark, |task, attempt| {
            execution.subtask(task).is_some_and(|subtask| subtask.current().attempt == attempt)
        })
    }

    /// The messages that deploy tasks, one a TaskManager, in the order of the tasks.
    pub(super) fn deployments(
        &mut self,
        tasks: Vec<PlacedTask>,
        task_managers: &TaskManagers,
    ) -> Vec<(TaskManagerId, ToTaskManager)> {
        let mut by_worker: Vec<(TaskManagerId, Vec<TaskDescriptor>)> = Vec::new();
        let is_adaptive = self.execution.requirements().is_some();
        if is_adaptive {
            self.information.graph = JobGraph::clone(self.execution.graph());
            self.splits.restart(&self.information.graph);
        }
        for PlacedTask { task, slot } in tasks {
            if !is_adaptive && task.attempt > 0 {
                self.splits.give_back(task_ref(task));
            }
            let descriptor = TaskDescriptor {
                vertex: task.vertex,
                subtask: task.subtask,
                attempt: task.attempt,
                slot: slot.index,
            };
            match by_worker.iter_mut().find(|(id, _)| *id == slot.task_manager) {
                Some((_, of_worker)) => of_worker.push(descriptor),
                None => by_worker.push((slot.task_manager, vec![descriptor])),
            }
        }
        let locations = self.locations(task_managers);
        let deploy = |(id, of_worker)| {
            let job = Box::new(self.information.clone());
            let locations = locations.clone();
            (id, ToTaskManager::Deploy { job, tasks: of_worker, locations })
        };
        by_worker.into_iter().map(deploy).collect()
    }

    fn locations(&self, task_managers: &TaskManagers) -> Vec<TaskLocation> {
        let mut locations = Vec::new();
        for vertex in &self.execution.graph().vertices {
            for (subtask, of_subtask) in (0..).zip(self.execution.subtasks(vertex.id)) {
                let current = of_subtask.current();
                let Some(slot) = &current.slot else { continue };
                let Some(worker) = task_managers.get(&slot.task_manager) else { continue };
                locations.push(TaskLocation {
                    vertex: vertex.id,
                    subtask,
                    attempt: current.attempt,
                    task_manager: slot.task_manager.clone(),
                    data_address: worker.registration.data_address.clone(),
                });
            }
        }
        locations
    }

    /// What is left of a job that has ended, and who waits for it.
    pub(super) fn into_archived(mut self) -> (JobView, Vec<Reply<Option<JobView>>>) {
        let waiters = std::mem::take(&mut self.waiters);
        (self.view(), waiters)
    }

    pub(super) fn view(&self) -> JobView {
        let execution = &self.execution;
        let status = execution.status();
        let timestamps = execution.timestamps().clone();
        let end_time = timestamps.get(&status).copied().filter(|_| status.is_terminal());
        let graph = execution.graph();
        let vertices = graph.vertices.iter().map(|vertex| VertexView {
            id: vertex.id,
            subtasks: (0..)
                .zip(execution.subtasks(vertex.id))
                .map(|(subtask, of_subtask)| {
                    let told = self.told.get(&TaskRef { vertex: vertex.id, subtask });
                    let current = of_subtask.current();
                    let told = told.filter(|told| told.attempt == current.attempt);
                    let mut view = view_of(current, told.cloned().unwrap_or_default());
                    view.earlier = of_subtask
                        .earlier()
                        .map(|earlier| view_of(earlier, Told::default()))
                        .collect();
                    view
                })
                .collect(),
        });
        JobView {
            id: execution.job(),
            name: graph.name.clone(),
            status,
            start_time: self.start_time,
            end_time,
            vertices: vertices.collect(),
            timestamps,
            graph: Arc::clone(graph),
            exceptions: execution.failures().map(|failure| self.exception(failure)).collect(),
            restarts: execution.restarts(),
            rescales: execution.rescales(),
            waiting_for: execution.waiting_for().map(|shortage| shortage.to_string()),
            resource_requirements: execution.requirements().map(<[_]>::to_vec),
        }
    }

    /// A failure as it is shown: `job "name", task "vertex" (2/4): why`.
    fn exception(&self, failure: &Failure) -> ExceptionView {
        let graph = self.execution.graph();
        let task = failure.task.and_then(|task| {
            let name = &graph.vertices.get(task.vertex.index())?.name;
            Some((name, task.subtask + 1, failure.parallelism))
        });
        let (job, cause) = (&graph.name, &failure.cause);
        let message = match task {
            Some((name, subtask, of)) => {
                format!("job \"{job}\", task \"{name}\" ({subtask}/{of}): {cause}")
            }
            None => format!("job \"{job}\": {cause}"),
        };
        let task = task.map(|(name, subtask, of)| format!("{name} ({subtask}/{of})"));
        let task_manager = failure.task_manager.clone();
        ExceptionView { timestamp: failure.timestamp, message, task, task_manager }
    }
}

fn view_of(execution: &Execution, told: Told) -> SubtaskView {
    SubtaskView {
        attempt: execution.attempt,
        state: execution.state,
        timestamps: execution.timestamps.clone(),
        task_manager: execution.slot.as_ref().map(|slot| slot.task_manager.clone()),
        metrics: told.metrics,
        accumulators: told.accumulators,
        earlier: Vec::new(),
    }
}
