//! Random worlds: phones, NATs, faults, operators and strangers drawn from a seed, held to what must be so in any of them.
//!
//! `SIM_SEED=n cargo test --test sim random::replay` runs world n again. `PINHOLE_WORLDS=100000 cargo test --release
//! --test sim random` runs so many worlds instead of [`WORLDS`], to the end, and lists those in which not all was well.
//! `PINHOLE_WORLDS=5000..10000 … random::asked` runs just these, one after the other: so several processes share the work.
//! With `-- --nocapture` each tells a world in which not all was well as soon as it is found, and how far it has come; in the
//! end it is told what there was in the worlds.

mod census;
mod draw;
mod fate;
mod judge;
mod mallory;
mod more;
mod plan;
mod run;
mod sane;

use std::io::Write as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use census::Census;
use plan::Plan;

/// How many worlds the tests run.
const WORLDS: u64 = 1000;

/// So many have everything in them that there can be.
const ENOUGH: u64 = 500;

/// One world, and what there was in it; if all is not well in it, how to see it again.
fn world(drawn: &Plan) -> Census {
    catch_unwind(AssertUnwindSafe(|| judge::judge(drawn))).unwrap_or_else(|why| {
        let seed = drawn.seed;
        eprintln!("{drawn:?}\nagain: SIM_SEED={seed} cargo test --test sim random::replay");
        resume_unwind(why)
    })
}

/// A world with everything that there can be.
fn of_today(seed: u64) -> Plan {
    Plan::draw(seed).widened().secured().fated().pictured()
}

/// What `PINHOLE_WORLDS` asks for, if it is there.
fn asked_for() -> Option<String> {
    std::env::var("PINHOLE_WORLDS").ok()
}

/// What has come of many worlds.
#[derive(Default)]
struct Outcome {
    census: Census,
    done: u64,
    failed: Vec<u64>,
}

/// Runs many worlds, so many at a time.
fn all_well(seeds: Range<u64>, at_a_time: usize) {
    let (next, outcome) = (AtomicU64::new(seeds.start), Mutex::new(Outcome::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let result = catch_unwind(|| world(&of_today(seed)));
            let mut all = outcome.lock().expect("nobody panics with it");
            all.done += 1;
            match result {
                Ok(census) => all.census.add(&census),
                Err(_) => {
                    eprintln!("not all was well in world {seed}");
                    all.failed.push(seed);
                }
            }
            if all.done.is_multiple_of(1000) {
                eprintln!("{} worlds, {} of them not well", all.done, all.failed.len());
            }
        }
    };
    thread::scope(|scope| (0..at_a_time).for_each(|_| drop(scope.spawn(work))));
    let Outcome { census, done, failed } = outcome.into_inner().expect("nobody panicked with it");
    // Also where tests that pass are not heard.
    write!(std::io::stderr(), "\nwhat there was in {done} random worlds:\n{census}")
        .expect("stderr");
    assert!(failed.is_empty(), "not all was well in {} worlds: {failed:?}", failed.len());
    let gaps = census.gaps();
    assert!(done < ENOUGH || gaps.is_empty(), "{done} worlds, and nowhere was: {gaps:?}");
}

#[test]
fn many_worlds() {
    let text = asked_for();
    if text.as_ref().is_some_and(|text| text.contains("..")) {
        return;
    }
    let count = text.and_then(|text| text.parse().ok()).unwrap_or(WORLDS);
    all_well(0..count, thread::available_parallelism().map_or(1, Into::into));
}

/// The worlds from one seed to another, when they are asked for.
#[test]
fn asked() {
    let text = asked_for().unwrap_or_default();
    if let Some((first, end)) = text.split_once("..") {
        let number = |text: &str| text.parse().expect("PINHOLE_WORLDS is FIRST..END");
        all_well(number(first)..number(end), 1);
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
    world(&of_today(seed.unwrap_or(0)));
}
