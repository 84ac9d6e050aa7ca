use super::*;

fn now() -> Timestamp {
    "2026-03-31T12:00:00Z".parse().unwrap()
}

fn granted(scopes: &[&str]) -> Granted {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Granted { connection: "crm".into(), scopes: Some(scopes), told_seconds_ago: Some(3) }
}

fn used(days_ago: i64, need: &str, calls: u64, refused: u64) -> Used {
    let at = now() - SignedDuration::from_hours(24 * days_ago);
    Used { connection: "crm".into(), day: at, need: need.into(), calls, refused, last_at: at }
}

const READ: &str = "crm.objects.contacts.read";

#[test]
fn what_is_granted_is_held_against_what_was_needed() {
    let scopes =
        ["oauth", READ, "e-commerce", "crm.objects.products.read", "forms", "crm.objects.deals.read"];
    let mut uses = vec![
        used(10, READ, 5, 0),
        used(2, READ, 7, 0),
        used(1, "crm.objects.products.read|e-commerce", 4, 0),
        used(1, "tickets", 3, 3),
        used(1, "crm.objects.contacts.write", 2, 0),
        used(1, "?associations", 9, 0),
        used(31, "forms", 1, 0),
    ];
    uses.push(Used { connection: "other".into(), ..used(1, "crm.objects.deals.read", 1, 0) });
    let told = report(&[granted(&scopes)], &uses, now()).remove(0);
    let of = |name: &str| told.granted.iter().find(|one| one.scope == name).unwrap();
    assert_eq!((of(READ).standing, of(READ).calls), (ScopeStanding::Used, 12));
    assert_eq!(of(READ).last_used_at, Some(now() - SignedDuration::from_hours(48)));
    assert_eq!(of("oauth").standing, ScopeStanding::Always);
    assert_eq!(of("e-commerce").standing, ScopeStanding::UsedWithOthers);
    for unused in ["forms", "crm.objects.deals.read"] {
        assert_eq!(of(unused).standing, ScopeStanding::NeverUsed, "{unused}");
        assert!(of(unused).advice.as_deref().unwrap().contains("10 days"));
    }
    let missing: Vec<_> =
        told.missing.iter().map(|one| (one.any_of.join("|"), one.calls, one.refused)).collect();
    assert_eq!(missing, [("crm.objects.contacts.write".into(), 2, 0), ("tickets".into(), 3, 3)]);
    assert_eq!(told.calls_of_unknown_need, BTreeMap::from([("associations".to_owned(), 9)]));
    assert_eq!(told.observed_days, 10);
}

#[test]
fn early_and_unknown_are_said_and_not_guessed() {
    let early = report(&[granted(&["forms"])], &[used(1, READ, 1, 0)], now()).remove(0);
    assert_eq!((early.granted[0].standing, &early.granted[0].advice), (ScopeStanding::TooEarly, &None));
    let unknown = Granted { scopes: None, told_seconds_ago: None, ..granted(&[]) };
    let told = report(&[unknown], &[used(8, READ, 1, 0)], now()).remove(0);
    assert!(!told.is_known && told.granted.is_empty() && told.missing.is_empty(), "{told:?}");
}

/// Calls that were all refused used nothing.
#[test]
fn a_refused_call_uses_no_scope() {
    let told = report(&[granted(&["forms", "oauth"])], &[used(9, "forms", 3, 3)], now()).remove(0);
    assert_eq!(told.granted[0].standing, ScopeStanding::NeverUsed);
}
