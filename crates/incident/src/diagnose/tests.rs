//! Every fault that can be told from outside, from facts alone; look-alikes; and no false alarm.

use hubspot::error::ErrorKind as Kind;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::facts::configured::{TokenKind, UpstreamKind};
use crate::facts::exchange::{Exchange, Failure};
use crate::facts::probes::{
    Capacity, ChainProblem, ConnectOutcome, FamilyProbe, LimitReading, LookupError, Proxy,
};
use crate::facts::traffic::{Connection, ErrorCount, Group, RefusedCount};
use crate::fixture::{
    CREATE, ago, all_calls, api, authenticated_calls, busy, change, connect, error, failing_group, group,
    healthy, incident, no_answer, page, traffic, transport,
};
use crate::triage::Verdict;

fn code(facts: &Facts) -> &'static str {
    diagnose(facts, &Runbooks::embedded()).diagnosis.code.id()
}

fn spoil(facts: Facts, how: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = facts;
    how(&mut facts);
    facts
}

fn family<'a>(facts: &'a mut Facts, name: &str) -> &'a mut FamilyProbe {
    facts.probes.families.iter_mut().find(|probe| probe.family == name).unwrap()
}

fn page_that_says_200() -> Exchange {
    Exchange { kind: None, ..page(200, Kind::Proxy) }
}

/// Told by probes alone.
type Spoil = fn(&mut Facts);

