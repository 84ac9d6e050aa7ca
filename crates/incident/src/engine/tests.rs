//! The engine as a whole, in virtual time: a portal that is well, one that breaks, and everything in between.

use std::sync::Arc;

use hubspot::error::ErrorKind;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::code::{Code, Severity};
use crate::detector::RuleId;
use crate::facts::inside::{Disk, Inside};
use crate::facts::traffic::{ErrorCount, Group, Traffic};
use crate::fixture;
use crate::incident::{Impact, Stage};
use crate::signal::{Calls, JobStep, Seen, Wellness};
use crate::triage::Diagnosis;

const STEP: SignedDuration = SignedDuration::from_secs(5);

/// An engine with a world around it that answers its questions.
struct World {
    engine: Engine,
    now: Timestamp,
    /// What a diagnosis finds.
    facts: Facts,
    effects: Vec<Effect>,
    asked: u32,
}

impl World {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let engine = Engine::new(settings, Arc::new(Runbooks::embedded()), Vec::new(), 7);
        Self { engine, now: fixture::now(), facts: fixture::healthy(), effects: Vec::new(), asked: 0 }
    }

    /// Ends the process and starts it again with what was kept.
    fn restart(&mut self) {
        let mut kept: Vec<Incident> = Vec::new();
        for effect in &self.effects {
            if let Effect::Keep(incident) = effect {
                kept.retain(|known| known.id != incident.id);
                kept.push((**incident).clone());
            }
        }
        self.engine = Engine::new(Settings::default(), Arc::new(Runbooks::embedded()), kept, 8);
    }

    /// Five seconds of these calls, then a tick and its questions answered.
    fn pass(&mut self, calls: Calls) {
        self.now += STEP;
        let place = Place {
            connection: Some("default".into()),
            caller: Some("crm-sync".into()),
            family: Some("objects".into()),
            ..Place::default()
        };
        self.tell(place, Seen::Calls(calls));
        self.tick();
    }

    fn tell(&mut self, place: Place, seen: Seen) {
        let signal = Signal { at: self.now, place, seen };
        let effects = self.engine.step(Event::Signal(signal), self.now);
        self.effects.extend(effects);
    }

    fn tick(&mut self) {
        let effects = self.engine.step(Event::Tick, self.now);
        let asks = effects.contains(&Effect::Diagnose);
        self.effects.extend(effects);
        if asks {
            self.asked += 1;
            self.facts.configured.now = self.now;
            let effects = self.engine.step(Event::Facts(Arc::new(self.facts.clone())), self.now);
            self.effects.extend(effects);
        }
    }

    fn person(&mut self, command: Command) -> Option<Refused> {
        let event = Event::Person { name: "ada".into(), command };
        let effects = self.engine.step(event, self.now);
        self.effects.extend(effects);
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Refuse(refused) => Some(refused.clone()),
            _ => None,
        })
    }

    fn incidents(&self) -> &[Incident] {
        self.engine.incidents()
    }

    fn only(&self) -> &Incident {
        assert_eq!(self.incidents().len(), 1, "{:#?}", self.incidents());
        &self.incidents()[0]
    }

    fn told(&self) -> Vec<Moment> {
        let moments = self.effects.iter().filter_map(|effect| match effect {
            Effect::Tell { moment, .. } => Some(*moment),
            _ => None,
        });
        moments.collect()
    }
}

fn well(calls: u64) -> Calls {
    Calls { calls, sent: calls, good: calls, ..Calls::default() }
}

fn denied(calls: u64) -> Calls {
    Calls { calls, failed: calls, sent: calls, denied: calls, ..Calls::default() }
}

fn broken(calls: u64) -> Calls {
    Calls { calls, failed: calls, sent: calls, broken: calls, ..Calls::default() }
}

/// The token is refused, and the front door answers.
fn revoked() -> Facts {
    let mut facts = fixture::healthy();
    fixture::authenticated_calls(&mut facts, &fixture::api(401, Some(ErrorKind::InvalidAuthentication)));
    facts
}

/// 500 on everything.
fn outage() -> Facts {
    let mut facts = fixture::healthy();
    fixture::all_calls(&mut facts, &fixture::api(500, Some(ErrorKind::Internal)));
    facts
}

#[test]
fn a_portal_that_is_well_is_left_alone() {
    let mut world = World::new();
    for step in 0..720_u64 {
        // A quiet night with a lone 5xx, an expected 404 and 409 now and then, and one refreshed token.
        let mut calls = well(step % 3);
        match step {
            100 => calls += broken(1),
            300 => calls += denied(1),
            _ if step % 50 == 0 => {
                calls += Calls { calls: 2, sent: 2, good: 2, rejected: 2, ..Calls::default() }
            }
            _ => {}
        }
        world.pass(calls);
    }
    assert_eq!((world.incidents().len(), world.asked), (0, 0));
}

