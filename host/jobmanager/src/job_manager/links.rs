//! What a JobManager hears on the links to its TaskManagers.
//!
//! Law: who has not registered, or has been given up, is not listened to.

use sandbar_model::Watermark;
use sandbar_rpc::message::{HeartbeatReport, Registration};
use sandbar_rpc::{
    LinkEvent, LinkId, PROTOCOL_VERSION, TaskManagerId, ToJobManager, ToTaskManager,
};

use super::{JobManager, Work};
use crate::execution_graph::Event as ExecutionEvent;

impl JobManager {
    pub(super) fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Opened(link, send) => {
                let now = self.now();
                self.task_managers.open(link, send, now);
            }
            LinkEvent::Message(link, message) => self.on_message(link, message),
            LinkEvent::Closed(link, reason) => {
                if let Some(id) = self.task_managers.close(link) {
                    self.work.push_back(Work::Lost(id, reason));
                }
            }
        }
    }

    fn on_message(&mut self, link: LinkId, message: ToJobManager) {
        if let ToJobManager::Register(registration) = message {
            return self.on_register(link, registration);
        }
        // Who has not registered, or has been given up, is not listened to.
        let Some(id) = self.task_managers.id_of(link).cloned() else { return };
        match message {
            ToJobManager::Register(_) => {}
            ToJobManager::Heartbeat(report) => self.on_heartbeat(&id, report),
            ToJobManager::Leaving => self.work.push_back(Work::Left(id)),
            ToJobManager::TaskState { task, state, error, metrics, accumulators } => {
                if let Some(master) = self.jobs.get_mut(&task.job) {
                    if !metrics.is_empty() {
                        master.set_metrics(task, metrics.into());
                    }
                    if state.is_terminal() {
                        master.set_accumulators(task, accumulators);
                    }
                    self.tell(task.job, ExecutionEvent::TaskState { task, state, error });
                }
            }
            ToJobManager::State { request, answer } => self.on_state(&id, request, answer),
            ToJobManager::Log { request, text } => self.task_managers.answer(&id, request, &text),
            ToJobManager::NextSplit { request, task } => self.on_next_split(&id, request, task),
            ToJobManager::SourceWatermark { task, watermark } => {
                self.on_source_watermark(&id, task, Watermark(watermark));
            }
            ToJobManager::FetchPlugin { request, plugin } => {
                let found = (self.options.plugins)(plugin);
                let bytes = found
                    .map(|bytes| bytes.as_slice().to_vec().into())
                    .ok_or_else(|| format!("the JobManager has no plugin {plugin}"));
                self.send(&id, ToTaskManager::Plugin { request, bytes });
            }
        }
    }

    fn on_register(&mut self, link: LinkId, registration: Registration) {
        if !self.task_managers.is_stranger(link) {
            // Who has been given up is not listened to.
            let Some(id) = self.task_managers.id_of(link).cloned() else { return };
            let reason = "it registered twice over one link".to_owned();
            return self.work.push_back(Work::Lost(id, reason));
        }
        if registration.protocol != PROTOCOL_VERSION {
            let reason = format!(
                "it speaks version {} of the protocol, this JobManager version {PROTOCOL_VERSION}: \
                 run the same release of sandbar on both",
                registration.protocol
            );
            return self.task_managers.refuse(link, reason);
        }
        let (id, slots, now) = (registration.id.clone(), registration.slots, self.now());
        if let Some(address) = self.task_managers.namesake(&registration) {
            let reason = format!(
                "a TaskManager with the name {id} is registered already, at {address}: give each \
                 one of its own (taskmanager.resource-id)"
            );
            return self.task_managers.put_off(link, reason);
        }
        let commands = match self.slots.register_task_manager(id.clone(), slots, now) {
            Ok(commands) => commands,
            Err(error) => return self.task_managers.refuse(link, error.to_string()),
        };
        tracing::info!(task_manager = %id, slots, "TaskManager registered");
        self.task_managers.register(link, registration, now);
        let heartbeat_timeout_ms = self.options.heartbeat_timeout.as_millis() as u64;
        let token = self.options.token;
        self.send(&id, ToTaskManager::Registered { token, heartbeat_timeout_ms });
        let loss = format!("TaskManager {id} is lost: it registered again, over another link");
        self.queue_after_loss(loss, commands);
    }

    fn on_heartbeat(&mut self, id: &TaskManagerId, report: HeartbeatReport) {
        let now = self.now();
        for (task, metrics) in report.tasks {
            if let Some(master) = self.jobs.get_mut(&task.job) {
                master.set_metrics(task, metrics.into());
            }
        }
        self.task_managers.heard_of(id, report.process.into(), now);
    }
}
