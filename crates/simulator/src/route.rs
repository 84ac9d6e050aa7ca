//! What a method and a path mean to HubSpot, written from the facts and apart from the client's catalogue.

mod rules;

use crate::call::Call;
use rules::{action, draws, family, is_version, object_type};

pub use rules::object_name;

/// The part of the API a call belongs to. The names are those of the `family` parameter of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    Objects,
    Search,
    Associations,
    Properties,
    Pipelines,
    Owners,
    Schemas,
    Lists,
    Imports,
    Exports,
    Limits,
    Account,
    Oauth,
    Webhooks,
    WebhooksJournal,
    Events,
    Marketing,
    CommunicationPreferences,
    Automation,
    Cms,
    Other,
}

/// What a call does to records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Read,
    Create,
    Update,
    Archive,
    BatchRead,
    BatchCreate,
    BatchUpdate,
    BatchUpsert,
    BatchArchive,
}

/// Which budgets one call draws on (facts §1.4, `x-hubspot-rate-limit-exemptions` in HubSpot's public specs).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draws {
    /// Burst and daily.
    Ordinary,
    /// Burst alone.
    BurstOnly,
    /// 5 per second and daily; exempt from the burst window.
    Search,
    /// The associations window and daily; exempt from the burst window.
    Associations,
    /// Exempt from the burst window, with no window of its own.
    DailyOnly,
    /// Exempt from everything.
    Nothing,
}

/// The meaning of one method and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub family: Family,
    pub action: Action,
    pub draws: Draws,
    /// `v3`, `2026-03`, … as the path spells it.
    pub version: Option<String>,
    /// The plural name (`contacts`), also where the path gave the id; custom types stay `2-123`.
    pub object_type: Option<String>,
    /// The path without the version.
    bare: Vec<String>,
}

impl Action {
    pub const fn is_batch(self) -> bool {
        match self {
            Self::BatchRead
            | Self::BatchCreate
            | Self::BatchUpdate
            | Self::BatchUpsert
            | Self::BatchArchive => true,
            Self::Read | Self::Create | Self::Update | Self::Archive => false,
        }
    }

    pub const fn is_write(self) -> bool {
        !matches!(self, Self::Read | Self::BatchRead)
    }

    pub const fn is_create(self) -> bool {
        matches!(self, Self::Create | Self::BatchCreate)
    }

    /// Sets property values: creates and updates, singly or in batches.
    pub const fn sets_values(self) -> bool {
        self.is_write() && !matches!(self, Self::Archive | Self::BatchArchive)
    }
}

impl Route {
    pub fn of(call: &Call) -> Self {
        let parts = call.segments();
        let version_at = parts.iter().take(4).position(|part| is_version(part));
        let bare: Vec<&str> = parts
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != version_at)
            .map(|(_, part)| *part)
            .collect();
        let family = family(&bare, &call.method);
        Self {
            family,
            action: action(&call.method, &bare, family),
            draws: draws(&call.method, &bare, family),
            version: version_at.map(|at| parts[at].to_owned()),
            object_type: object_type(&bare),
            bare: bare.into_iter().map(str::to_owned).collect(),
        }
    }

    /// The path cut at its slashes, without the version.
    pub fn bare(&self) -> Vec<&str> {
        self.bare.iter().map(String::as_str).collect()
    }

    /// Is this one of the `contacts`, `deals`, … or does it belong to the family so named?
    pub fn is_about(&self, name: &str) -> bool {
        self.object_type.as_deref() == Some(object_name(name)) || self.family.name() == name
    }

    /// Version 2026-09 and later enforce what an administrator made required (facts §2.2).
    pub fn enforces_required_properties(&self) -> bool {
        self.version.as_deref().is_some_and(|version| version.starts_with("20") && version >= "2026-09")
    }
}

