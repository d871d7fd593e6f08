//! What goes wrong: links break, machines are cut off, processes die, hang, and come back.

use crossbeam_channel::{Receiver, Sender};
use sandbar_jobmanager::job_manager::Event;
use sandbar_rpc::{LinkEvent, LinkId, SendToTaskManager, TaskManagerId};

use crate::random::Random;
use crate::transport::Partition;
use crate::world::{Happening, World};

/// A fault. Which process it hits is drawn when it happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// A process starts under a name of its own.
    Join,
    /// One starts that cannot be taken.
    JoinInVain,
    /// A link breaks.
    Break,
    /// Nothing reaches a machine, or leaves it, or both.
    Partition { up: bool, down: bool, ms: i64, is_broken: bool },
    /// A process dies, and starts again under its name or not.
    Crash { is_back: bool },
    /// A process stands still.
    Hang { ms: i64 },
    /// The JobManager stands still.
    Stall { ms: i64 },
    /// The JobManager dies; another starts.
    CrashJobManager { after_ms: i64 },
}

impl Fault {
    pub(crate) fn draw(random: &mut Random) -> Fault {
        match random.number(0, 15) {
            0 | 1 => Fault::Join,
            2 => Fault::JoinInVain,
            3..=5 => Fault::Break,
            6..=8 => {
                let (up, down) = *random.pick(&[(true, true), (true, false), (false, true)]);
                let (ms, is_broken) = (random.between(20, 1_500), random.chance(50));
                Fault::Partition { up, down, ms, is_broken }
            }
            9 | 10 => Fault::Crash { is_back: random.chance(50) },
            11..=13 => Fault::Hang { ms: random.between(20, 2_000) },
            14 => Fault::Stall { ms: random.between(20, 800) },
            _ => Fault::CrashJobManager { after_ms: random.between(0, 800) },
        }
    }
}

impl World {
    pub(crate) fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::Join => {
                let (name, slots) = (self.number, self.random.number(1, 4));
                self.join(TaskManagerId(format!("tm-{name}")), slots);
            }
            Fault::JoinInVain => {
                let name = TaskManagerId(format!("odd-{}", self.number));
                let is_other_release = self.random.chance(50);
                let process = self.join(name, if is_other_release { 1 } else { 0 });
                if let Some(known) = self.processes.get_mut(&process)
                    && is_other_release
                {
                    known.protocol += 1;
                }
            }
            Fault::Break => {
                let open = self.links.iter().filter(|(_, link)| link.is_open && link.is_heard);
                let open: Vec<LinkId> = open.map(|(id, _)| *id).collect();
                if !open.is_empty() {
                    let link = *self.random.pick(&open);
                    self.break_link(link);
                }
            }
            Fault::Partition { up, down, ms, is_broken } => {
                let Some(process) = self.any_process() else { return };
                if self.partitions.contains_key(&process) {
                    return;
                }
                self.seen.partitions += 1;
                self.partitions.insert(process, Partition { up, down });
                self.at(self.now + ms, Happening::Heal { process, is_broken });
            }
            Fault::Crash { is_back } => {
                let Some(process) = self.any_process() else { return };
                let Some(known) = self.processes.get(&process) else { return };
                let (id, slots, started_by) = (known.id.clone(), known.slots, known.started_by);
                self.seen.crashes += 1;
                self.seen.crashes_with_tasks += u64::from(!known.tasks.is_empty());
                self.end_process(process);
                // What a provider starts has a name of its own each time.
                if is_back && started_by.is_none() {
                    self.join(id, slots);
                }
            }
            Fault::Hang { ms } => {
                let (now, process) = (self.now, self.any_process());
                let known = process.and_then(|process| self.processes.get_mut(&process));
                let Some(known) = known.filter(|known| known.hung_until.is_none()) else { return };
                known.hung_until = Some(now + ms);
                self.seen.hangs += 1;
                process.into_iter().for_each(|process| self.at(now + ms, Happening::Wake(process)));
            }
            Fault::Stall { ms } => {
                let until = self.now + ms;
                if let Some(term) = &mut self.term
                    && term.stalled_until.is_none()
                {
                    term.stalled_until = Some(until);
                    self.seen.stalls += 1;
                    self.at(until, Happening::StallOver);
                }
            }
            Fault::CrashJobManager { after_ms } => {
                self.crash_job_manager();
                self.at(self.now + after_ms, Happening::JobManagerStarts);
            }
        }
    }

    fn any_process(&mut self) -> Option<u64> {
        let all: Vec<u64> = self.processes.keys().copied().collect();
        if all.is_empty() { None } else { Some(*self.random.pick(&all)) }
    }

    /// A link is open at the JobManager's end, if that lives still.
    pub(crate) fn opened(&mut self, link: LinkId, send: SendToTaskManager) {
        if self.links.get(&link).is_some_and(|known| known.is_heard) {
            self.hear(Event::Link(LinkEvent::Opened(link, send)));
        }
    }

    /// A user looks at the cluster.
    pub(crate) fn ask(&mut self) {
        if self.term.is_none() {
            return;
        }
        let overview = self.question(Event::Overview);
        let jobs = self.question(Event::Jobs);
        let workers = self.question(Event::TaskManagers);
        // A JobManager that stands still answers later.
        if let (Ok(overview), Ok(jobs), Ok(workers)) =
            (overview.try_recv(), jobs.try_recv(), workers.try_recv())
        {
            self.check_views(&overview, &jobs, &workers);
        }
        let process = self.any_process();
        if let Some(known) = process.and_then(|process| self.processes.get(&process)) {
            let id = known.id.clone();
            let answer = self.question(|reply| Event::TaskManagerLog(id, reply));
            self.logs.push(answer);
        }
    }

    fn question<T>(&mut self, event: impl FnOnce(Sender<T>) -> Event) -> Receiver<T> {
        let (reply, answer) = crossbeam_channel::bounded(1);
        self.hear(event(reply));
        answer
    }
}
