//! The token is refused: is it the token, its age, our copy of it, or HubSpot?

use std::collections::BTreeSet;

use hubspot::error::ErrorKind;

use super::{Leaf, Question, Reply, Step, Then, Tree, Truth};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::configured::TokenKind;
use crate::facts::exchange::Exchange;
use crate::signals::Tally;

const REFUSALS: &[ErrorKind] = &[ErrorKind::InvalidAuthentication, ErrorKind::ExpiredAuthentication];

/// So many portals do not revoke their tokens in the same minutes: it is HubSpot or us.
const MANY: usize = 3;

pub(super) static TREE: Tree = Tree {
    about: "the token",
    then: Then::GoOn,
    root: Step::Ask {
        question: &PROBE_REFUSED,
        yes: &Step::Ask { question: &OURS_IS_OLD, yes: &Step::Found(STALE), no: &REFUSED },
        no: &Step::Ask {
            question: &TRAFFIC_REFUSED,
            yes: &Step::Ask { question: &OURS_IS_OLD, yes: &Step::Found(STALE), no: &FROM_TRAFFIC },
            no: &Step::Nothing,
        },
    },
};

/// HubSpot refuses the very token we should be using.
static REFUSED: Step = Step::Ask {
    question: &OTHERWISE_VALID,
    yes: &Step::Found(OUTAGE),
    no: &Step::Ask {
        question: &MANY_REFUSED,
        yes: &Step::Found(OUTAGE),
        no: &Step::Ask {
            question: &AGED,
            yes: &Step::Ask {
                question: &CANNOT_REFRESH,
                yes: &Step::Nothing,
                no: &Step::Found(Leaf {
                    code: Code::TokenExpired,
                    backed_by: &[&FRONT_DOOR_SPEAKS],
                    unlike: &[(Code::TokenRevoked, &AGES), (Code::Clock, &super::clock::RIGHT)],
                }),
            },
            no: &Step::Found(Leaf {
                code: Code::TokenRevoked,
                backed_by: &[&FRONT_DOOR_SPEAKS, &SAID_INACTIVE],
                unlike: &[
                    (Code::TokenExpired, &DOES_NOT_AGE),
                    (Code::AuthOutage, &super::status::NO_INCIDENT_OF_OURS),
                ],
            }),
        },
    },
};

const OUTAGE: Leaf = Leaf {
    code: Code::AuthOutage,
    backed_by: &[&super::status::INCIDENT_OF_OURS],
    unlike: &[(Code::ClientSecret, &NO_SECRET_CHANGE), (Code::Clock, &super::clock::RIGHT)],
};

const STALE: Leaf = Leaf {
    code: Code::TokenStale,
    backed_by: &[&OURS_IS_OLD, &SECRET_CHANGED],
    unlike: &[(Code::TokenRevoked, &ANOTHER_IS_THERE)],
};

/// The probe's token is fine, or there is none: traffic alone shows refusals.
static FROM_TRAFFIC: Step = Step::Ask {
    question: &EXPIRED_UNREFRESHED,
    yes: &Step::Nothing,
    no: &Step::Ask {
        question: &MANY_REFUSED,
        yes: &Step::Found(OUTAGE),
        no: &Step::Ask { question: &CANNOT_REFRESH, yes: &Step::Nothing, no: &OUR_COPY },
    },
};

static OUR_COPY: Step = Step::Ask {
    question: &OURS_WORKS,
    yes: &Step::Found(STALE),
    no: &Step::Ask {
        question: &TRAFFIC_SAYS_EXPIRED,
        yes: &Step::Found(Leaf {
            code: Code::TokenExpired,
            backed_by: &[],
            unlike: &[(Code::Clock, &super::clock::RIGHT)],
        }),
        no: &Step::Found(Leaf {
            code: Code::TokenRevoked,
            backed_by: &[],
            unlike: &[(Code::TokenStale, &NO_SECRET_CHANGE)],
        }),
    },
};

static PROBE_REFUSED: Question = Question {
    asks: "Does HubSpot refuse our token?",
    answer: |facts| match auth(facts) {
        None => Reply::could_not_tell("auth", "no authenticated call was made"),
        Some(exchange) => Reply::is(
            exchange.status == Some(401),
            "auth",
            format!("account details: {}", exchange.describe()),
        ),
    },
};

