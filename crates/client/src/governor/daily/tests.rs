//! The pool as a whole: what HubSpot says, what we count, and who is let through.

use super::told::zone_of;
use super::*;
use crate::governor::usage::Usage;

const SETTINGS: DailySettings = DailySettings { reserves: Reserves::NONE, shedding: Feature::On };

fn check(daily: &mut Daily, now: Timestamp) -> Result<(), Timestamp> {
    daily.check(Lane::Interactive, now).map_err(TurnedAway::until)
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn new_york() -> Option<TimeZone> {
    Some(TimeZone::get("America/New_York").expect("bundled"))
}

#[test]
fn an_empty_pool_parks_until_midnight_in_the_portals_zone() {
    // The sample of hubspot-facts §1.2: collected 22:25Z, resets 05:00Z.
    let now = at("2025-12-12T22:25:00Z");
    let mut daily = Daily::new(Some(250_000), new_york(), SETTINGS, now);
    daily.exhaust(now);
    assert_eq!(check(&mut daily, now), Err(at("2025-12-13T05:00:00Z")));
    assert_eq!(check(&mut daily, at("2025-12-13T05:00:00Z")), Ok(()));
}

#[test]
fn a_day_with_a_clock_change_has_its_true_length() {
    let now = at("2026-03-08T05:30:00Z"); // 00:30 in New York; clocks go forward at 02:00
    let mut daily = Daily::new(Some(10), new_york(), SETTINGS, now);
    daily.exhaust(now);
    assert_eq!(check(&mut daily, now), Err(at("2026-03-09T04:00:00Z")));
}

#[test]
fn without_a_known_zone_one_call_in_a_while_finds_out() {
    let now = at("2026-01-01T12:00:00Z");
    let mut daily = Daily::new(Some(10), None, SETTINGS, now);
    daily.exhaust(now);
    assert_eq!(check(&mut daily, now), Err(at("2026-01-01T12:00:20Z")));
    assert_eq!(check(&mut daily, at("2026-01-01T12:00:20Z")), Ok(()));
}

#[test]
fn headers_are_the_truth() {
    let now = at("2026-01-01T12:00:00Z");
    let mut daily = Daily::new(None, new_york(), SETTINGS, now);
    daily.take(now);
    daily.ended(Lane::Interactive, now);
    daily.observe(Some(1000), Some(200), DailyMark::default(), now);
    assert_eq!(daily.spent(), (1, Some(800), Some(1000)));
    daily.observe(Some(1000), Some(0), DailyMark::default(), now);
    assert!(check(&mut daily, now).is_err());
    daily.observe(Some(2000), Some(1000), DailyMark::default(), now); // somebody bought a pack
    assert_eq!(check(&mut daily, now), Ok(()));
}

/// However many are under way at once, and in whichever order they are answered.
#[test]
fn answers_that_overtake_each_other_are_counted_once() {
    const AT_ONCE: u64 = 300;
    let now = at("2026-01-01T12:00:00Z");
    let mut daily = Daily::new(None, new_york(), SETTINGS, now);
    let mut counted = 0;
    for step in [1, 7, 13, 299] {
        let marks: Vec<_> = (0..AT_ONCE).map(|_| daily.take(now)).collect();
        for (turn, mark) in (0_u64..).zip(marks) {
            let place = turn * step % AT_ONCE;
            daily.ended(Lane::Interactive, now);
            daily.observe(Some(5000), Some(4999 - counted - place), mark, now);
            assert!(daily.left() <= Some(5000 - counted - AT_ONCE), "never more than there is");
        }
        counted += AT_ONCE;
        assert_eq!(daily.spent(), (counted, Some(counted), Some(5000)));
    }
}

#[test]
fn what_ended_without_a_word_counts_until_a_later_call_tells() {
    let now = at("2026-01-01T12:00:00Z");
    let mut daily = Daily::new(None, new_york(), SETTINGS, now);
    let first = daily.take(now);
    daily.take(now);
    daily.ended(Lane::Interactive, now);
    daily.ended(Lane::Interactive, now);
    daily.observe(Some(1000), Some(999), first, now);
    assert_eq!(daily.spent().1, Some(2), "the silent one may have been counted after it");
    let later = daily.take(now);
    daily.ended(Lane::Interactive, now);
    daily.observe(Some(1000), Some(997), later, now);
    assert_eq!(daily.spent().1, Some(3));
}

#[test]
fn what_is_under_way_counts_before_hubspot_says_so() {
    let now = at("2026-01-01T12:00:00Z");
    let mut daily = Daily::new(None, new_york(), SETTINGS, now);
    daily.observe(Some(10), Some(2), DailyMark::default(), now);
    for _ in 0..2 {
        assert_eq!(check(&mut daily, now), Ok(()));
        daily.take(now);
    }
    assert!(check(&mut daily, now).is_err(), "two are left and two are under way");
}

#[test]
fn a_good_answer_after_the_pool_was_found_empty_opens_it() {
    let now = at("2026-01-01T12:00:00Z");
    let mut daily = Daily::new(None, None, SETTINGS, now);
    let before = daily.take(now);
    daily.exhaust(now);
    daily.accepted(before);
    assert!(check(&mut daily, now).is_err(), "an answer from before says nothing");
    let later = at("2026-01-01T12:05:00Z");
    let after = daily.take(later);
    daily.accepted(after);
    assert_eq!(check(&mut daily, later), Ok(()));
}

fn told(limit: u64, used: u64, resets_at: &str) -> Usage {
    Usage::Told { limit, used, resets_at: Some(at(resets_at)) }
}

#[test]
fn the_usage_endpoint_names_the_reset_and_stands_in_for_the_zone() {
    let now = at("2026-01-01T12:00:00Z");
    let mut daily = Daily::new(Some(10), None, SETTINGS, now);
    daily.exhaust(now);
    daily.told(&told(10, 10, "2026-01-02T05:00:00Z"), now);
    assert_eq!(check(&mut daily, now), Err(at("2026-01-02T05:00:00Z")));
    assert_eq!(daily.day_starts(), at("2026-01-01T05:00:00Z"));
    assert!(daily.report(now).reset_confirmed);
    // The next day ends a day later; a reset that makes no sense is not believed.
    let tomorrow = at("2026-01-02T05:00:00Z");
    assert_eq!(check(&mut daily, tomorrow), Ok(()));
    daily.told(&told(10, 3, "2031-01-01T00:00:00Z"), tomorrow);
    assert_eq!(daily.report(tomorrow).resets_at, Some(at("2026-01-03T05:00:00Z")));
    let zones =
        ["2026-01-02T05:00:00Z", "2026-01-02T15:00:00Z", "2026-01-02T10:30:00Z", "2026-01-02T00:00:00Z"];
    let east = zones.map(|midnight| zone_of(at(midnight)).to_offset(now).seconds() / 60);
    assert_eq!(east, [-300, 540, 810, 0]);
}

#[test]
fn a_pool_that_has_grown_lets_one_call_find_out_and_then_all() {
    let now = at("2026-01-01T12:00:00Z");
    let mut daily = Daily::new(Some(10), new_york(), SETTINGS, now);
    daily.observe(Some(10), Some(0), DailyMark::default(), now);
    assert!(check(&mut daily, now).is_err());
    assert!(daily.is_question_due(false, now), "somebody wanted to call");
    daily.asks(now);
    assert!(!daily.is_question_due(true, now));
    daily.told(&told(1_000, 10, "2026-01-02T05:00:00Z"), now);
    assert_eq!(check(&mut daily, now), Ok(()));
    let mark = daily.take(now);
    assert!(check(&mut daily, now).is_err(), "one finds out");
    daily.ended(Lane::Interactive, now);
    daily.accepted(mark);
    assert_eq!(check(&mut daily, now), Ok(()));
}

#[test]
fn a_question_that_tells_nothing_lets_one_real_call_go() {
    let now = at("2026-01-01T12:00:00Z");
    let mut daily = Daily::new(Some(10), new_york(), SETTINGS, now);
    daily.exhaust(now);
    daily.told(&Usage::Empty, now);
    assert!(check(&mut daily, now).is_err(), "being refused is an answer");
    daily.told(&Usage::Unknown, now);
    assert_eq!(check(&mut daily, now), Ok(()));
    daily.take(now);
    daily.exhaust(now);
    assert_eq!(check(&mut daily, now), Err(at("2026-01-02T05:00:00Z")));
}

#[test]
fn the_first_moments_of_a_new_day_are_one_calls_as_our_clock_may_be_ahead() {
    let now = at("2026-01-01T12:00:00Z");
    let mut daily = Daily::new(Some(10), new_york(), SETTINGS, now);
    daily.exhaust(now);
    let midnight = at("2026-01-02T05:00:00Z");
    assert_eq!(check(&mut daily, midnight), Ok(()));
    daily.take(midnight);
    assert_eq!(check(&mut daily, midnight), Err(at("2026-01-02T05:00:05Z")));
}