#[rstest]
#[case::f01("auth.token_revoked", |f: &mut Facts| authenticated_calls(f, &api(401, Some(Kind::InvalidAuthentication))))]
#[case::f01_garbage("auth.token_revoked", |f: &mut Facts| {
    f.configured.token = TokenKind::Unrecognised;
    authenticated_calls(f, &api(401, Some(Kind::InvalidAuthentication)));
})]
#[case::f03("auth.token_expired", |f: &mut Facts| {
    f.configured.token = TokenKind::OAuth;
    authenticated_calls(f, &api(401, Some(Kind::ExpiredAuthentication)));
})]
#[case::f08("auth.missing_scope", |f: &mut Facts| {
    let exchange = &mut family(f, "search").exchange;
    *exchange = api(403, Some(Kind::MissingScopes));
    exchange.required_scopes = vec!["crm.objects.deals.write".into()];
})]
#[case::f09("auth.user_permissions", |f: &mut Facts| family(f, "associations").exchange = api(403, Some(Kind::UserPermissions)))]
#[case::f10_by_plan("account.tier", |f: &mut Facts| {
    f.configured.plan = Some(hubspot::limits::Plan::Professional);
    for reading in &mut f.probes.limits.readings {
        reading.max = Some(100);
    }
})]
#[case::f10_by_feature("account.tier", |f: &mut Facts| family(f, "objects").exchange = api(403, Some(Kind::Forbidden)))]
#[case::f11("auth.wrong_account", |f: &mut Facts| f.configured.portal_id = Some(7))]
#[case::f12("hubspot.auth_outage", |f: &mut Facts| {
    let valid = f.probes.introspection.clone();
    authenticated_calls(f, &api(401, Some(Kind::InvalidAuthentication)));
    f.probes.introspection = valid;
})]
#[case::f13("quota.daily_self", |f: &mut Facts| authenticated_calls(f, &api(429, Some(Kind::DailyLimit))))]
#[case::f14("quota.daily_neighbour", |f: &mut Facts| {
    for (reading, left) in f.probes.limits.readings.iter_mut().zip([65_000, 64_800, 64_600, 64_400, 64_200]) {
        reading.daily_remaining = Some(left);
    }
    f.probes.limits.daily_outside = Some(795);
})]
#[case::f15("quota.burst_self", |f: &mut Facts| authenticated_calls(f, &api(429, Some(Kind::BurstLimit))))]
#[case::f16_some_refused("quota.burst_split", |f: &mut Facts| {
    family(f, "objects").exchange = api(429, Some(Kind::BurstLimit));
    f.probes.limits.burst_outside = Some(40);
})]
#[case::f16_none_refused("quota.burst_split", |f: &mut Facts| {
    for (i, reading) in f.probes.limits.readings.iter_mut().enumerate() {
        reading.remaining = Some(38 - u32::try_from(i).unwrap());
    }
})]
#[case::f17("quota.search", |f: &mut Facts| {
    family(f, "search").exchange = api(429, Some(Kind::SearchLimit));
    let again = family(f, "search").clone();
    f.probes.families.push(again);
})]
#[case::f19("quota.locked", |f: &mut Facts| family(f, "objects").exchange = api(423, Some(Kind::Locked)))]
#[case::f20("hubspot.outage_known", |f: &mut Facts| {
    all_calls(f, &api(503, Some(Kind::Unavailable)));
    f.probes.status_page.as_mut().unwrap().incidents = vec![incident("APIs", true)];
})]
#[case::f21("hubspot.outage_unlisted", |f: &mut Facts| all_calls(f, &api(500, Some(Kind::Internal))))]
#[case::f21_html("hubspot.outage_unlisted", |f: &mut Facts| all_calls(f, &page(502, Kind::Processing)))]
#[case::f21_silent("hubspot.outage_unlisted", |f: &mut Facts| all_calls(f, &no_answer(Failure::Timeout)))]
#[case::f21_cut("hubspot.outage_unlisted", |f: &mut Facts| all_calls(f, &no_answer(Failure::Reset)))]
#[case::f22("hubspot.partial", |f: &mut Facts| family(f, "search").exchange = api(503, Some(Kind::Unavailable)))]
#[case::f23("hubspot.region", |f: &mut Facts| {
    authenticated_calls(f, &api(503, Some(Kind::Unavailable)));
    let mut regional = incident("APIs", true);
    regional.regions = vec!["na1".into()];
    f.probes.status_page.as_mut().unwrap().incidents = vec![regional];
})]
#[case::f25("hubspot.slow", |f: &mut Facts| {
    for probe in &mut f.probes.families {
        probe.exchange.first_byte_ms = Some(3_500);
    }
    f.probes.auth.as_mut().unwrap().exchange.first_byte_ms = Some(4_100);
})]
#[case::f25_some_too_late("hubspot.slow", |f: &mut Facts| {
    for probe in &mut f.probes.families {
        probe.exchange.first_byte_ms = Some(3_500);
    }
    f.probes.http.as_mut().unwrap().first_byte_ms = Some(4_900);
    f.probes.auth.as_mut().unwrap().exchange = no_answer(Failure::Timeout);
    family(f, "search").exchange = no_answer(Failure::Timeout);
})]
#[case::f26("hubspot.migration", |f: &mut Facts| {
    authenticated_calls(f, &api(477, Some(Kind::Migrating)));
})]
#[case::f27("hubspot.sunset", |f: &mut Facts| {
    family(f, "objects").exchange = page(404, Kind::NoSuchEndpoint);
    family(f, "search").exchange = page(404, Kind::NoSuchEndpoint);
})]
#[case::f29("net.dns", |f: &mut Facts| {
    let dns = f.probes.dns.as_mut().unwrap();
    dns.system.error = Some(LookupError::ServerFailed);
    all_calls(f, &no_answer(Failure::Dns));
})]
#[case::f29_custom_name("net.dns", |f: &mut Facts| {
    f.configured.upstream_kind = UpstreamKind::Custom;
    f.probes.dns.as_mut().unwrap().system.error = Some(LookupError::NoSuchName);
    f.probes.http = None;
})]
#[case::f30("net.tcp_blocked", |f: &mut Facts| {
    f.probes.tcp.as_mut().unwrap().addresses = vec![connect("104.16.0.1:443", ConnectOutcome::Timeout)];
    all_calls(f, &no_answer(Failure::Connect));
})]
#[case::f31("net.tls_intercept", |f: &mut Facts| {
    let tls = f.probes.tls.as_mut().unwrap();
    tls.problem = Some(ChainProblem::UnknownIssuer);
    tls.publicly_known = Some(false);
    tls.issuer = Some("CN=Example Corp Inspection CA".into());
    all_calls(f, &no_answer(Failure::Tls));
})]
#[case::f32("net.ca_outdated", |f: &mut Facts| {
    f.probes.tls.as_mut().unwrap().problem = Some(ChainProblem::UnknownIssuer);
    all_calls(f, &no_answer(Failure::Tls));
})]
#[case::f33("hubspot.tls", |f: &mut Facts| {
    let tls = f.probes.tls.as_mut().unwrap();
    tls.problem = Some(ChainProblem::Expired);
    tls.not_after = Some(ago(3_600));
    all_calls(f, &no_answer(Failure::Tls));
})]
#[case::f35("self.clock", |f: &mut Facts| f.probes.clock.as_mut().unwrap().offset_ms = -400_000)]
#[case::f35_shows_in_a_certificate("self.clock", |f: &mut Facts| {
    let tls = f.probes.tls.as_mut().unwrap();
    tls.problem = Some(ChainProblem::NotYetValid);
    tls.not_before = Some(ago(-86_400));
    f.probes.clock = None;
    all_calls(f, &no_answer(Failure::Tls));
})]
#[case::f36("net.proxy", |f: &mut Facts| all_calls(f, &page(407, Kind::Proxy)))]
#[case::f36_via("net.proxy", |f: &mut Facts| {
    let mut answer = page(502, Kind::Proxy);
    answer.via = Some("1.1 proxy.corp.example (squid/6.6)".into());
    all_calls(f, &answer);
})]
#[case::f36_by_comparison("net.proxy", |f: &mut Facts| {
    f.probes.proxy = Some(Proxy {
        address: "proxy.corp.example:3128".into(),
        refused_status: Some(407),
        works: Some(false),
        direct_works: Some(true),
        in_use: false,
        opens: false,
        proxied: None,
    });
})]
#[case::f37("self.base_url", |f: &mut Facts| {
    f.configured.upstream_kind = UpstreamKind::Loopback;
    all_calls(f, &page(404, Kind::NoSuchEndpoint));
})]
#[case::f37_no_such_name("self.base_url", |f: &mut Facts| {
    f.configured.upstream_kind = UpstreamKind::HubSpotLookalike;
    let dns = f.probes.dns.as_mut().unwrap();
    dns.system.error = Some(LookupError::NoSuchName);
    dns.second.as_mut().unwrap().error = Some(LookupError::NoSuchName);
    all_calls(f, &no_answer(Failure::Dns));
})]
#[case::f37_other_certificate("self.base_url", |f: &mut Facts| {
    f.configured.upstream_kind = UpstreamKind::Custom;
    f.probes.tls.as_mut().unwrap().problem = Some(ChainProblem::WrongHost);
    all_calls(f, &no_answer(Failure::Tls));
})]
#[case::f37_a_genuine_certificate_of_somebody_else("self.base_url", |f: &mut Facts| {
    f.probes.tls.as_mut().unwrap().problem = Some(ChainProblem::WrongHost);
    all_calls(f, &no_answer(Failure::Tls));
})]
#[case::f31_under_a_wrong_name("net.tls_intercept", |f: &mut Facts| {
    let tls = f.probes.tls.as_mut().unwrap();
    (tls.problem, tls.publicly_known) = (Some(ChainProblem::WrongHost), Some(false));
    all_calls(f, &no_answer(Failure::Tls));
})]
#[case::f38("net.ipv6", |f: &mut Facts| {
    f.probes.tcp.as_mut().unwrap().addresses.push(connect("[2606:4700::1]:443", ConnectOutcome::Timeout));
})]
#[case::f38_seen_from_a_machine_without_ipv6("net.ipv6", |f: &mut Facts| {
    f.probes.tcp.as_mut().unwrap().addresses.push(connect("[100::1]:443", ConnectOutcome::Unreachable));
})]
#[case::f39("net.edge_block", |f: &mut Facts| all_calls(f, &page(403, Kind::EdgeBlock)))]
#[case::f39_a_page_that_says_200("net.edge_block", |f: &mut Facts| {
    all_calls(f, &Exchange { cf_ray: Some("8f00baa".into()), ..page_that_says_200() });
})]
#[case::f36_a_page_that_says_200("net.proxy", |f: &mut Facts| {
    all_calls(f, &Exchange { via: Some("1.1 proxy.corp.example".into()), ..page_that_says_200() });
})]
#[case::f36_a_network_that_wants_a_login("net.proxy", |f: &mut Facts| all_calls(f, &page_that_says_200()))]
#[case::f37_a_page_that_says_200("self.base_url", |f: &mut Facts| {
    f.configured.upstream_kind = UpstreamKind::Custom;
    all_calls(f, &page_that_says_200());
})]
#[case::f43_by_capacity("account.limit", |f: &mut Facts| {
    family(f, "objects").capacities = vec![Capacity { what: "contacts".into(), used: 1_000, limit: 1_000 }];
})]
fn probes_alone_tell(#[case] expected: &str, #[case] how: Spoil) {
    let facts = spoil(healthy(), how);
    assert_eq!(code(&facts), expected);
    let distracted = spoil(facts, |f| {
        f.probes.status_page.as_mut().unwrap().incidents.push(incident("Marketing email", false));
    });
    assert_eq!(code(&distracted), expected, "an unrelated incident on the status page must not mislead");
}

