//! When an incident is opened, what we may do about it, and who is told: `[incidents]` and `[notify]`.

use std::collections::BTreeMap;
use std::fmt;

use incident::code::Severity;
use incident::detector::RuleId;
use incident::detector::settings::{RuleSeverity, Settings as Detectors, Thresholds};
use incident::engine::{Response, Settings};
use incident::mitigation::{Mitigation, Permission};
use incident::slo::Objectives;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::failure::Failure;
use crate::secret_reference::SecretReference;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IncidentsSection {
    pub(crate) enabled: bool,
    pub(crate) front_door_seconds: u64,
    pub(crate) thresholds: Thresholds,
    pub(crate) objectives: Objectives,
    pub(crate) severities: BTreeMap<RuleId, RuleSeverity>,
    pub(crate) response: Response,
    pub(crate) mitigations: BTreeMap<Mitigation, Permission>,
    pub(crate) dependencies: Vec<DependencySection>,
}

/// Something else that the company's programs need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DependencySection {
    pub(crate) name: String,
    pub(crate) check: String,
}

/// Who is told. A channel that is not there is not told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NotifySection {
    pub(crate) slack: Option<SlackSection>,
    pub(crate) pagerduty: Option<PagerDutySection>,
    pub(crate) statuspage: Option<StatuspageSection>,
    pub(crate) email: Option<EmailSection>,
    pub(crate) webhook: Option<WebhookSection>,
}

