//! One connection that is kept alive, and how what the store has of it goes into use.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use client::accounts::{Connection, Lack, Token};
use hubspot::oauth::{Client, Traded, Trouble};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use store::grants::{Grant, Tokens};
use tokio::time::Instant;

use super::keeper::Keeper;
use super::life::{Life, Span};

/// A token is not used in the last seconds of its life: it would end on the way.
const MARGIN: Duration = Duration::from_secs(10);

/// An OAuth connection that is to be kept alive.
pub struct App {
    pub connection: Arc<Connection>,
    /// The only account it may be of, where that is configured.
    pub portal_id: Option<u64>,
    pub client_id: String,
    /// Another one may come while we run.
    pub client_secret: Arc<ArcSwap<hubspot::secret::Secret>>,
    pub scopes: Vec<String>,
    pub optional_scopes: Vec<String>,
}

pub(super) struct Kept {
    pub(super) app: App,
    pub(super) state: Mutex<State>,
}

#[derive(Clone, Copy)]
pub(super) struct State {
    pub(super) life: Life,
    /// The store's, of the token in use.
    pub(super) version: i64,
    pub(super) seen_at: Timestamp,
    pub(super) is_busy: bool,
}

impl Keeper {
    /// What the store has of a connection goes into use.
    pub(super) fn found(&self, kept: &Kept, grant: Option<&Grant>) {
        let (now, jitter) = (self.clock.now(), self.jitter());
        let Some(grant) = grant else {
            let mut state = kept.state.lock();
            (state.life, state.version) = (state.life.not_granted(now), 0);
            drop(state);
            self.use_token(kept, Err(self.authorisation(kept)));
            return;
        };
        kept.app.connection.set_portal_id(grant.portal_id);
        let span = Span { got: grant.refreshed_at, end: grant.tokens.access_until };
        let mut life = Life::new(now).renewed(span, now, jitter);
        if let Some(lost) = grant.lost {
            life = life.found_lost(lost, now, jitter);
        }
        {
            let mut state = kept.state.lock();
            (state.life, state.version) = (life, grant.version);
        }
        let left = Duration::try_from(span.end.duration_since(now)).unwrap_or_default();
        let good_until = Instant::now() + left.saturating_sub(MARGIN);
        match Token::new(&grant.tokens.access, Some(good_until)) {
            Ok(token) => self.use_token(kept, Ok(token)),
            Err(error) => {
                tracing::error!(connection = kept.name(), %error, "HubSpot gave a token that is none");
            }
        }
        self.tell(kept);
    }

    /// Calls are told what they can do about a token that has ended, or is refused for good.
    pub(super) fn tell(&self, kept: &Kept) {
        let connection = &kept.app.connection;
        let lack = connection.lack(Instant::now());
        let is_lost = kept.state.lock().life.lost().is_some();
        // One that HubSpot has refused, and that nothing comes after, is of no use however long it was to live.
        let is_useless = is_lost && connection.is_turned_down();
        if lack.is_none() && !is_useless {
            return;
        }
        let now = if is_lost { self.authorisation(kept) } else { Lack::Renewal };
        if lack.as_ref() != Some(&now) {
            self.use_token(kept, Err(now));
        }
    }

    fn use_token(&self, kept: &Kept, now: Result<Token, Lack>) {
        self.stack.replace_token(&kept.app.connection, now);
    }

    fn authorisation(&self, kept: &Kept) -> Lack {
        Lack::Authorisation { at: Arc::from(self.reconnect(kept)) }
    }

    pub(super) fn reconnect(&self, kept: &Kept) -> String {
        format!("{}{}", self.settings.reconnect_url, percent_encoding::utf8_percent_encode(kept.name(), NAME))
    }
}

/// What a name in a path may not hold.
const NAME: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// What HubSpot gave, to be kept: its life is counted from before it was asked for.
pub(super) fn tokens(traded: Traded, before: Option<&Grant>, asked_at: Timestamp) -> Tokens {
    let Traded { access_token, refresh_token, lives, scopes, .. } = traded;
    let kept = || before.map(|grant| grant.tokens.refresh.clone());
    let lives = SignedDuration::try_from(lives).unwrap_or(SignedDuration::ZERO);
    Tokens {
        refresh: refresh_token.or_else(kept).unwrap_or_else(|| hubspot::secret::Secret::new("")),
        access: access_token,
        access_until: asked_at.saturating_add(lives).unwrap_or(asked_at),
        scopes,
    }
}

/// A token of another account than the grant's would take calls there: it is as good as none.
pub(super) fn of_account(traded: Traded, portal_id: u64) -> Result<Traded, Trouble> {
    if traded.portal_id.is_some_and(|told| told != portal_id) {
        tracing::error!(
            portal_id,
            told = traded.portal_id,
            "a renewal brought another account's token; it is not used"
        );
        return Err(Trouble::Refused);
    }
    Ok(traded)
}

impl Kept {
    pub(super) fn name(&self) -> &str {
        &self.app.connection.name
    }
}

impl App {
    pub(super) fn client(&self) -> Client {
        Client { id: self.client_id.clone(), secret: (**self.client_secret.load()).clone() }
    }
}

#[cfg(test)]
mod tests {
    use hubspot::secret::Secret;

    use super::*;

    #[test]
    fn a_token_of_another_account_is_none() {
        let traded = |portal_id| Traded {
            access_token: Secret::new("a"),
            refresh_token: None,
            lives: Duration::from_secs(1800),
            portal_id,
            scopes: Vec::new(),
        };
        assert!(of_account(traded(Some(7)), 7).is_ok() && of_account(traded(None), 7).is_ok());
        assert_eq!(of_account(traded(Some(8)), 7).err(), Some(Trouble::Refused));
    }
}