fn creates(calls: u64) -> Group {
    group("objects", "POST", calls)
}

/// Told by probes that are all well, and traffic.
#[rstest]
#[case::f02("auth.token_stale", |f: &mut Facts| {
    traffic(f).groups.clear();
    failing_group(f, creates(50), CREATE, error(401, Kind::InvalidAuthentication, 50));
    traffic(f).changes.push(change("secret", 3_000));
})]
#[case::f04("auth.refresh_revoked", |f: &mut Facts| {
    failing_group(f, group("oauth", "POST", 4), "/oauth/v3/token", error(400, Kind::BadRefreshToken, 4));
})]
#[case::f06("auth.client_secret", |f: &mut Facts| {
    failing_group(f, group("oauth", "POST", 9), "/oauth/v3/token", error(400, Kind::BadClient, 8));
})]
#[case::f07("auth.client_mismatch", |f: &mut Facts| {
    failing_group(f, group("oauth", "POST", 8), "/oauth/v3/token", error(400, Kind::BadClient, 8));
    traffic(f).changes.push(change("config", 300));
})]
#[case::f08("auth.missing_scope", |f: &mut Facts| {
    failing_group(f, group("associations", "POST", 20), "/crm/v4/associations/contacts/companies/batch/read", error(403, Kind::MissingScopes, 20));
})]
#[case::f10("account.tier", |f: &mut Facts| {
    let connection = &mut traffic(f).connections[0];
    connection.burst_max_before = Some(190);
    connection.burst_max = Some(100);
})]
#[case::f11("auth.wrong_account", |f: &mut Facts| {
    traffic(f).connections[0].portal_id = Some(99);
    traffic(f).known_ids_gone = 40;
})]
#[case::f11_of_a_second_connection("auth.wrong_account", |f: &mut Facts| {
    let second = Connection { name: "second".into(), portal_id: Some(99), portal_id_before: Some(8), ..Connection::default() };
    traffic(f).connections.push(second);
})]
#[case::f11_no_portal_configured("auth.wrong_account", |f: &mut Facts| {
    let connection = &mut traffic(f).connections[0];
    connection.configured_portal_id = None;
    connection.portal_id = Some(99);
})]
#[case::f13("quota.daily_self", |f: &mut Facts| {
    f.probes.usage = None;
    failing_group(f, creates(30), CREATE, error(429, Kind::DailyLimit, 30));
    let connection = &mut traffic(f).connections[0];
    connection.daily_sent = 600_000;
    connection.daily_used = Some(650_000);
})]
#[case::f14("quota.daily_neighbour", |f: &mut Facts| {
    failing_group(f, creates(30), CREATE, error(429, Kind::DailyLimit, 30));
    let connection = &mut traffic(f).connections[0];
    connection.daily_sent = 48_000;
    connection.daily_used = Some(650_000);
})]
#[case::f13_ledger_begins_within_the_day("quota.daily_self", |f: &mut Facts| {
    f.probes.usage = None;
    failing_group(f, creates(30), CREATE, error(429, Kind::DailyLimit, 30));
    traffic(f).since = Some(ago(600));
})]
#[case::f13_calls_kept_back("quota.daily_self", |f: &mut Facts| {
    for reading in &mut f.probes.limits.readings {
        reading.daily_remaining = Some(30_000);
    }
    f.probes.usage.as_mut().unwrap().used = Some(620_000);
    let connection = &mut traffic(f).connections[0];
    (connection.daily_sent, connection.daily_used) = (610_000, Some(620_000));
    turned_away(f, 12);
})]
#[case::f13_governor_off("quota.daily_self", |f: &mut Facts| ungoverned(f, 5_000))]
#[case::f14_governor_off("quota.daily_neighbour", |f: &mut Facts| ungoverned(f, 650_000))]
#[case::f15_governor_off("quota.burst_self", |f: &mut Facts| {
    failing_group(f, creates(300), CREATE, error(429, Kind::BurstLimit, 60));
    traffic(f).governed = false;
    traffic(f).connections[0].burst_sent_peak = 0;
    traffic(f).groups[0].sent_recent_per_s = 15.0;
})]
#[case::f16_governor_off("quota.burst_split", |f: &mut Facts| {
    failing_group(f, creates(300), CREATE, error(429, Kind::BurstLimit, 60));
    traffic(f).governed = false;
    traffic(f).connections[0].burst_sent_peak = 0;
})]
#[case::f15("quota.burst_self", |f: &mut Facts| {
    failing_group(f, creates(300), CREATE, error(429, Kind::BurstLimit, 60));
    traffic(f).connections[0].burst_sent_peak = 230;
})]
#[case::f16("quota.burst_split", |f: &mut Facts| {
    failing_group(f, creates(300), CREATE, error(429, Kind::BurstLimit, 60));
    let connection = &mut traffic(f).connections[0];
    connection.burst_sent_peak = 60;
    connection.burst_outside_peak = 140;
})]
#[case::f16_governed("quota.burst_split", |f: &mut Facts| traffic(f).connections[0].burst_outside_peak = 90)]
#[case::f17("quota.search", |f: &mut Facts| {
    failing_group(f, group("search", "POST", 90), "/crm/v3/objects/contacts/search", error(429, Kind::SearchLimit, 30));
})]
#[case::f18("quota.processing", |f: &mut Facts| {
    failing_group(f, group("objects", "POST", 90), "/crm/v3/objects/contacts/batch/update", error(504, Kind::Processing, 40));
})]
#[case::f18_some_probes_refused_too("quota.processing", |f: &mut Facts| {
    failing_group(f, group("objects", "POST", 40), "/crm/v3/objects/contacts/batch/read", error(502, Kind::Processing, 21));
    f.probes.families[0].exchange = api(502, Some(Kind::Processing));
    f.probes.families[1].exchange = api(504, Some(Kind::Processing));
})]
#[case::f18_but_single_calls_fail_too("hubspot.partial", |f: &mut Facts| {
    failing_group(f, group("search", "POST", 40), "/crm/v3/objects/contacts/search", error(502, Kind::Processing, 21));
    f.probes.families[1].exchange = api(502, Some(Kind::Processing));
})]
#[case::f19("quota.locked", |f: &mut Facts| {
    failing_group(f, group("objects", "POST", 90), "/crm/v3/objects/contacts/batch/upsert",
        ErrorCount { subjects: 2, ..error(423, Kind::Locked, 12) });
})]
#[case::f25_and_some_calls_run_out_of_time("hubspot.slow", |f: &mut Facts| {
    f.probes.families.iter_mut().for_each(|probe| probe.exchange.first_byte_ms = Some(3_500));
    let late = Group { transport: vec![transport(Failure::Timeout, 12)], ..group("objects", "GET", 90) };
    traffic(f).groups.push(late);
})]
#[case::f25_and_one_family_fails_as_well("hubspot.partial", |f: &mut Facts| {
    f.probes.families.iter_mut().for_each(|probe| probe.exchange.first_byte_ms = Some(3_500));
    failing_group(f, group("search", "POST", 90), "/crm/v3/objects/contacts/search", error(500, Kind::Internal, 40));
})]
#[case::f22_by_hanging("hubspot.partial", |f: &mut Facts| {
    let late = Group { transport: vec![transport(Failure::Timeout, 12)], ..group("objects", "GET", 90) };
    traffic(f).groups.push(late);
})]
#[case::f22_intermittent("hubspot.partial", |f: &mut Facts| {
    failing_group(f, group("search", "POST", 90), "/crm/v3/objects/contacts/search", error(500, Kind::Internal, 40));
})]
#[case::f23("hubspot.region", |f: &mut Facts| {
    let mut eu = creates(40);
    eu.connection = "eu".into();
    failing_group(f, eu, CREATE, error(503, Kind::Unavailable, 40));
    traffic(f).connections.push(Connection { name: "eu".into(), hosting: Some("eu1".into()), ..Connection::default() });
})]
#[case::f27("hubspot.sunset", |f: &mut Facts| {
    failing_group(f, group("lists", "GET", 12), "/contacts/v1/lists/all", error(404, Kind::NoSuchEndpoint, 12));
})]
#[case::f27_since_a_moment("hubspot.sunset", |f: &mut Facts| {
    let just_now = Group { last_ok_at: Some(ago(40)), ok_recent: 3, ..group("owners", "GET", 60) };
    let gone = ErrorCount { first_at: Some(ago(30)), ..error(404, Kind::NotFound, 4) };
    failing_group(f, just_now, "/crm/v3/owners", gone);
})]
#[case::f28("hubspot.validation_change", |f: &mut Facts| {
    let mut writes = creates(90);
    writes.version = Some("2026-09".into());
    failing_group(f, writes, CREATE, ErrorCount { code: Some("MISSING_REQUIRED_PROPERTY".into()), ..error(400, Kind::Validation, 40) });
})]
#[case::f34("net.stale_pool", |f: &mut Facts| traffic(f).groups[0].transport.push(transport(Failure::ResetAfterIdle, 4)))]
#[case::f40("self.bad_payload", |f: &mut Facts| {
    failing_group(f, creates(90), CREATE, ErrorCount { code: Some("INVALID_INTEGER".into()), ..error(400, Kind::Validation, 40) });
    traffic(f).changes.push(change("deploy", 230));
})]
#[case::f40_no_deploy_known("self.bad_payload", |f: &mut Facts| {
    failing_group(f, creates(90), CREATE, ErrorCount { code: Some("INVALID_INTEGER".into()), ..error(400, Kind::Validation, 40) });
})]
#[case::f41("account.schema", |f: &mut Facts| {
    failing_group(f, creates(90), CREATE, ErrorCount { code: Some("PROPERTY_DOESNT_EXIST".into()), ..error(400, Kind::Validation, 40) });
})]
#[case::f42("data.conflict", |f: &mut Facts| failing_group(f, creates(90), CREATE, ErrorCount { subjects: 5, ..error(409, Kind::Conflict, 60) }))]
#[case::f42_one_record_beside_others("data.conflict", |f: &mut Facts| {
    failing_group(f, creates(100), CREATE, ErrorCount { subjects: 5, most_of_one: 9, recent: 8, ..error(409, Kind::Conflict, 14) });
})]
#[case::f42_just_begun("data.conflict", |f: &mut Facts| {
    let late = Group { calls_recent: 24, ..creates(400) };
    failing_group(f, late, CREATE, ErrorCount { subjects: 12, recent: 12, ..error(409, Kind::Conflict, 12) });
})]
#[case::f43("account.limit", |f: &mut Facts| {
    failing_group(f, creates(90), CREATE, ErrorCount { code: Some("LIMIT_EXCEEDED".into()), subjects: 1, ..error(400, Kind::Validation, 40) });
})]
#[case::f44("data.gone", |f: &mut Facts| traffic(f).known_ids_gone = 25)]
#[case::f45("data.partial", |f: &mut Facts| {
    let batch = Group { failed_items: 9, ..group("objects", "POST", 30) };
    failing_group(f, batch, "/crm/v3/objects/contacts/batch/create", error(207, Kind::Partial, 3));
})]
#[case::f61("self.retry_storm", |f: &mut Facts| {
    let group = &mut traffic(f).groups[0];
    group.retries = 700;
})]
#[case::f61_and_what_it_failed_with_is_not_told_first("self.retry_storm", |f: &mut Facts| {
    failing_group(f, creates(90), CREATE, error(503, Kind::Unavailable, 60));
    traffic(f).groups[0].retries = 900;
})]
fn traffic_tells(#[case] expected: &str, #[case] how: Spoil) {
    assert_eq!(code(&spoil(busy(), how)), expected);
}

