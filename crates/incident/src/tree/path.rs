//! A path that is gone: HubSpot has switched an old endpoint off.

use hubspot::error::ErrorKind;
use hubspot::version::ApiVersion;
use jiff::tz::TimeZone;

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::exchange::Exchange;
use crate::facts::traffic::Group;
use crate::signals::Seen;

/// Once is a slip.
const GONE_MIN: u64 = 2;

/// Where the path still worked in this minute or the last, and not since: of all programs together.
const GONE_JUST_NOW_MIN: u64 = 4;

pub(super) static TREE: Tree = Tree {
    about: "paths",
    then: Then::GoOn,
    root: Step::Ask {
        question: &PATH_GONE,
        yes: &Step::Ask {
            // A new version of a program may simply call what was never there.
            question: &super::regression::MISTAKES_SINCE_DEPLOY,
            yes: &Step::Nothing,
            no: &Step::Found(Leaf {
                code: Code::Sunset,
                backed_by: &[&CALENDAR],
                unlike: &[(Code::BaseUrl, &OTHER_PATHS_WORK), (Code::Gone, &PATH_GONE)],
            }),
        },
        no: &Step::Nothing,
    },
};

static PATH_GONE: Question = Question {
    asks: "Is a whole path gone (404 or 410), not a record on it?",
    answer: |facts| {
        let gone = gone_probes(facts).map(|(route, exchange)| format!("{route}: {}", exchange.describe()));
        let probed: Vec<String> = gone.collect();
        if !probed.is_empty() && facts.auth_works() {
            return Reply::yes("families", probed.join("; "));
        }
        let routes: Vec<String> = gone_in_traffic(facts).map(|seen| seen.route()).collect();
        let observed = if routes.is_empty() {
            "every path asked is there".into()
        } else {
            format!("nothing works on {}", routes.join(", "))
        };
        Reply::is(!routes.is_empty(), "traffic", observed)
    },
};

static OTHER_PATHS_WORK: Question = Question {
    asks: "Do other paths work?",
    answer: |facts| {
        let traffic =
            facts.traffic.iter().flat_map(|traffic| &traffic.groups).any(|group| group.ok_recent > 0);
        Reply::is(facts.auth_works() || traffic, "auth", "account details and other paths answer")
    },
};

static CALENDAR: Question = Question {
    asks: "Is the version past its announced end?",
    answer: |facts| {
        let probed = facts
            .probes
            .families
            .iter()
            .filter(|probe| is_gone(&probe.exchange))
            .filter_map(|p| p.version.as_deref());
        let seen = gone_in_traffic(facts).filter_map(|seen| seen.group.version.as_deref());
        let Some(version) = probed.chain(seen).next() else {
            return Reply::could_not_tell("configuration", "the path carries no version");
        };
        let today = facts.configured.now.to_zoned(TimeZone::UTC).date();
        match ApiVersion::parse(version).and_then(ApiVersion::unsupported_from) {
            Some(end) if end <= today => {
                Reply::yes("configuration", format!("{version} is unsupported since {end}"))
            }
            Some(end) => {
                Reply::could_not_tell("configuration", format!("{version} is supported until {end}"))
            }
            None => Reply::could_not_tell("configuration", format!("no end of {version} is announced")),
        }
    },
};

fn gone_probes(facts: &Facts) -> impl Iterator<Item = (&str, &Exchange)> {
    let families = facts.probes.families.iter().map(|probe| (probe.route.as_str(), &probe.exchange));
    families.filter(|(route, exchange)| is_gone(exchange) && was_there(route, facts))
}

/// Of the CRM API we know what can be listed. Elsewhere a probe guesses the list above a record, and where it is told that there
/// is none, there may never have been one: calls have to be told the same.
fn was_there(route: &str, facts: &Facts) -> bool {
    let path = route.split_once(' ').map_or(route, |(_, path)| path);
    let told = || facts.all_seen(&[ErrorKind::NoSuchEndpoint, ErrorKind::NotFound]);
    path.starts_with("/crm/") || told().seen.iter().any(|seen| seen.error.route.starts_with(path))
}

