//! A simulation of the pure cores alone: the slot manager, the execution graphs of several jobs and
//! their restart strategies, on TaskManagers that join, die and come back, with tasks that fail and
//! what no link does: reports that come late, twice and out of order.
//!
//! Law: what a seed does never changes from run to run; a seed that fails says how to replay it.

use std::panic::AssertUnwindSafe;

use world::World;

mod checks;
mod plan;
mod worker;
mod world;

/// Seeds of the test; the first is 0.
const SEEDS: u64 = 1_000;

fn run(seed: u64, is_traced: bool) -> Result<World, String> {
    let mut world = World::new(seed, is_traced);
    let ran = std::panic::catch_unwind(AssertUnwindSafe(|| world.run()));
    ran.unwrap_or_else(|_| Err("it panicked".to_owned())).map(|()| world)
}

#[test]
fn the_laws_hold_whatever_fails() {
    if let Ok(seed) = std::env::var("SANDBAR_SEED") {
        let seed = seed.parse().expect("SANDBAR_SEED is a number");
        if let Err(broken) = run(seed, true) {
            panic!("seed {seed}: {broken}");
        }
        return;
    }
    for seed in 0..SEEDS {
        if let Err(broken) = run(seed, false) {
            panic!(
                "seed {seed}: {broken}; replay it with a trace: SANDBAR_SEED={seed} \
                 cargo test -p sandbar-jobmanager --test cluster_simulation cores"
            );
        }
    }
}

#[test]
fn the_seeds_reach_every_end_and_every_detour() {
    let mut seen = checks::Seen::default();
    for seed in 0..200 {
        seen.add(&run(seed, false).unwrap_or_else(|broken| panic!("seed {seed}: {broken}")));
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