#[test]
fn a_planned_import_is_no_incident() {
    let mut world = World::new();
    for step in 0..360_u64 {
        let refused = Calls { calls: 5, refused: 5, ..Calls::default() };
        let mut calls = well(90);
        calls += refused;
        calls.limited = u64::from(step % 60 == 0);
        world.pass(calls);
    }
    assert_eq!(world.incidents().len(), 0);
}

#[test]
fn a_revoked_token_is_one_incident_from_the_first_symptom_to_its_end() {
    let mut world = World::new();
    (0..12).for_each(|_| world.pass(well(10)));
    world.facts = revoked();
    let broke_at = world.now;
    (0..12).for_each(|_| world.pass(denied(3)));
    let incident = world.only().clone();
    assert_eq!((incident.code(), incident.severity), (Some(Code::TokenRevoked), Severity::P1));
    assert!(incident.detected_at.duration_since(broke_at) <= SignedDuration::from_secs(60));
    assert!(
        incident.diagnosed_at.unwrap().duration_since(incident.began_at) <= SignedDuration::from_secs(30)
    );
    assert_eq!(
        incident.impact.total.failed, 36,
        "every failed call is counted, those before it was noticed too"
    );
    let first = world.effects.iter().find_map(|effect| match effect {
        Effect::Tell { message, .. } => Some(message.correlation_ids.clone()),
        _ => None,
    });
    assert_eq!(
        first.as_ref(),
        Some(&incident.correlation_ids),
        "the first message has what support asks for"
    );
    assert!(!incident.correlation_ids.is_empty());
    let id = incident.id.clone();
    assert!(world.person(Command::Acknowledge { incident: id.clone() }).is_none());
    assert_eq!(world.only().stage, Stage::Acknowledged);
    world.facts = fixture::healthy();
    (0..60).for_each(|_| world.pass(well(10)));
    let incident = world.only();
    assert_eq!((incident.stage, incident.resolved_by.as_deref()), (Stage::Resolved, None));
    assert_eq!(world.told(), [Moment::Opened, Moment::Acknowledged, Moment::Resolved]);
    let keys: Vec<_> = world
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Tell { message, .. } => Some(message.incident.as_str()),
            _ => None,
        })
        .collect();
    assert!(keys.iter().all(|key| *key == id), "one key for all messages");
}

#[test]
fn what_is_mended_is_over_within_two_and_a_half_minutes_and_was_over_when_it_last_showed() {
    let mut world = World::new();
    (0..12).for_each(|_| world.pass(well(10)));
    world.facts = revoked();
    // So long that a cause is asked for every five minutes.
    (0..300).for_each(|_| world.pass(denied(3)));
    world.facts = fixture::healthy();
    let mended_at = world.now;
    (0..30).for_each(|_| world.pass(well(10)));
    let incident = world.only();
    assert_eq!(incident.stage, Stage::Resolved, "{:#?}", incident.symptoms);
    let recovered_after = incident.recovered_at.unwrap().duration_since(mended_at);
    assert!(recovered_after <= SignedDuration::from_secs(70), "{recovered_after}");
}

#[test]
fn an_alarm_about_the_disk_keeps_its_name_whatever_joins_it() {
    let full = Seen::Disk { free_bytes: 1 << 30, total_bytes: 100 << 30 };
    let mut world = World::new();
    let pass = |world: &mut World, calls: Calls| {
        world.tell(Place::default(), full.clone());
        world.pass(calls);
    };
    (0..12).for_each(|_| pass(&mut world, well(10)));
    assert_eq!(world.only().code(), Some(Code::Disk));
    world.facts = revoked();
    let disk = Disk { free_bytes: 0, total_bytes: 100 << 30 };
    world.facts.inside = Some(Inside { disk: Some(disk), ..Inside::default() });
    (0..12).for_each(|_| pass(&mut world, denied(3)));
    world.facts = revoked();
    (0..24).for_each(|_| pass(&mut world, denied(3)));
    let codes: Vec<_> = world.incidents().iter().map(Incident::code).collect();
    assert_eq!(codes, [Some(Code::Disk), Some(Code::TokenRevoked)]);
}

#[test]
fn letters_that_an_outage_has_left_do_not_keep_it_open_and_others_are_told_for_a_while() {
    let dead = |count| Seen::Dead { name: "outbox".into(), count };
    let mut world = World::new();
    world.tell(Place::default(), dead(0));
    (0..12).for_each(|_| world.pass(well(10)));
    world.facts = outage();
    (0..24).for_each(|_| world.pass(broken(5)));
    world.tell(Place::default(), dead(5));
    world.pass(broken(5));
    assert_eq!(world.only().showing().filter(|it| it.rule == RuleId::DeadLetters).count(), 1);
    world.facts = fixture::healthy();
    (0..120).for_each(|_| world.pass(well(10)));
    assert_eq!(world.only().stage, Stage::Resolved);
    // Once the first are no news any more.
    (0..740).for_each(|_| world.pass(well(10)));
    world.tell(Place::default(), dead(9));
    (0..60).for_each(|_| world.pass(well(10)));
    let stages: Vec<Stage> = world.incidents().iter().map(|it| it.stage).collect();
    assert_eq!(stages, [Stage::Resolved, Stage::Open], "these are nobody's");
}

