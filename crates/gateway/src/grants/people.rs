//! What people ask of the keeper.

use hubspot::oauth::Trouble;
use jiff::Timestamp;
use store::grants::GrantError;

use super::keeper::Keeper;
use super::kept::Kept;
use super::life::Standing;

/// One connection, for people.
#[derive(Debug, Clone)]
pub struct Asked {
    pub connection: String,
    pub portal_id: Option<u64>,
    pub standing: Standing,
    /// When the access token ends that is in use.
    pub token_ends_at: Option<Timestamp>,
    /// Why the last try to renew brought nothing.
    pub trouble: Option<Trouble>,
    /// When HubSpot last gave a token, and when it last gave none since, with how many times in a row.
    pub renewed_at: Option<Timestamp>,
    pub refused_at: Option<(Timestamp, u32)>,
    /// Where a person authorises it.
    pub reconnect: String,
}

impl Keeper {
    pub(super) fn of_name(&self, connection: &str) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.name() == connection)
    }

    /// Every connection, for people.
    pub fn report(&self) -> Vec<Asked> {
        let now = self.clock.now();
        let ask = |kept: &Kept| {
            let life = kept.state.lock().life;
            Asked {
                connection: kept.name().to_owned(),
                portal_id: kept.app.connection.portal_id(),
                standing: life.standing(now),
                token_ends_at: life.token_ends(),
                trouble: life.trouble(),
                renewed_at: life.token_got(),
                refused_at: life.refused_at(),
                reconnect: self.reconnect(kept),
            }
        };
        self.kept.iter().map(ask).collect()
    }

    /// Renews a connection's token now; `false` where there is no such connection.
    pub fn hurry(&self, connection: &str) -> bool {
        let Some(kept) = self.of_name(connection) else { return false };
        let mut state = kept.state.lock();
        state.life = state.life.hurried(self.clock.now());
        drop(state);
        self.bell.notify_one();
        true
    }

    /// It is asked for a new token, or about to be.
    pub fn is_renewing(&self, connection: &str) -> bool {
        let now = self.clock.now();
        self.of_name(connection).is_some_and(|kept| {
            let state = *kept.state.lock();
            state.is_busy || state.life.asks(now)
        })
    }

    /// Forgets a connection's grant for good; `false` where there was none. HubSpot is not told: the app stays installed.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn remove(&self, connection: &str) -> Result<bool, GrantError> {
        let removed = self.store.remove_grant(connection).await?;
        if let Some(kept) = self.of_name(connection) {
            self.found(kept, None);
        }
        Ok(removed)
    }

    /// Wraps what the key before sealed with the key of now; tells how many.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn wrap_anew(&self) -> Result<usize, GrantError> {
        self.store.wrap_grants_anew(&self.sealer).await
    }
}
