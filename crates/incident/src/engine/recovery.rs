//! What an end is proven with: nothing shows, a diagnosis no longer finds the cause, a call of our own went all the way,
//! what had piled up is done, and what was accepted and what became of it add up.

use jiff::Timestamp;

use super::correlation::is_sharper;
use super::{Engine, seconds};
use crate::code::{Code, Vantage};
use crate::facts::Facts;
use crate::facts::configured::TokenKind;
use crate::timeline::What;

/// What a call of our own says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Canary {
    Good(&'static str),
    /// Nobody could make one, or it came back without what was asked for.
    Missing,
}

impl Engine {
    /// What a diagnosis means for those that wait for proof. `standing` and `verdict` are of what still happens: what traffic told
    /// a quarter of an hour ago would say for as long that nothing has changed.
    pub(super) fn weigh_recovery(&mut self, standing: &[Code], verdict: Code, facts: &Facts, now: Timestamp) {
        for index in 0..self.incidents.len() {
            let incident = &self.incidents[index];
            if !incident.awaits_proof() {
                continue;
            }
            let goes_on = |code: Code| {
                // That something cannot be told is no cause that goes on; the call of our own has to come back all the same.
                let found = standing.iter().chain([&verdict]).filter(|found| **found != Code::Unknown);
                let mut found = found.filter(|found| **found == code || is_sharper(code, **found));
                found.next().is_some()
            };
            let still = incident.code().is_some_and(goes_on);
            let (holds, observed) = match (still, canary(incident.code(), facts)) {
                (true, _) => (false, "a diagnosis finds the cause still there".to_owned()),
                (false, Canary::Missing) => {
                    (false, "nothing shows, but no call of our own went through to prove it".to_owned())
                }
                (false, Canary::Good(how)) => {
                    (true, format!("nothing shows, {how}, and a diagnosis says {}", verdict.id()))
                }
            };
            let id = incident.id.clone();
            if holds {
                self.incidents[index].proven_at = Some(now);
            }
            self.write(&id, now, What::Proof { holds, observed });
            self.keep(index);
        }
    }

    pub(super) fn end_if_proven(&mut self, index: usize, now: Timestamp) {
        let calm = seconds(self.settings.response.calm_seconds);
        let incident = &self.incidents[index];
        let proven = incident.proven_at.is_some() || !incident.was_diagnosed();
        let long_enough = incident.recovered_at.is_some_and(|at| now.duration_since(at) >= calm);
        if !proven || !long_enough {
            return;
        }
        // What holds work back must not keep it from being done.
        self.take_back_measures(index, now);
        let incident = &self.incidents[index];
        let waits_for = if incident.was_diagnosed() { self.unfinished() } else { None };
        if waits_for.is_none() {
            return self.resolve(index, None, now);
        }
        if self.incidents[index].waits_for.is_none() {
            let id = self.incidents[index].id.clone();
            let observed = waits_for.clone().unwrap_or_default();
            self.write(&id, now, What::Proof { holds: false, observed });
        }
        if self.incidents[index].waits_for != waits_for {
            self.incidents[index].waits_for = waits_for;
            self.keep(index);
        }
    }

    /// Work that an end has to wait for.
    fn unfinished(&self) -> Option<String> {
        let behind = self.memory.is_behind().then(|| "what had piled up is not done yet".to_owned());
        behind.or_else(|| self.memory.unequal())
    }
}

/// Whoever broke what calls need is proven well by a call; what shows only in our inbox or inside us, by a look there.
fn canary(code: Option<Code>, facts: &Facts) -> Canary {
    let vantage = code.map_or(Vantage::Probes, Code::vantage);
    match vantage {
        Vantage::Inbox if facts.inbox.is_some() || facts.forwarding.is_some() => {
            Canary::Good("webhooks were looked at")
        }
        Vantage::Inside if facts.inside.is_some() => Canary::Good("our own parts were looked at"),
        Vantage::Inbox | Vantage::Inside | Vantage::Probes | Vantage::Traffic => call(facts),
    }
}

fn call(facts: &Facts) -> Canary {
    let auth = facts.probes.auth.as_ref().and_then(|auth| auth.exchange.status);
    if auth.is_some_and(|status| (200..300).contains(&status)) {
        return Canary::Good("a call of our own was answered");
    }
    let served = facts.traffic.iter().flat_map(|traffic| &traffic.groups).any(|group| group.ok_recent > 0);
    if auth.is_none() && served {
        return Canary::Good("calls of programs are answered");
    }
    let front_door = facts.probes.http.as_ref().is_some_and(|http| http.hubspot_shaped);
    if auth.is_none() && front_door && facts.configured.token == TokenKind::Absent {
        return Canary::Good("HubSpot's front door answers, and there is no token to call with");
    }
    Canary::Missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_canary_has_to_come_back() {
        let mut facts = fixture::healthy();
        assert_ne!(canary(Some(Code::TokenRevoked), &facts), Canary::Missing);
        fixture::authenticated_calls(&mut facts, &fixture::api(401, None));
        assert_eq!(canary(Some(Code::TokenRevoked), &facts), Canary::Missing);
        facts.probes.auth = None;
        facts.traffic = None;
        assert_eq!(canary(None, &facts), Canary::Missing, "nobody could ask");
        facts.configured.token = TokenKind::Absent;
        assert_ne!(canary(None, &facts), Canary::Missing);
    }
}