/// 404 on records that were there, and now or not of late.
fn missing(recent: u64) -> Facts {
    let mut facts = fixture::healthy();
    let kind = Some(ErrorKind::NotFound);
    let last_at = Some(fixture::now() - SignedDuration::from_mins(5));
    let error = ErrorCount { kind, status: 404, count: 20, recent, last_at, ..ErrorCount::default() };
    let last_ok_at = Some(fixture::now());
    let calls = Group {
        calls: 400,
        ok: 380,
        calls_recent: 40,
        ok_recent: 40 - recent,
        last_ok_at,
        ..Group::default()
    };
    let group =
        Group { connection: "default".into(), family: "objects".into(), errors: vec![error], ..calls };
    facts.traffic = Some(Traffic { groups: vec![group], known_ids_gone: 20, ..Traffic::default() });
    facts
}

#[test]
fn what_a_mended_incident_has_left_behind_is_not_what_it_was() {
    let mut world = World::new();
    world.facts = missing(9);
    world.facts.configured.portal_id = Some(7);
    let refused = Calls { calls: 10, sent: 10, good: 10, rejected: 9, ..Calls::default() };
    (0..12).for_each(|_| world.pass(refused));
    assert_eq!(world.only().code(), Some(Code::WrongAccount));
    // The right account is back, and this minute still tells of what the other one did not have.
    world.facts = missing(9);
    (0..12).for_each(|_| world.pass(well(10)));
    assert_eq!(world.only().code(), Some(Code::WrongAccount));
    world.facts = missing(0);
    (0..60).for_each(|_| world.pass(well(10)));
    let incident = world.only();
    assert_eq!(
        (incident.code(), incident.stage),
        (Some(Code::WrongAccount), Stage::Resolved),
        "and it is over"
    );
}

#[test]
fn an_outage_that_the_status_page_confirms_later_stays_one_incident_under_its_new_name() {
    let mut world = World::new();
    world.facts = outage();
    (0..12).for_each(|_| world.pass(broken(4)));
    assert_eq!(world.only().code(), Some(Code::OutageUnlisted));
    let page = world.facts.probes.status_page.as_mut().unwrap();
    page.incidents.push(fixture::incident("CRM API", true));
    (0..80).for_each(|_| world.pass(broken(4)));
    let incident = world.only();
    assert_eq!(incident.code(), Some(Code::OutageKnown));
    assert!(incident.status_page.as_ref().unwrap().behind_us_seconds > 0, "we were first");
    assert_eq!(world.told(), [Moment::Opened, Moment::Named]);
    // The page is green again and HubSpot is not: what it has said once it has said.
    world.facts = outage();
    (0..80).for_each(|_| world.pass(broken(4)));
    assert_eq!(world.only().code(), Some(Code::OutageKnown));
    assert_eq!(world.told().iter().filter(|moment| **moment == Moment::Named).count(), 1);
}

#[test]
fn a_fault_that_comes_and_goes_is_one_incident() {
    let mut world = World::new();
    for round in 0..10 {
        world.facts = outage();
        (0..24).for_each(|_| world.pass(broken(4)));
        world.facts = fixture::healthy();
        (0..(12 + round * 4)).for_each(|_| world.pass(well(10)));
    }
    let incident = world.only();
    assert!(incident.relapses > 0);
    assert_eq!(world.told().iter().filter(|moment| **moment == Moment::Opened).count(), 1);
}

/// 503 of searches alone.
fn partial() -> Facts {
    let mut facts = fixture::healthy();
    let search = facts.probes.families.iter_mut().find(|probe| probe.family == "search").unwrap();
    search.exchange = fixture::api(503, Some(ErrorKind::Unavailable));
    facts
}

#[test]
fn an_outage_that_first_looks_like_one_familys_failure_is_one_incident_however_often_it_comes_back() {
    let mut world = World::new();
    for round in 0..5 {
        world.facts = partial();
        (0..6).for_each(|_| world.pass(broken(4)));
        world.facts = outage();
        (0..12).for_each(|_| world.pass(broken(4)));
        world.facts = fixture::healthy();
        // Recovering, over, and recovering again.
        (0..if round == 2 { 60 } else { 14 }).for_each(|_| world.pass(well(10)));
    }
    let incident = world.only();
    assert_eq!(incident.code(), Some(Code::OutageUnlisted));
    assert_eq!(world.told().iter().filter(|moment| **moment == Moment::Opened).count(), 1);
}

