//! `[admin.oidc]`: the identity provider that people log in to the admin listener by.

use http::Uri;
use serde::{Deserialize, Serialize};

use super::is_loopback;
use crate::failure::Failure;
use crate::secret_reference::SecretReference;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcSection {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    #[serde(default)]
    pub(crate) client_secret: Option<SecretReference>,
    #[serde(default)]
    pub(crate) public_url: Option<String>,
    #[serde(default = "usual_scopes")]
    pub(crate) scopes: Vec<String>,
    #[serde(default = "usual_claim")]
    pub(crate) claim: String,
    #[serde(default)]
    pub(crate) name_claim: Option<String>,
    #[serde(default)]
    pub(crate) roles: OidcRoles,
}

/// Values of the claim, by the role that they give.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OidcRoles {
    pub(crate) viewer: Vec<String>,
    pub(crate) operator: Vec<String>,
    pub(crate) admin: Vec<String>,
}

fn usual_scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

fn usual_claim() -> String {
    "groups".to_owned()
}

impl OidcSection {
    pub(super) fn check(&self) -> Result<(), Failure> {
        if !is_safe(&self.issuer) {
            return Err(Failure::usage("admin.oidc.issuer is not an https address").hint(
                "it is what the provider calls itself in its discovery document, such as https://login.example.com/realms/main",
            ));
        }
        let no_public = || Failure::usage("admin.oidc.public_url is no address that a browser can go to");
        if self.public_url.as_deref().is_some_and(|url| url.parse::<Uri>().is_err() || !url.contains("://")) {
            return Err(no_public()
                .hint("write where people reach the admin listener: https://hubkeeper.internal.example"));
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Err(Failure::usage("admin.oidc.scopes is without `openid`")
                .hint("without that scope a provider gives no id token"));
        }
        let OidcRoles { viewer, operator, admin } = &self.roles;
        if viewer.is_empty() && operator.is_empty() && admin.is_empty() {
            return Err(Failure::usage("admin.oidc.roles names no group: nobody could log in")
                .hint("write, under [admin.oidc.roles], such as operator = [\"sre\"]"));
        }
        Ok(())
    }
}

/// https; or this machine, where nobody is in between.
fn is_safe(issuer: &str) -> bool {
    let Ok(uri) = issuer.parse::<Uri>() else { return false };
    match (uri.scheme_str(), uri.authority()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(authority)) => is_loopback(authority.as_str()),
        _ => false,
    }
}
