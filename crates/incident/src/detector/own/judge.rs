//! When what is remembered of ourselves is a suspicion.

use jiff::{SignedDuration, Timestamp};

use super::{Firing, LOOKS_MAX, OLD, Own, Place, RuleId, Standing, Stood, Thresholds};
use crate::signal::Process;

const MINUTE: SignedDuration = SignedDuration::from_secs(60);
const TWO_MINUTES: SignedDuration = SignedDuration::from_mins(2);
const FIVE_MINUTES: SignedDuration = SignedDuration::from_mins(5);

/// Work that was given up is news for as long.
pub(super) const NEWS: SignedDuration = SignedDuration::from_hours(1);

/// One commit that fails may be a lock; and fewer than these say nothing of "slow".
const COMMITS_FAILED_MIN: u64 = 3;
const COMMITS_SLOW_MIN: u64 = 5;

/// Deliveries of a minute that were answered too late; one may be a hiccup.
const SLOW_DELIVERIES_MIN: u64 = 3;

/// Events of five minutes that say anything about repetition, and the share of them that had come before.
const EVENTS_MIN: u64 = 10;
const REPEATED_PERCENT: u64 = 15;

/// A secret that could not be read once may be readable the next time.
const FAILED_READS_MIN: u32 = 2;

type Fire<'a> = dyn FnMut(RuleId, Place, String) + 'a;

pub(in crate::detector) fn judge(
    own: &Own,
    thresholds: &Thresholds,
    now: Timestamp,
    firings: &mut Vec<Firing>,
) {
    let mut fire =
        |rule: RuleId, place: Place, observed: String| firings.push(Firing { rule, place, observed });
    deliveries(own, thresholds, now, &mut fire);
    commits(own, now, &mut fire);
    standings(own, thresholds, now, &mut fire);
    work(own, now, &mut fire);
    ourselves(own, thresholds, now, &mut fire);
}

fn deliveries(own: &Own, thresholds: &Thresholds, now: Timestamp, fire: &mut Fire<'_>) {
    let minute = own.deliveries.sum(now, MINUTE);
    let five = own.deliveries.sum(now, FIVE_MINUTES);
    let refused = minute.refused + minute.untimely;
    if refused >= thresholds.hook_refused_per_minute {
        let observed = format!(
            "{} deliveries in a minute name an app of ours and do not verify, {} came at a wrong time",
            minute.refused, minute.untimely
        );
        fire(RuleId::HookRefused, Place::default(), observed);
    }
    if minute.strangers >= thresholds.hook_strangers_per_minute {
        let observed = format!("{} deliveries in a minute are for no app of ours", minute.strangers);
        fire(RuleId::HookStrangers, Place::default(), observed);
    }
    if minute.slow >= SLOW_DELIVERIES_MIN {
        let observed =
            format!("{} deliveries in a minute were answered after HubSpot had given up", minute.slow);
        fire(RuleId::HookSlow, Place::default(), observed);
    }
    let repeats = five.events >= EVENTS_MIN && five.repeated * 100 >= five.events * REPEATED_PERCENT;
    if repeats && minute.repeated > 0 {
        let observed = format!("{} of {} events in five minutes had come before", five.repeated, five.events);
        fire(RuleId::HookRepeated, Place::default(), observed);
    }
}

fn commits(own: &Own, now: Timestamp, fire: &mut Fire<'_>) {
    let lately = own.commits.sum(now, TWO_MINUTES);
    let fail = lately.failed >= COMMITS_FAILED_MIN && lately.failed * 2 >= lately.all;
    let slow = lately.all >= COMMITS_SLOW_MIN && lately.slow * 2 >= lately.all;
    if fail || slow {
        let observed = format!(
            "of {} commits in two minutes {} failed, {} were slow",
            lately.all, lately.failed, lately.slow
        );
        fire(RuleId::StoreFails, Place::default(), observed);
    }
}

