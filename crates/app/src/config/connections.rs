//! Connections: each has a token, or is an OAuth app that people grant one.

use hubspot::limits::{AppKind, Plan};
use serde::{Deserialize, Serialize};

use super::{Config, quote};
use crate::failure::Failure;
use crate::secret_reference::SecretReference;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionSection {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) token: Option<SecretReference>,
    #[serde(default)]
    pub(crate) portal_id: Option<u64>,
    #[serde(default)]
    pub(crate) kind: Option<AppKind>,
    #[serde(default)]
    pub(crate) plan: Option<Plan>,
    #[serde(default)]
    pub(crate) client_id: Option<String>,
    #[serde(default)]
    pub(crate) client_secret: Option<SecretReference>,
    #[serde(default)]
    pub(crate) previous_client_secret: Option<SecretReference>,
    #[serde(default)]
    pub(crate) app_id: Option<u64>,
    #[serde(default)]
    pub(crate) journal: bool,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    #[serde(default)]
    pub(crate) optional_scopes: Vec<String>,
}

/// Where people consent, and where they come back to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OauthSection {
    pub(crate) authorize_url: Option<String>,
    pub(crate) public_url: Option<String>,
}

/// An OAuth app's part of a connection.
pub(crate) struct OauthApp<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: &'a SecretReference,
}

impl ConnectionSection {
    /// `None`: its token is configured.
    pub(crate) fn oauth(&self) -> Option<OauthApp<'_>> {
        let (client_id, client_secret) = self.client_id.as_deref().zip(self.client_secret.as_ref())?;
        self.token.is_none().then_some(OauthApp { client_id, client_secret })
    }

    /// What is assumed of its limits.
    pub(crate) fn kind(&self) -> AppKind {
        let usual = if self.token.is_none() { AppKind::PublicOauth } else { AppKind::PrivateApp };
        self.kind.unwrap_or(usual)
    }
}

impl Config {
    /// # Errors
    /// A usage failure.
    pub(super) fn check_connections(&self) -> Result<(), Failure> {
        for section in &self.connections {
            let name = quote::quoted(&section.name);
            if section.token.is_none() && section.oauth().is_none() {
                return Err(Failure::usage(format!("connection {name}: there is nothing to call with"))
                    .hint("give it a token; or client_id and client_secret of an OAuth app, which people then grant one"));
            }
            if section.previous_client_secret.is_some() && section.client_secret.is_none() {
                return Err(Failure::usage(format!(
                    "connection {name}: previous_client_secret is there and client_secret is not"
                ))
                .hint("the one of now is client_secret; webhooks may be signed with either"));
            }
            if section.oauth().is_some() && section.scopes.is_empty() {
                return Err(Failure::usage(format!("connection {name}: scopes is empty"))
                    .hint("name what people are to consent to, as in scopes = [\"oauth\", \"crm.objects.contacts.read\"]"));
            }
            if section.oauth().is_some() && self.store.key.is_none() {
                return Err(Failure::usage(format!(
                    "connection {name}: what people grant is kept sealed, and there is no [store] key to seal it with"
                ))
                .hint("`hubkeeper connections new-key` prints one; keep it in a file and name that: key = \"file:…\""));
            }
        }
        for caller in &self.callers {
            let known = |name: &&String| !self.connections.iter().any(|connection| connection.name == **name);
            if let Some(missing) = caller.connection.as_ref().filter(known) {
                let (caller, missing) = (quote::quoted(&caller.name), quote::quoted(missing));
                return Err(Failure::usage(format!("caller {caller}: there is no connection {missing}"))
                    .hint("connection is the name of one of the [[connections]]"));
            }
        }
        Ok(())
    }
}