static FRONT_DOOR_SPEAKS: Question = Question {
    asks: "Does HubSpot answer in its own shape without a token?",
    answer: |facts| match &facts.probes.http {
        Some(http) => Reply::is(http.hubspot_shaped, "http", format!("without a token: {}", http.describe())),
        None => Reply::could_not_tell("http", "no unauthenticated answer"),
    },
};

static OTHERWISE_VALID: Question = Question {
    asks: "Does HubSpot's own introspection call the same token valid, or fail itself?",
    answer: |facts| match &facts.probes.introspection {
        Some(look) if look.active == Some(true) => Reply::yes("introspection", "the token is active"),
        Some(look) if look.exchange.is_server_failure() => {
            Reply::yes("introspection", format!("introspection itself: {}", look.exchange.describe()))
        }
        Some(look) => Reply::no("introspection", format!("introspection: {}", look.exchange.describe())),
        None => Reply::could_not_tell("introspection", "not asked about a token that is refused"),
    },
};

static SAID_INACTIVE: Question = Question {
    asks: "Does introspection call the token dead?",
    answer: |facts| match facts.probes.introspection.as_ref().and_then(|look| look.active) {
        Some(active) => {
            Reply::is(!active, "introspection", if active { "active" } else { "the token is not active" })
        }
        None => Reply::could_not_tell("introspection", "nothing said"),
    },
};

static MANY_REFUSED: Question = Question {
    asks: "Are many portals refused at the same time?",
    answer: |facts| {
        if facts.busy_traffic().is_none() {
            return Reply::could_not_tell("traffic", "no traffic of other portals to compare with");
        }
        let refused = refused_connections(facts);
        let all = facts.busy_traffic().map_or(0, |traffic| traffic.connections.len());
        let observed = match (refused.len(), all) {
            (0, _) => "the token of no connection is refused".to_owned(),
            (1, 1) => "the token of the only connection is refused; no other to compare with".to_owned(),
            (refused, all) => format!("the tokens of {refused} out of {all} connections are refused"),
        };
        Reply::is(refused.len() >= MANY, "traffic", observed)
    },
};

/// What was never a token at all is called expired since 1970 (facts §2.2); reading the answer has sorted that out.
static AGED: Question = Question {
    asks: "Does HubSpot say that the token has expired?",
    answer: |facts| match auth(facts) {
        None => Reply::could_not_tell("auth", "no authenticated call was made"),
        Some(exchange) => {
            let expired = exchange.is_kind(ErrorKind::ExpiredAuthentication);
            Reply::is(
                expired,
                "auth",
                if expired { "EXPIRED_AUTHENTICATION" } else { "refused, but not as expired" },
            )
        }
    },
};

/// Documented private-app tokens and service keys do not expire (facts §5.3); one whose rotation grace is over might
/// be called so.
static AGES: Question = Question {
    asks: "Is it a kind of token that expires?",
    answer: |facts| match facts.configured.token {
        TokenKind::OAuth => Reply::yes("configuration", "an OAuth access token lives 30 minutes"),
        TokenKind::Static => {
            Reply::no("configuration", "a private-app or service-key token has no end of its own")
        }
        TokenKind::Unrecognised => {
            Reply::no("configuration", "this string has not the form of a HubSpot token")
        }
        TokenKind::Absent => Reply::could_not_tell("configuration", "the token is not ours to see"),
    },
};

static DOES_NOT_AGE: Question = Question {
    asks: "Is it a token that cannot expire?",
    answer: |facts| match facts.configured.token {
        TokenKind::Static => {
            Reply::yes("configuration", "a private-app or service-key token does not expire")
        }
        TokenKind::Unrecognised => {
            Reply::yes("configuration", "this string has not the form of a HubSpot token")
        }
        TokenKind::OAuth => {
            let expired =
                auth(facts).is_some_and(|exchange| exchange.is_kind(ErrorKind::ExpiredAuthentication));
            Reply::is(!expired, "auth", "HubSpot does not call it expired")
        }
        TokenKind::Absent => Reply::could_not_tell("configuration", "the token is not ours to see"),
    },
};

static TRAFFIC_REFUSED: Question = Question {
    asks: "Are calls through the gateway refused as unauthenticated?",
    answer: |facts| {
        let refused = refusals(facts);
        Reply::is(
            !refused_connections(facts).is_empty() && refused.count() >= 2,
            "traffic",
            refused.describe(),
        )
    },
};

