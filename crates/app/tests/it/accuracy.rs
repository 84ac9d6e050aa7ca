//! How often the diagnosis is right: every fault of the catalogue in many variants, days on which nothing is wrong, two
//! faults at once, distractions, and troubles that have no name. The real layers and traffic memory over the simulator, the
//! real probes over a network in memory, in virtual time; beside it the four questions everybody asks.
//!
//! Seeds for building and seeds for scoring are disjoint. Trees were changed looking at [`Seeds::Building`] only.
//! `make accuracy` prints the scores; a sample runs in `make test`. `HUBKEEPER_ACCURACY` is `scoring`, `building`, or a code
//! (`hook.slow`), with `:SEED` for one case alone; then every wrong answer is told with what it rested on.

mod baseline;
mod case;
mod cast;
mod house;
mod look;
mod network;
mod own;
mod plan;
mod receiver;
mod scenarios;
mod score;
mod wire;
mod work;

use std::sync::atomic::{AtomicUsize, Ordering};

use case::{Control, Nameless, Outcome, Story};
use incident::code::Code;
use parking_lot::Mutex;
use score::Scores;

/// Which cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seeds {
    Building,
    Scoring,
}

impl Seeds {
    /// The seed of a case by its number; the two sets have none in common.
    const fn of(self, number: u64) -> u64 {
        match self {
            Self::Building => 1_000 + number,
            Self::Scoring => 900_000 + number,
        }
    }
}

/// Two at once, of different kinds: each is seen beside the other.
const PAIRS: [(Code, Code); 10] = [
    (Code::MissingScope, Code::HookSecret),
    (Code::Partial, Code::HookDuplicates),
    (Code::DailyNeighbour, Code::ConsumerDown),
    (Code::RefreshRevoked, Code::Partial),
    (Code::OutageKnown, Code::Cache),
    (Code::Slow, Code::HookUri),
    (Code::Ipv6, Code::Gone),
    (Code::Conflict, Code::HookSubscription),
    (Code::Schema, Code::SearchLimit),
    (Code::Disk, Code::UserPermissions),
];

/// How many of each.
struct Numbers {
    fault: u64,
    pair: u64,
    control: u64,
    nameless: u64,
}

fn stories(seeds: Seeds, numbers: &Numbers) -> Vec<(Story, u64)> {
    let mut stories = Vec::new();
    let mut add = |story, count: u64| {
        // Each story has its own stretch of seeds.
        let base = 10_000 * stories.iter().map(|(story, _)| story).fold((0, None), distinct).0;
        stories.extend((0..count).map(|number| (story, seeds.of(base + number))));
    };
    cast::faults().for_each(|code| add(Story::Fault(code), numbers.fault));
    PAIRS.iter().for_each(|(one, other)| add(Story::Pair(*one, *other), numbers.pair));
    Control::ALL.iter().for_each(|control| add(Story::Well(*control), numbers.control));
    Nameless::ALL.iter().for_each(|kind| add(Story::Nameless(*kind), numbers.nameless));
    stories
}

fn distinct((count, last): (u64, Option<Story>), story: &Story) -> (u64, Option<Story>) {
    if last == Some(*story) { (count, last) } else { (count + 1, Some(*story)) }
}

/// Runs the cases on as many threads as there are processors, each case in a time of its own.
fn run(stories: &[(Story, u64)]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(stories.len()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((story, seed)) = stories.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .start_paused(true)
                        .build()
                        .expect("a runtime");
                    let outcome = runtime.block_on(case::run(*story, *seed));
                    outcomes.lock().push(outcome);
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner();
    outcomes.sort_by_key(|outcome| outcome.seed);
    outcomes
}

fn is_wrong(outcome: &Outcome) -> bool {
    match outcome.story {
        Story::Fault(truth) => outcome.named != truth,
        Story::Pair(one, other) => ![one, other].contains(&outcome.named),
        Story::Well(_) => outcome.named != Code::Healthy,
        Story::Nameless(_) => outcome.named != Code::Unknown,
    }
}

#[expect(clippy::print_stdout, reason = "the scores are for a person")]
fn tell(outcomes: &[Outcome]) {
    for outcome in outcomes.iter().filter(|outcome| is_wrong(outcome)) {
        let also: Vec<String> =
            outcome.also.iter().map(|(code, sure)| format!("{} {sure}", code.id())).collect();
        println!(
            "{:?} seed {}: {} {} [{}] {}",
            outcome.story,
            outcome.seed,
            outcome.named.id(),
            outcome.confidence,
            also.join(", "),
            outcome.why
        );
    }
}

/// A few of each in `make test`: enough to see a tree that no longer grows.
#[test]
fn a_sample_is_named() {
    let numbers = Numbers { fault: 1, pair: 1, control: 1, nameless: 1 };
    let outcomes = run(&stories(Seeds::Building, &numbers));
    tell(&outcomes);
    let scores = Scores::of(&outcomes);
    let first = Scores::overall(&scores.first);
    assert!(first.value() >= 0.9, "{first:?}\n{}", scores.tables());
    assert_eq!(scores.healthy.value(), 1.0, "a false alarm\n{}", scores.tables());
}

/// The whole measurement, where it is asked for.
#[test]
#[expect(clippy::disallowed_methods, reason = "a person says what to measure")]
fn the_scores() {
    let Some(asked) = std::env::var("HUBKEEPER_ACCURACY").ok().filter(|asked| !asked.is_empty()) else {
        return;
    };
    let count =
        |name: &str, usual: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let each = count("HUBKEEPER_ACCURACY_EACH", 20);
    let numbers = Numbers { fault: each, pair: each, control: each * 3, nameless: each };
    let seeds = if asked == "scoring" { Seeds::Scoring } else { Seeds::Building };
    let mut chosen = stories(seeds, &numbers);
    if !matches!(asked.as_str(), "scoring" | "building") {
        let (name, seed) =
            asked.split_once(':').map_or((asked.as_str(), None), |(name, seed)| (name, seed.parse().ok()));
        chosen.retain(|(story, _)| {
            matches!(story, Story::Fault(code) if code.id() == name) || format!("{story:?}").contains(name)
        });
        chosen.retain(|(_, own)| seed.is_none_or(|seed: u64| seed == *own));
    }
    println!(
        "{} cases, seeds {:?} … {:?}",
        chosen.len(),
        chosen.first().map(|it| it.1),
        chosen.last().map(|it| it.1)
    );
    let outcomes = run(&chosen);
    tell(&outcomes);
    println!("{}", Scores::of(&outcomes).tables());
}

/// The harness can see a wrong answer: a house in which a fault struck is not called healthy, and one without is.
#[test]
fn control_a_case_without_its_fault_is_healthy() {
    let well = run(&[(Story::Well(Control::ExpectedAnswers), Seeds::Building.of(7))]);
    let ill = run(&[(Story::Fault(Code::TokenRevoked), Seeds::Building.of(7))]);
    assert_eq!(well[0].named, Code::Healthy, "{}", well[0].why);
    assert_ne!(ill[0].named, Code::Healthy);
    let wrong = Outcome { named: Code::Dns, ..ill[0].clone() };
    assert_eq!(Scores::of(&[wrong]).first[&Code::TokenRevoked].value(), 0.0);
}
