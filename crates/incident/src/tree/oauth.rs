//! The token endpoint refuses: one customer's grant, our app's own credential, or everybody? Seen where we refresh
//! tokens ourselves, and where callers refresh through the gateway.

use hubspot::error::ErrorKind;

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::grants::{Install, Refusal};

/// So many customers do not take their grant back in the same minutes.
const MANY: usize = 3;

/// A customer whose events have stopped owes us so many.
const EVENTS_MISSING: f64 = 5.0;

pub(super) static TREE: Tree = Tree {
    about: "refreshing tokens",
    then: Then::GoOn,
    root: Step::Ask {
        question: &CLIENT_REFUSED,
        yes: &Step::Ask {
            question: &NEVER_WORKED,
            yes: &Step::Found(Leaf {
                code: Code::ClientMismatch,
                backed_by: &[&CONFIG_CHANGED],
                unlike: &[(Code::ClientSecret, &NEVER_WORKED)],
            }),
            no: &Step::Found(Leaf {
                code: Code::ClientSecret,
                backed_by: &[&SECRET_CHANGED, &ALL_REFUSED],
                unlike: &[(Code::ClientMismatch, &WORKED_BEFORE)],
            }),
        },
        no: &Step::Ask {
            question: &GRANT_REFUSED,
            yes: &Step::Ask { question: &EVERYBODY_REFUSED, yes: &Step::Found(OUTAGE), no: &ONE_CUSTOMER },
            no: &Step::Nothing,
        },
    },
};

static ONE_CUSTOMER: Step = Step::Ask {
    question: &UNINSTALLED,
    yes: &Step::Found(Leaf {
        code: Code::Uninstalled,
        backed_by: &[&SILENT_SINCE],
        unlike: &[(Code::RefreshRevoked, &UNINSTALLED)],
    }),
    no: &Step::Ask {
        question: &SILENT_SINCE,
        yes: &Step::Found(Leaf {
            code: Code::Uninstalled,
            backed_by: &[],
            unlike: &[(Code::RefreshRevoked, &UNINSTALLED), (Code::ClientSecret, &OTHERS_REFRESH)],
        }),
        no: &Step::Found(Leaf {
            code: Code::RefreshRevoked,
            backed_by: &[&OTHERS_REFRESH],
            unlike: &[(Code::Uninstalled, &STILL_INSTALLED)],
        }),
    },
};

const OUTAGE: Leaf = Leaf {
    code: Code::AuthOutage,
    backed_by: &[&super::status::INCIDENT_OF_OURS],
    unlike: &[(Code::RefreshRevoked, &EVERYBODY_REFUSED)],
};

pub(super) static CLIENT_REFUSED: Question = Question {
    asks: "Does the token endpoint refuse our app's own id or secret?",
    answer: |facts| refused(facts, Refusal::Client, ErrorKind::BadClient),
};

pub(super) static GRANT_REFUSED: Question = Question {
    asks: "Does the token endpoint refuse a refresh token?",
    answer: |facts| refused(facts, Refusal::RefreshToken, ErrorKind::BadRefreshToken),
};

static NEVER_WORKED: Question = Question {
    asks: "Has this pair never refreshed a token?",
    answer: |facts| {
        let seen = facts.going_on(&[ErrorKind::BadClient]).seen;
        let in_traffic = seen.iter().any(|seen| seen.group.last_ok_at.is_some());
        let worked = in_traffic || installs(facts).iter().any(|install| install.refreshed_at.is_some());
        let observed =
            if worked { "it worked before" } else { "no refresh has worked since the gateway started" };
        let config = CONFIG_CHANGED.holds(facts);
        Reply::is(!worked && (config || !installs(facts).is_empty()), "grants", observed)
    },
};

static WORKED_BEFORE: Question =
    Question { asks: "Did this pair refresh tokens before?", answer: |facts| NEVER_WORKED.opposite(facts) };

static CONFIG_CHANGED: Question = Question {
    asks: "Was the configuration changed?",
    answer: |facts| {
        let mut changes = facts.traffic.iter().flat_map(|traffic| &traffic.changes);
        match changes.find(|change| change.kind == "config" || change.kind == "deploy") {
            Some(change) => Reply::yes("traffic", format!("{} at {:.0}", change.what, change.at)),
            None => Reply::could_not_tell("traffic", "no change on record"),
        }
    },
};

static SECRET_CHANGED: Question = Question {
    asks: "Was the client secret changed?",
    answer: |facts| match super::token::secret_change(facts) {
        super::Truth::Yes => Reply::yes("traffic", "a secret was changed in the last 24 hours"),
        super::Truth::No | super::Truth::CouldNotTell => {
            Reply::could_not_tell("traffic", "no change on record")
        }
    },
};

