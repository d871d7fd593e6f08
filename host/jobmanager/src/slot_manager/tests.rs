//! Allocation in small clusters, and the law of slots for random histories.

use std::collections::{BTreeMap, BTreeSet};

use SlotCommand::{Allocated, Lost, ReleaseWorker, RequestWorkers, Shortage};
use proptest::prelude::*;

use super::*;

fn name(worker: u32) -> TaskManagerId {
    TaskManagerId(format!("tm-{worker}"))
}

fn slot(worker: u32, index: u32) -> SlotId {
    SlotId { task_manager: name(worker), index }
}

fn job(number: u128) -> JobId {
    JobId(number)
}

/// A slot manager with TaskManagers 1, 2, ... of these numbers of slots, registered at 0 ms.
fn cluster(options: SlotManagerOptions, workers: &[u32]) -> SlotManager {
    let mut manager = SlotManager::new(options);
    for (worker, slots) in (1..).zip(workers) {
        assert_eq!(manager.register_task_manager(name(worker), *slots, 0), Ok(Vec::new()));
    }
    manager
}

fn check_placement(is_spread: bool, expected: &[SlotId]) {
    let options =
        SlotManagerOptions { evenly_spread_out_slots: is_spread, ..SlotManagerOptions::default() };
    let mut manager = cluster(options, &[4, 4]);
    let commands = manager.set_requirement(job(1), 4);
    assert_eq!(commands, [Allocated { job: job(1), slots: expected.to_vec() }]);
}

#[test]
fn slots_are_packed_or_spread() {
    check_placement(false, &[slot(1, 0), slot(1, 1), slot(1, 2), slot(1, 3)]);
    check_placement(true, &[slot(1, 0), slot(2, 0), slot(1, 1), slot(2, 1)]);
}

#[test]
fn jobs_are_served_in_the_order_in_which_they_asked() {
    let mut manager = cluster(SlotManagerOptions::default(), &[2]);
    let first = [
        Allocated { job: job(9), slots: vec![slot(1, 0), slot(1, 1)] },
        Shortage { job: job(9), needs: 3, has: 2 },
    ];
    assert_eq!(manager.set_requirement(job(9), 3), first);
    let second = [Shortage { job: job(1), needs: 1, has: 0 }];
    assert_eq!(manager.set_requirement(job(1), 1), second);
    assert_eq!(manager.shortage(job(9)).unwrap().to_string(), "needs 3 slots, has 2");
    assert_eq!(manager.shortage(job(1)).unwrap().to_string(), "needs 1 slot, has 0");
    let served = manager.register_task_manager(name(2), 1, 5).unwrap();
    assert_eq!(served, [Allocated { job: job(9), slots: vec![slot(2, 0)] }]);
    let freed = manager.free_slots(job(9), 6);
    assert_eq!(freed, [Allocated { job: job(1), slots: vec![slot(1, 0)] }]);
    assert_eq!((manager.slots_total(), manager.slots_available()), (3, 2));
    assert_eq!(manager.idle_task_managers().collect::<Vec<_>>(), [(&name(2), 6)]);
}

#[test]
fn lost_slots_are_replaced() {
    let mut manager = cluster(SlotManagerOptions::default(), &[2, 1]);
    manager.set_requirement(job(1), 2);
    let commands = manager.unregister_task_manager(&name(1));
    let expected = [
        Lost { job: job(1), slots: vec![slot(1, 0), slot(1, 1)] },
        Allocated { job: job(1), slots: vec![slot(2, 0)] },
        Shortage { job: job(1), needs: 2, has: 1 },
    ];
    assert_eq!(commands, expected);
    assert_eq!(manager.unregister_task_manager(&name(1)), []);
    let back = manager.register_task_manager(name(2), 2, 0).unwrap();
    let replaced = [
        Lost { job: job(1), slots: vec![slot(2, 0)] },
        Allocated { job: job(1), slots: vec![slot(2, 0), slot(2, 1)] },
    ];
    assert_eq!(back, replaced, "one that registers again had lost what it had");
}