#[rstest]
#[case::quiet_night(|_: &mut Facts| {})]
#[case::unrelated_incident(|f: &mut Facts| f.probes.status_page.as_mut().unwrap().incidents.push(incident("Marketing email", false)))]
#[case::incident_of_the_api_that_does_not_touch_us(|f: &mut Facts| f.probes.status_page.as_mut().unwrap().incidents.push(incident("APIs", true)))]
#[case::no_status_page(|f: &mut Facts| f.probes.status_page = None)]
#[case::no_second_opinions(|f: &mut Facts| {
    let dns = f.probes.dns.as_mut().unwrap();
    dns.second = None;
    dns.control.as_mut().unwrap().error = Some(LookupError::TimedOut);
    f.probes.tcp.as_mut().unwrap().control = Some(connect("93.184.215.14:443", ConnectOutcome::Timeout));
})]
#[case::localhost_listens_on_ipv4_only(|f: &mut Facts| {
    f.configured.upstream_kind = UpstreamKind::Loopback;
    f.probes.dns = None;
    f.probes.tls = None;
    f.probes.tcp.as_mut().unwrap().addresses =
        vec![connect("[::1]:8410", ConnectOutcome::Refused), connect("127.0.0.1:8410", ConnectOutcome::Connected)];
})]
#[case::machine_without_ipv6(|f: &mut Facts| {
    f.probes.tcp.as_mut().unwrap().addresses.push(connect("[2606:4700::1]:443", ConnectOutcome::Unreachable));
})]
#[case::oauth_token_has_no_daily_headers(|f: &mut Facts| {
    f.configured.token = TokenKind::OAuth;
    f.probes.usage = None;
    for reading in &mut f.probes.limits.readings {
        *reading = LimitReading { max: Some(110), remaining: Some(100), ..LimitReading::default() };
    }
})]
#[case::a_neighbour_with_plenty_left(|f: &mut Facts| f.probes.limits.daily_outside = Some(6))]
#[case::a_search_in_a_second_that_was_full(|f: &mut Facts| {
    let served = family(f, "search").clone();
    family(f, "search").exchange = api(429, Some(Kind::SearchLimit));
    f.probes.families.push(served);
})]
#[case::clock_a_few_seconds_off(|f: &mut Facts| f.probes.clock.as_mut().unwrap().offset_ms = 4_000)]
#[case::working_proxy(|f: &mut Facts| {
    f.probes.dns.as_mut().unwrap().system.error = Some(LookupError::NoSuchName);
    f.probes.tcp = None;
    f.probes.proxy = Some(Proxy {
        address: "proxy:3128".into(), refused_status: None, works: Some(true), direct_works: Some(false), in_use: true,
        opens: true, proxied: None,
    });
})]
fn healthy_stays_healthy(#[case] how: Spoil) {
    for facts in [spoil(healthy(), how), spoil(busy(), how)] {
        let triage = diagnose(&facts, &Runbooks::embedded());
        assert_eq!(
            (triage.diagnosis.code, triage.verdict, triage.also.len()),
            (Code::Healthy, Verdict::Healthy, 0)
        );
    }
}