#[test]
fn what_turns_out_to_be_the_same_trouble_in_full_is_no_proof_of_an_end() {
    let mut world = World::new();
    world.facts = partial();
    (0..12).for_each(|_| world.pass(broken(4)));
    // Nobody calls; the next look finds that nothing works.
    world.facts = outage();
    (0..30).for_each(|_| world.pass(Calls::default()));
    let incident = world.only();
    assert_eq!((incident.code(), incident.stage.is_over()), (Some(Code::OutageUnlisted), false));
}

#[test]
fn what_an_outage_cost_is_no_incident_of_its_own_once_it_is_over() {
    let mut world = World::new();
    world.facts = outage();
    (0..24).for_each(|_| world.pass(broken(4)));
    world.facts = fixture::healthy();
    (0..150).for_each(|_| world.pass(well(10)));
    assert!(world.only().stage.is_over(), "{:#?}", world.only().symptoms);
    // A single failure, as on any day: three days of the objective are spent all the same.
    let one = Calls { calls: 10, sent: 10, good: 9, failed: 1, broken: 1, ..Calls::default() };
    for _ in 0..2 {
        world.pass(one);
        (0..420).for_each(|_| world.pass(well(10)));
        assert!(world.only().stage.is_over());
    }
    for _ in 0..14 {
        world.pass(one);
        (0..30).for_each(|_| world.pass(well(10)));
    }
    let titles: Vec<_> = world.incidents().iter().map(|incident| incident.title.as_str()).collect();
    assert_eq!(titles[1..], ["an objective will be missed"], "what goes on is news");
}

#[test]
fn what_a_person_closed_stays_closed_unless_it_is_more_than_they_closed() {
    let closed = |first: fn() -> Facts, then: fn() -> Facts| {
        let mut world = World::new();
        world.facts = first();
        (0..12).for_each(|_| world.pass(broken(4)));
        let incident = world.only().id.clone();
        assert_eq!(world.person(Command::Resolve { incident }), None);
        world.facts = then();
        (0..12).for_each(|_| world.pass(broken(4)));
        world.incidents().len()
    };
    assert_eq!(closed(partial, partial), 1);
    assert_eq!(closed(outage, partial), 1, "what is left of it");
    assert_eq!(closed(partial, outage), 2, "they closed one family's failure, and now nothing works");
}

#[test]
fn what_cannot_be_named_is_unknown_with_three_candidates() {
    let mut world = World::new();
    let mut facts = fixture::healthy();
    facts.probes.auth.as_mut().unwrap().exchange = fixture::api(418, None);
    world.facts = facts;
    (0..30).for_each(|_| world.pass(broken(4)));
    let incident = world.only();
    assert_eq!(incident.code(), Some(Code::Unknown));
    assert_eq!(incident.also.len(), 3, "{:?}", incident.also);
}

/// The outage is over, and our own retries are most of what is sent: `recent` of them in this minute and the last.
fn storm(recent: u64) -> Facts {
    let mut facts = fixture::busy();
    let group = &mut fixture::traffic(&mut facts).groups[0];
    (group.retries, group.retries_recent) = (900, recent);
    facts
}

#[test]
fn a_storm_of_retries_that_an_outage_has_left_gets_its_own_name() {
    let named = |then: Facts| {
        let mut world = World::new();
        world.facts = outage();
        (0..12).for_each(|_| world.pass(broken(4)));
        assert_eq!(world.only().code(), Some(Code::OutageUnlisted));
        world.facts = then;
        (0..24).for_each(|_| world.pass(Calls { failed: 2, broken: 10, sent: 20, ..well(10) }));
        let codes: Vec<_> = world.incidents().iter().filter_map(Incident::code).collect();
        (codes, world.told().contains(&Moment::Named))
    };
    assert_eq!(named(storm(400)), (vec![Code::RetryStorm], true));
    assert_eq!(named(storm(0)).0, [Code::OutageUnlisted], "they are of the outage itself");
}