static ALL_REFUSED: Question = Question {
    asks: "Is every install refused, whoever the customer is?",
    answer: |facts| {
        let all = installs(facts);
        let refused = all.iter().filter(|it| it.is_refused_as(Refusal::Client)).count();
        let observed = format!("{refused} of {} installs", all.len());
        // Each is refused only when its turn comes: none may have refreshed since the first refusal.
        let first =
            all.iter().filter(|it| it.is_refused_as(Refusal::Client)).filter_map(|it| it.refused_at).min();
        let since = all.iter().any(|it| it.refreshed_at > first);
        if refused > 1 && !since {
            Reply::yes("grants", observed)
        } else {
            Reply::could_not_tell("grants", observed)
        }
    },
};

static EVERYBODY_REFUSED: Question = Question {
    asks: "Are many customers' refresh tokens refused together, and nobody's taken?",
    answer: |facts| {
        let all = installs(facts);
        let refused: Vec<&Install> =
            all.iter().filter(|it| it.is_refused_as(Refusal::RefreshToken)).collect();
        let first = refused.iter().filter_map(|it| it.refused_at).min();
        let taken = all.iter().any(|it| it.refusal.is_none() && it.refreshed_at > first);
        let observed = format!("{} of {} installs refused", refused.len(), all.len());
        Reply::is(refused.len() >= MANY && !taken, "grants", observed)
    },
};

static OTHERS_REFRESH: Question = Question {
    asks: "Do other installs refresh?",
    answer: |facts| {
        let all = installs(facts);
        let others = all.iter().filter(|it| it.refusal.is_none() && it.refreshed_at.is_some()).count();
        let observed = format!("{others} of {} installs refreshed last time", all.len());
        if others > 0 { Reply::yes("grants", observed) } else { Reply::could_not_tell("grants", observed) }
    },
};

static UNINSTALLED: Question = Question {
    asks: "Did HubSpot tell that the customer took the app out?",
    answer: |facts| {
        let gone = revoked(facts).into_iter().find_map(|it| Some((it, it.uninstalled_at?)));
        match gone {
            Some((install, at)) => {
                Reply::yes("journal", format!("{}: uninstalled at {at:.0}", install.connection))
            }
            None => Reply::could_not_tell("journal", "no uninstall on record"),
        }
    },
};

static SILENT_SINCE: Question = Question {
    asks: "Have that customer's webhooks stopped, too?",
    answer: |facts| match webhooks_of_revoked(facts) {
        Some((name, true)) => Reply::yes("inbox", format!("{name}: no event since, where some were usual")),
        Some((name, false)) => Reply::no("inbox", format!("{name}: its events still come, or none were due")),
        None => Reply::could_not_tell("inbox", "webhooks of that portal are not received here"),
    },
};

static STILL_INSTALLED: Question = Question {
    asks: "Is the app still installed there?",
    answer: |facts| {
        let senders = || facts.inbox.iter().flat_map(|inbox| &inbox.senders);
        let fresh = revoked(facts).into_iter().find(|install| {
            senders().any(|it| it.connection == install.connection && it.last_taken_at > install.refused_at)
        });
        match fresh {
            Some(install) => Reply::yes("inbox", format!("{}: its webhooks still come", install.connection)),
            None => Reply::could_not_tell("inbox", "no webhook of that portal came since"),
        }
    },
};

/// The customer of a refused refresh token and whether its webhooks fell silent.
fn webhooks_of_revoked(facts: &Facts) -> Option<(&str, bool)> {
    let inbox = facts.inbox.as_ref()?;
    revoked(facts).into_iter().find_map(|install| {
        let sender = inbox.senders.iter().find(|sender| sender.connection == install.connection)?;
        let missing = super::webhooks::missing(sender, facts)?;
        let refused = sender.refused_recent > 0 || sender.untimely > 0;
        Some((install.connection.as_str(), missing >= EVENTS_MISSING && !refused))
    })
}

/// A refresh is refused for good, or cannot be asked for, so an access token that has run out is no fault of its own.
pub(super) fn explains_expiry(facts: &Facts) -> bool {
    let without_secret = installs(facts).iter().any(|install| install.is_refused_as(Refusal::NoSecret));
    without_secret || CLIENT_REFUSED.holds(facts) || GRANT_REFUSED.holds(facts)
}

fn refused(facts: &Facts, refusal: Refusal, kind: ErrorKind) -> Reply {
    let names: Vec<&str> = installs(facts)
        .iter()
        .filter(|install| install.is_refused_as(refusal))
        .map(|install| install.connection.as_str())
        .collect();
    if !names.is_empty() {
        let shown = names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        return Reply::yes("grants", format!("{} install(s) refused: {shown}", names.len()));
    }
    let refused = facts.going_on(&[kind]);
    Reply::is(!refused.is_empty(), "traffic", refused.describe())
}

fn revoked(facts: &Facts) -> Vec<&Install> {
    installs(facts).iter().filter(|install| install.is_refused_as(Refusal::RefreshToken)).collect()
}

fn installs(facts: &Facts) -> &[Install] {
    facts.grants.as_ref().map_or(&[], |grants| &grants.installs)
}