static OURS_WORKS: Question = Question {
    asks: "Does the token from the secret source work while the gateway's copy is refused?",
    answer: |facts| {
        let connections = facts.busy_traffic().map_or(0, |traffic| traffic.connections.len());
        if auth(facts).is_none() {
            return Reply::could_not_tell("auth", "no authenticated call was made");
        }
        let observed = format!("our own call works; {connections} connection(s) in traffic");
        Reply::is(facts.auth_works() && connections <= 1, "auth", observed)
    },
};

static OURS_IS_OLD: Question = Question {
    asks: "Does the secret source hold another token than the one we run with?",
    answer: |facts| {
        let newer = super::ourselves::secrets::newer_than_loaded(facts);
        let observed = match newer {
            Truth::Yes => "what is there is newer than what we loaded",
            Truth::No => "we run with what is there",
            Truth::CouldNotTell => "what was loaded was not held against the source",
        };
        Reply::is(newer, "secrets", observed)
    },
};

static ANOTHER_IS_THERE: Question = Question {
    asks: "Is there another token that works, or that we have not tried?",
    answer: |facts| {
        let old = (OURS_IS_OLD.answer)(facts);
        if old.truth == Truth::Yes { old } else { (OURS_WORKS.answer)(facts) }
    },
};

/// However many there are: each runs out when its time has come.
static EXPIRED_UNREFRESHED: Question = Question {
    asks: "Have they run out because no fresh ones are given?",
    answer: |facts| {
        let expired = (TRAFFIC_SAYS_EXPIRED.answer)(facts);
        let explained = super::oauth::explains_expiry(facts);
        Reply::is(expired.truth == Truth::Yes && explained, "grants", expired.observed)
    },
};

/// Then the token endpoint's own tree names the cause.
static CANNOT_REFRESH: Question = Question {
    asks: "Is a fresh token refused, which explains it?",
    answer: |facts| {
        let explained = super::oauth::explains_expiry(facts);
        let observed = if explained { "refreshing is refused" } else { "nobody saw a refresh refused" };
        Reply::is(explained, "grants", observed)
    },
};

static SECRET_CHANGED: Question = Question {
    asks: "Was a secret changed?",
    answer: |facts| match secret_change(facts) {
        Truth::Yes => Reply::yes("traffic", "a secret was changed in the last 24 hours"),
        Truth::No | Truth::CouldNotTell => {
            Reply::could_not_tell("traffic", "no change of a secret on record")
        }
    },
};

static NO_SECRET_CHANGE: Question = Question {
    asks: "Did nobody change a secret?",
    answer: |facts| match secret_change(facts) {
        Truth::Yes => Reply::no("traffic", "a secret was changed in the last 24 hours"),
        Truth::No => Reply::yes("traffic", "no change of a secret on record"),
        Truth::CouldNotTell => Reply::could_not_tell("traffic", "no record of changes"),
    },
};

static TRAFFIC_SAYS_EXPIRED: Question = Question {
    asks: "Are they refused as expired?",
    answer: |facts| {
        let expired = facts.going_on(&[ErrorKind::ExpiredAuthentication]);
        Reply::is(expired.count() * 2 > refusals(facts).count(), "traffic", expired.describe())
    },
};

fn auth(facts: &Facts) -> Option<&Exchange> {
    facts.probes.auth.as_ref().map(|auth| &auth.exchange)
}

fn refusals(facts: &Facts) -> Tally<'_> {
    facts.going_on(REFUSALS)
}

/// Connections on which nothing works any more, and 401s are why.
fn refused_connections(facts: &Facts) -> BTreeSet<&str> {
    let refused = refusals(facts);
    let names: BTreeSet<&str> = refused.seen.iter().map(|seen| seen.group.connection.as_str()).collect();
    let works = |name: &str| {
        let mut groups = facts.traffic.iter().flat_map(|traffic| &traffic.groups);
        groups.any(|group| {
            group.connection == name && group.ok_recent > 0 && group.last_ok_at > last_refusal(&refused, name)
        })
    };
    names.into_iter().filter(|name| !works(name)).collect()
}

fn last_refusal(refused: &Tally<'_>, connection: &str) -> Option<jiff::Timestamp> {
    refused
        .seen
        .iter()
        .filter(|seen| seen.group.connection == connection)
        .filter_map(|seen| seen.error.last_at)
        .max()
}

pub(super) fn secret_change(facts: &Facts) -> Truth {
    facts.traffic.as_ref().map_or(Truth::CouldNotTell, |traffic| {
        traffic.changes.iter().any(|change| change.kind == "secret").into()
    })
}