impl Family {
    pub const ALL: [Self; 21] = [
        Self::Objects,
        Self::Search,
        Self::Associations,
        Self::Properties,
        Self::Pipelines,
        Self::Owners,
        Self::Schemas,
        Self::Lists,
        Self::Imports,
        Self::Exports,
        Self::Limits,
        Self::Account,
        Self::Oauth,
        Self::Webhooks,
        Self::WebhooksJournal,
        Self::Events,
        Self::Marketing,
        Self::CommunicationPreferences,
        Self::Automation,
        Self::Cms,
        Self::Other,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Search => "search",
            Self::Associations => "associations",
            Self::Properties => "properties",
            Self::Pipelines => "pipelines",
            Self::Owners => "owners",
            Self::Schemas => "schemas",
            Self::Lists => "lists",
            Self::Imports => "imports",
            Self::Exports => "exports",
            Self::Limits => "limits",
            Self::Account => "account",
            Self::Oauth => "oauth",
            Self::Webhooks => "webhooks",
            Self::WebhooksJournal => "webhooks_journal",
            Self::Events => "events",
            Self::Marketing => "marketing",
            Self::CommunicationPreferences => "communication_preferences",
            Self::Automation => "automation",
            Self::Cms => "cms",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn route(line: &str) -> Route {
        let (method, path) = line.split_once(' ').expect("method and path");
        Route::of(&Call::bare(method.parse().expect("a method"), path))
    }

    #[rstest]
    #[case("GET /crm/v3/objects/contacts", Family::Objects, Draws::Ordinary)]
    #[case("POST /crm/v3/objects/contacts/search", Family::Search, Draws::Search)]
    #[case("POST /crm/objects/2026-03/0-3/search", Family::Search, Draws::Search)]
    #[case(
        "POST /crm/v4/associations/contacts/companies/batch/create",
        Family::Associations,
        Draws::Associations
    )]
    #[case("POST /crm/associations/2026-09/0-1/0-2/batch/read", Family::Associations, Draws::Associations)]
    #[case("GET /crm/associations/v4/contacts/deals/labels", Family::Associations, Draws::Associations)]
    #[case("GET /crm/v3/associations/contacts/deals/types", Family::Associations, Draws::Associations)]
    #[case(
        "PUT /crm/v4/objects/contacts/1/associations/default/companies/2",
        Family::Associations,
        Draws::Ordinary
    )]
    #[case("GET /crm/objects/2026-03/contacts/1/associations/deals", Family::Associations, Draws::Ordinary)]
    #[case("GET /webhooks-journal/journal/2026-03/latest", Family::WebhooksJournal, Draws::Nothing)]
    #[case("POST /events/v3/send", Family::Events, Draws::Nothing)]
    #[case("POST /events/custom/2026-03/send/batch", Family::Events, Draws::Nothing)]
    #[case("GET /events/v3/events", Family::Events, Draws::Ordinary)]
    #[case("POST /marketing/v3/emails/1/publish", Family::Marketing, Draws::DailyOnly)]
    #[case("POST /marketing/v3/transactional/single-email/send", Family::Marketing, Draws::Nothing)]
    #[case("GET /account-info/v3/details", Family::Account, Draws::Ordinary)]
    #[case("GET /account-info/v3/api-usage/daily/private-apps", Family::Account, Draws::BurstOnly)]
    #[case("POST /oauth/v3/token", Family::Oauth, Draws::Nothing)]
    fn families_and_exemptions(#[case] line: &str, #[case] family: Family, #[case] draws: Draws) {
        let route = route(line);
        assert_eq!((route.family, route.draws), (family, draws));
    }

    #[rstest]
    #[case("GET /crm/v3/objects/contacts/1", Action::Read)]
    #[case("POST /crm/v3/objects/contacts", Action::Create)]
    #[case("PATCH /crm/v3/objects/contacts/1", Action::Update)]
    #[case("DELETE /crm/v3/objects/contacts/1", Action::Archive)]
    #[case("POST /crm/objects/2026-03/contacts/batch/read", Action::BatchRead)]
    #[case("POST /crm/v3/objects/contacts/batch/upsert", Action::BatchUpsert)]
    #[case("POST /crm/v3/objects/contacts/search", Action::Read)]
    fn actions(#[case] line: &str, #[case] action: Action) {
        assert_eq!(route(line).action, action);
    }

    #[test]
    fn a_type_id_means_the_type() {
        let deals = route("GET /crm/objects/2026-09-beta/0-3/17");
        assert_eq!(deals.object_type.as_deref(), Some("deals"));
        assert_eq!(deals.version.as_deref(), Some("2026-09-beta"));
        assert!(deals.is_about("deals") && deals.is_about("0-3") && deals.is_about("objects"));
        assert!(!deals.is_about("contacts"));
        assert!(deals.enforces_required_properties());
        assert!(!route("GET /crm/v3/objects/deals").enforces_required_properties());
    }
}
