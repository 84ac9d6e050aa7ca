//! A cache does not hold what it is there for. One that several instances share is gone, and each of them asks HubSpot for what
//! one of them knew; or our own is too small for what is asked, and every answer pushes out another that is wanted again.

use super::inside;
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::inside::{OwnCache, SharedCache};
use crate::tree::{Leaf, Question, Reply, Step, Then, Tree};

/// Fewer look-ups may all be of things nobody asked for before.
const LOOK_UPS_MIN: u64 = 20;

/// A cache that used to serve this part …
const USUAL_PERCENT_MIN: u64 = 20;

/// … and serves at most this is as good as gone.
const HIT_PERCENT_MAX: u64 = 2;

pub(in crate::tree) static TREE: Tree = Tree {
    about: "our caches",
    then: Then::GoOn,
    root: Step::Ask {
        question: &LOST,
        yes: &Step::Found(Leaf {
            code: Code::Cache,
            backed_by: &[&EVERYTHING_MISSED],
            unlike: &[(Code::BurstSelf, &LOST)],
        }),
        no: &Step::Ask {
            question: &TOO_SMALL,
            yes: &Step::Found(Leaf {
                code: Code::Cache,
                backed_by: &[&TOO_SMALL],
                unlike: &[(Code::BurstSelf, &TOO_SMALL)],
            }),
            no: &Step::Nothing,
        },
    },
};

static TOO_SMALL: Question = Question {
    asks: "Does our own cache lose more answers before their time than it serves?",
    answer: |facts| match inside(facts, |inside| inside.own_cache.as_ref()) {
        None => Reply::could_not_tell("cache", "our own cache was not looked at"),
        Some(OwnCache { hits_recent, lost_recent, bytes }) => {
            let observed = format!(
                "{lost_recent} answers of late made room for others and were asked for again, {hits_recent} were served; {} KiB are kept",
                bytes / 1024
            );
            Reply::is(*lost_recent >= LOOK_UPS_MIN && lost_recent > hits_recent, "cache", observed)
        }
    },
};

static LOST: Question = Question {
    asks: "Is the cache that we share with other instances lost?",
    answer: |facts| match cache(facts) {
        None => Reply::could_not_tell("cache", "there is no shared cache, or it was not looked at"),
        Some(cache) => {
            // Nobody has asked it lately: then nothing says that it would not answer.
            let lost = !cache.reachable && cache.misses_recent > 0;
            Reply::is(lost || is_empty(cache), "cache", describe(cache))
        }
    },
};

static EVERYTHING_MISSED: Question = Question {
    asks: "Is nothing found in it any more?",
    answer: |facts| match cache(facts) {
        Some(cache) if cache.hits_recent == 0 && cache.misses_recent > 0 => {
            Reply::yes("cache", describe(cache))
        }
        Some(_) | None => Reply::could_not_tell("cache", "too few look-ups to say"),
    },
};

fn is_empty(cache: &SharedCache) -> bool {
    let all = cache.hits_recent + cache.misses_recent;
    let used_to_serve = cache.usual_hit_percent.is_some_and(|percent| percent >= USUAL_PERCENT_MIN);
    used_to_serve && all >= LOOK_UPS_MIN && cache.hits_recent * 100 <= all * HIT_PERCENT_MAX
}

fn describe(cache: &SharedCache) -> String {
    let state = if cache.reachable { "answers" } else { "does not answer" };
    let usual =
        cache.usual_hit_percent.map(|percent| format!(", {percent} % used to hit")).unwrap_or_default();
    format!("it {state}: {} hits, {} misses of late{usual}", cache.hits_recent, cache.misses_recent)
}

fn cache(facts: &Facts) -> Option<&SharedCache> {
    inside(facts, |inside| inside.cache.as_ref())
}
