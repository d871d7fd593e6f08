//! The TaskManagers and the links to them.

use std::collections::{BTreeMap, HashMap};

use sandbar_rpc::message::Registration;
use sandbar_rpc::{LinkId, SendToTaskManager, TaskManagerId, TaskManagerView, ToTaskManager};

/// A TaskManager that has registered.
pub(super) struct Worker {
    pub(super) id: TaskManagerId,
    pub(super) registration: Registration,
    /// When it was last heard of.
    pub(super) last_heartbeat: i64,
    /// Counts registrations.
    order: u64,
    metrics: BTreeMap<String, f64>,
    link: LinkId,
    send: SendToTaskManager,
}

impl Worker {
    /// Sends a message; false if it takes no more.
    pub(super) fn send(&self, message: ToTaskManager) -> bool {
        (self.send)(message)
    }

    pub(super) fn view(&self, free_slots: u32) -> TaskManagerView {
        TaskManagerView {
            id: self.id.clone(),
            data_address: self.registration.data_address.clone(),
            last_heartbeat: self.last_heartbeat,
            slots: self.registration.slots,
            free_slots,
            managed_memory_bytes: self.registration.managed_memory_bytes,
            cpu_cores: self.registration.cpu_cores,
            metrics: self.metrics.clone(),
        }
    }
}

/// Links, and the TaskManagers at their ends.
#[derive(Default)]
pub(super) struct TaskManagers {
    /// Links whose TaskManager has not registered.
    strangers: HashMap<LinkId, SendToTaskManager>,
    by_link: HashMap<LinkId, TaskManagerId>,
    workers: BTreeMap<TaskManagerId, Worker>,
    registrations: u64,
}

impl TaskManagers {
    pub(super) fn open(&mut self, link: LinkId, send: SendToTaskManager) {
        self.strangers.insert(link, send);
    }

    /// Forgets a link and says which TaskManager it led to.
    pub(super) fn close(&mut self, link: LinkId) -> Option<TaskManagerId> {
        self.strangers.remove(&link);
        self.by_link.remove(&link)
    }

    /// Tells a stranger why it is not taken, and ends the link.
    pub(super) fn refuse(&mut self, link: LinkId, reason: String) {
        if let Some(send) = self.strangers.remove(&link) {
            tracing::warn!(reason, "a TaskManager is refused");
            let _ = send(ToTaskManager::Refused(reason));
        }
    }

    /// Takes the stranger at the end of a link in. One that registers again replaces what it was.
    pub(super) fn register(&mut self, link: LinkId, registration: Registration, now: i64) {
        let Some(send) = self.strangers.remove(&link) else { return };
        let id = registration.id.clone();
        self.registrations += 1;
        let worker = Worker {
            id: id.clone(),
            registration,
            last_heartbeat: now,
            order: self.registrations,
            metrics: BTreeMap::new(),
            link,
            send,
        };
        if let Some(earlier) = self.workers.insert(id.clone(), worker) {
            self.by_link.remove(&earlier.link);
        }
        self.by_link.insert(link, id);
    }

    pub(super) fn heard_of(
        &mut self,
        id: &TaskManagerId,
        metrics: BTreeMap<String, f64>,
        now: i64,
    ) {
        if let Some(worker) = self.workers.get_mut(id) {
            worker.last_heartbeat = now;
            worker.metrics = metrics;
        }
    }

    /// Drops a TaskManager with its link; false if it is not there.
    pub(super) fn remove(&mut self, id: &TaskManagerId) -> bool {
        let Some(worker) = self.workers.remove(id) else { return false };
        self.by_link.remove(&worker.link);
        true
    }

    pub(super) fn id_of(&self, link: LinkId) -> Option<&TaskManagerId> {
        self.by_link.get(&link)
    }

    pub(super) fn get(&self, id: &TaskManagerId) -> Option<&Worker> {
        self.workers.get(id)
    }

    /// All of them, in the order they registered.
    pub(super) fn all(&self) -> impl Iterator<Item = &Worker> {
        let mut workers: Vec<&Worker> = self.workers.values().collect();
        workers.sort_by_key(|worker| worker.order);
        workers.into_iter()
    }
}
