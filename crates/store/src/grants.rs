//! What people granted: the tokens of OAuth connections, sealed, and who may renew them now.
//!
//! A renewal is claimed with a *fence*, a number that grows with each claim: whoever was taken for dead and comes back late
//! has an old number, and what it brings is refused. A renewed token counts only once it is kept.

use hubspot::secret::Secret;
use jiff::Timestamp;

use crate::Store;
use crate::dispatch::time;
use crate::failure::StoreError;
use crate::seal::{Place, SealError, Sealer};
use crate::sqlite::writer::Intent;
use crate::statement::{Row, Statement, values};

/// One connection's grant, opened.
#[derive(Debug, Clone)]
pub struct Grant {
    pub connection: String,
    pub portal_id: u64,
    pub fence: i64,
    pub claimed_until: Timestamp,
    /// Counts what was kept.
    pub version: i64,
    pub tokens: Tokens,
    pub lost: Option<Lost>,
    pub granted_at: Timestamp,
    pub refreshed_at: Timestamp,
}

/// What there is to keep.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub refresh: Secret,
    pub access: Secret,
    /// When the access token ends.
    pub access_until: Timestamp,
    pub scopes: Vec<String>,
}

/// How a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// HubSpot takes the refresh token no more: a person has to consent again.
    Revoked,
    /// The account is not there any more.
    Gone,
}

/// Why a grant cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the tokens of the connection {connection} cannot be opened: {why}")]
    Sealed { connection: String, why: SealError },
    #[error("the system gives no random numbers")]
    NoRandomness,
}

/// Whole rows, as [`Kept::read`] reads them.
macro_rules! select_grants {
    () => {
        "SELECT connection, portal_id, fence, claimed_until, version, data_key, refresh_token, access_token, \
         access_until, scopes, lost, granted_at, refreshed_at FROM grants"
    };
}

/// A row, closed.
struct Kept {
    connection: String,
    portal_id: u64,
    fence: i64,
    claimed_until: Timestamp,
    version: i64,
    data_key: Vec<u8>,
    refresh_token: Vec<u8>,
    access_token: Vec<u8>,
    access_until: Timestamp,
    scopes: String,
    lost: Option<Lost>,
    granted_at: Timestamp,
    refreshed_at: Timestamp,
}

/// A new version of a row's secrets.
struct Sealed {
    data_key: Vec<u8>,
    refresh_token: Vec<u8>,
    access_token: Vec<u8>,
}

impl Store {
    /// # Errors
    /// [`GrantError`].
    pub async fn grant(&self, sealer: &Sealer, connection: &str) -> Result<Option<Grant>, GrantError> {
        let sql = concat!(select_grants!(), " WHERE connection = $1");
        let row = self.ask(Statement::new(sql, values![connection])).await?.pop();
        row.map(|row| Kept::read(row).open(sealer)).transpose()
    }

