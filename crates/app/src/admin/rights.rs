//! What may be done on the admin listener, by role. Every route is in one table, with what it takes; a route that is in no line
//! takes the most. Like the callers' rights, what is missing is named and audited.

use axum::http::Method;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Who may do what, as people know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AdminRole {
    /// Sees how everything stands.
    Viewer,
    /// Besides, sees what writes and events hold, and acts.
    Operator,
    /// Besides, has credentials in hand.
    Admin,
}

/// What a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// Nothing: it tells nothing, or is known by something else.
    Open,
    /// Counts, states, names of ours. No personal data.
    Look,
    /// What people's records hold, and their ids.
    Content,
    /// Changes something that can be changed back or done again.
    Act,
    /// Connections' tokens, and where secrets come from.
    Credentials,
}

/// Method, path and what it takes.
type Line = (&'static str, &'static str, Right);

/// Pages and the API alike. `{…}` is one segment, `{*…}` the rest.
pub(crate) const ROUTES: &[Line] = &[
    ("GET", "/health", Right::Open),
    ("GET", "/readiness", Right::Open),
    ("GET", "/login", Right::Open),
    ("POST", "/login", Right::Open),
    ("GET", "/login/oidc", Right::Open),
    // The issuer sends people there; they are known by what their browser holds.
    ("GET", "/login/callback", Right::Open),
    ("GET", "/console.css", Right::Open),
    ("GET", "/console.js", Right::Open),
    // HubSpot sends people there; they are known by `state`.
    ("GET", "/oauth/callback", Right::Open),
    ("POST", "/logout", Right::Look),
    ("GET", "/", Right::Look),
    ("GET", "/incidents", Right::Look),
    ("GET", "/incidents/{id}", Right::Look),
    ("GET", "/drill", Right::Look),
    ("GET", "/metrics", Right::Look),
    ("GET", "/api/v1/traffic", Right::Look),
    ("GET", "/api/v1/quota", Right::Look),
    ("GET", "/api/v1/incidents", Right::Look),
    ("GET", "/api/v1/incidents/{id}", Right::Look),
    ("GET", "/api/v1/incidents/{id}/postmortem", Right::Look),
    ("GET", "/api/v1/incidents/{id}/recordings", Right::Look),
    ("GET", "/api/v1/degraded", Right::Look),
    ("GET", "/api/v1/connections", Right::Look),
    ("GET", "/api/v1/connections/scopes", Right::Look),
    ("GET", "/api/v1/outbox", Right::Look),
    ("GET", "/api/v1/webhooks", Right::Look),
    ("GET", "/api/v1/webhooks/replays", Right::Look),
    ("GET", "/api/v1/webhooks/journal", Right::Look),
    ("GET", "/api/v1/webhooks/subscribers", Right::Look),
    // A slot is lent so that who only looks stays within HubSpot's limits.
    ("POST", "/api/v1/slots", Right::Look),
    ("DELETE", "/api/v1/slots/{number}", Right::Look),
    ("GET", "/api/v1/outbox/operations", Right::Content),
    ("GET", "/api/v1/outbox/operations/{id}", Right::Content),
    ("GET", "/api/v1/webhooks/events", Right::Content),
    ("GET", "/api/v1/webhooks/events/{id}", Right::Content),
    ("GET", "/api/v1/webhooks/letters", Right::Content),
    ("GET", "/api/v1/webhooks/purges", Right::Content),
    ("GET", "/api/v1/webhooks/quarantine", Right::Content),
    ("GET", "/api/v1/webhooks/quarantine/{id}", Right::Content),
    ("POST", "/api/v1/privacy/find", Right::Content),
    ("POST", "/switches", Right::Act),
    ("POST", "/incidents/{id}/{verb}", Right::Act),
    ("POST", "/drill", Right::Act),
    ("POST", "/api/v1/changes", Right::Act),
    ("POST", "/api/v1/incidents/{id}/{verb}", Right::Act),
    ("POST", "/api/v1/jobs/{name}/{step}", Right::Act),
    ("POST", "/api/v1/maintenance", Right::Act),
    ("POST", "/api/v1/degraded", Right::Act),
    ("POST", "/api/v1/connections/{name}/check", Right::Act),
    ("PATCH", "/api/v1/outbox/operations/{id}", Right::Act),
    ("DELETE", "/api/v1/outbox/operations/{id}", Right::Act),
    ("POST", "/api/v1/outbox/operations/{id}/replay", Right::Act),
    ("POST", "/api/v1/outbox/operations/{id}/cancel", Right::Act),
    ("POST", "/api/v1/outbox/replay", Right::Act),
    ("POST", "/api/v1/outbox/cancel", Right::Act),
    ("POST", "/api/v1/outbox/drop", Right::Act),
    ("POST", "/api/v1/webhooks/letters/drop", Right::Act),
    ("POST", "/api/v1/webhooks/replay", Right::Act),
    ("POST", "/api/v1/webhooks/verify", Right::Act),
    ("POST", "/api/v1/webhooks/switch", Right::Act),
    ("POST", "/api/v1/webhooks/send-test", Right::Act),
    // Events go wherever a subscriber is, and its secret is in the answer.
    ("POST", "/api/v1/webhooks/subscribers", Right::Credentials),
    ("DELETE", "/api/v1/webhooks/subscribers/{*name}", Right::Credentials),
    // What goes does not come back.
    ("POST", "/api/v1/privacy/forget", Right::Credentials),
    ("GET", "/oauth/connect/{name}", Right::Credentials),
    ("POST", "/api/v1/connections/rewrap", Right::Credentials),
    ("DELETE", "/api/v1/connections/{name}", Right::Credentials),
    ("POST", "/api/v1/connections/{name}/authorize", Right::Credentials),
    ("POST", "/api/v1/connections/{name}/rotate", Right::Credentials),
    ("POST", "/api/v1/secrets/reload", Right::Credentials),
];

