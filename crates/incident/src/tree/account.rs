//! Is it the right account, and does it still have the plan it had?

use std::collections::BTreeSet;

use hubspot::error::ErrorKind;
use hubspot::limits::{AppKind, Plan, limits};

use super::{Leaf, Question, Reply, Step, Then, Tree, Truth};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::configured::TokenKind;

/// What the smallest plan grants in ten seconds (facts §1.1 [USAGE]): a limit below belongs to no plan.
const BURST_GRANTED_MIN: u64 = 100;

/// The same of a day.
const DAILY_GRANTED_MIN: u64 = 250_000;

pub(super) static WRONG_ACCOUNT_TREE: Tree = Tree {
    about: "which account",
    then: Then::GoOn,
    root: Step::Ask {
        question: &OTHER_PORTAL,
        yes: &Step::Found(Leaf {
            code: Code::WrongAccount,
            backed_by: &[&KNOWN_RECORDS_GONE],
            unlike: &[(Code::Gone, &OTHER_PORTAL)],
        }),
        no: &Step::Nothing,
    },
};

pub(super) static TIER_TREE: Tree = Tree {
    about: "the plan",
    then: Then::GoOn,
    root: Step::Ask {
        question: &LIMITS_FELL,
        yes: &Step::Found(Leaf {
            code: Code::Tier,
            backed_by: &[&FEATURES_REFUSED],
            unlike: &[(Code::MissingScope, &NO_SCOPE_NAMED)],
        }),
        no: &Step::Ask {
            question: &FEATURES_REFUSED,
            yes: &Step::Found(Leaf {
                code: Code::Tier,
                backed_by: &[],
                unlike: &[(Code::MissingScope, &NO_SCOPE_NAMED)],
            }),
            no: &Step::Nothing,
        },
    },
};

static OTHER_PORTAL: Question = Question {
    asks: "Does the token belong to another account than configured?",
    answer: |facts| {
        let probed = facts.probes.auth.as_ref().and_then(|auth| auth.portal_id);
        if let (Some(expected), Some(found)) = (facts.configured.portal_id, probed)
            && expected != found
        {
            return Reply::yes("auth", format!("portal {found} answers, configured is {expected}"));
        }
        for connection in facts.traffic.iter().flat_map(|traffic| &traffic.connections) {
            let expected = [
                (connection.configured_portal_id, "configured is"),
                (connection.portal_id_before, "before the token was exchanged it was"),
            ];
            for (expected, how) in expected {
                if let (Some(expected), Some(found)) = (expected, connection.portal_id)
                    && expected != found
                {
                    let name = &connection.name;
                    let observed = format!("connection {name}: portal {found} answers, {how} {expected}");
                    return Reply::yes("traffic", observed);
                }
            }
        }
        match (facts.configured.portal_id, probed) {
            (Some(_), Some(found)) => Reply::no("auth", format!("portal {found}, as configured")),
            (None, Some(found)) => compare_with_learned(facts, found),
            (_, None) => Reply::could_not_tell("auth", "the account did not say who it is"),
        }
    },
};

/// The gateway learns the portal from the first answers; whoever answers now should be one of those.
fn compare_with_learned(facts: &Facts, found: u64) -> Reply {
    let learned = learned_portals(facts);
    let names = || learned.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    if learned.is_empty() {
        Reply::could_not_tell("auth", format!("portal {found}; none is configured to compare"))
    } else if learned.contains(&found) {
        Reply::no("auth", format!("portal {found}, as when the gateway began"))
    } else {
        // The token may belong to a connection that has not been called yet; records that are gone say that it does not.
        let observed = format!("portal {found} answers; when the gateway began it was {}", names());
        match facts.traffic.as_ref().is_some_and(|traffic| traffic.known_ids_gone > 0) {
            true => Reply::yes("auth", observed),
            false => Reply::could_not_tell("auth", observed),
        }
    }
}