// What a channel cannot do without is optional here, so that it can be set one variable at a time, and is missed in the end.

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SlackSection {
    pub(crate) url: Option<Address>,
    pub(crate) mildest: Option<Severity>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PagerDutySection {
    pub(crate) routing_key: Option<SecretReference>,
    pub(crate) url: Option<Address>,
    pub(crate) mildest: Option<Severity>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StatuspageSection {
    pub(crate) page_id: Option<String>,
    pub(crate) token: Option<SecretReference>,
    pub(crate) url: Option<Address>,
    /// Component ids that depend on HubSpot.
    pub(crate) components: Vec<String>,
    pub(crate) mildest: Option<Severity>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EmailSection {
    pub(crate) smtp: Option<Address>,
    pub(crate) starttls: Option<StartTls>,
    pub(crate) from: Option<String>,
    pub(crate) to: Vec<String>,
    pub(crate) mildest: Option<Severity>,
}

/// Whether an `smtp://` conversation goes on under TLS (RFC 3207).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StartTls {
    /// Or nothing is sent.
    Required,
    /// Where the server offers it.
    Opportunistic,
    None,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WebhookSection {
    pub(crate) url: Option<Address>,
    pub(crate) secret: Option<SecretReference>,
    pub(crate) mildest: Option<Severity>,
}

/// What a channel cannot do without.
///
/// # Errors
/// A usage failure that names the key.
pub(crate) fn needed<'a, T>(key: &str, value: Option<&'a T>) -> Result<&'a T, Failure> {
    value.ok_or_else(|| {
        Failure::usage(format!("{key} is missing")).hint(
            "set it, or leave the whole channel out; `hubkeeper config default` shows each channel's keys",
        )
    })
}

impl NotifySection {
    /// # Errors
    /// A usage failure that names what a channel lacks.
    pub(super) fn complete(&self) -> Result<(), Failure> {
        if let Some(slack) = &self.slack {
            needed("notify.slack.url", slack.url.as_ref())?;
        }
        if let Some(pager) = &self.pagerduty {
            needed("notify.pagerduty.routing_key", pager.routing_key.as_ref())?;
        }
        if let Some(page) = &self.statuspage {
            needed("notify.statuspage.page_id", page.page_id.as_ref())?;
            needed("notify.statuspage.token", page.token.as_ref())?;
        }
        if let Some(mail) = &self.email {
            needed("notify.email.smtp", mail.smtp.as_ref())?;
            needed("notify.email.from", mail.from.as_ref())?;
        }
        if let Some(hook) = &self.webhook {
            needed("notify.webhook.url", hook.url.as_ref())?;
            needed("notify.webhook.secret", hook.secret.as_ref())?;
        }
        Ok(())
    }
}

/// An address that may itself be a secret, as Slack's are: written out, or a reference. Shown without its path.
#[derive(Clone, PartialEq)]
pub(crate) enum Address {
    Plain(String),
    Kept(SecretReference),
}

impl Address {
    /// # Errors
    /// A usage failure that names the reference, never the address.
    pub(crate) fn resolve(&self) -> Result<String, Failure> {
        match self {
            Self::Plain(url) => Ok(url.clone()),
            Self::Kept(reference) => Ok(reference.resolve()?.expose().to_owned()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(url) => f.write_str(&origin(url)),
            Self::Kept(reference) => write!(f, "{reference}"),
        }
    }
}

/// What comes after the host may be a secret, and so may what comes before it.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}/")
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if ["http://", "https://", "smtp://", "smtps://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Ok(Self::Plain(text));
        }
        let reference = serde::de::value::StringDeserializer::<D::Error>::new(text);
        SecretReference::deserialize(reference).map(Self::Kept)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}

impl Default for IncidentsSection {
    fn default() -> Self {
        Self {
            enabled: true,
            front_door_seconds: 60,
            thresholds: Thresholds::default(),
            objectives: Objectives::default(),
            severities: BTreeMap::new(),
            response: Response::default(),
            mitigations: BTreeMap::new(),
            dependencies: Vec::new(),
        }
    }
}

impl IncidentsSection {
    /// What is no share would switch a rule off without a word.
    ///
    /// # Errors
    /// A usage failure that names the key.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let Self { thresholds: above, objectives: at_most, .. } = self;
        let process_percent = above.process_percent as f64;
        for (key, value) in [
            ("thresholds.error_percent", above.error_percent),
            ("thresholds.rejected_percent", above.rejected_percent),
            ("thresholds.daily_percent", above.daily_percent),
            ("thresholds.disk_free_percent", above.disk_free_percent),
            ("thresholds.process_percent", process_percent),
        ] {
            (0.0..=100.0).contains(&value).then_some(()).ok_or_else(|| no_percentage(key, value))?;
        }
        for (key, value) in [
            ("objectives.failed_calls_percent", at_most.failed_calls_percent),
            ("objectives.slow_answers_percent", at_most.slow_answers_percent),
            ("objectives.late_webhooks_percent", at_most.late_webhooks_percent),
            ("objectives.failed_jobs_percent", at_most.failed_jobs_percent),
        ] {
            (value > 0.0 && value <= 100.0).then_some(()).ok_or_else(|| no_percentage(key, value))?;
        }
        if above.error_minutes == 0 {
            return Err(Failure::usage("incidents.thresholds.error_minutes is 0, over which nothing fails")
                .hint("5 is usual; to be told of nothing, write error_rate = \"off\" under [incidents.severities]"));
        }
        Ok(())
    }

    /// `can` is what this program is able to do.
    pub(crate) fn settings(&self, can: &[Mitigation]) -> Settings {
        Settings {
            detectors: Detectors {
                thresholds: self.thresholds,
                objectives: self.objectives,
                severities: self.severities.clone(),
            },
            response: self.response,
            permissions: can
                .iter()
                .map(|able| (*able, self.mitigations.get(able).copied().unwrap_or_default()))
                .collect(),
        }
    }
}

fn no_percentage(key: &str, value: f64) -> Failure {
    Failure::usage(format!("incidents.{key} is {value}, which is no percentage")).hint(
        "write a percentage up to 100, such as 5.0; a rule is switched off under [incidents.severities]",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_may_be_secret() {
        let told = |url: &str| format!("{:?}", Address::Plain(url.into()));
        assert_eq!(told("https://hooks.slack.com/services/T0/B0/x"), "https://hooks.slack.com/");
        assert_eq!(told("smtp://me:password@mail.example:25"), "smtp://mail.example:25/");
    }
}
