//! What the simulator has answered, counted for whoever judges afterwards.

use std::collections::BTreeMap;

/// Counts since the last reset.
#[derive(Debug, Default, serde::Serialize)]
pub struct Tally {
    /// Calls to HubSpot; the control API and the status page are not counted.
    pub calls: u64,
    /// Calls the line broke before HubSpot saw them.
    pub lost: u64,
    pub statuses: BTreeMap<u16, u64>,
    /// By token fingerprint; `-` for calls without a token.
    pub tokens: BTreeMap<String, TokenTally>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct TokenTally {
    pub calls: u64,
    /// Answered 429.
    pub rejected: u64,
}

/// Callers may invent tokens; beyond this many, further ones share one entry.
const TOKENS_MAX: usize = 1_000;
const TOKENS_BEYOND: &str = "others";

impl Tally {
    pub fn note(&mut self, fingerprint: Option<String>, status: u16) {
        *self.statuses.entry(status).or_default() += 1;
        let token = self.token(fingerprint);
        token.rejected += u64::from(status == 429);
    }

    /// A call that never reached HubSpot.
    pub fn note_lost(&mut self, fingerprint: Option<String>) {
        self.lost += 1;
        self.token(fingerprint);
    }

    fn token(&mut self, fingerprint: Option<String>) -> &mut TokenTally {
        self.calls += 1;
        let name = fingerprint.unwrap_or_else(|| "-".to_owned());
        let known = self.tokens.contains_key(&name) || self.tokens.len() < TOKENS_MAX;
        let token = self.tokens.entry(if known { name } else { TOKENS_BEYOND.to_owned() }).or_default();
        token.calls += 1;
        token
    }
}
