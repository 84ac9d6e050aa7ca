//! Every secret that the configuration names, and the production check's own section.

use ops::check::items;
use ops::check::{Attestation, Waiver};
use serde::{Deserialize, Serialize};

use super::incidents::Address;
use super::{Config, NotifySection, StoreAddress, quote};
use crate::connections::TOKEN_VARIABLE;
use crate::failure::Failure;
use crate::process;
use crate::secret_reference::SecretReference;

/// `[check]`: what people have to say about the checklist.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CheckSection {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) waivers: Vec<Waiver>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attestations: Vec<Attestation>,
}

impl CheckSection {
    /// # Errors
    /// A usage failure that names what is no point of the checklist, or says nothing.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let waived = self.waivers.iter().map(|waiver| &waiver.item);
        let attested = self.attestations.iter().map(|attested| &attested.item);
        for name in waived.chain(attested) {
            if items::find(name).is_none() {
                let named = quote::quoted(name);
                return Err(Failure::usage(format!("[check]: {named} is no point of the checklist"))
                    .hint("`hubkeeper check` names them, such as backups"));
            }
        }
        let reasons = self.waivers.iter().map(|waiver| (&waiver.item, "reason", &waiver.reason));
        let words = self.attestations.iter().map(|attested| (&attested.item, "evidence", &attested.evidence));
        match reasons.chain(words).find(|(_, _, said)| said.trim().is_empty()) {
            Some((item, key, _)) => Err(Failure::usage(format!("[check]: the {key} for {item} is empty"))
                .hint("whoever reads it next year wants to know why")),
            None => Ok(()),
        }
    }
}

impl Config {
    /// Each with its key.
    pub(crate) fn secrets(&self) -> Vec<(String, SecretReference)> {
        let mut found = Vec::new();
        let mut add = |key: String, reference: Option<&SecretReference>| {
            found.extend(reference.map(|reference| (key, reference.clone())));
        };
        for connection in &self.connections {
            add(format!("connections.{}.token", connection.name), connection.token.as_ref());
            add(format!("connections.{}.client_secret", connection.name), connection.client_secret.as_ref());
            let previous = connection.previous_client_secret.as_ref();
            add(format!("connections.{}.previous_client_secret", connection.name), previous);
        }
        for caller in &self.callers {
            add(format!("callers.{}.key", caller.name), caller.key.as_ref());
        }
        for subscriber in &self.webhooks.subscribers {
            add(format!("webhooks.{}.secret", subscriber.name()), subscriber.secret.as_ref());
        }
        add("audit.key".into(), self.audit.key.as_ref());
        if let Some(StoreAddress::Kept(reference)) = &self.store.url {
            add("store.url".into(), Some(reference));
        }
        add("store.key".into(), self.store.key.as_ref());
        add("store.key_before".into(), self.store.key_before.as_ref());
        add("admin.key".into(), self.admin.key.as_ref());
        let oidc = self.admin.oidc.as_ref().and_then(|oidc| oidc.client_secret.as_ref());
        add("admin.oidc.client_secret".into(), oidc);
        for key in &self.admin.keys {
            add(format!("admin.keys.{}.key", key.name), key.key.as_ref());
        }
        self.notify.secrets(&mut add);
        if self.connections.is_empty() && process::environment(TOKEN_VARIABLE).is_some() {
            let reference = SecretReference::Env(TOKEN_VARIABLE.to_owned());
            found.push((TOKEN_VARIABLE.to_owned(), reference));
        }
        found
    }
}

impl NotifySection {
    fn secrets(&self, add: &mut impl FnMut(String, Option<&SecretReference>)) {
        let kept = |address: Option<&Address>| match address {
            Some(Address::Kept(reference)) => Some(reference.clone()),
            Some(Address::Plain(_)) | None => None,
        };
        if let Some(chat) = &self.slack {
            add("notify.slack.url".into(), kept(chat.url.as_ref()).as_ref());
        }
        if let Some(pager) = &self.pagerduty {
            add("notify.pagerduty.routing_key".into(), pager.routing_key.as_ref());
        }
        if let Some(page) = &self.statuspage {
            add("notify.statuspage.token".into(), page.token.as_ref());
        }
        if let Some(mail) = &self.email {
            add("notify.email.smtp".into(), kept(mail.smtp.as_ref()).as_ref());
        }
        if let Some(hook) = &self.webhook {
            add("notify.webhook.secret".into(), hook.secret.as_ref());
        }
    }

    /// Who is told, by name.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let Self { slack, pagerduty, statuspage: _, email, webhook } = self;
        let named = [
            pagerduty.as_ref().map(|_| "pagerduty"),
            slack.as_ref().map(|_| "slack"),
            email.as_ref().map(|_| "email"),
            webhook.as_ref().map(|_| "webhook"),
        ];
        named.into_iter().flatten().collect()
    }
}