fn standings(own: &Own, thresholds: &Thresholds, now: Timestamp, fire: &mut Fire<'_>) {
    let breaker = SignedDuration::from_secs(i64::from(thresholds.breaker_seconds));
    let grant = SignedDuration::from_secs(i64::from(thresholds.grant_seconds));
    for ((of, name), stood) in &own.standings {
        if now.duration_since(stood.at) > OLD || stood.ill == 0 {
            continue;
        }
        let for_long = |span| stood.ill_since.is_some_and(|since| now.duration_since(since) >= span);
        let Stood { observed, .. } = stood;
        let told = format!("{name}: {observed}");
        match of {
            Standing::Likeness => {
                let place = Place { fault: Some(name.clone()), ..Place::default() };
                fire(RuleId::Likeness, place, observed.clone());
            }
            Standing::Subscriber => fire(RuleId::SubscriberDown, Place::default(), told),
            Standing::Flow => fire(RuleId::HookSilence, Place::default(), told),
            Standing::Doorbell if stood.ill >= FAILED_READS_MIN => {
                fire(RuleId::HookUnreachable, Place::default(), told);
            }
            Standing::SecretSource if stood.ill >= FAILED_READS_MIN => {
                fire(RuleId::SecretSource, Place::default(), told);
            }
            Standing::Grant if for_long(grant) => {
                let place = Place { connection: Some(name.clone()), ..Place::default() };
                fire(RuleId::GrantRefused, place, observed.clone());
            }
            Standing::Breaker if for_long(breaker) => {
                let (connection, family) = name.rsplit_once('/').unwrap_or((name, ""));
                let place = Place {
                    connection: Some(connection.to_owned()),
                    family: Some(family.to_owned()).filter(|family| !family.is_empty()),

                    ..Place::default()
                };
                fire(RuleId::BreakerOpen, place, observed.clone());
            }
            Standing::Doorbell | Standing::SecretSource | Standing::Grant | Standing::Breaker => {}
        }
    }
}

