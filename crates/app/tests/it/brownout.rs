//! The brownout suite: HubSpot slow, half there, partly there or gone, in virtual time, with the real layers over the real
//! simulator. What is asserted is read from the simulator's own door and from what callers got, never from our counters.
//!
//! Each scenario runs over many seeds: a few in `make test`, 1,000 in all with `HUBKEEPER_SEEDS=all`, as `make proof` does.
//! A failure names its seed; `HUBKEEPER_SEEDS=17` runs that one alone. Each law has a control with its feature off that
//! breaks it.

mod books;
mod daily;
mod opening;
mod outage;
mod partial;
mod saturated;
mod slow;
mod stale;
mod town;

use std::ops::Range;

/// The seeds of a scenario: the first few, all, or the one that is asked for.
#[expect(clippy::disallowed_methods, reason = "a person says which seeds to run")]
fn seeds(few: u64, all: u64) -> Range<u64> {
    match std::env::var("HUBKEEPER_SEEDS").ok().as_deref() {
        None | Some("") => 0..few,
        Some("all") => 0..all,
        Some(one) => {
            let one = one.parse().expect("HUBKEEPER_SEEDS is `all` or a number");
            one..one + 1
        }
    }
}

/// Runs one seed after the other; each is a world of its own.
#[expect(clippy::print_stdout, reason = "a test that fails names its seed")]
async fn each(seeds: Range<u64>, run: impl AsyncFn(u64)) {
    for seed in seeds {
        // Shown only where the test fails: the last one named is the culprit.
        println!("seed {seed}");
        run(seed).await;
    }
}
