//! The simulated network: links keep their order and lose nothing until they break. One that
//! breaks loses the last messages of each direction; its ends notice at different times, or not
//! before keep-alive does. A partition holds all up, then lets it through or breaks the link.
//!
//! Law: what one end sends arrives at the other in order, without gaps, once, as TCP has it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sandbar_jobmanager::job_manager::Event;
use sandbar_rpc::{LinkEvent, LinkId, SendToTaskManager, ToJobManager, ToTaskManager};

use crate::control::Outgoing;
use crate::world::{Happening, World};

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Packet<M> {
    Message(M),
    /// The end of the link, and why. Never lost: whoever waits long enough notices.
    Close(String),
}

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Direction<M> {
    sent: u64,
    arrived: u64,
    /// Messages from this number on are lost.
    lost_from: u64,
    /// When the last one arrives.
    last_at: i64,
    /// What a partition holds up, in order.
    held: VecDeque<(u64, Packet<M>)>,
}

impl<M> Direction<M> {
    fn new() -> Direction<M> {
        Direction { sent: 0, arrived: 0, lost_from: u64::MAX, last_at: 0, held: VecDeque::new() }
    }

    fn is_lost(&self, number: u64, packet: &Packet<M>) -> bool {
        matches!(packet, Packet::Message(_)) && number >= self.lost_from
    }
}

/// What the function that sends to a TaskManager knows of its link.
#[derive(Debug, Default)]
struct Backlog {
    /// Messages that the TaskManager has not taken.
    waiting: AtomicUsize,
    /// Whether the JobManager's end is closed.
    is_gone: AtomicBool,
}

/// A link.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) process: u64,
    pub(crate) term: u64,
    up: Direction<ToJobManager>,
    down: Direction<ToTaskManager>,
    backlog: Arc<Backlog>,
    is_broken: bool,
    /// Whether the JobManager may still hear of it.
    pub(crate) is_heard: bool,
    /// Whether the TaskManager's end is open.
    pub(crate) is_open: bool,
}

/// What a partition holds up of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partition {
    pub(crate) up: bool,
    pub(crate) down: bool,
}

/// Tells that the last clone of a function that sends is dropped.
struct HangUp(LinkId, Arc<Mutex<Vec<Outgoing>>>);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(Outgoing::HungUp(self.0));
    }
}

impl World {
    /// Opens a link of a process to the JobManager that there is.
    pub(crate) fn open_link(&mut self, process: u64) -> Option<LinkId> {
        let term = self.term.as_ref()?;
        let (token, outbox) = (term.token, Arc::clone(&term.outbox));
        self.number += 1;
        let link = LinkId(self.number);
        let backlog = Arc::<Backlog>::default();
        let (known, limit) = (Arc::clone(&backlog), self.plan.outgoing_max);
        let hang_up = HangUp(link, Arc::clone(&outbox));
        let send: SendToTaskManager = Arc::new(move |message| {
            // The whole of it, so that the function owns it.
            let HangUp(to, _) = &hang_up;
            let takes_more = known.waiting.load(Ordering::Relaxed) < limit;
            if known.is_gone.load(Ordering::Relaxed) || !takes_more {
                outbox.lock().unwrap().push(Outgoing::NotTaken { is_full: !takes_more });
                return false;
            }
            known.waiting.fetch_add(1, Ordering::Relaxed);
            outbox.lock().unwrap().push(Outgoing::Send(*to, message));
            true
        });
        self.links.insert(
            link,
            Link {
                process,
                term: token,
                up: Direction::new(),
                down: Direction::new(),
                backlog,
                is_broken: false,
                is_heard: true,
                is_open: true,
            },
        );
        // The first of the stream's frames: ahead of all messages.
        let at = self.now + self.random.between(0, self.plan.delay_max);
        if let Some(opened) = self.links.get_mut(&link) {
            opened.up.last_at = at;
        }
        self.at(at, Happening::Opened(link, Opened(send)));
        Some(link)
    }

    pub(crate) fn send_up(&mut self, link: LinkId, packet: Packet<ToJobManager>) {
        let delay = self.random.between(0, self.plan.delay_max);
        let Some(known) = self.links.get_mut(&link) else { return };
        let number = known.up.sent;
        known.up.sent += 1;
        known.up.last_at = known.up.last_at.max(self.now + delay);
        let at = known.up.last_at;
        self.at(at, Happening::Up(link, number, packet));
    }

    pub(crate) fn send_down(&mut self, link: LinkId, packet: Packet<ToTaskManager>) {
        let delay = self.random.between(0, self.plan.delay_max);
        let Some(known) = self.links.get_mut(&link) else { return };
        let number = known.down.sent;
        known.down.sent += 1;
        known.down.last_at = known.down.last_at.max(self.now + delay);
        let at = known.down.last_at;
        self.at(at, Happening::Down(link, number, packet));
    }

    /// Something arrives at the JobManager.
    pub(crate) fn on_up(&mut self, link: LinkId, number: u64, packet: Packet<ToJobManager>) {
        let Some(known) = self.links.get_mut(&link) else { return };
        let partition = self.partitions.get(&known.process);
        if partition.is_some_and(|partition| partition.up) {
            return known.up.held.push_back((number, packet));
        }
        if known.up.is_lost(number, &packet) {
            self.seen.lost_messages += 1;
            return;
        }
        known.up.arrived = known.up.arrived.max(number + 1);
        if !known.is_heard {
            return;
        }
        match packet {
            Packet::Message(message) => self.hear(Event::Link(LinkEvent::Message(link, message))),
            Packet::Close(reason) => {
                // The transport knows before the loop has heard of it.
                known.backlog.is_gone.store(true, Ordering::Relaxed);
                let late = if self.random.chance(70) { 0 } else { self.random.between(0, 20) };
                self.at(self.now + late, Happening::Closed(link, reason));
            }
        }
    }

