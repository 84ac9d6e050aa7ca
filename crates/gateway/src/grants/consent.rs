//! A person's way to HubSpot and back: authorise address, callback, code exchange.
//!
//! What comes back is believed by its `state`, which only whoever was sent away by us knows, and its code is of no use without
//! the verifier (PKCE), which never leaves this process.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubspot::oauth::{Consent, Exchange, Trouble};
use hubspot::secret::Secret;
use store::grants::GrantError;
use tokio::time::Instant;

use super::keeper::Keeper;
use super::kept::tokens;
use super::trade::trade;

/// Those who are on their way, by their `state`.
#[derive(Default)]
pub(super) struct Pending(HashMap<String, Away>);

struct Away {
    connection: String,
    verifier: Secret,
    until: Instant,
}

/// A person reads, logs in, chooses an account and consents.
const AWAY_MAX: Duration = Duration::from_secs(15 * 60);
const PENDING_MAX: usize = 64;
const RANDOM_BYTES: usize = 32;

/// What a person has granted.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Granted {
    pub connection: String,
    pub portal_id: u64,
    pub scopes: Vec<String>,
}

/// Why nothing was granted.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    #[error("there is no such OAuth connection")]
    NoSuchConnection,
    #[error("too many people are on their way to HubSpot; try again in some minutes")]
    TooMany,
    #[error("nobody was sent to HubSpot with this state, or it was too long ago; begin anew")]
    UnknownState,
    #[error("HubSpot did not take the code ({}); begin anew", .0.name())]
    NoToken(Trouble),
    #[error("HubSpot did not say which account it is, or gave no refresh token")]
    Incomplete,
    #[error("the connection {connection} is for portal {expected}, and portal {portal_id} was chosen")]
    OtherPortal { connection: String, expected: u64, portal_id: u64 },
    #[error(transparent)]
    NotKept(#[from] GrantError),
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl Pending {
    fn add(&mut self, state: String, away: Away, now: Instant) -> Result<(), ConsentError> {
        self.0.retain(|_, away| away.until > now);
        if self.0.len() >= PENDING_MAX {
            return Err(ConsentError::TooMany);
        }
        self.0.insert(state, away);
        Ok(())
    }

    /// Each state is good once.
    fn take(&mut self, state: &str, now: Instant) -> Option<Away> {
        self.0.remove(state).filter(|away| away.until > now)
    }
}

impl Keeper {
    /// Where a person consents to a connection.
    ///
    /// # Errors
    /// [`ConsentError`].
    pub fn consent_url(&self, connection: &str) -> Result<String, ConsentError> {
        let kept = self.of_name(connection).ok_or(ConsentError::NoSuchConnection)?;
        let state = random().ok_or(ConsentError::NoRandomness)?;
        let verifier = Secret::new(random().ok_or(ConsentError::NoRandomness)?);
        let url = Consent {
            authorize_url: &self.settings.authorize_url,
            client_id: &kept.app.client_id,
            redirect_url: &self.settings.redirect_url,
            scopes: &kept.app.scopes,
            optional_scopes: &kept.app.optional_scopes,
            state: &state,
            verifier: &verifier,
        }
        .url();
        let now = Instant::now();
        let away = Away { connection: connection.to_owned(), verifier, until: now + AWAY_MAX };
        self.pending.lock().add(state, away, now)?;
        Ok(url)
    }

    /// A person is back with a code: it is traded, kept, and in use.
    ///
    /// # Errors
    /// [`ConsentError`].
    pub async fn granted(&self, state: &str, code: &Secret) -> Result<Granted, ConsentError> {
        let away = self.pending.lock().take(state, Instant::now()).ok_or(ConsentError::UnknownState)?;
        let kept = self.of_name(&away.connection).ok_or(ConsentError::NoSuchConnection)?;
        let asked_at = self.clock.now();
        let redirect_url = &self.settings.redirect_url;
        let exchange = Exchange::Code { code, redirect_url, verifier: &away.verifier };
        let traded = trade(&self.stack, &kept.app.client(), exchange).await.map_err(ConsentError::NoToken)?;
        let portal_id = traded.portal_id.ok_or(ConsentError::Incomplete)?;
        if traded.refresh_token.is_none() {
            return Err(ConsentError::Incomplete);
        }
        if let Some(expected) = kept.app.portal_id.filter(|expected| *expected != portal_id) {
            return Err(ConsentError::OtherPortal { connection: away.connection, expected, portal_id });
        }
        let tokens = tokens(traded, None, asked_at);
        let scopes = tokens.scopes.clone();
        self.store.keep_grant(&self.sealer, &away.connection, portal_id, &tokens, asked_at).await?;
        let grant = self.store.grant(&self.sealer, &away.connection).await?;
        self.found(kept, grant.as_ref());
        Ok(Granted { connection: away.connection, portal_id, scopes })
    }
}

/// 43 characters that nobody guesses.
fn random() -> Option<String> {
    let mut bytes = [0; RANDOM_BYTES];
    rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_state_is_good_once_and_for_a_quarter_of_an_hour() {
        let mut pending = Pending::default();
        let now = Instant::now();
        let away = || Away { connection: "a".into(), verifier: Secret::new("v"), until: now + AWAY_MAX };
        pending.add("one".into(), away(), now).unwrap();
        assert!(pending.take("other", now).is_none());
        assert!(pending.take("one", now).is_some() && pending.take("one", now).is_none());
        pending.add("two".into(), away(), now).unwrap();
        assert!(pending.take("two", now + AWAY_MAX).is_none());
        for number in 0..PENDING_MAX {
            pending.add(number.to_string(), away(), now).unwrap();
        }
        assert!(matches!(pending.add("more".into(), away(), now), Err(ConsentError::TooMany)));
        assert!(
            pending.add("later".into(), away(), now + AWAY_MAX).is_ok(),
            "those who never came back are gone"
        );
    }
}
