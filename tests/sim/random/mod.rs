//! Random worlds: phones, NATs, faults and strangers drawn from a seed, held to what must be so in any of them.
//!
//! `SIM_SEED=n cargo test --test sim random::replay` runs world n again, and `SIM_SEEDS=n` lets each of the tests run
//! so many worlds instead of [`WORLDS`].

mod judge;
mod plan;
mod run;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// How many worlds each of the tests runs.
const WORLDS: u64 = 150;

/// One world; if all is not well in it, how to see it again.
fn world(seed: u64) {
    let drawn = plan::Plan::draw(seed);
    if let Err(why) = catch_unwind(AssertUnwindSafe(|| judge::judge(&drawn))) {
        eprintln!("{drawn:?}\nagain: SIM_SEED={seed} cargo test --test sim random::replay");
        resume_unwind(why);
    }
}

/// The worlds of one test.
fn worlds(first: u64) {
    let asked = std::env::var("SIM_SEEDS").ok().and_then(|text| text.parse().ok());
    (0..asked.unwrap_or(WORLDS)).for_each(|n| world(first + n));
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

/// Worlds that were not well once.
#[test]
fn worlds_of_the_past() {
    // A phone without ports gave a listener back that it never had.
    world(3_000_075);
}

/// The world that is asked for, or the first.
#[test]
fn replay() {
    world(std::env::var("SIM_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0));
}