#[test]
fn the_report_tells_what_was_old_came_late_waited_and_what_it_was_called_before() {
    let mut world = World::new();
    world.facts = outage();
    (0..12).for_each(|_| world.pass(Calls { stale: 2, stale_age_seconds: 1_300, ..broken(4) }));
    for (waiting, oldest_seconds) in [(3, 5), (40, 65), (0, 0)] {
        world.tell(
            Place::default(),
            Seen::Webhooks { events: 100, late: waiting, slowest_ms: 1_000 * oldest_seconds },
        );
        world.tell(Place::default(), Seen::Backlog { name: "outbox".into(), waiting, oldest_seconds });
        let ledger = Seen::Ledger { name: "outbox".into(), accepted: 60, ended: 59 - waiting, waiting };
        world.tell(Place::default(), ledger);
    }
    world.facts = storm(400);
    (0..24).for_each(|_| world.pass(Calls { failed: 2, broken: 10, sent: 20, ..well(10) }));
    let timeline: Vec<Entry> = world
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Write { entry, .. } => Some(entry.clone()),
            _ => None,
        })
        .collect();
    let report = crate::postmortem::postmortem(world.only(), &timeline);
    for line in [
        "it was taken for, or was, `hubspot.outage_unlisted`.",
        "| caller crm-sync | 288 | 96 | 0 | 24 | 10 min 50 s | 0 |",
        "Webhooks: 300 events came, 43 of them late, the latest by 65 s.",
        "Work of outbox: up to 40 waited, the oldest 65 s; of 60 accepted **1 are not accounted for**.",
    ] {
        assert!(report.contains(line), "{line}\n{report}");
    }
}

/// Creates of one record have met a limit, of late or some minutes ago; with it, HubSpot is down or is not.
fn limited(recent: u64, down: bool) -> Facts {
    let mut facts = if down { outage() } else { fixture::healthy() };
    facts.traffic = fixture::busy().traffic;
    let mut creates = fixture::group("objects", "POST", 90);
    creates.last_ok_at = Some(fixture::ago(1));
    let refused = ErrorCount {
        code: Some("LIMIT_EXCEEDED".into()),
        subjects: 1,
        recent,
        ..fixture::error(400, ErrorKind::Validation, 40)
    };
    fixture::failing_group(&mut facts, creates, fixture::CREATE, refused);
    facts
}

#[test]
fn what_traffic_remembers_of_an_ended_incident_does_not_bring_it_back_when_something_else_breaks() {
    let mut world = World::new();
    world.facts = limited(20, false);
    (0..24).for_each(|_| world.pass(Calls { rejected: 6, ..well(10) }));
    assert_eq!(world.only().code(), Some(Code::RecordLimit));
    world.facts = limited(0, false);
    (0..40).for_each(|_| world.pass(well(10)));
    assert_eq!(world.only().stage, Stage::Resolved);
    world.facts = limited(0, true);
    (0..12).for_each(|_| world.pass(broken(4)));
    let known: Vec<_> = world.incidents().iter().map(|it| (it.code(), it.stage, it.relapses)).collect();
    let [limit, outage] = &known[..] else { panic!("{known:?}") };
    assert_eq!(limit, &(Some(Code::RecordLimit), Stage::Resolved, 0));
    assert_eq!(outage.0, Some(Code::OutageUnlisted));
}

#[test]
fn a_call_that_failed_counts_for_the_incident_it_belongs_to() {
    let mut world = World::new();
    world.facts = revoked();
    (0..12).for_each(|_| world.pass(denied(3)));
    // Beside it an outage, of which no call has failed yet; and one more of the same kind.
    let token = Incident { impact: Impact::default(), ..world.only().clone() };
    let named = |id: &str, code: Code| {
        let diagnosis = token.diagnosis.clone().map(|diagnosis| Diagnosis { code, ..diagnosis });
        Incident { id: id.into(), diagnosis, ..token.clone() }
    };
    let mut failed = |others: Vec<Incident>| {
        let kept = [vec![token.clone()], others].concat();
        world.engine = Engine::new(Settings::default(), Arc::new(Runbooks::embedded()), kept, 8);
        [denied(3), broken(5), well(7)].into_iter().for_each(|calls| world.pass(calls));
        let counted =
            |it: &Incident| (it.impact.total.failed, it.impact.shared.failed, it.impact.total.calls);
        world.incidents().iter().map(counted).collect::<Vec<_>>()
    };
    let outage = named("outage", Code::OutageUnlisted);
    let dns = named("dns", Code::Dns);
    let webhooks = Incident { symptoms: Vec::new(), ..named("webhooks", Code::HookOrder) };
    assert_eq!(failed(vec![]), [(8, 0, 15)], "alone it has everything");
    assert_eq!(failed(vec![webhooks]), [(8, 0, 15), (0, 0, 15)], "calls do not fail of that");
    assert_eq!(failed(vec![outage.clone()]), [(3, 0, 15), (5, 0, 15)]);
    assert_eq!(failed(vec![outage, dns]), [(3, 0, 15), (5, 5, 15), (5, 5, 15)], "nothing tells these apart");
}

