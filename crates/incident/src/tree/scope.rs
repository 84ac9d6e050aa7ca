//! 403 in HubSpot's own words: the app lacks a scope, or the person behind it lacks a right.

use hubspot::error::ErrorKind;

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::exchange::Exchange;

pub(super) static TREE: Tree = Tree {
    about: "rights",
    then: Then::GoOn,
    root: Step::Ask {
        question: &SCOPES_MISSING,
        yes: &Step::Found(Leaf {
            code: Code::MissingScope,
            backed_by: &[&NOT_GRANTED, &OTHERS_WORK],
            unlike: &[(Code::Tier, &super::account::LIMITS_AS_BEFORE)],
        }),
        no: &Step::Ask {
            question: &USER_LACKS_RIGHTS,
            yes: &Step::Found(Leaf {
                code: Code::UserPermissions,
                backed_by: &[&OTHERS_WORK],
                unlike: &[(Code::MissingScope, &NO_SCOPE_NAMED)],
            }),
            no: &Step::Nothing,
        },
    },
};

static SCOPES_MISSING: Question = Question {
    asks: "Does HubSpot name scopes that the token lacks?",
    answer: |facts| refused(facts, ErrorKind::MissingScopes),
};

static USER_LACKS_RIGHTS: Question = Question {
    asks: "Does HubSpot say that the user behind the token lacks permissions?",
    answer: |facts| refused(facts, ErrorKind::UserPermissions),
};

static NO_SCOPE_NAMED: Question = Question {
    asks: "Is no scope named as missing?",
    answer: |facts| {
        let named = probed(facts, ErrorKind::MissingScopes).next().is_some()
            || !facts.going_on(&[ErrorKind::MissingScopes]).is_empty();
        Reply::is(!named, "families", if named { "a scope is named" } else { "no answer names a scope" })
    },
};

static NOT_GRANTED: Question = Question {
    asks: "Does the token's own list of scopes lack them?",
    answer: |facts| {
        let Some(look) = facts.probes.introspection.as_ref().filter(|look| !look.scopes.is_empty()) else {
            return Reply::could_not_tell("introspection", "the token's scopes are not known");
        };
        let wanted: Vec<&String> = probed(facts, ErrorKind::MissingScopes)
            .flat_map(|(_, exchange)| &exchange.required_scopes)
            .collect();
        if wanted.is_empty() {
            return Reply::could_not_tell("introspection", "the answer names no scope");
        }
        let granted = wanted.iter().any(|scope| look.scopes.contains(scope));
        let observed = format!("{} scopes granted, none of those asked for", look.scopes.len());
        if granted {
            Reply::no("introspection", "a scope asked for is granted")
        } else {
            Reply::yes("introspection", observed)
        }
    },
};

static OTHERS_WORK: Question = Question {
    asks: "Do other API families work with the same token?",
    answer: |facts| {
        let working: Vec<&str> = facts
            .authenticated()
            .into_iter()
            .filter(|(_, exchange)| exchange.is_ok())
            .map(|(family, _)| family)
            .collect();
        if working.is_empty() {
            Reply::could_not_tell("families", "no other family was asked")
        } else {
            Reply::yes("families", format!("works: {}", unique(&working).join(", ")))
        }
    },
};

/// Traffic decides where there is enough of it: a token is not at fault for lacking what nobody uses.
fn refused(facts: &Facts, kind: ErrorKind) -> Reply {
    let traffic = facts.going_on(&[kind]);
    if traffic.count() >= 2 {
        return Reply::yes("traffic", traffic.describe());
    }
    let mut families: Vec<&str> = Vec::new();
    let mut scopes: Vec<&str> = Vec::new();
    for (family, exchange) in probed(facts, kind) {
        families.push(family);
        scopes.extend(exchange.required_scopes.iter().map(String::as_str));
    }
    if families.is_empty() {
        return Reply::no("families", "no such answer");
    }
    if facts.representative_traffic().is_some() {
        return Reply::no(
            "traffic",
            format!("refused on {}, which traffic does not need", unique(&families).join(", ")),
        );
    }
    let names =
        if scopes.is_empty() { String::new() } else { format!("; any of: {}", unique(&scopes).join(", ")) };
    Reply::yes("families", format!("403 on {}{names}", unique(&families).join(", ")))
}

fn probed(facts: &Facts, kind: ErrorKind) -> impl Iterator<Item = (&str, &Exchange)> {
    facts.authenticated().into_iter().filter(move |(_, exchange)| exchange.is_kind(kind))
}

fn unique<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names
}