fn work(own: &Own, now: Timestamp, fire: &mut Fire<'_>) {
    for (name, dead) in &own.dead {
        if dead.grew_at.is_some_and(|at| now.duration_since(at) < NEWS) {
            let observed = format!("{name}: {} more were given up, {} in all", dead.grew, dead.count);
            fire(RuleId::DeadLetters, Place::default(), observed);
        }
    }
    for (connection, used_up_at) in own.forecasts.iter().filter(|(_, at)| **at > now) {
        let place =
            Place { connection: Some(connection.clone()).filter(|it| !it.is_empty()), ..Place::default() };
        fire(RuleId::DailyForecast, place, format!("at this rate it is used up at {used_up_at:.0}"));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of a disk")]
fn ourselves(own: &Own, thresholds: &Thresholds, now: Timestamp, fire: &mut Fire<'_>) {
    if let Some((free, total)) = own.disk
        && total > 0
        && (free as f64) * 100.0 < total as f64 * thresholds.disk_free_percent
        && free < thresholds.disk_free_bytes
    {
        let observed = format!("{} of {} MiB are free", free >> 20, total >> 20);
        fire(RuleId::DiskLow, Place::default(), observed);
    }
    let fresh = |at: Timestamp| now.duration_since(at) <= MINUTE;
    let at_its_limit =
        own.processes.iter().all(|(at, process)| fresh(*at) && is_at_its_limit(*process, thresholds));
    if let Some((_, process)) =
        own.processes.last().filter(|_| own.processes.len() == LOOKS_MAX && at_its_limit)
    {
        fire(RuleId::Exhausted, Place::default(), tell(*process));
    }
    let off = i64::from(thresholds.clock_seconds) * 1_000;
    if own.clocks.len() == 2 && own.clocks.iter().all(|offset| offset.abs() > off) {
        let observed = format!("our clock is {} s away from HubSpot's", own.clocks[1] / 1_000);
        fire(RuleId::ClockOff, Place::default(), observed);
    }
}

fn is_at_its_limit(process: Process, thresholds: &Thresholds) -> bool {
    let full = |percent: Option<u64>| percent.is_some_and(|percent| percent >= thresholds.process_percent);
    full(process.memory_percent) || full(process.descriptors_percent) || process.lag_ms >= thresholds.lag_ms
}

fn tell(process: Process) -> String {
    let percent = |name: &str, percent: Option<u64>| {
        percent.map(|percent| format!("{percent} % of its {name}, ")).unwrap_or_default()
    };
    format!(
        "it uses {}{}{} % of its processor time, and its timers are up to {} ms late",
        percent("memory", process.memory_percent),
        percent("descriptors", process.descriptors_percent),
        process.cpu_percent,
        process.lag_ms
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Commits, Deliveries, Seen, Signal, Wellness};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn firing(seen: impl IntoIterator<Item = (i64, Seen)>, now: i64) -> Vec<RuleId> {
        let mut own = Own::new();
        for (second, seen) in seen {
            own.note(&Signal { at: at(second), place: Place::default(), seen });
        }
        let mut firings = Vec::new();
        judge(&own, &Thresholds::default(), at(now), &mut firings);
        firings.into_iter().map(|firing| firing.rule).collect()
    }

    fn stands(of: Standing, well: Wellness) -> Seen {
        Seen::Standing { of, name: "a/search".into(), well, observed: "x".into() }
    }

    #[test]
    fn a_few_refused_deliveries_are_nothing_and_many_are() {
        let refused = |refused| Seen::Deliveries(Deliveries { refused, ..Deliveries::default() });
        assert_eq!(firing([(0, refused(4))], 5), []);
        assert_eq!(firing([(0, refused(3)), (20, refused(2))], 25), [RuleId::HookRefused]);
        assert_eq!(firing([(0, refused(5))], 90), [], "a minute later it is over");
        let strangers = Seen::Deliveries(Deliveries { strangers: 20, ..Deliveries::default() });
        assert_eq!(firing([(0, strangers)], 5), [RuleId::HookStrangers]);
        let repeated = Seen::Deliveries(Deliveries { events: 20, repeated: 3, ..Deliveries::default() });
        assert_eq!(firing([(0, repeated)], 5), [RuleId::HookRepeated]);
    }

    #[test]
    fn a_store_fails_when_half_of_its_commits_do() {
        let commits = |all, failed, slow| Seen::Commits(Commits { all, failed, slow });
        assert_eq!(firing([(0, commits(100, 3, 3))], 5), []);
        assert_eq!(firing([(0, commits(4, 3, 0))], 5), [RuleId::StoreFails]);
        assert_eq!(firing([(0, commits(6, 0, 4))], 5), [RuleId::StoreFails]);
    }

    #[test]
    fn what_is_ill_long_enough_is_told_and_what_is_well_again_is_not() {
        let ill = |of| stands(of, Wellness::Ill);
        assert_eq!(firing([(0, ill(Standing::Subscriber))], 5), [RuleId::SubscriberDown]);
        assert_eq!(firing([(0, ill(Standing::Breaker))], 20), []);
        assert_eq!(
            firing([(0, ill(Standing::Breaker)), (30, ill(Standing::Breaker))], 31),
            [RuleId::BreakerOpen]
        );
        assert_eq!(
            firing([(0, ill(Standing::Grant)), (55, ill(Standing::Grant))], 56),
            [],
            "it is asked again"
        );
        assert_eq!(
            firing([(0, ill(Standing::Grant)), (60, ill(Standing::Grant))], 61),
            [RuleId::GrantRefused]
        );
        let (one, two) = ((0, ill(Standing::SecretSource)), (60, ill(Standing::SecretSource)));
        assert_eq!(firing([one.clone()], 5), []);
        assert_eq!(firing([one.clone(), two.clone()], 61), [RuleId::SecretSource]);
        assert_eq!(firing([one, two, (90, stands(Standing::SecretSource, Wellness::Well))], 91), []);
        assert_eq!(firing([(0, ill(Standing::Flow))], 700), [], "nobody has looked for long");
    }

    #[test]
    fn only_new_dead_letters_are_news() {
        let dead = |count| Seen::Dead { name: "outbox".into(), count };
        assert_eq!(firing([(0, dead(7)), (5, dead(7))], 6), []);
        assert_eq!(firing([(0, dead(7)), (5, dead(9))], 6), [RuleId::DeadLetters]);
        assert_eq!(firing([(0, dead(7)), (5, dead(9)), (9, dead(0))], 10), [], "somebody saw to them");
        assert_eq!(firing([(0, dead(7)), (5, dead(9))], 3_700), []);
    }

    #[test]
    fn our_own_limits() {
        let disk = |free_bytes| Seen::Disk { free_bytes, total_bytes: 100 << 30 };
        assert_eq!(firing([(0, disk(6 << 30))], 1), []);
        assert_eq!(firing([(0, disk(4 << 30))], 1), [RuleId::DiskLow]);
        let large = Seen::Disk { free_bytes: 9 << 30, total_bytes: 250 << 30 };
        assert_eq!(firing([(0, large)], 1), [], "a small part of a large disk is much");
        let clock = |offset_ms| Seen::Clock { offset_ms };
        assert_eq!(firing([(0, clock(70_000))], 1), []);
        assert_eq!(firing([(0, clock(70_000)), (60, clock(-70_000))], 61), [RuleId::ClockOff]);
        let lag = |lag_ms| Seen::Process(Process { lag_ms, ..Process::default() });
        assert_eq!(firing([(0, lag(2_000)), (5, lag(2_000))], 6), []);
        assert_eq!(firing([(0, lag(2_000)), (5, lag(2_000)), (10, lag(2_000))], 11), [RuleId::Exhausted]);
        assert_eq!(firing([(0, lag(2_000)), (5, lag(2)), (10, lag(2_000))], 11), []);
        let soon = Seen::Forecast { used_up_at: Some(at(9_000)) };
        assert_eq!(firing([(0, soon)], 1), [RuleId::DailyForecast]);
    }

    #[test]
    fn a_ledger_that_does_not_add_up_is_told() {
        let mut own = Own::new();
        let ledger = |ended| Seen::Ledger { name: "outbox".into(), accepted: 5, ended, waiting: 1 };
        own.note(&Signal { at: at(0), place: Place::default(), seen: ledger(3) });
        assert_eq!(own.unequal().as_deref(), Some("outbox: 5 accepted, 4 accounted for"));
        own.note(&Signal { at: at(5), place: Place::default(), seen: ledger(4) });
        assert_eq!(own.unequal(), None);
    }
}