    /// The JobManager's loop hears of the end of a link.
    pub(crate) fn on_closed(&mut self, link: LinkId, reason: String) {
        let Some(known) = self.links.get_mut(&link) else { return };
        if std::mem::take(&mut known.is_heard) {
            self.hear(Event::Link(LinkEvent::Closed(link, reason)));
        }
    }

    /// Something arrives at the machine of a TaskManager.
    pub(crate) fn on_down(&mut self, link: LinkId, number: u64, packet: Packet<ToTaskManager>) {
        let Some(known) = self.links.get_mut(&link) else { return };
        let partition = self.partitions.get(&known.process);
        if partition.is_some_and(|partition| partition.down) {
            return known.down.held.push_back((number, packet));
        }
        if known.down.is_lost(number, &packet) {
            self.seen.lost_messages += 1;
            return;
        }
        known.down.arrived = known.down.arrived.max(number + 1);
        let process = known.process;
        self.arrive(process, link, packet);
    }

    /// A TaskManager takes a message out of its link.
    pub(crate) fn taken(&self, link: LinkId) {
        if let Some(known) = self.links.get(&link) {
            known.backlog.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How long until an end notices what it is not told in order.
    fn notice(&mut self) -> i64 {
        if self.random.chance(75) {
            self.random.between(0, self.plan.notice_max)
        } else {
            self.random.between(0, self.plan.keep_alive)
        }
    }

    fn lose_upward(&mut self, link: LinkId, reason: &str) {
        let notice = self.notice();
        let Some(known) = self.links.get_mut(&link) else { return };
        let cut = self.random.between(known.up.arrived as i64, known.up.sent as i64);
        known.up.lost_from = known.up.lost_from.min(cut as u64);
        let at = known.up.last_at.max(self.now) + notice;
        let number = known.up.sent;
        known.up.last_at = at;
        self.at(at, Happening::Up(link, number, Packet::Close(reason.to_owned())));
    }

    fn lose_downward(&mut self, link: LinkId, reason: &str) {
        let notice = self.notice();
        let Some(known) = self.links.get_mut(&link) else { return };
        let cut = self.random.between(known.down.arrived as i64, known.down.sent as i64);
        known.down.lost_from = known.down.lost_from.min(cut as u64);
        let at = known.down.last_at.max(self.now) + notice;
        let number = known.down.sent;
        known.down.last_at = at;
        self.at(at, Happening::Down(link, number, Packet::Close(reason.to_owned())));
    }

    /// Breaks a link: each end gets some of what was under way, then notices.
    pub(crate) fn break_link(&mut self, link: LinkId) {
        let Some(known) = self.links.get_mut(&link) else { return };
        if std::mem::replace(&mut known.is_broken, true) {
            return;
        }
        self.seen.breaks += 1;
        self.lose_upward(link, "the link broke");
        self.lose_downward(link, "the link broke");
    }

    /// The JobManager dropped its end.
    pub(crate) fn hung_up(&mut self, link: LinkId) {
        let Some(known) = self.links.get(&link) else { return };
        if !known.is_broken && known.is_open && known.is_heard {
            self.send_down(link, Packet::Close("the JobManager closed the link".to_owned()));
        }
    }

    /// The TaskManager closes its end, or it is closed with its process. What it sent last may be
    /// lost with it.
    pub(crate) fn close_by_task_manager(&mut self, link: LinkId, is_clean: bool) {
        let Some(known) = self.links.get_mut(&link) else { return };
        known.is_open = false;
        if std::mem::replace(&mut known.is_broken, true) {
            return;
        }
        if is_clean {
            self.send_up(link, Packet::Close("the TaskManager closed the link".to_owned()));
        } else {
            self.lose_upward(link, "the TaskManager is gone");
        }
    }

    /// The JobManager's process is gone.
    pub(crate) fn close_by_job_manager(&mut self, link: LinkId) {
        let Some(known) = self.links.get_mut(&link) else { return };
        known.is_heard = false;
        if !std::mem::replace(&mut known.is_broken, true) {
            self.lose_downward(link, "the JobManager is gone");
        }
    }

    /// The end of a partition: what it held up comes through at once, or its links are broken.
    pub(crate) fn heal(&mut self, process: u64, is_broken: bool) {
        if self.partitions.remove(&process).is_none() {
            return;
        }
        let links: Vec<LinkId> = self.links_of(process);
        for link in links {
            if is_broken {
                self.break_link(link);
            } else {
                self.seen.healed += 1;
            }
            let Some(known) = self.links.get_mut(&link) else { continue };
            let (up, down) =
                (std::mem::take(&mut known.up.held), std::mem::take(&mut known.down.held));
            if let Some(reached) = self.processes.get_mut(&process).filter(|_| !down.is_empty()) {
                // What it hears late keeps its patience up.
                reached.has_been_held_up();
            }
            up.into_iter().for_each(|(number, packet)| self.on_up(link, number, packet));
            down.into_iter().for_each(|(number, packet)| self.on_down(link, number, packet));
        }
    }

    pub(crate) fn links_of(&self, process: u64) -> Vec<LinkId> {
        let of_process = self.links.iter().filter(|(_, link)| link.process == process);
        of_process.map(|(id, _)| *id).collect()
    }
}

/// The function that sends on a fresh link.
pub(crate) struct Opened(pub(crate) SendToTaskManager);

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}
