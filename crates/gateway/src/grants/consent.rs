//! A person's way to HubSpot and back: authorise address, callback, code exchange.
//!
//! What comes back is believed by its `state`, which only whoever was sent away by us knows, and its code is of no use without
//! the verifier (PKCE), which nobody sees but us. Both are in the store, so that whichever hubkeeper a person comes back to
//! knows them.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubspot::oauth::{Consent, Exchange, Trouble};
use hubspot::secret::Secret;
use jiff::SignedDuration;
use store::consents::Away;
use store::grants::GrantError;

use super::keeper::Keeper;
use super::kept::tokens;
use super::trade::trade;

/// A person reads, logs in, chooses an account and consents.
const AWAY_MAX: SignedDuration = SignedDuration::from_mins(15);
const PENDING_MAX: u64 = 64;
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

impl Keeper {
    /// Where a person consents to a connection.
    ///
    /// # Errors
    /// [`ConsentError`].
    pub async fn consent_url(&self, connection: &str) -> Result<String, ConsentError> {
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
        let now = self.clock.now();
        if self.store.consents_under_way(now).await.map_err(GrantError::from)? >= PENDING_MAX {
            return Err(ConsentError::TooMany);
        }
        let away = Away { connection: connection.to_owned(), verifier };
        self.store.keep_consent(&self.sealer, &state, &away, now + AWAY_MAX).await?;
        Ok(url)
    }

    /// A person is back with a code: it is traded, kept, and in use.
    ///
    /// # Errors
    /// [`ConsentError`].
    pub async fn granted(&self, state: &str, code: &Secret) -> Result<Granted, ConsentError> {
        let away = self.store.take_consent(&self.sealer, state, self.clock.now()).await?;
        let away = away.ok_or(ConsentError::UnknownState)?;
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