#[test]
fn a_job_gives_some_of_its_slots_back_and_keeps_the_others() {
    let mut manager = cluster(SlotManagerOptions::default(), &[2, 1]);
    manager.set_requirement(job(1), 3);
    manager.set_requirement(job(2), 1);
    assert_eq!(manager.set_requirement(job(1), 1), []);
    assert_eq!(manager.slots_of(job(1)).len(), 3, "they are its own until it gives them back");
    let freed = manager.release_slots(job(1), &[slot(1, 1), slot(2, 0), slot(9, 0)], 7);
    assert_eq!(freed, [Allocated { job: job(2), slots: vec![slot(1, 1)] }]);
    assert_eq!(manager.slots_of(job(1)), [slot(1, 0)]);
    assert_eq!(manager.idle_task_managers().collect::<Vec<_>>(), [(&name(2), 7)]);
    assert_eq!(manager.release_slots(job(1), &[slot(1, 1)], 8), [], "it is another job's");
    assert_eq!(manager.owner(&slot(1, 1)), Some(job(2)));
    assert_eq!((manager.shortage(job(1)), manager.shortage(job(2))), (None, None));
}

#[test]
fn workers_are_requested_and_released() {
    let options = SlotManagerOptions {
        task_manager_timeout_ms: Some(100),
        slots_per_worker: NonZeroU32::new(2),
        ..SlotManagerOptions::default()
    };
    let mut manager = SlotManager::new(options);
    let short = |has| Shortage { job: job(1), needs: 3, has };
    assert_eq!(manager.set_requirement(job(1), 3), [short(0), RequestWorkers(2)]);
    assert_eq!(manager.on_timer(0), [], "they are on their way");
    manager.on_workers_failed(1);
    assert_eq!(manager.on_timer(1), [RequestWorkers(1)]);
    let both = [slot(1, 0), slot(1, 1)].to_vec();
    let served = manager.register_task_manager(name(1), 2, 2).unwrap();
    assert_eq!(served, [Allocated { job: job(1), slots: both }, short(2)]);
    manager.register_task_manager(name(2), 2, 3).unwrap();
    manager.free_slots(job(1), 50);
    assert_eq!(manager.on_timer(149), []);
    assert_eq!(manager.on_timer(150), [ReleaseWorker(name(1)), ReleaseWorker(name(2))]);
    assert_eq!(manager.on_timer(999), [], "released once");
    let needs = Shortage { job: job(2), needs: 1, has: 0 };
    let waits = manager.set_requirement(job(2), 1);
    assert_eq!(waits, [needs, RequestWorkers(1)], "what is released is not used");
}

#[test]
fn registrations_out_of_range_are_refused() {
    let mut manager = SlotManager::new(SlotManagerOptions::default());
    let error = manager.register_task_manager(name(1), 0, 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "TaskManager tm-1 offers 0 slots; taskmanager.numberOfTaskSlots must be from 1 to 4096"
    );
    assert!(manager.register_task_manager(name(1), u32::MAX, 0).is_err());
    for worker in 0..TASK_MANAGERS_MAX {
        manager.register_task_manager(name(worker), 1, 0).unwrap();
    }
    let refused = manager.register_task_manager(name(TASK_MANAGERS_MAX), 1, 0).unwrap_err();
    assert!(matches!(refused, SlotManagerError::TooManyTaskManagers { .. }));
    assert!(manager.register_task_manager(name(3), 1, 0).is_ok(), "it is known");
}

#[derive(Clone, Debug)]
enum Operation {
    Register(u32, u32),
    Unregister(u32),
    Require(u128, u32),
    Free(u128),
    Timer(i64),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        3 => (0..6_u32, 1..5_u32).prop_map(|(worker, slots)| Operation::Register(worker, slots)),
        2 => (0..6_u32).prop_map(Operation::Unregister),
        4 => (0..5_u128, 0..7_u32).prop_map(|(job, slots)| Operation::Require(job, slots)),
        2 => (0..5_u128).prop_map(Operation::Free),
        1 => (0..90_i64).prop_map(Operation::Timer),
    ];
    proptest::collection::vec(operation, 0..80)
}

/// What follows from the commands alone.
#[derive(Debug, Default)]
struct Model {
    workers: BTreeMap<TaskManagerId, u32>,
    owners: BTreeMap<SlotId, JobId>,
    needs: BTreeMap<JobId, u32>,
    short: BTreeMap<JobId, (u32, u32)>,
    released: BTreeSet<TaskManagerId>,
}