#[test]
fn two_causes_at_once_are_two_incidents() {
    let mut world = World::new();
    let mut facts = fixture::healthy();
    let failing = |status, kind, family: &str, connection: &str| Group {
        connection: connection.into(),
        caller: "crm-sync".into(),
        family: family.into(),
        method: "GET".into(),
        calls: 60,
        calls_recent: 60,
        errors: vec![ErrorCount {
            status,
            kind: Some(kind),
            route: "/crm/v3/objects/contacts/{id}".into(),
            count: 60,
            recent: 60,
            last_at: Some(fixture::now()),
            ..ErrorCount::default()
        }],
        ..Group::default()
    };
    let groups = vec![
        failing(401, ErrorKind::InvalidAuthentication, "objects", "other"),
        failing(423, ErrorKind::Locked, "objects", "default"),
    ];
    let connection =
        |name: &str| crate::facts::traffic::Connection { name: name.into(), ..Default::default() };
    let connections = vec![connection("default"), connection("other")];
    facts.traffic = Some(Traffic { groups, connections, now: Some(fixture::now()), ..Traffic::default() });
    world.facts = facts;
    (0..6).for_each(|_| world.pass(denied(3)));
    let codes: Vec<_> = world.incidents().iter().filter_map(Incident::code).collect();
    assert!(codes.contains(&Code::TokenRevoked), "{codes:?}");
    assert_eq!(codes.len(), crate::causes(&world.facts, &Runbooks::embedded()).len());
    let counted = |incident: &Incident| (incident.code(), incident.impact.total.failed);
    let counted: Vec<_> = world.incidents().iter().map(counted).collect();
    let costs: Vec<_> = counted.iter().filter(|(_, failed)| *failed > 0).collect();
    assert_eq!(
        costs,
        [&(Some(Code::TokenRevoked), 18)],
        "each call once, those before they were noticed too"
    );
}

#[test]
fn a_job_that_does_not_end_speaks_for_itself_and_is_over_when_it_does() {
    let mut world = World::new();
    world.tell(Place::default(), Seen::Job { name: "nightly".into(), step: JobStep::Started });
    (0..372).for_each(|_| world.pass(well(1)));
    let incident = world.only();
    assert_eq!(
        (incident.severity, incident.title.as_str()),
        (Severity::P2, "a job has not finished in time")
    );
    world.tell(Place::default(), Seen::Job { name: "nightly".into(), step: JobStep::Finished });
    (0..30).for_each(|_| world.pass(well(1)));
    assert_eq!((world.only().stage, world.asked), (Stage::Resolved, 0), "nobody asked HubSpot about it");
}

#[test]
fn nothing_is_opened_during_maintenance() {
    let mut world = World::new();
    world.facts = outage();
    let until = world.now + SignedDuration::from_mins(10);
    world.engine.step(Event::Maintenance { until, place: Place::default() }, world.now);
    (0..60).for_each(|_| world.pass(broken(4)));
    assert_eq!(world.incidents().len(), 0);
    (0..90).for_each(|_| world.pass(broken(4)));
    assert_eq!(world.incidents().len(), 1);
}

#[test]
fn a_measure_is_offered_or_done_as_allowed_and_taken_back_at_the_end() {
    let allowed =
        Settings { permissions: vec![(Mitigation::ServeStale, Permission::On)], ..Settings::default() };
    let mut world = World::with(allowed);
    world.facts = outage();
    (0..12).for_each(|_| world.pass(broken(4)));
    assert_eq!(world.only().stage, Stage::Mitigated);
    world.facts = fixture::healthy();
    (0..60).for_each(|_| world.pass(well(10)));
    let turns: Vec<_> = world
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Act { measure, .. } => Some(measure.turn),
            _ => None,
        })
        .collect();
    assert_eq!(turns, [crate::mitigation::Turn::On, crate::mitigation::Turn::Off]);
}

/// Work that a measure holds back is done only once the measure is off: it must not wait for the incident's end.
#[test]
fn measures_are_taken_back_before_the_backlog_is_waited_for_and_come_again_with_a_relapse() {
    let allowed =
        Settings { permissions: vec![(Mitigation::ServeStale, Permission::On)], ..Settings::default() };
    let mut world = World::with(allowed);
    world.facts = outage();
    (0..12).for_each(|_| world.pass(broken(4)));
    let waits = |waiting| Seen::Backlog { name: "outbox".into(), waiting, oldest_seconds: 600 };
    world.tell(Place::default(), waits(7));
    world.facts = fixture::healthy();
    (0..60).for_each(|_| world.pass(well(10)));
    let turn = |world: &World| world.only().measures[0].turn;
    assert_eq!((world.only().stage, turn(&world)), (Stage::Recovering, crate::mitigation::Turn::Off));
    assert!(world.only().waits_for.is_some());
    world.facts = outage();
    (0..12).for_each(|_| world.pass(broken(4)));
    assert_eq!((world.only().stage, turn(&world)), (Stage::Mitigated, crate::mitigation::Turn::On));
    world.facts = fixture::healthy();
    world.tell(Place::default(), waits(0));
    (0..90).for_each(|_| world.pass(well(10)));
    assert_eq!((world.only().stage, turn(&world)), (Stage::Resolved, crate::mitigation::Turn::Off));
}

