//! `[admin]`: the admin listener, and who may do what on it.

use std::path::PathBuf;

use gateway::admit::KeyDigest;
use serde::{Deserialize, Serialize};

use super::{OidcSection, is_loopback, quote};
use crate::admin::AdminRole;
use crate::failure::Failure;
use crate::secret_reference::SecretReference;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AdminSection {
    pub(crate) listen: String,
    pub(crate) names: Vec<String>,
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) key: Option<SecretReference>,
    pub(crate) key_sha256: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) keys: Vec<AdminKeySection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) oidc: Option<OidcSection>,
}

/// A key with a name and a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdminKeySection {
    pub(crate) name: String,
    pub(crate) role: AdminRole,
    #[serde(default)]
    pub(crate) key: Option<SecretReference>,
    #[serde(default)]
    pub(crate) key_sha256: Option<String>,
}

const HINT: &str =
    "`hubkeeper callers new-key` prints a key and its hash: key_sha256 = \"…\", or key = \"file:…\"";

impl AdminSection {
    /// Nobody gets in who shows nothing.
    pub(crate) fn is_locked(&self) -> bool {
        self.key.is_some() || self.key_sha256.is_some() || !self.keys.is_empty() || self.oidc.is_some()
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.key.is_some() && self.key_sha256.is_some() {
            return Err(Failure::usage("[admin] has both key and key_sha256").hint("one of them is enough"));
        }
        if self.key_sha256.as_deref().is_some_and(|digest| KeyDigest::parse(digest).is_none()) {
            return Err(Failure::usage("admin.key_sha256 is not 64 hexadecimal digits").hint(HINT));
        }
        self.keys.iter().try_for_each(AdminKeySection::check)?;
        super::check::unique("admin.keys", self.keys.iter().map(|key| &key.name))?;
        self.oidc.as_ref().map_or(Ok(()), OidcSection::check)?;
        if !self.is_locked() && !is_loopback(&self.listen) {
            return Err(Failure::usage(format!(
                "the admin API on {} without a key would be open to everyone who can connect",
                self.listen
            ))
            .hint(format!(
                "give [admin] a key, or listen on 127.0.0.1 (admin.listen, or --admin-listen); {HINT}"
            )));
        }
        Ok(())
    }
}

impl AdminKeySection {
    fn check(&self) -> Result<(), Failure> {
        let named = quote::quoted(&self.name);
        let wrong = |what: &str| Failure::usage(format!("admin key {named}: {what}")).hint(HINT);
        match (&self.key, self.key_sha256.as_deref()) {
            (None, None) | (Some(_), Some(_)) => Err(wrong("it needs either key or key_sha256")),
            (None, Some(digest)) if KeyDigest::parse(digest).is_none() => {
                Err(wrong("key_sha256 is not 64 hexadecimal digits"))
            }
            (Some(_), None) | (None, Some(_)) => Ok(()),
        }
    }
}

impl Default for AdminSection {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8401".into(),
            names: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            key: None,
            key_sha256: None,
            keys: Vec::new(),
            oidc: None,
        }
    }
}