#[rstest]
#[case::planned_import(|f: &mut Facts| {
    let batch = group("objects", "POST", 1_500);
    traffic(f).groups.push(batch);
    traffic(f).connections[0].burst_sent_peak = 190;
})]
#[case::bulk_is_spared_with_plenty_left(|f: &mut Facts| turned_away(f, 40))]
#[case::a_few_people_who_are_there_already(|f: &mut Facts| {
    failing_group(f, creates(100), CREATE, ErrorCount { subjects: 3, most_of_one: 5, recent: 1, ..error(409, Kind::Conflict, 9) });
})]
#[case::expected_404_and_409(|f: &mut Facts| {
    failing_group(f, group("objects", "GET", 100), "/crm/v3/objects/contacts/{id}", error(404, Kind::NotFound, 30));
    failing_group(f, creates(100), CREATE, ErrorCount { subjects: 8, recent: 1, ..error(409, Kind::Conflict, 8) });
})]
#[case::lone_5xx(|f: &mut Facts| failing_group(f, creates(40), CREATE, error(502, Kind::Processing, 2)))]
#[case::lone_5xx_in_a_probe(|f: &mut Facts| {
    f.probes.families[0].exchange = api(500, Some(Kind::Internal));
})]
#[case::an_outage_that_is_over(|f: &mut Facts| {
    let over = ErrorCount { recent: 0, last_at: Some(ago(400)), ..error(503, Kind::Unavailable, 300) };
    failing_group(f, creates(600), CREATE, over);
})]
#[case::two_records_not_found(|f: &mut Facts| {
    traffic(f).groups.clear();
    failing_group(f, group("objects", "GET", 2), "/crm/v3/objects/contacts/{id}", error(404, Kind::NotFound, 2));
})]
#[case::batch_read_of_missing_ids(|f: &mut Facts| {
    let batch = Group { failed_items: 9, ..group("objects", "POST", 30) };
    failing_group(f, batch, "/crm/v3/objects/contacts/batch/read", error(207, Kind::Partial, 3));
})]
#[case::a_narrow_token(|f: &mut Facts| f.probes.families[1].exchange = api(403, Some(Kind::MissingScopes)))]
#[case::a_bad_record_now_and_then(|f: &mut Facts| failing_group(f, creates(300), CREATE, error(400, Kind::Validation, 4)))]
#[case::coincident_deploy(|f: &mut Facts| traffic(f).changes.push(change("deploy", 60)))]
#[case::coincident_rotation(|f: &mut Facts| traffic(f).changes.push(change("secret", 60)))]
fn everyday_traffic_stays_healthy(#[case] how: Spoil) {
    let facts = spoil(busy(), how);
    let triage = diagnose(&facts, &Runbooks::embedded());
    assert_eq!(triage.diagnosis.code.id(), "healthy", "{:#?}", triage.path);
}