/// The portals that answered the gateway's connections when it learned them.
pub(super) fn learned_portals(facts: &Facts) -> BTreeSet<u64> {
    let connections = facts.traffic.iter().flat_map(|traffic| &traffic.connections);
    connections.filter_map(|connection| connection.portal_id).collect()
}

static KNOWN_RECORDS_GONE: Question = Question {
    asks: "Are records missing that were there?",
    answer: |facts| match facts.traffic.as_ref().map_or(0, |traffic| traffic.known_ids_gone) {
        0 => Reply::could_not_tell("traffic", "none seen"),
        gone => Reply::yes("traffic", format!("{gone} records that answered before are not found")),
    },
};

static LIMITS_FELL: Question = Question { asks: "Did the account's limits fall?", answer: fell };

pub(super) static LIMITS_AS_BEFORE: Question = Question {
    asks: "Are the account's limits as they were?",
    answer: |facts| {
        let reply = fell(facts);
        let truth = match reply.truth {
            Truth::Yes => Truth::No,
            Truth::No => Truth::Yes,
            Truth::CouldNotTell => Truth::CouldNotTell,
        };
        Reply { truth, ..reply }
    },
};

static FEATURES_REFUSED: Question = Question {
    asks: "Are features refused without naming a scope?",
    answer: |facts| {
        let traffic = facts.going_on(&[ErrorKind::Forbidden]);
        if traffic.count() >= 2 {
            return Reply::yes("traffic", traffic.describe());
        }
        let refused: Vec<&str> = facts
            .authenticated()
            .into_iter()
            .filter(|(_, exchange)| exchange.is_kind(ErrorKind::Forbidden) && exchange.hubspot_shaped)
            .map(|(family, _)| family)
            .collect();
        let holds = !refused.is_empty() && facts.representative_traffic().is_none();
        if refused.is_empty() {
            return Reply::no("families", "no family answered 403 without naming a scope");
        }
        Reply::is(holds, "families", format!("403 that names no scope on {}", refused.join(", ")))
    },
};

static NO_SCOPE_NAMED: Question = Question {
    asks: "Is no scope named as missing?",
    answer: |facts| {
        let named =
            facts.authenticated().iter().any(|(_, exchange)| exchange.is_kind(ErrorKind::MissingScopes));
        Reply::is(!named, "families", if named { "a scope is named" } else { "no answer names a scope" })
    },
};

fn fell(facts: &Facts) -> Reply {
    for connection in facts.traffic.iter().flat_map(|traffic| &traffic.connections) {
        let pairs = [
            ("burst", connection.burst_max_before, connection.burst_max, BURST_GRANTED_MIN),
            ("daily", connection.daily_max_before, connection.daily_max, DAILY_GRANTED_MIN),
        ];
        for (name, before, now, granted_min) in pairs {
            if let (Some(before), Some(now)) = (before, now)
                && now < before
                && now >= granted_min
            {
                let at = connection.limits_changed_at.map(|at| format!(" at {at:.0}")).unwrap_or_default();
                return Reply::yes("limits", format!("the {name} limit fell from {before} to {now}{at}"));
            }
        }
    }
    let max = facts.probes.limits.readings.iter().find_map(|reading| reading.max);
    match (facts.configured.plan, max) {
        // Nothing is below the smallest plan to fall to.
        (Some(plan @ (Plan::Professional | Plan::Enterprise)), Some(max))
            if facts.configured.token == TokenKind::Static =>
        {
            let expected = limits(plan, AppKind::PrivateApp, 0).burst.count;
            Reply::is(
                max < expected && u64::from(max) >= BURST_GRANTED_MIN,
                "limits",
                format!("the headers allow {max} per 10 s, the configured plan {expected}"),
            )
        }
        (_, Some(max)) => Reply::could_not_tell(
            "limits",
            format!("the headers allow {max} per 10 s; nothing to compare with"),
        ),
        (_, None) => Reply::could_not_tell("limits", "no limit headers were seen"),
    }
}
