//! The limits a call draws on.

use std::fmt;

use http::Method;

use super::family::ApiFamily;
use super::path::Path;

/// One HubSpot limit being spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Budget {
    /// Rolling 10 s, per app and portal.
    Burst,
    /// 5 per second per portal, without headers.
    Search,
    /// The associations API's own rolling 10 s.
    Associations,
    /// Reads of the webhooks journal: 100 per second and app, without headers.
    Journal,
    /// Per portal, until midnight there.
    Daily,
}

/// The budgets one call draws on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct BudgetSet(u8);

impl Budget {
    pub const ALL: [Self; 5] = [Self::Burst, Self::Search, Self::Associations, Self::Journal, Self::Daily];

    /// Its name in logs, metrics and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Search => "search",
            Self::Associations => "associations",
            Self::Journal => "journal",
            Self::Daily => "daily",
        }
    }
}

impl BudgetSet {
    /// Draws on nothing.
    pub const NONE: Self = Self(0);

    #[must_use]
    pub const fn with(self, budget: Budget) -> Self {
        Self(self.0 | 1 << budget as u8)
    }

    pub const fn contains(self, budget: Budget) -> bool {
        self.0 & (1 << budget as u8) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Budget> {
        Budget::ALL.into_iter().filter(move |budget| self.contains(*budget))
    }
}

/// `{burst, daily}`.
impl fmt::Debug for BudgetSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut set = f.debug_set();
        for budget in self.iter() {
            set.entry(&format_args!("{}", budget.name()));
        }
        set.finish()
    }
}

/// HubSpot's specs name the exemptions (`x-hubspot-rate-limit-exemptions`, facts §1.4): from the burst
/// limit, or from burst and daily both. Exempt is not unlimited: search and associations have their own.
pub(super) fn budgets_of(method: &Method, path: &Path<'_>, family: ApiFamily) -> BudgetSet {
    const DAILY: BudgetSet = BudgetSet::NONE.with(Budget::Daily);
    const ORDINARY: BudgetSet = DAILY.with(Budget::Burst);
    match (family, path.words()) {
        (ApiFamily::Search, _) => DAILY.with(Budget::Search),
        (ApiFamily::Associations, _) if is_burst_exempt_association(path) => DAILY.with(Budget::Associations),
        (ApiFamily::Associations, _) => ORDINARY.with(Budget::Associations),
        (ApiFamily::WebhooksJournal, ["webhooks-journal", "journal" | "journal-local", ..]) => {
            BudgetSet::NONE.with(Budget::Journal)
        }
        // Token calls carry no access token to count against, and have a limit of their own (facts §5.2).
        (ApiFamily::OAuth | ApiFamily::WebhooksJournal, _) => BudgetSet::NONE,
        (ApiFamily::Events, [.., "send"] | [.., "send", "batch"]) if method == Method::POST => {
            BudgetSet::NONE
        }
        (ApiFamily::Marketing, [.., "single-email", "send"] | [.., "single-send"]) => BudgetSet::NONE,
        (ApiFamily::Marketing, ["marketing", "emails", _, "publish" | "unpublish"]) => DAILY,
        (ApiFamily::Cms, ["cms", "source-code", _, "content" | "metadata" | "validate", ..]) => DAILY,
        (ApiFamily::Automation, ["automation", "flows"]) if method == Method::POST => DAILY,
        (ApiFamily::Automation, ["automation", "flows", _]) if method == Method::PUT => DAILY,
        _ => ORDINARY,
    }
}

/// Exempt from burst: batch calls, usage reports and v3 `types` everywhere; labels and configuration where the
/// version follows `associations`. Under `/crm/v4/associations/…` HubSpot exempts no labels, and calls on a
/// single record (`/crm/v4/objects/…/associations/…`) never (facts §1.4, §4.1).
fn is_burst_exempt_association(path: &Path<'_>) -> bool {
    let version_follows = path.version_position() == Some(2);
    match path.words() {
        ["crm", "associations", "definitions", "configurations", ..] => version_follows,
        ["crm", "associations", "usage", "high-usage-report", ..] => true,
        ["crm", "associations", _, _, "batch", ..] => true,
        ["crm", "associations", _, _, "types"] => true,
        ["crm", "associations", _, _, "labels", ..] => version_follows,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::classify;
    use super::*;

    #[rstest]
    #[case("GET", "/crm/v3/objects/contacts/1", "{burst, daily}")]
    #[case("POST", "/crm/v3/objects/contacts/search", "{search, daily}")]
    #[case("POST", "/crm/v3/lists/search", "{burst, daily}")]
    #[case("POST", "/crm/v4/associations/contacts/deals/batch/read", "{associations, daily}")]
    #[case("POST", "/crm/associations/2026-03/0-1/0-3/batch/labels/archive", "{associations, daily}")]
    #[case("GET", "/crm/associations/v4/contacts/deals/labels", "{associations, daily}")]
    #[case("GET", "/crm/v4/associations/contacts/deals/labels", "{burst, associations, daily}")]
    #[case("GET", "/crm/v4/objects/contacts/1/associations/deals", "{burst, associations, daily}")]
    #[case(
        "PUT",
        "/crm/objects/2026-03/contacts/1/associations/default/deals/2",
        "{burst, associations, daily}"
    )]
    #[case("GET", "/webhooks-journal/journal/2026-03/latest", "{journal}")]
    #[case("POST", "/webhooks-journal/journal-local/2026-03/batch/read", "{journal}")]
    #[case("GET", "/webhooks-journal/subscriptions/2026-03", "{}")]
    #[case("POST", "/events/v3/send", "{}")]
    #[case("POST", "/events/custom/2026-03/send/batch", "{}")]
    #[case("GET", "/events/v3/event-definitions/send", "{burst, daily}")]
    #[case("POST", "/marketing/v3/transactional/single-email/send", "{}")]
    #[case("POST", "/marketing/v4/email/single-send", "{}")]
    #[case("POST", "/marketing/v3/emails/1/publish", "{daily}")]
    #[case("PUT", "/cms/v3/source-code/draft/content/a/b.html", "{daily}")]
    #[case("POST", "/automation/v4/flows", "{daily}")]
    #[case("GET", "/automation/v4/flows", "{burst, daily}")]
    #[case("POST", "/oauth/v1/token", "{}")]
    fn each_call_draws_on_its_budgets(#[case] method: Method, #[case] path: &str, #[case] budgets: &str) {
        assert_eq!(format!("{:?}", classify(&method, path).budgets), budgets);
    }
}
