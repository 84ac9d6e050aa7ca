//! Is it our account at all that answers? In a quiet portal no rate tells soon enough: what goes there is written into another
//! company's account. Each of these is a reason to ask for its number.

use std::collections::BTreeSet;

use hubspot::error::ErrorKind;
use jiff::SignedDuration;

use super::Likeness;
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::traffic::Traffic;
use crate::signals::Seen;

/// A merge makes one or two records vanish, and people delete some.
const VANISHED_MIN: u64 = 3;

/// Of a hundred reads of this kind, so many found nothing.
const VANISHED_PERCENT: u64 = 30;

/// So long is a secret new.
const NEW: SignedDuration = SignedDuration::from_secs(30);

pub(super) fn look(facts: &Facts) -> Option<Likeness> {
    let traffic = facts.traffic.as_ref()?;
    let observed = vanished(facts, traffic)
        .or_else(|| elsewhere(facts, traffic))
        .or_else(|| new_secret(facts, traffic))?;
    Some(Likeness { code: Code::WrongAccount, observed })
}

/// Records that were there are not found, several of them, and hardly anything else is.
fn vanished(facts: &Facts, traffic: &Traffic) -> Option<String> {
    let missing = facts.all_seen(&[ErrorKind::NotFound]);
    let reads = missing.seen.iter().filter(|seen| is_of_one_record(seen) && seen.error.recent > 0);
    let (mut recent, mut subjects, mut calls) = (0, 0, 0);
    for seen in reads {
        recent += seen.error.recent;
        subjects += seen.error.subjects.min(seen.error.recent);
        calls += seen.group.calls_recent;
    }
    let gone = traffic.known_ids_gone.min(subjects);
    (gone >= VANISHED_MIN && recent * 100 >= calls * VANISHED_PERCENT)
        .then(|| format!("{recent} of {calls} reads find no record, on {gone} or more that were there"))
}

fn is_of_one_record(seen: &Seen<'_>) -> bool {
    seen.group.family == "objects" && seen.group.method == "GET" && seen.error.route.ends_with("{id}")
}

/// All that is known to answer calls is another portal than configured.
fn elsewhere(facts: &Facts, traffic: &Traffic) -> Option<String> {
    let expected = facts.configured.portal_id?;
    let answering: BTreeSet<u64> = traffic.connections.iter().filter_map(|it| it.portal_id).collect();
    let names: Vec<String> = answering.iter().map(u64::to_string).collect();
    (!answering.is_empty() && !answering.contains(&expected))
        .then(|| format!("portal {} answers calls, configured is {expected}", names.join(", ")))
}

/// A token that was just exchanged may be one of another account.
fn new_secret(facts: &Facts, traffic: &Traffic) -> Option<String> {
    facts.configured.portal_id?;
    let now = traffic.now?;
    let new =
        traffic.changes.iter().rfind(|change| change.kind == "secret" && now.duration_since(change.at) < NEW);
    new.map(|change| format!("{}: is it of the same account?", change.what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{PORTAL, busy, change, error, failing_group, group, traffic};

    const RECORD: &str = "/crm/v3/objects/contacts/{id}";

    fn observed(how: impl FnOnce(&mut Facts)) -> Option<String> {
        let mut facts = Facts { probes: Default::default(), ..busy() };
        traffic(&mut facts).groups.clear();
        how(&mut facts);
        look(&facts).map(|it| it.observed)
    }

    /// A quiet hour: some reads a minute, and what is not found.
    fn reads(f: &mut Facts, known: u64, missing: u64) {
        let mut own = group("objects", "GET", 90);
        own.calls_recent = 10;
        failing_group(f, own, RECORD, error(404, ErrorKind::NotFound, missing));
        traffic(f).known_ids_gone = known;
    }

    #[test]
    fn records_that_vanish_together_are_asked_about_and_single_ones_are_not() {
        assert!(observed(|f| reads(f, 4, 5)).is_some());
        assert_eq!(observed(|f| reads(f, 2, 5)), None, "they were never there");
        assert_eq!(observed(|f| reads(f, 9, 2)), None, "two");
        let one_again_and_again = |f: &mut Facts| {
            reads(f, 9, 9);
            traffic(f).groups[0].errors[0].subjects = 1;
        };
        assert_eq!(observed(one_again_and_again), None);
        let among_many = |f: &mut Facts| {
            reads(f, 5, 5);
            traffic(f).groups[0].calls_recent = 100;
        };
        assert_eq!(observed(among_many), None);
    }

    #[test]
    fn another_portal_that_answers_is_asked_about() {
        let of = |configured: Option<u64>| {
            observed(|f| {
                f.configured.portal_id = configured;
                traffic(f).connections[0].configured_portal_id = None;
            })
        };
        assert!(of(Some(7)).is_some());
        assert_eq!((of(Some(PORTAL)), of(None)), (None, None));
    }

    #[test]
    fn a_new_secret_is_asked_about_once() {
        let of = |kind: &'static str, ago: i64| {
            observed(|f| {
                f.configured.portal_id = Some(PORTAL);
                traffic(f).changes.push(change(kind, ago));
            })
        };
        assert!(of("secret", 5).is_some());
        assert_eq!((of("secret", 90), of("deploy", 5)), (None, None));
    }
}