/// Nothing is over while a write that was accepted is not accounted for.
#[test]
fn a_ledger_that_does_not_add_up_keeps_an_incident_open() {
    let mut world = World::new();
    world.facts = outage();
    (0..12).for_each(|_| world.pass(broken(4)));
    let ledger = |ended| Seen::Ledger { name: "outbox".into(), accepted: 9, ended, waiting: 0 };
    world.tell(Place::default(), ledger(8));
    world.facts = fixture::healthy();
    (0..60).for_each(|_| world.pass(well(10)));
    assert_eq!(world.only().waits_for.as_deref(), Some("outbox: 9 accepted, 8 accounted for"));
    world.tell(Place::default(), ledger(9));
    (0..6).for_each(|_| world.pass(well(10)));
    assert_eq!(world.only().stage, Stage::Resolved);
}

/// What speaks for itself after the trees found nothing, and what follows from a cause that has a name.
#[test]
fn late_webhooks_are_told_once_no_tree_knows_why_and_belong_to_whoever_explains_them() {
    let mut world = World::new();
    let late = Seen::Webhooks { events: 20, late: 20, slowest_ms: 9_000 };
    for _ in 0..24 {
        world.tell(Place::default(), late.clone());
        world.pass(well(1));
    }
    assert_eq!((world.only().severity, world.only().title.as_str()), (Severity::P3, "webhooks arrive late"));

    let mut world = World::new();
    world.facts = outage();
    (0..12).for_each(|_| world.pass(broken(4)));
    world.tell(Place::default(), Seen::Job { name: "nightly".into(), step: JobStep::Failed });
    (0..3).for_each(|_| world.pass(broken(4)));
    let symptoms: Vec<_> = world.only().symptoms.iter().map(|symptom| symptom.rule).collect();
    assert!(symptoms.contains(&crate::detector::RuleId::JobFailed), "{symptoms:?}");
}

#[test]
fn who_says_that_it_is_over_is_believed_for_a_while() {
    let mut world = World::new();
    world.facts = revoked();
    (0..12).for_each(|_| world.pass(denied(3)));
    let id = world.only().id.clone();
    assert!(world.person(Command::Resolve { incident: id.clone() }).is_none());
    (0..60).for_each(|_| world.pass(denied(3)));
    assert_eq!(world.only().stage, Stage::Resolved);
    assert_eq!(world.person(Command::Resolve { incident: id }), Some(Refused::Over));
}

/// What an hour without HubSpot has cost is in the objectives' windows for days. The failure now and then of the hours after it is
/// no trouble of its own, whether the outage had a name or not.
#[test]
fn an_hour_without_hubspot_is_one_incident_in_the_hours_after_it() {
    for named in [true, false] {
        let mut world = World::new();
        for step in 0..6_000_u64 {
            let ill = (1_000..1_720).contains(&step);
            world.facts = match (ill, named) {
                (true, true) => outage(),
                (true, false) => Facts::default(),
                (false, _) => fixture::healthy(),
            };
            let mut calls = if ill { broken(30) } else { well(30) };
            // One in fifteen thousand fails on any day.
            if step.is_multiple_of(500) && !ill {
                (calls.failed, calls.broken, calls.good) = (1, 1, 29);
            }
            world.pass(calls);
        }
        assert_eq!(world.incidents().len(), 1, "named: {named}: {:#?}", titles(&world));
    }
}

/// The control: a leak that no incident explains is told, once, however long it drips.
#[test]
fn control_a_leak_is_one_incident() {
    let mut world = World::new();
    for step in 0..10_000_u64 {
        let mut calls = well(1);
        if step.is_multiple_of(300) {
            (calls.failed, calls.broken, calls.good) = (1, 1, 0);
        }
        world.pass(calls);
    }
    assert_eq!(
        (world.only().title.as_str(), world.only().severity),
        ("an objective will be missed", Severity::P4)
    );
}

fn titles(world: &World) -> Vec<String> {
    world.incidents().iter().map(|it| format!("{} {} {:?}", it.detected_at, it.title, it.symptoms)).collect()
}

/// Absence is news where there is always something.
#[test]
fn an_hour_of_the_week_that_always_had_calls_and_has_none_is_told() {
    for (calls_then, every) in [(20, 1), (1, 30)] {
        let mut world = World::new();
        // An hour and a half of this hour of the week, and the same a week later, without a call from half past on.
        let pass = |world: &mut World, step: u64| {
            world.pass(if step.is_multiple_of(every) { well(calls_then) } else { Calls::default() });
        };
        (0..1_500).for_each(|step| pass(&mut world, step));
        world.now += SignedDuration::from_hours(168) - SignedDuration::from_secs(1_500 * 5);
        (0..360).for_each(|step| pass(&mut world, step));
        assert_eq!(world.incidents().len(), 0, "{:?}", titles(&world));
        (0..300).for_each(|_| world.pass(Calls::default()));
        let told: Vec<_> = world.incidents().iter().map(|it| (it.title.as_str(), it.severity)).collect();
        let silence = ("calls have stopped that usually come at this hour", Severity::P3);
        // Of sixty calls in an hour a pause says nothing.
        assert_eq!(told, if calls_then == 20 { vec![silence] } else { vec![] });
    }
}

