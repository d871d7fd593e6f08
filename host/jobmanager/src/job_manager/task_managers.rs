//! The TaskManagers and the links to them.

use std::collections::{BTreeMap, HashMap};

use sandbar_rpc::message::Registration;
use sandbar_rpc::{
    LinkId, MetricTable, SendToTaskManager, TaskManagerId, TaskManagerView, ToTaskManager,
};

use super::{Reply, answer};

/// Links that have not registered, at a time.
const STRANGERS_MAX: usize = 1024;

/// Who may wait for one answer of a TaskManager; the first is given up for one more.
const WAITERS_MAX: usize = 64;

/// A TaskManager that has registered.
pub(super) struct Worker {
    pub(super) id: TaskManagerId,
    pub(super) registration: Registration,
    /// When it was last heard of.
    pub(super) last_heartbeat: i64,
    /// Counts registrations.
    order: u64,
    metrics: MetricTable,
    link: LinkId,
    send: SendToTaskManager,
    /// The question for its log that it has not answered, and who waits for the answer.
    question: Option<(u64, Vec<Reply<String>>)>,
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
            guest_memory_bytes: self.registration.guest_memory_bytes,
            cpu_cores: self.registration.cpu_cores,
            metrics: self.metrics.clone(),
        }
    }
}

/// Links, and the TaskManagers at their ends.
#[derive(Default)]
pub(super) struct TaskManagers {
    /// Links whose TaskManager has not registered, and since when they are open: at most
    /// [`STRANGERS_MAX`].
    strangers: HashMap<LinkId, (SendToTaskManager, i64)>,
    by_link: HashMap<LinkId, TaskManagerId>,
    workers: BTreeMap<TaskManagerId, Worker>,
    registrations: u64,
    questions: u64,
}

impl TaskManagers {
    /// Takes in a link; one too many ends at once.
    pub(super) fn open(&mut self, link: LinkId, send: SendToTaskManager, now: i64) {
        if self.strangers.len() >= STRANGERS_MAX {
            tracing::warn!(STRANGERS_MAX, "a link is dropped: too many have not registered");
            return;
        }
        self.strangers.insert(link, (send, now));
    }

    /// Ends the links that were opened before this time and have not registered.
    pub(super) fn expire_strangers(&mut self, before: i64) {
        self.strangers.retain(|_, (_, since)| *since >= before);
    }

    /// Whether a link is open whose TaskManager has not registered.
    pub(super) fn is_stranger(&self, link: LinkId) -> bool {
        self.strangers.contains_key(&link)
    }

    /// Forgets a link and says which TaskManager it led to.
    pub(super) fn close(&mut self, link: LinkId) -> Option<TaskManagerId> {
        self.strangers.remove(&link);
        self.by_link.remove(&link)
    }

    /// Tells a stranger why it is not taken, and ends the link.
    pub(super) fn refuse(&mut self, link: LinkId, reason: String) {
        if let Some((send, _)) = self.strangers.remove(&link) {
            tracing::warn!(reason, "a TaskManager is refused");
            let _ = send(ToTaskManager::Refused(reason));
        }
    }

    /// Tells a stranger why it is not taken for the time being, and ends the link.
    pub(super) fn put_off(&mut self, link: LinkId, reason: String) {
        if let Some((send, _)) = self.strangers.remove(&link) {
            tracing::warn!(reason, "a TaskManager is put off");
            let _ = send(ToTaskManager::NotNow(reason));
        }
    }

    /// Where another TaskManager of the same name is, which has not been lost.
    pub(super) fn namesake(&self, registration: &Registration) -> Option<&str> {
        let known = &self.workers.get(&registration.id)?.registration;
        (known.instance != registration.instance).then_some(&*known.data_address)
    }

    /// Takes the stranger at the end of a link in. One that registers again replaces what it was.
    pub(super) fn register(&mut self, link: LinkId, registration: Registration, now: i64) {
        let Some((send, _)) = self.strangers.remove(&link) else { return };
        let id = registration.id.clone();
        self.registrations += 1;
        let worker = Worker {
            id: id.clone(),
            registration,
            last_heartbeat: now,
            order: self.registrations,
            metrics: MetricTable::default(),
            link,
            send,
            question: None,
        };
        if let Some(earlier) = self.workers.insert(id.clone(), worker) {
            self.by_link.remove(&earlier.link);
        }
        self.by_link.insert(link, id);
    }

    pub(super) fn heard_of(&mut self, id: &TaskManagerId, metrics: MetricTable, now: i64) {
        if let Some(worker) = self.workers.get_mut(id) {
            worker.last_heartbeat = now;
            worker.metrics = metrics;
        }
    }

    /// Notes who asks a TaskManager for its log, and gives the question a number to be sent; none
    /// if the TaskManager is not there, or has been asked already: whoever asks meanwhile gets the
    /// same answer.
    pub(super) fn ask(&mut self, id: &TaskManagerId, reply: Reply<String>) -> Option<u64> {
        let worker = self.workers.get_mut(id)?;
        if let Some((_, waiting)) = &mut worker.question {
            if waiting.len() >= WAITERS_MAX {
                waiting.remove(0);
            }
            waiting.push(reply);
            return None;
        }
        self.questions += 1;
        worker.question = Some((self.questions, vec![reply]));
        Some(self.questions)
    }

    /// Gives an answer to who asked.
    pub(super) fn answer(&mut self, id: &TaskManagerId, question: u64, text: &str) {
        let Some(worker) = self.workers.get_mut(id) else { return };
        if worker.question.as_ref().is_some_and(|(asked, _)| *asked == question) {
            let (_, waiting) = worker.question.take().unwrap_or_default();
            waiting.iter().for_each(|reply| answer(reply, text.to_owned()));
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

    /// How many links to them there are, links of strangers, and open questions.
    pub(super) fn kept(&self) -> (usize, usize, usize) {
        let questions = self.workers.values().filter(|worker| worker.question.is_some()).count();
        (self.by_link.len(), self.strangers.len(), questions)
    }

    /// All of them, in the order they registered.
    pub(super) fn all(&self) -> impl Iterator<Item = &Worker> {
        let mut workers: Vec<&Worker> = self.workers.values().collect();
        workers.sort_by_key(|worker| worker.order);
        workers.into_iter()
    }
}
