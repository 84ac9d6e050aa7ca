//! A browser's way to the issuer and back. Nothing is kept here for those who are away, so that nobody can fill it: what has to be
//! known when they are back is made anew from the state that their browser holds, with a key of this process.

use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubspot::secret::Secret;
use jiff::Timestamp;

/// A person logs in, with a second factor.
pub(super) const LIFE: Duration = Duration::from_secs(15 * 60);

pub(super) struct Journeys(hmac::Key);

/// One of them.
pub(super) struct Away {
    /// `since.random.proof`
    pub(super) state: String,
    /// Comes back in the id token.
    pub(super) nonce: String,
    /// Goes with the code (PKCE); never leaves this process before.
    pub(super) verifier: Secret,
}

impl Journeys {
    /// `None`: the system has no randomness.
    pub(super) fn new() -> Option<Self> {
        Some(Self(hmac::Key::new(hmac::HMAC_SHA256, &random()?)))
    }

    pub(super) fn begin(&self, now: Timestamp) -> Option<Away> {
        let known = format!("{}.{}", now.as_second(), URL_SAFE_NO_PAD.encode(random()?));
        Some(self.away(format!("{known}.{}", self.derived("state", &known))))
    }

    /// `None` for a state that is not ours, or from too long ago.
    pub(super) fn end(&self, state: &str, now: Timestamp) -> Option<Away> {
        let (known, proof) = state.rsplit_once('.')?;
        let proof = URL_SAFE_NO_PAD.decode(proof).ok()?;
        hmac::verify(&self.0, &labelled("state", known), &proof).ok()?;
        let since: i64 = known.split('.').next()?.parse().ok()?;
        let age = now.as_second().checked_sub(since)?;
        (0..LIFE.as_secs().cast_signed()).contains(&age).then(|| self.away(state.to_owned()))
    }

    fn away(&self, state: String) -> Away {
        let nonce = self.derived("nonce", &state);
        let verifier = Secret::new(self.derived("verifier", &state));
        Away { state, nonce, verifier }
    }

    /// 43 characters that nobody guesses who has not the key.
    fn derived(&self, label: &str, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, &labelled(label, text)))
    }
}

fn labelled(label: &str, text: &str) -> Vec<u8> {
    [label.as_bytes(), b"\0", text.as_bytes()].concat()
}

fn random() -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn only_a_state_of_ours_comes_back_and_in_time() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let (journeys, others) = (Journeys::new().unwrap(), Journeys::new().unwrap());
        let away = journeys.begin(now).unwrap();
        let back = journeys.end(&away.state, now + SignedDuration::from_secs(899)).unwrap();
        assert!(back.nonce == away.nonce && back.verifier == away.verifier && away.nonce.len() == 43);
        assert!(away.verifier.expose() != away.nonce && !away.state.contains(&away.nonce));
        assert!(journeys.end(&away.state, now + SignedDuration::from_secs(900)).is_none());
        assert!(journeys.end(&away.state, now - SignedDuration::from_secs(1)).is_none());
        assert!(others.end(&away.state, now).is_none(), "another process's");
        let later =
            away.state.replacen(&now.as_second().to_string(), &(now.as_second() + 600).to_string(), 1);
        for forged in [later.as_str(), "", "1.2.3", &away.state[1..]] {
            assert!(journeys.end(forged, now).is_none(), "{forged}");
        }
        assert_ne!(journeys.begin(now).unwrap().state, away.state);
    }
}
