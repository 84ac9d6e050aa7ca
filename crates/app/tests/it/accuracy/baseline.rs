//! What everybody does without this program: four questions. Status page? 401 or 403? 429? 5xx? Else it must be ours.

use incident::code::{Blame, Code};
use incident::facts::Facts;

/// The answer of the usual tree. Of each branch the likeliest code stands for it; the last one is right for whatever is
/// ours or the caller's.
pub(super) fn answer(facts: &Facts) -> Code {
    let probes = &facts.probes;
    let asked = probes.auth.iter().map(|auth| &auth.exchange);
    let asked = asked.chain(probes.families.iter().map(|family| &family.exchange)).chain(&probes.http);
    let groups = || facts.traffic.iter().flat_map(|traffic| &traffic.groups);
    let seen = groups().flat_map(|group| &group.errors).filter(|error| error.recent > 0);
    let mut statuses: Vec<u16> = asked.filter_map(|exchange| exchange.status).collect();
    // The call without a token is answered 401 on the best of days.
    if let Some(at) = statuses.iter().rposition(|status| *status == 401)
        && probes.http.is_some()
    {
        statuses.remove(at);
    }
    statuses.extend(seen.map(|error| error.status));
    let any = |of: fn(u16) -> bool| statuses.iter().any(|status| of(*status));
    if probes.status_page.as_ref().is_some_and(|page| !page.incidents.is_empty()) {
        Code::OutageKnown
    } else if any(|status| matches!(status, 401 | 403)) {
        Code::TokenRevoked
    } else if any(|status| status == 429) {
        Code::BurstSelf
    } else if any(|status| status >= 500) {
        Code::OutageUnlisted
    } else if any(|status| status >= 400) {
        Code::BadPayload
    } else {
        Code::Healthy
    }
}

/// Its last branch names no cause, only whose it is.
pub(super) fn is_right(answer: Code, truth: Code) -> bool {
    answer == truth || (answer == Code::BadPayload && matches!(truth.blame(), Blame::Ours | Blame::Caller))
}