#[test]
fn a_renamed_property_is_not_the_deploys_fault_when_others_suffer_too() {
    let refused =
        || ErrorCount { code: Some("PROPERTY_DOESNT_EXIST".into()), ..error(400, Kind::Validation, 40) };
    let one = spoil(busy(), |f| {
        failing_group(f, creates(90), CREATE, refused());
        traffic(f).changes.push(change("deploy", 230));
    });
    assert_eq!(code(&one), "self.bad_payload");
    let two = spoil(one, |f| {
        let mut other = creates(90);
        other.caller = "billing".into();
        failing_group(f, other, CREATE, refused());
    });
    assert_eq!(code(&two), "account.schema");
}

#[test]
fn an_incident_counts_only_for_our_component_region_and_time() {
    let down = spoil(healthy(), |f| all_calls(f, &api(503, Some(Kind::Unavailable))));
    let with = |change: fn(&mut crate::facts::probes::StatusIncident)| {
        let mut facts = down.clone();
        let mut open = incident("APIs", true);
        change(&mut open);
        facts.probes.status_page.as_mut().unwrap().incidents = vec![open];
        code(&facts)
    };
    assert_eq!(with(|_| {}), "hubspot.outage_known");
    assert_eq!(with(|it| it.concerns_api = false), "hubspot.outage_unlisted");
    assert_eq!(with(|it| it.regions = vec!["eu1".into()]), "hubspot.outage_unlisted");
    assert_eq!(with(|it| it.updated_at = Some(ago(48 * 3_600))), "hubspot.outage_unlisted");
}

#[test]
fn many_portals_refused_together_are_not_many_revocations() {
    let facts = spoil(busy(), |f| {
        for name in ["a", "b", "c", "d"] {
            let mut calls = creates(10);
            calls.connection = name.into();
            failing_group(f, calls, CREATE, error(401, Kind::InvalidAuthentication, 10));
            traffic(f).connections.push(Connection { name: name.into(), ..Connection::default() });
        }
    });
    assert_eq!(code(&facts), "hubspot.auth_outage");
}

#[test]
fn two_faults_at_once_are_both_named() {
    let facts = spoil(busy(), |f| {
        authenticated_calls(f, &api(401, Some(Kind::InvalidAuthentication)));
        failing_group(
            f,
            creates(90),
            CREATE,
            ErrorCount { code: Some("PROPERTY_DOESNT_EXIST".into()), ..error(400, Kind::Validation, 40) },
        );
    });
    let triage = diagnose(&facts, &Runbooks::embedded());
    assert_eq!(triage.diagnosis.code, Code::TokenRevoked);
    assert!(triage.also.iter().any(|it| it.code == Code::Schema && it.confidence > 0.7), "{:?}", triage.also);
}

#[test]
fn a_look_alike_that_cannot_be_excluded_makes_it_probable() {
    let sure = spoil(healthy(), |f| {
        let tls = f.probes.tls.as_mut().unwrap();
        tls.problem = Some(ChainProblem::Expired);
        tls.not_after = Some(ago(3_600));
        all_calls(f, &no_answer(Failure::Tls));
    });
    let unsure = spoil(sure.clone(), |f| f.probes.clock = None);
    let [sure, unsure] = [sure, unsure].map(|facts| diagnose(&facts, &Runbooks::embedded()));
    assert_eq!((sure.diagnosis.code, unsure.diagnosis.code), (Code::HubspotTls, Code::HubspotTls));
    assert!(sure.diagnosis.confidence > crate::triage::PROBABLE_BELOW);
    assert!(unsure.diagnosis.confidence < crate::triage::PROBABLE_BELOW);
    assert_eq!(unsure.also[0].code, Code::Clock);
}

/// The gateway turned so many calls away for the day's pool.
fn turned_away(facts: &mut Facts, recent: u64) {
    let group = &mut traffic(facts).groups[0];
    group.refused.push(RefusedCount { budget: "daily".into(), count: recent, recent });
}

/// The pool is spent, and a gateway without a governor has sent a few thousand calls since it started.
fn ungoverned(facts: &mut Facts, used: u64) {
    failing_group(facts, creates(30), CREATE, error(429, Kind::DailyLimit, 30));
    facts.probes.usage.as_mut().unwrap().used = Some(used);
    for reading in &mut facts.probes.limits.readings {
        (reading.daily, reading.daily_remaining) = (Some(used), Some(0));
    }
    let traffic = traffic(facts);
    (traffic.governed, traffic.since) = (false, Some(ago(880)));
    (traffic.connections[0].daily_sent, traffic.connections[0].daily_used) = (0, None);
    traffic.groups[0].attempts = 4_800;
}

/// An import that paces itself at the limit, seen from outside only.
#[test]
fn a_window_held_full_with_nobody_refused_is_somebodys_work() {
    let window = |left: u32| {
        let mut facts = healthy();
        for (i, reading) in facts.probes.limits.readings.iter_mut().enumerate() {
            reading.remaining = Some(left - u32::try_from(i).unwrap());
        }
        facts
    };
    assert_eq!(code(&window(12)), "healthy");
    assert_eq!(code(&window(60)), "quota.burst_split", "well filled, and not held at the limit");
    let refused = spoil(window(12), |f| {
        family(f, "objects").exchange = api(429, Some(Kind::BurstLimit));
    });
    assert_ne!(code(&refused), "healthy", "calls are refused");
}