/// Our family probes ask for lists and definitions, never for one record, so a 404 speaks of the path. Where a tier
/// hides a feature, HubSpot may answer 404 as well: then the account tree has spoken before.
fn is_gone(exchange: &Exchange) -> bool {
    matches!(exchange.status, Some(404 | 410)) && !exchange.is_edge_refusal() && !exchange.is_from_proxy()
}

/// Routes of groups in which nothing works any more and the path is why. A path is gone for everybody: what each of several
/// programs was told once or twice counts together, unless one of them still gets through.
fn gone_in_traffic(facts: &Facts) -> impl Iterator<Item = Seen<'_>> {
    let seen = facts.going_on(&[ErrorKind::NoSuchEndpoint, ErrorKind::NotFound]).seen.into_iter();
    let gone: Vec<Seen<'_>> = seen.filter(|seen| speaks_of_path(seen) && nothing_since(seen)).collect();
    let kept: Vec<bool> = gone.iter().map(|seen| is_enough(seen, &gone, facts)).collect();
    gone.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(seen, _)| seen)
}

fn speaks_of_path(seen: &Seen<'_>) -> bool {
    seen.error.kind == Some(ErrorKind::NoSuchEndpoint) || !seen.error.route.contains("{id}")
}

fn nothing_since(seen: &Seen<'_>) -> bool {
    seen.group.last_ok_at <= seen.error.first_at
}

fn is_enough(seen: &Seen<'_>, gone: &[Seen<'_>], facts: &Facts) -> bool {
    if seen.group.ok_recent == 0 && seen.error.count >= GONE_MIN {
        return true;
    }
    let alike = gone.iter().filter(|other| other.route() == seen.route());
    let began = alike.clone().filter_map(|other| other.error.first_at).min();
    let all: u64 = alike.map(|other| other.error.count).sum();
    let somebody_gets_through = facts
        .traffic
        .iter()
        .flat_map(|traffic| &traffic.groups)
        .filter(|group| is_same_kind(group, seen.group))
        .any(|group| group.last_ok_at > began);
    let told = if somebody_gets_through { seen.error.count } else { all };
    told >= GONE_JUST_NOW_MIN
}

fn is_same_kind(one: &Group, other: &Group) -> bool {
    (&one.family, &one.method, &one.version) == (&other.family, &other.method, &other.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{ago, api, busy, error, failing_group, group, traffic};

    const OWNERS: &str = "/crm/v3/owners";

    /// Each program still got through a moment ago, and was then told once.
    fn three_programs() -> Facts {
        let mut facts = busy();
        for caller in ["sync", "form", "reports"] {
            let mut its = group("owners", "GET", 9);
            its.caller = caller.into();
            let mut gone = error(404, ErrorKind::NotFound, if caller == "sync" { 2 } else { 1 });
            gone.first_at = Some(ago(10));
            failing_group(&mut facts, its, OWNERS, gone);
            let its = traffic(&mut facts).groups.last_mut().unwrap();
            its.last_ok_at = Some(ago(20));
            its.ok_recent = 8;
        }
        facts
    }

    #[test]
    fn what_each_of_several_programs_was_told_once_counts_together() {
        assert!(PATH_GONE.holds(&three_programs()));
    }

    #[test]
    fn a_list_that_nobody_calls_may_never_have_been_there() {
        let mut facts = busy();
        let probe = facts.probes.families.first_mut().unwrap();
        probe.route = "GET /files/v3/files".into();
        probe.exchange = api(404, Some(ErrorKind::NoSuchEndpoint));
        assert!(!PATH_GONE.holds(&facts));
        let gone = error(404, ErrorKind::NoSuchEndpoint, 1);
        failing_group(&mut facts, group("other", "GET", 9), "/files/v3/files/{id}", gone);
        assert!(PATH_GONE.holds(&facts), "its callers are told the same");
    }

    #[test]
    fn a_path_on_which_somebody_gets_through_is_there() {
        let mut facts = three_programs();
        let mut well = group("owners", "GET", 9);
        well.last_ok_at = Some(ago(1));
        traffic(&mut facts).groups.push(well);
        assert!(!PATH_GONE.holds(&facts));
    }
}
