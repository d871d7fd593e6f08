//! A simulation of the whole control plane: the real JobManager, models of TaskManagers that obey
//! its protocol, and a network between them that is slow, breaks, and falls apart; processes of
//! both kinds die, hang and come back. One thread, one virtual clock, one seed.
//!
//! Law: what a seed does never changes from run to run; a seed that fails says how to replay it.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::panic::AssertUnwindSafe;

use world::World;

mod checks;
mod control;
mod cores;
mod drawn_job;
mod faults;
mod plan;
mod processes;
mod random;
mod seen;
mod task_manager;
mod transport;
mod world;

/// Seeds of the test; the first is 0.
const SEEDS: u64 = 1_000;

fn run(seed: u64, is_traced: bool) -> Result<World, String> {
    let mut world = World::new(seed, is_traced);
    let ran = std::panic::catch_unwind(AssertUnwindSafe(|| world.run()));
    ran.unwrap_or_else(|_| Err("it panicked".to_owned())).map(|()| world)
}

#[test]
fn the_laws_hold_and_the_seeds_reach_everything() {
    if let Ok(seed) = std::env::var("SANDBAR_SEED") {
        let seed = seed.parse().expect("SANDBAR_SEED is a number");
        if let Err(broken) = run(seed, true) {
            panic!("seed {seed}: {broken}");
        }
        return;
    }
    let mut seen = seen::Seen::default();
    let mut failed = Vec::new();
    for seed in 0..SEEDS {
        match run(seed, false) {
            Ok(world) => seen.add(&world.seen),
            Err(broken) => failed.push((seed, broken)),
        }
    }
    if let Some((seed, broken)) = failed.first() {
        let seeds: Vec<u64> = failed.iter().map(|failed| failed.0).collect();
        panic!(
            "seed {seed}: {broken}; replay it with a trace: \
             SANDBAR_SEED={seed} cargo test -p sandbar-jobmanager --test cluster_simulation; \
             {} seeds fail: {seeds:?}",
            seeds.len()
        );
    }
    seen.check_all();
}

#[test]
fn a_seed_does_the_same_each_time() {
    for seed in 0..20 {
        let once = run(seed, false).map(|world| world.fingerprint());
        assert_eq!(once, run(seed, false).map(|world| world.fingerprint()), "seed {seed}");
    }
}