/// A rule that speaks for itself and comes back soon is the same matter.
#[test]
fn what_spoke_for_itself_and_is_back_is_the_same_incident() {
    let mut world = World::new();
    let health = |world: &mut World, wellness: Wellness, times: usize| {
        for _ in 0..times {
            world.tell(Place::default(), Seen::Health { name: "billing".into(), well: wellness });
            world.pass(well(1));
        }
    };
    for _ in 0..3 {
        health(&mut world, Wellness::Ill, 6);
        health(&mut world, Wellness::Well, 60);
    }
    assert_eq!((world.only().relapses, world.only().stage), (2, Stage::Resolved));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever flaps, and whenever the process is killed: one cause, one incident.
    #[test]
    fn killed_at_any_step_there_is_exactly_one(
        steps in prop::collection::vec((any::<bool>(), 0..40_u32), 1..8),
        kill in prop::collection::vec(0..200_usize, 0..4),
    ) {
        let mut world = World::new();
        world.facts = outage();
        let mut step = 0;
        for (is_broken, length) in steps {
            for _ in 0..length {
                world.pass(if is_broken { broken(4) } else { well(1) });
                step += 1;
                if kill.contains(&step) {
                    world.restart();
                }
            }
        }
        let opened: std::collections::BTreeSet<_> = world.effects.iter().filter_map(|effect| match effect {
            Effect::Keep(incident) => Some(incident.id.clone()),
            _ => None,
        }).collect();
        prop_assert!(opened.len() <= 1, "{:?}", opened);
    }
}

/// Thirty days with a fault every day: what is remembered does not grow.
#[test]
fn memory_is_flat_over_thirty_days() {
    let mut world = World::new();
    let (mut sizes, mut known) = (Vec::new(), Vec::new());
    for day in 0..30 {
        for step in 0..288_u64 {
            world.now += SignedDuration::from_mins(5) - STEP;
            let ill = (40..44).contains(&step);
            world.facts = if ill { outage() } else { fixture::healthy() };
            world.pass(if ill { broken(40) } else { well(40) });
            world.tell(
                Place::default(),
                Seen::Job { name: format!("job-{day}-{step}"), step: JobStep::Finished },
            );
        }
        world.effects.clear();
        sizes.push(world.engine.memory.size());
        known.push(world.incidents().len());
    }
    let (first, last) = (sizes[3], sizes[29]);
    assert!(last <= first, "{sizes:?}");
    assert_eq!(known, [1; 30], "an incident of the day before is forgotten");
}

#[test]
fn a_note_is_written_down_for_an_incident_that_was_forgotten() {
    let mut world = World::new();
    world.facts = outage();
    (0..24).for_each(|_| world.pass(broken(40)));
    world.facts = fixture::healthy();
    (0..60).for_each(|_| world.pass(well(40)));
    let over = world.only().clone();
    assert_eq!(over.stage, Stage::Resolved);
    world.now += REMEMBERED + STEP;
    world.tick();
    assert_eq!(world.incidents(), []);
    world.effects.clear();
    let note = || Command::Note { incident: over.id.clone(), text: "it was the proxy".into() };
    let unknown = Refused::NoSuchIncident(over.id.clone());
    assert_eq!(world.person(note()), Some(unknown), "it is for whoever has kept it to recall it");
    world.effects.clear();
    world.engine.step(Event::Recalled(Box::new(over.clone())), world.now);
    assert_eq!(world.person(note()), None);
    assert!(matches!(&world.effects[..], [Effect::Write { incident, .. }] if *incident == over.id));
    assert_eq!(world.person(Command::Acknowledge { incident: over.id.clone() }), Some(Refused::Over));
    world.tick();
    assert_eq!(world.incidents(), [], "it is forgotten again");
}

/// The engine keeps up: a figure for whoever asks, printed and not judged.
#[test]
fn signals_are_taken_fast() {
    let mut world = World::new();
    let place = |number: u64| Place {
        connection: Some(format!("portal-{}", number % 8)),
        caller: Some(format!("caller-{}", number % 5)),
        family: Some("objects".into()),
        ..Place::default()
    };
    for number in 0..20_000_u64 {
        world.now += SignedDuration::from_millis(1);
        world.tell(place(number), Seen::Calls(well(1)));
    }
    world.tick();
    assert_eq!(world.incidents().len(), 0);
}