/// A ledger of a part of the day says little of who spent the pool; it must not accuse us with a share next to nothing.
#[test]
fn a_small_share_since_the_gateway_started_is_no_confession() {
    let within_the_day = spoil(busy(), |f| {
        failing_group(f, creates(30), CREATE, error(429, Kind::DailyLimit, 30));
        f.probes.usage.as_mut().unwrap().used = Some(650_000);
        for reading in &mut f.probes.limits.readings {
            reading.daily_remaining = Some(0);
        }
        traffic(f).since = Some(ago(600));
        let connection = &mut traffic(f).connections[0];
        connection.daily_sent = 152;
        connection.daily_used = Some(624_531);
    });
    let all_day = spoil(within_the_day.clone(), |f| traffic(f).since = Some(ago(86_400)));
    let just_started = spoil(within_the_day.clone(), |f| traffic(f).since = Some(ago(2)));
    assert_eq!(code(&just_started), "quota.daily_self", "a gateway that has only just started knows nothing");
    let [within_the_day, all_day] =
        [within_the_day, all_day].map(|facts| diagnose(&facts, &Runbooks::embedded()));
    assert_eq!(within_the_day.diagnosis.code, Code::DailyNeighbour);
    assert!(within_the_day.diagnosis.confidence < crate::triage::PROBABLE_BELOW);
    assert!(within_the_day.also.iter().any(|it| it.code == Code::DailySelf));
    let observed =
        "since the gateway started at 2026-11-02T02:50:00Z we sent 152 of the 624531 calls spent today";
    assert!(within_the_day.diagnosis.evidence.iter().any(|it| it.supports && it.observed == observed));
    assert_eq!(all_day.diagnosis.code, Code::DailyNeighbour);
    assert!(all_day.diagnosis.confidence > within_the_day.diagnosis.confidence);
}

#[test]
fn what_the_gateway_saw_before_the_pool_was_spent_does_not_make_us_sure() {
    let facts = spoil(busy(), |f| {
        failing_group(f, creates(30), CREATE, error(429, Kind::DailyLimit, 30));
        f.probes.usage.as_mut().unwrap().used = Some(650_000);
        traffic(f).since = Some(ago(600));
        let connection = &mut traffic(f).connections[0];
        connection.daily_sent = 1_759;
        connection.daily_used = Some(1_766);
    });
    let triage = diagnose(&facts, &Runbooks::embedded());
    assert_eq!(triage.diagnosis.code, Code::DailySelf);
    assert!(triage.diagnosis.confidence < crate::triage::PROBABLE_BELOW);
    assert!(triage.also.iter().any(|it| it.code == Code::DailyNeighbour));
}

#[rstest]
#[case::a_server_error(api(503, Some(Kind::Unavailable)), "503")]
#[case::a_refusal(api(403, Some(Kind::MissingScopes)), "403 MISSING_SCOPES")]
fn healthy_tells_of_a_probe_that_failed(
    #[case] answer: crate::facts::exchange::Exchange,
    #[case] told: &str,
) {
    let sure = diagnose(&busy(), &Runbooks::embedded()).diagnosis.confidence;
    let facts = spoil(busy(), |f| f.probes.families[0].exchange = answer);
    let diagnosis = diagnose(&facts, &Runbooks::embedded()).diagnosis;
    assert_eq!(diagnosis.code, Code::Healthy);
    assert!(diagnosis.confidence < sure);
    let against: Vec<_> = diagnosis.evidence.iter().filter(|it| !it.supports).collect();
    assert_eq!(against.len(), 1);
    assert!(against[0].observed.contains(told), "{}", against[0].observed);
}

#[test]
fn a_server_error_that_comes_again_is_no_bad_luck() {
    let facts = spoil(busy(), |f| {
        f.probes.families[0].exchange = api(503, Some(Kind::Unavailable));
        let again = f.probes.families[0].clone();
        f.probes.families.push(again);
    });
    assert_eq!(code(&facts), "hubspot.partial");
}

#[rstest]
#[case::no_token(|f: &mut Facts| {
    f.configured.token = TokenKind::Absent;
    f.probes.auth = None;
    f.probes.usage = None;
    f.probes.introspection = None;
    f.probes.families.clear();
})]
#[case::nothing_known(|f: &mut Facts| f.probes = crate::facts::probes::Probes::default())]
#[case::handshake_cut(|f: &mut Facts| {
    f.probes.tls.as_mut().unwrap().problem = Some(ChainProblem::Handshake);
    f.probes.http = None;
    f.probes.auth = None;
    f.probes.families.clear();
})]
#[case::a_status_nobody_knows(|f: &mut Facts| authenticated_calls(f, &api(418, Some(Kind::OtherClient))))]
fn thin_evidence_is_called_unknown(#[case] how: Spoil) {
    let triage = diagnose(&spoil(healthy(), how), &Runbooks::embedded());
    assert_eq!((triage.diagnosis.code, triage.verdict), (Code::Unknown, Verdict::Unknown));
    assert_eq!(triage.also.len(), 3, "the three best candidates");
}

