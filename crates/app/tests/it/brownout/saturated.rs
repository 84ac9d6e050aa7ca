//! Trouble while more is asked than the limit allows: with packing, and without it where a batch can carry nothing.

use std::time::Duration;

use client::lane::Lane;
use client::stack::Feature;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::books::{BACK_WITHIN, Books};
use super::town::{Kind, Program, Town};
use super::{each, seeds};

const BEFORE: Duration = Duration::from_secs(60);
const LASTS: Duration = Duration::from_secs(60);
const AFTER: Duration = Duration::from_secs(60);

struct Story {
    books: Books,
    began: Instant,
    broke: Instant,
    ended: Instant,
    until: Instant,
}

/// What `programs` ask for is far more than the nineteen calls a second of the limit; owners are asked for beside it.
async fn tell(seed: u64, program: Program, packing: Feature, fault: Value) -> Story {
    let mut town = Town::new(seed, |settings| settings.packing = packing);
    town.learn_ids().await;
    let began = Instant::now();
    let owners = Program::new(Kind::Owners, 2.0);
    town.programs(&[owners, program], BEFORE + LASTS + AFTER);
    town.passes(BEFORE).await;
    town.fault(fault, LASTS).await;
    let books = town.end().await;
    let (broke, ended) = (began + BEFORE, began + BEFORE + LASTS);
    Story { books, began, broke, ended, until: ended + AFTER }
}

/// Sixty single reads a second, which packs carry.
fn reads() -> Program {
    Program { lane: Lane::Bulk, ..Program::new(Kind::Record, 60.0) }
}

/// Lists, thirty a second, which nothing can pack.
fn lists() -> Program {
    Program { lane: Lane::Bulk, ..Program::new(Kind::Contact, 30.0) }
}

impl Story {
    /// Good answers a second; where more is asked than the limit allows, a share of the calls says nothing.
    fn goodput(&self, kind: Kind, from: Instant, until: Instant) -> f64 {
        let good = self.books.told.iter().filter(|told| told.kind == kind && told.is_good());
        let good = good.map(|told| told.asked_at + told.took).filter(|at| (from..until).contains(at)).count();
        good as f64 / (until - from).as_secs_f64()
    }

    /// Each ten seconds: good answers and requests at the door, a second.
    fn timeline(&self, kind: Kind) -> String {
        let step = Duration::from_secs(10);
        let steps = (self.until - self.began).as_secs() / step.as_secs();
        let each = (0..u32::try_from(steps).expect("a few")).map(|number| {
            let from = self.began + step * number;
            let sent =
                self.books.exchanges.iter().filter(|one| (from..from + step).contains(&one.at)).count();
            format!("{:.1} of {:.1}", self.goodput(kind, from, from + step), sent as f64 / step.as_secs_f64())
        });
        each.collect::<Vec<_>>().join(", ")
    }

    fn is_back(&self, seed: u64, kind: Kind) {
        let before = self.goodput(kind, self.began + BEFORE / 2, self.broke);
        let after = self.goodput(kind, self.ended + BACK_WITHIN, self.until);
        let told = self.timeline(kind);
        assert!(
            after >= 0.95 * before,
            "seed {seed}: {kind:?} {before:.1}/s before, {after:.1}/s after; {told}"
        );
    }

    /// Two calls a second, whose number differs by chance: of them a share does say something.
    fn owners_are_back(&self) {
        self.books.is_back(Kind::Owners, (self.began + BEFORE / 2, self.broke), self.ended, self.until);
    }

    /// Whatever it was put into, no more came to the door than programs asked for, and a tenth.
    fn adds_little(&self, seed: u64) {
        let (asked, sent) = (self.books.told.len() as f64, self.books.exchanges.len() as f64);
        assert!(sent <= 1.10 * asked, "seed {seed}: {sent} requests for {asked} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn packed_reads_while_some_of_all_calls_fail() {
    each(seeds(2, 60), async |seed| {
        let rate = ChaCha8Rng::seed_from_u64(seed).random_range(0.05..0.9);
        let fault = json!({"kind": "status", "status": 500, "rate": rate});
        let story = tell(seed, reads(), Feature::On, fault).await;
        story.books.no_limit_was_hit();
        story.adds_little(seed);
        story.is_back(seed, Kind::Record);
        story.owners_are_back();
        let before = story.goodput(Kind::Record, story.began + BEFORE / 2, story.broke);
        assert!(before > 50.0, "seed {seed}: {before:.1}/s: packs carry three times the limit");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn packed_reads_while_their_family_is_down() {
    each(seeds(2, 60), async |seed| {
        let fault = json!({"kind": "hubspot.partial", "family": "objects"});
        let story = tell(seed, reads(), Feature::On, fault).await;
        story.books.no_limit_was_hit();
        story.adds_little(seed);
        story.is_back(seed, Kind::Record);
        story.books.unaffected(Kind::Owners, story.began, story.until);
    })
    .await;
}

/// The control: without packing a third of the reads is all that the limit allows.
#[tokio::test(start_paused = true)]
async fn control_without_packing_the_limit_is_all_there_is() {
    let fault = json!({"kind": "hubspot.partial", "family": "objects"});
    let story = tell(1, reads(), Feature::Off, fault).await;
    let before = story.goodput(Kind::Record, story.began + BEFORE / 2, story.broke);
    assert!(before < 20.0, "the rig cannot fail: {before:.1}/s");
}

#[tokio::test(start_paused = true)]
async fn lists_at_the_limit_while_some_of_all_calls_fail() {
    each(seeds(2, 60), async |seed| {
        let rate = ChaCha8Rng::seed_from_u64(seed).random_range(0.05..0.9);
        let fault = json!({"kind": "status", "status": 500, "rate": rate});
        let story = tell(seed, lists(), Feature::Off, fault).await;
        story.books.retries_are_within_a_tenth();
        story.books.no_limit_was_hit();
        story.is_back(seed, Kind::Contact);
        story.owners_are_back();
    })
    .await;
}