impl Model {
    fn has(&self, job: JobId) -> u32 {
        self.owners.values().filter(|owner| **owner == job).count() as u32
    }

    fn apply(&mut self, commands: Vec<SlotCommand>) -> Result<(), TestCaseError> {
        for command in commands {
            match command {
                Allocated { job, slots } => {
                    for slot in slots {
                        prop_assert!(slot.index < self.workers[&slot.task_manager]);
                        prop_assert!(!self.released.contains(&slot.task_manager));
                        let earlier = self.owners.insert(slot.clone(), job);
                        prop_assert_eq!(earlier, None, "slot {} has two jobs", slot);
                    }
                    prop_assert!(self.has(job) <= self.needs[&job]);
                    if self.has(job) == self.needs[&job] {
                        self.short.remove(&job);
                    }
                }
                Lost { job, slots } => {
                    for slot in slots {
                        prop_assert_eq!(self.owners.remove(&slot), Some(job));
                    }
                }
                Shortage { job, needs, has } => {
                    prop_assert_ne!(self.short.insert(job, (needs, has)), Some((needs, has)));
                }
                RequestWorkers(workers) => prop_assert!(workers > 0),
                ReleaseWorker(id) => {
                    prop_assert!(self.owners.keys().all(|slot| slot.task_manager != id));
                    prop_assert!(self.released.insert(id));
                }
            }
        }
        Ok(())
    }

    fn check(&self, manager: &SlotManager) -> Result<(), TestCaseError> {
        let mut free = 0;
        for (id, slots) in &self.workers {
            for index in 0..*slots {
                let slot = SlotId { task_manager: id.clone(), index };
                let owner = self.owners.get(&slot).copied();
                prop_assert_eq!(manager.owner(&slot), owner);
                free += u32::from(owner.is_none());
            }
            let is_idle = self.owners.keys().all(|slot| slot.task_manager != *id);
            prop_assert_eq!(manager.slot_use(id).unwrap().idle_since.is_some(), is_idle);
        }
        prop_assert_eq!(manager.slots_available(), free);
        let is_free = |id: &TaskManagerId| {
            !self.released.contains(id) && manager.slot_use(id).unwrap().free > 0
        };
        for (job, needs) in &self.needs {
            let has = self.has(*job);
            let shortage = (has < *needs).then_some(SlotShortage { needs: *needs, has });
            prop_assert_eq!(manager.shortage(*job), shortage);
            prop_assert_eq!(manager.slots_of(*job).len() as u32, has);
            if shortage.is_some() {
                prop_assert_eq!(self.short.get(job), Some(&(*needs, has)), "it was told");
                prop_assert!(!self.workers.keys().any(is_free), "{:?} waits for nothing", job);
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_slot_has_one_job_and_nobody_waits_while_one_is_free(
        operations in operations(),
        evenly_spread_out_slots: bool,
    ) {
        let mut manager = SlotManager::new(SlotManagerOptions {
            evenly_spread_out_slots,
            task_manager_timeout_ms: Some(60),
            slots_per_worker: NonZeroU32::new(2),
        });
        let mut model = Model::default();
        let mut now = 0;
        for operation in operations {
            now += 1;
            let commands = match operation {
                Operation::Register(worker, slots) => {
                    model.workers.insert(name(worker), slots);
                    model.released.remove(&name(worker));
                    manager.register_task_manager(name(worker), slots, now).unwrap()
                }
                Operation::Unregister(worker) => {
                    model.workers.remove(&name(worker));
                    model.released.remove(&name(worker));
                    manager.unregister_task_manager(&name(worker))
                }
                Operation::Require(number, slots) => {
                    model.needs.insert(job(number), slots);
                    if model.has(job(number)) >= slots {
                        model.short.remove(&job(number));
                    }
                    manager.set_requirement(job(number), slots)
                }
                Operation::Free(number) => {
                    model.needs.remove(&job(number));
                    model.short.remove(&job(number));
                    model.owners.retain(|_, owner| *owner != job(number));
                    manager.free_slots(job(number), now)
                }
                Operation::Timer(by) => {
                    now += by;
                    manager.on_timer(now)
                }
            };
            model.apply(commands)?;
            model.check(&manager)?;
        }
    }
}