#[test]
fn the_answer_has_the_shape_of_the_contract() {
    let facts = spoil(healthy(), |f| authenticated_calls(f, &api(401, Some(Kind::InvalidAuthentication))));
    let triage = diagnose(&facts, &Runbooks::embedded());
    let mut json = serde_json::to_value(&triage).unwrap();
    json["path"].as_array_mut().unwrap().truncate(2);
    json["layers"].as_array_mut().unwrap().truncate(1);
    json["diagnosis"]["evidence"].as_array_mut().unwrap().truncate(3);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap(), @r#"
    {
      "schema": 1,
      "started_at": "2026-11-02T03:00:00Z",
      "duration_ms": 412,
      "verdict": "down",
      "diagnosis": {
        "code": "auth.token_revoked",
        "title": "The access token was revoked, rotated or mistyped",
        "confidence": 0.87,
        "severity": "P1",
        "blame": "credentials",
        "evidence": [
          {
            "probe": "auth",
            "observed": "account details: 401 INVALID_AUTHENTICATION",
            "supports": true
          },
          {
            "probe": "http",
            "observed": "without a token: 401 INVALID_AUTHENTICATION",
            "supports": true
          },
          {
            "probe": "configuration",
            "observed": "a private-app or service-key token does not expire",
            "supports": true
          }
        ],
        "remedy": "Stop the jobs that write with this token: their calls are refused, and none is kept for later. Ask a super admin of the HubSpot account for a new token. Do not retry: 401 will not go away by itself.",
        "escalation": "A super admin of the HubSpot account, with the portal id, the app's name and the time of the first 401.",
        "runbook": "auth.token_revoked"
      },
      "also": [],
      "layers": [
        {
          "layer": "dns",
          "ok": true,
          "ms": 4,
          "detail": "1 address"
        }
      ],
      "path": [
        {
          "question": "Is anything wrong at all?",
          "answer": "yes: auth.token_revoked"
        },
        {
          "question": "Is our clock off?",
          "answer": "no: our clock is 0 s ahead of the Date of api.hubapi.com"
        }
      ],
      "correlation_ids": [
        "11111111-1111-4111-8111-111111111111"
      ]
    }
    "#);
}

#[test]
fn traffic_reads_the_contract_and_tolerates_what_it_does_not_know() {
    let traffic: crate::facts::traffic::Traffic = serde_json::from_str(
        r#"{"schema":1,"governed":true,"new_field":[1],"connections":[{"name":"default","portal_id":null,"burst_max":190}],
        "groups":[{"connection":"default","caller":"-","family":"objects","method":"POST",
          "version":"v3","calls":9,"errors":[{"status":400,"kind":"validation","count":2},{"status":418,"kind":"teapot","count":1}],
          "transport":[{"kind":"reset_after_idle","count":3,"recent":1,"last_at":null},{"kind":"gremlins","count":1}]}],
        "known_ids_gone":2}"#,
    )
    .unwrap();
    let group = &traffic.groups[0];
    assert_eq!((group.errors[0].kind, group.errors[1].kind), (Some(Kind::Validation), None));
    assert_eq!(
        (group.transport[0].kind, group.transport[1].kind),
        (Failure::ResetAfterIdle, Failure::Unknown)
    );
}

fn any_exchange() -> impl Strategy<Value = crate::facts::exchange::Exchange> {
    let kinds = [
        None,
        Some(Kind::InvalidAuthentication),
        Some(Kind::MissingScopes),
        Some(Kind::DailyLimit),
        Some(Kind::BurstLimit),
        Some(Kind::Internal),
        Some(Kind::Processing),
        Some(Kind::NoSuchEndpoint),
        Some(Kind::Proxy),
        Some(Kind::EdgeBlock),
        Some(Kind::Migrating),
        Some(Kind::Forbidden),
        Some(Kind::Locked),
        Some(Kind::SearchLimit),
    ];
    let failures = [
        None,
        Some(Failure::Timeout),
        Some(Failure::Reset),
        Some(Failure::Connect),
        Some(Failure::Malformed),
    ];
    (
        100_u16..600,
        proptest::sample::select(kinds.to_vec()),
        proptest::sample::select(failures.to_vec()),
        any::<(bool, bool, bool, u16)>(),
    )
        .prop_map(|(status, kind, failure, (html, shaped, answered, ms))| {
            crate::facts::exchange::Exchange {
                status: answered.then_some(status),
                kind,
                failure,
                html,
                hubspot_shaped: shaped,
                first_byte_ms: Some(ms.into()),
                ..Default::default()
            }
        })
}

proptest! {
    #[test]
    fn it_never_panics_and_a_named_cause_has_evidence(
        exchanges in proptest::collection::vec(any_exchange(), 7),
        numbers in proptest::collection::vec(any::<u64>(), 6),
        offset in any::<i64>(),
        missing in proptest::collection::vec(any::<bool>(), 8),
        counts in proptest::collection::vec(0_u64..5_000, 6),
    ) {
        let mut facts = if missing[0] { healthy() } else { busy() };
        facts.probes.http = Some(exchanges[0].clone());
        facts.probes.auth.as_mut().unwrap().exchange = exchanges[1].clone();
        for (family, exchange) in facts.probes.families.iter_mut().zip(&exchanges[2..]) {
            family.exchange = exchange.clone();
        }
        facts.probes.clock.as_mut().unwrap().offset_ms = offset;
        facts.probes.limits.daily_outside = Some(numbers[0]);
        facts.probes.limits.burst_outside = u32::try_from(numbers[1]).ok();
        facts.probes.limits.readings[4].daily_remaining = Some(numbers[2]);
        if missing[1] { facts.probes.tls = None; }
        if missing[2] { facts.probes.http = None; }
        if missing[3] { facts.probes.limits.readings.clear(); }
        if missing[4] { facts.probes.usage = None; }
        if let Some(traffic) = &mut facts.traffic {
            traffic.groups[0].errors[0].count = counts[0];
            traffic.groups[0].calls = counts[1];
            traffic.groups[0].retries = counts[2];
            traffic.groups[1].errors[0].subjects = counts[3];
            traffic.connections[0].burst_outside_peak = counts[4];
            traffic.connections[0].daily_sent = counts[5];
            traffic.connections[0].daily_used = missing[5].then_some(numbers[3] / 200);
            if missing[6] { traffic.now = None; }
        }
        let triage = diagnose(&facts, &Runbooks::embedded());
        prop_assert!((0.0..=1.0).contains(&triage.diagnosis.confidence));
        prop_assert!(!triage.path.is_empty());
        let told = matches!(triage.diagnosis.code, Code::Healthy | Code::Unknown);
        prop_assert!(told || triage.diagnosis.evidence.iter().any(|evidence| evidence.supports));
        prop_assert!(triage.also.iter().all(|it| it.code != triage.diagnosis.code));
    }
}