/// What a request takes, and the route it is for, without ids.
pub(crate) fn needed(method: &Method, path: &str) -> (Right, &'static str) {
    // Axum answers HEAD with what it would answer to GET.
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let line = ROUTES.iter().find(|(own, pattern, _)| *own == method && fits(pattern, path));
    match line {
        Some((_, pattern, right)) => (*right, pattern),
        // There is nothing there, whoever asks.
        None if method == "GET" && !path.starts_with("/api/") => (Right::Look, "elsewhere"),
        None => (Right::Credentials, "elsewhere"),
    }
}

/// Literal segments come before named ones in the table, as they do in the router.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut own, mut asked) = (pattern.split('/'), path.split('/'));
    loop {
        match (own.next(), asked.next()) {
            (None, None) => return true,
            (Some(segment), Some(_)) if segment.starts_with("{*") => return true,
            (Some(segment), Some(word)) if segment.starts_with('{') && !word.is_empty() => {}
            (Some(segment), Some(word)) if segment == word => {}
            _ => return false,
        }
    }
}

impl AdminRole {
    pub(crate) const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    pub(crate) const fn has(self, right: Right) -> bool {
        match (self, right) {
            (Self::Admin, _) | (_, Right::Open | Right::Look) => true,
            (Self::Operator, Right::Content | Right::Act) => true,
            (Self::Viewer, Right::Content | Right::Act)
            | (Self::Viewer | Self::Operator, Right::Credentials) => false,
        }
    }
}

impl Right {
    /// Its name in a denial.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "admin.open",
            Self::Look => "admin.look",
            Self::Content => "admin.content",
            Self::Act => "admin.act",
            Self::Credentials => "admin.credentials",
        }
    }

    /// The roles that have it.
    pub(crate) fn roles(self) -> impl Iterator<Item = &'static str> {
        AdminRole::ALL.into_iter().filter(move |role| role.has(self)).map(AdminRole::name)
    }
}
