//! Random worlds: phones, NATs, faults and strangers drawn from a seed, held to what must be so in any of them.
//!
//! `SIM_SEED=n cargo test --test sim random::replay` runs world n again. `PINHOLE_WORLDS=100000 cargo test --release
//! --test sim random` runs so many worlds instead of [`WORLDS`], to the end, and lists those in which not all was well.

mod judge;
mod plan;
mod run;

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

/// The worlds of one test, a quarter of all.
fn worlds(first: u64) {
    let asked: Option<u64> =
        std::env::var("PINHOLE_WORLDS").ok().and_then(|text| text.parse().ok());
    let all = first..first + asked.unwrap_or(WORLDS).div_ceil(4);
    let run = |seed: &u64| catch_unwind(|| world(&Plan::draw(*seed).widened().secured())).is_err();
    let failed: Vec<u64> = all.filter(run).collect();
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
