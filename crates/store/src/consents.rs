//! People who are on their way to HubSpot's consent page, by the `state` that they come back with. It is kept as a digest, and
//! the verifier (PKCE) sealed: who has the files alone can come back as nobody.

use aws_lc_rs::digest;
use hubspot::secret::Secret;
use jiff::Timestamp;

use crate::Store;
use crate::failure::StoreError;
use crate::grants::GrantError;
use crate::seal::{Place, Sealer};
use crate::sqlite::writer::Intent;
use crate::statement::{Statement, values};

/// Somebody who was sent away.
#[derive(Debug, Clone)]
pub struct Away {
    pub connection: String,
    pub verifier: Secret,
}

const VERIFIER: &str = "verifier";

impl Store {
    /// How many are on their way; those whose time is up are forgotten.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn consents_under_way(&self, now: Timestamp) -> Result<u64, StoreError> {
        let forget = Statement::new("DELETE FROM consents WHERE until <= $1", values![now]);
        self.run(Intent::Settle, vec![forget]).await?;
        let row = self.ask(Statement::new("SELECT count(*) FROM consents", values![])).await?.pop();
        Ok(row.map_or(0, |mut row| row.number()).unsigned_abs())
    }

    /// Keeps somebody until they are back, or until then.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn keep_consent(
        &self,
        sealer: &Sealer,
        state: &str,
        away: &Away,
        until: Timestamp,
    ) -> Result<(), GrantError> {
        let digest = digest_of(state);
        let name = hex(&digest);
        let sealed = || {
            let key = sealer.data_key(place(&name, ""))?;
            let verifier = key.seal(place(&name, VERIFIER), &away.verifier)?;
            Some((key.wrapped, verifier))
        };
        let (data_key, verifier) = sealed().ok_or(GrantError::NoRandomness)?;
        let statement = Statement::new(
            "INSERT INTO consents (state, connection, data_key, verifier, until) VALUES ($1, $2, $3, $4, $5)",
            values![&digest[..], &away.connection, data_key.as_slice(), verifier.as_slice(), until],
        );
        Ok(self.run(Intent::Settle, vec![statement]).await.map(drop)?)
    }

    /// Who comes back with this state: once, and in time.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn take_consent(
        &self,
        sealer: &Sealer,
        state: &str,
        now: Timestamp,
    ) -> Result<Option<Away>, GrantError> {
        let digest = digest_of(state);
        let statement = Statement::new(
            "DELETE FROM consents WHERE state = $1 AND until > $2 RETURNING connection, data_key, verifier",
            values![&digest[..], now],
        );
        let rows = self.run(Intent::Settle, vec![statement]).await?.pop().unwrap_or_default();
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        let (connection, data_key, verifier) = (row.text(), row.bytes(), row.bytes());
        let name = hex(&digest);
        let opened = sealer
            .open_data_key(&data_key, place(&name, ""))
            .and_then(|key| key.open(place(&name, VERIFIER), &verifier));
        match opened {
            Ok(verifier) => Ok(Some(Away { connection, verifier })),
            Err(why) => Err(GrantError::Sealed { connection, why }),
        }
    }
}

fn digest_of(state: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, state.as_bytes()).as_ref().to_vec()
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Nobody knows the portal yet.
fn place<'a>(name: &'a str, kind: &'a str) -> Place<'a> {
    Place { portal_id: 0, record: name, kind, version: 0 }
}
