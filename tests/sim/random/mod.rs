//! Random worlds: phones, NATs, faults and strangers drawn from a seed, held to what must be so in any of them.
//!
//! `SIM_SEED=n cargo test --test sim random::replay` runs world n again. `PINHOLE_WORLDS=100000 cargo test --release
//! --test sim random` runs so many worlds instead of [`WORLDS`], to the end, and lists those in which not all was well.
//! `PINHOLE_WORLDS=5000..10000 … random::asked` runs just these: so several processes share the work. Each tells a world
//! in which not all was well as soon as it is found, and how far it has come.

mod judge;
mod plan;
mod run;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use plan::Plan;

/// How many worlds the tests run together.
const WORLDS: u64 = 1000;

/// One world; if all is not well in it, how to see it again.
fn world(drawn: &Plan) {
    if let Err(why) = catch_unwind(AssertUnwindSafe(|| judge::judge(drawn))) {
        let seed = drawn.seed;
        eprintln!("{drawn:?}\nagain: SIM_SEED={seed} cargo test --test sim random::replay");
        resume_unwind(why);
    }
}

/// What `PINHOLE_WORLDS` asks for, if it is there.
fn asked_for() -> Option<String> {
    std::env::var("PINHOLE_WORLDS").ok()
}

/// The worlds of one test, a quarter of all.
fn worlds(first: u64) {
    let count = asked_for().and_then(|text| text.parse().ok()).unwrap_or(WORLDS);
    all_well(first..first + count.div_ceil(4));
}

fn all_well(seeds: Range<u64>) {
    let mut failed = Vec::new();
    for seed in seeds.clone() {
        if catch_unwind(|| world(&Plan::draw(seed).widened().secured())).is_err() {
            eprintln!("not all was well in world {seed}");
            failed.push(seed);
        }
        let done = seed + 1 - seeds.start;
        if done.is_multiple_of(1000) {
            eprintln!("{done} worlds, {} of them not well", failed.len());
        }
    }
    assert!(failed.is_empty(), "not all was well in {} worlds: {failed:?}", failed.len());
}

#[test]
fn first_quarter() {
    worlds(0);
}

#[test]
fn second_quarter() {
    worlds(1_000_000);
}

#[test]
fn third_quarter() {
    worlds(2_000_000);
}

#[test]
fn last_quarter() {
    worlds(3_000_000);
}

/// The worlds from one seed to another, when they are asked for.
#[test]
fn asked() {
    let text = asked_for().unwrap_or_default();
    if let Some((first, end)) = text.split_once("..") {
        let number = |text: &str| text.parse().expect("PINHOLE_WORLDS is FIRST..END");
        all_well(number(first)..number(end));
    }
}

/// Worlds that were not well once.
#[test]
fn worlds_of_the_past() {
    // A phone without ports gave a listener back that it never had.
    world(&Plan::draw(3_000_075));
}

/// The world that is asked for, or the first.
#[test]
fn replay() {
    let seed = std::env::var("SIM_SEED").ok().and_then(|text| text.parse().ok());
    world(&Plan::draw(seed.unwrap_or(0)).widened().secured());
}