    /// Every connection that has a grant, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn granted(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT connection FROM grants ORDER BY connection";
        let rows = self.ask(Statement::new(sql, values![])).await?;
        Ok(rows.into_iter().map(|mut row| row.text()).collect())
    }

    /// Keeps what a person has just granted, in place of what there was. Renewals under way end without effect.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn keep_grant(
        &self,
        sealer: &Sealer,
        connection: &str,
        portal_id: u64,
        tokens: &Tokens,
        now: Timestamp,
    ) -> Result<(), GrantError> {
        let sql = "SELECT version FROM grants WHERE connection = $1";
        let version = self.ask(Statement::new(sql, values![connection])).await?.pop();
        let version = version.map_or(0, |mut row| row.number()) + 1;
        let sealed = Sealed::of(sealer, connection, portal_id, version, tokens)?;
        let statement = Statement::new(
            "INSERT INTO grants (connection, portal_id, fence, claimed_until, version, data_key, refresh_token, access_token,
                 access_until, scopes, lost, granted_at, refreshed_at)
             VALUES ($1, $2, 1, 0, $3, $4, $5, $6, $7, $8, NULL, $9, $9)
             ON CONFLICT (connection) DO UPDATE SET portal_id = excluded.portal_id, fence = grants.fence + 1,
                 claimed_until = 0, version = excluded.version, data_key = excluded.data_key,
                 refresh_token = excluded.refresh_token, access_token = excluded.access_token,
                 access_until = excluded.access_until, scopes = excluded.scopes, lost = NULL,
                 granted_at = excluded.granted_at, refreshed_at = excluded.refreshed_at",
            values![
                connection,
                portal_id.cast_signed(),
                version,
                sealed.data_key.as_slice(),
                sealed.refresh_token.as_slice(),
                sealed.access_token.as_slice(),
                tokens.access_until,
                tokens.scopes.join(" ").as_str(),
                now,
            ],
        );
        Ok(self.run(Intent::Settle, vec![statement]).await.map(drop)?)
    }

    /// Takes the right to renew, until `until`. The fence to renew with; `None` while another has it, or once the grant is
    /// not as it was read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_grant(
        &self,
        read: &Grant,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let statement = Statement::new(
            "UPDATE grants SET fence = fence + 1, claimed_until = $1
             WHERE connection = $2 AND fence = $3 AND claimed_until <= $4 RETURNING fence",
            values![until, &read.connection, read.fence, now],
        );
        let rows = self.run(Intent::Settle, vec![statement]).await?.pop().unwrap_or_default();
        Ok(rows.into_iter().next().map(|mut row| row.number()))
    }

    /// Keeps renewed tokens. `false` when the claim is outdated: nothing was changed.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn keep_renewed(
        &self,
        sealer: &Sealer,
        claimed: &Grant,
        fence: i64,
        tokens: &Tokens,
        now: Timestamp,
    ) -> Result<bool, GrantError> {
        let Grant { connection, portal_id, version, .. } = claimed;
        let version = version + 1;
        let sealed = Sealed::of(sealer, connection, *portal_id, version, tokens)?;
        let statement = Statement::new(
            "UPDATE grants SET version = $1, data_key = $2, refresh_token = $3, access_token = $4, access_until = $5,
                 scopes = $6, lost = NULL, refreshed_at = $7, claimed_until = 0
             WHERE connection = $8 AND fence = $9 RETURNING fence",
            values![
                version,
                sealed.data_key.as_slice(),
                sealed.refresh_token.as_slice(),
                sealed.access_token.as_slice(),
                tokens.access_until,
                tokens.scopes.join(" ").as_str(),
                now,
                connection,
                fence,
            ],
        );
        Ok(self.changed(statement).await?)
    }

    /// Gives the right to renew back without a token, and says whether the grant is lost. `false` when the claim is outdated.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_claim(
        &self,
        connection: &str,
        fence: i64,
        lost: Option<Lost>,
    ) -> Result<bool, StoreError> {
        let statement = Statement::new(
            "UPDATE grants SET claimed_until = 0, lost = $1 WHERE connection = $2 AND fence = $3 RETURNING fence",
            values![lost.map(Lost::name), connection, fence],
        );
        self.changed(statement).await
    }

    /// Forgets a grant for good. `false` where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_grant(&self, connection: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM grants WHERE connection = $1 RETURNING fence";
        self.changed(Statement::new(sql, values![connection])).await
    }

    /// Wraps with the key of now what is wrapped with the one before; tells how many. What is renewed meanwhile is left: it is
    /// wrapped with the key of now already.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn wrap_grants_anew(&self, sealer: &Sealer) -> Result<usize, GrantError> {
        let sql = concat!(select_grants!(), " ORDER BY connection");
        let mut wrapped = 0;
        for row in self.ask(Statement::new(sql, values![])).await? {
            let kept = Kept::read(row);
            let anew = sealer.wrap_anew(&kept.data_key, kept.place("")).map_err(|why| kept.sealed(why))?;
            let Some(anew) = anew else { continue };
            let statement = Statement::new(
                "UPDATE grants SET data_key = $1 WHERE connection = $2 AND version = $3 RETURNING fence",
                values![anew.as_slice(), &kept.connection, kept.version],
            );
            wrapped += usize::from(self.changed(statement).await?);
        }
        Ok(wrapped)
    }

    async fn changed(&self, statement: Statement) -> Result<bool, StoreError> {
        let rows = self.run(Intent::Settle, vec![statement]).await?.pop().unwrap_or_default();
        Ok(!rows.is_empty())
    }
}

impl Kept {
    fn read(mut row: Row) -> Self {
        Self {
            connection: row.text(),
            portal_id: row.number().cast_unsigned(),
            fence: row.number(),
            claimed_until: time(row.number()),
            version: row.number(),
            data_key: row.bytes(),
            refresh_token: row.bytes(),
            access_token: row.bytes(),
            access_until: time(row.number()),
            scopes: row.text(),
            lost: row.maybe_text().map(|name| Lost::of_name(&name)),
            granted_at: time(row.number()),
            refreshed_at: time(row.number()),
        }
    }

    fn place<'a>(&'a self, kind: &'a str) -> Place<'a> {
        Place { portal_id: self.portal_id, record: &self.connection, kind, version: self.version }
    }

    fn sealed(&self, why: SealError) -> GrantError {
        GrantError::Sealed { connection: self.connection.clone(), why }
    }

    fn open(self, sealer: &Sealer) -> Result<Grant, GrantError> {
        let key = sealer.open_data_key(&self.data_key, self.place("")).map_err(|why| self.sealed(why))?;
        let open =
            |kind: &str, sealed: &[u8]| key.open(self.place(kind), sealed).map_err(|why| self.sealed(why));
        let tokens = Tokens {
            refresh: open(REFRESH, &self.refresh_token)?,
            access: open(ACCESS, &self.access_token)?,
            access_until: self.access_until,
            scopes: self.scopes.split_whitespace().map(str::to_owned).collect(),
        };
        let Self {
            connection, portal_id, fence, claimed_until, version, lost, granted_at, refreshed_at, ..
        } = self;
        Ok(Grant {
            connection,
            portal_id,
            fence,
            claimed_until,
            version,
            tokens,
            lost,
            granted_at,
            refreshed_at,
        })
    }
}

const REFRESH: &str = "refresh_token";
const ACCESS: &str = "access_token";

impl Sealed {
    fn of(
        sealer: &Sealer,
        connection: &str,
        portal_id: u64,
        version: i64,
        tokens: &Tokens,
    ) -> Result<Self, GrantError> {
        let place = |kind| Place { portal_id, record: connection, kind, version };
        let sealed = || {
            let key = sealer.data_key(place(""))?;
            Some(Self {
                refresh_token: key.seal(place(REFRESH), &tokens.refresh)?,
                access_token: key.seal(place(ACCESS), &tokens.access)?,
                data_key: key.wrapped,
            })
        };
        sealed().ok_or(GrantError::NoRandomness)
    }
}

impl Lost {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Gone => "gone",
        }
    }

    /// What a newer hubkeeper may know besides is as if it were revoked: a person looks at it.
    fn of_name(name: &str) -> Self {
        match name {
            "gone" => Self::Gone,
            _ => Self::Revoked,
        }
    }
}
