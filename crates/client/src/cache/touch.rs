//! What a write may change: whatever it might, rather than what it surely does.
//!
//! Follow-ups that HubSpot computes later (roll-ups, list memberships, workflows) are nobody's write here; what
//! depends on them lives only as long as its time allows.

use http::Method;
use hubspot::endpoint::{ApiFamily, Endpoint, Path};

use super::areas::Areas;
use super::kind::{Kind, Kinds};
use super::needs::record_id;
use super::target;

mod inputs;

/// What one write may change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Touch {
    /// These records.
    pub(crate) records: Vec<(Kind, u64)>,
    /// Any record of these kinds.
    pub(crate) whole: Kinds,
    /// Which records of these kinds there are, and what they are linked to.
    pub(crate) members: Kinds,
    pub(crate) definitions: bool,
    /// Whatever is in these parts of the API.
    pub(crate) areas: Areas,
    pub(crate) everything: bool,
    /// The person is to be forgotten: what is kept goes now, and not when its room is needed.
    pub(crate) purge: bool,
}

impl Touch {
    /// What a call may change. `body` is what is at hand of it: all, or nothing.
    pub(crate) fn of_call(method: &Method, target: &str, endpoint: &Endpoint, body: Option<&[u8]>) -> Self {
        if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Self::default();
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let words = Path::read(path);
        let words = words.words();
        match endpoint.family {
            _ if reads(words) => Self::default(),
            ApiFamily::Objects => {
                let touch = Self::of_objects(method, words, query, body);
                let shown = words.get(2).map_or(Areas::NONE, |kind| Areas::showing(kind));
                Self { areas: touch.areas.or(shown), ..touch }
            }
            ApiFamily::Associations => Self::of_associations(words, body),
            ApiFamily::Owners => Self { definitions: true, ..Self::default() },
            family @ ApiFamily::Settings => Self { definitions: true, ..Self::area(family) },
            // Opting out is written on the contact, and so is what a form brings.
            ApiFamily::CommunicationPreferences => Self::whole(Kind::CONTACT),
            family @ ApiFamily::Forms => {
                Self { definitions: true, areas: Areas::of(family), ..Self::whole(Kind::CONTACT) }
            }
            // What an e-mail that is sent changes (statistics), HubSpot works out later.
            ApiFamily::Marketing if sends(words) => Self::default(),
            family @ ApiFamily::Marketing if words.contains(&"marketing-events") => {
                Self { areas: Areas::of(family), ..Self::whole(Kind::CONTACT) }
            }
            family @ ApiFamily::Events => {
                Self { definitions: words.contains(&"event-definitions"), ..Self::area(family) }
            }
            // A property that goes, goes from every record. An import may change anything.
            ApiFamily::Properties
            | ApiFamily::Pipelines
            | ApiFamily::Schemas
            | ApiFamily::Imports
            | ApiFamily::Other => Self::everything(),
            ApiFamily::Search
            | ApiFamily::Exports
            | ApiFamily::Limits
            | ApiFamily::OAuth
            | ApiFamily::WebhooksJournal => Self::default(),
            family @ (ApiFamily::Lists
            | ApiFamily::Account
            | ApiFamily::Webhooks
            | ApiFamily::Marketing
            | ApiFamily::Automation
            | ApiFamily::Cms
            | ApiFamily::Files
            | ApiFamily::Conversations) => Self::area(family),
        }
    }

    /// It changes records or definitions of whatever kind.
    pub(crate) fn is_of_the_crm(&self) -> bool {
        let kinds = self.whole.or(self.members) != Kinds::NONE || !self.records.is_empty();
        kinds || self.definitions || self.everything || self.areas.has(ApiFamily::Lists)
    }

    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// A person is to be forgotten, and whatever shows records may show him.
    pub(crate) fn forget() -> Self {
        let everyone = Kinds::ALL;
        Self { whole: everyone, members: everyone, areas: Areas::ALL, purge: true, ..Self::default() }
    }

    fn area(family: ApiFamily) -> Self {
        Self { areas: Areas::of(family), ..Self::default() }
    }

    fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// Any record of a kind, new ones and ended ones too.
    fn whole(kind: Kind) -> Self {
        let kinds = Kinds::NONE.with(kind);
        Self { whole: kinds, members: kinds, ..Self::default() }
    }

    fn members(kind: Kind) -> Self {
        Self { members: Kinds::NONE.with(kind), ..Self::default() }
    }

    fn of_objects(method: &Method, words: &[&str], query: &str, body: Option<&[u8]>) -> Self {
        match words {
            ["crm", "objects", kind] => Self::members(Kind::parse(kind)),
            ["crm", "objects", kind, "batch", "create"] => Self::members(Kind::parse(kind)),
            ["crm", "objects", kind, "batch", verb @ ("update" | "archive")] => {
                let kind = Kind::parse(kind);
                let ids = body.and_then(inputs::record_ids);
                let Some(ids) = ids else { return Self::whole(kind) };
                let records = ids.into_iter().map(|id| (kind, id)).collect();
                let members = if *verb == "archive" { Kinds::NONE.with(kind) } else { Kinds::NONE };
                Self { records, members, ..Self::default() }
            }
            ["crm", "objects", _, "gdpr-delete"] => Self::forget(),
            // A merge leads one id to another.
            ["crm", "objects", kind, "merge"] => {
                let kind = Kind::parse(kind);
                let ids = body.and_then(inputs::merged).into_iter().flatten();
                Self { records: ids.map(|id| (kind, id)).collect(), ..Self::whole(kind) }
            }
            // An upsert names records by a property.
            ["crm", "objects", kind, "batch", ..] => Self::whole(Kind::parse(kind)),
            ["crm", "objects", kind, id] => {
                let kind = Kind::parse(kind);
                let by_property = target::parameter(query, "idProperty").is_some();
                let Some(id) = record_id(id).filter(|_| !by_property) else { return Self::whole(kind) };
                let members = if *method == Method::DELETE { Kinds::NONE.with(kind) } else { Kinds::NONE };
                Self { records: vec![(kind, id)], members, ..Self::default() }
            }
            // The CRM before v3, and what is not known.
            _ => Self::everything(),
        }
    }

    fn of_associations(words: &[&str], body: Option<&[u8]>) -> Self {
        match words {
            ["crm", "associations", "usage", ..] => Self::default(),
            ["crm", "associations", from, to, "batch", ..] => {
                let (from, to) = (Kind::parse(from), Kind::parse(to));
                match body.and_then(inputs::pairs) {
                    Some((left, right)) => {
                        let left = left.into_iter().map(|id| (from, id));
                        let records = left.chain(right.into_iter().map(|id| (to, id))).collect();
                        Self { records, ..Self::default() }
                    }
                    None => Self { whole: Kinds::NONE.with(from).with(to), ..Self::default() },
                }
            }
            ["crm", "objects", from, id, "associations", "default", to, to_id]
            | ["crm", "objects", from, id, "associations", to, to_id, ..] => {
                let (from, to) = (Kind::parse(from), Kind::parse(to));
                match (record_id(id), record_id(to_id)) {
                    (Some(id), Some(to_id)) => {
                        Self { records: vec![(from, id), (to, to_id)], ..Self::default() }
                    }
                    _ => Self { whole: Kinds::NONE.with(from).with(to), ..Self::default() },
                }
            }
            // Labels and their configuration, and the associations API before v3.
            _ => Self::everything(),
        }
    }
}

/// POSTs that only ask.
fn reads(words: &[&str]) -> bool {
    matches!(
        words,
        [.., "batch", "read"] | [.., "search"] | [.., "unsubscribe-all", "read"] | [.., "links", "generate"]
    )
}

/// Sends one e-mail.
fn sends(words: &[&str]) -> bool {
    words.iter().any(|word| matches!(*word, "single-email" | "single-send" | "singleEmail"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn touch(call: &str, body: &str) -> Touch {
        let (method, target) = call.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let path = target.split('?').next().unwrap();
        let endpoint = hubspot::endpoint::classify(&method, path);
        Touch::of_call(&method, target, &endpoint, (!body.is_empty()).then_some(body.as_bytes()))
    }

    const DEAL: fn() -> Kind = || Kind::parse("deals");

    fn contacts(ids: &[u64]) -> Touch {
        Touch { records: ids.iter().map(|id| (Kind::CONTACT, *id)).collect(), ..Touch::default() }
    }

    fn gone(ids: &[u64]) -> Touch {
        Touch { members: Kinds::NONE.with(Kind::CONTACT), ..contacts(ids) }
    }

    fn pair() -> Touch {
        Touch { records: vec![(Kind::CONTACT, 1), (DEAL(), 2)], ..Touch::default() }
    }

    #[rstest]
    #[case("GET /crm/v3/objects/contacts/1", Touch::default())]
    #[case("POST /crm/v3/objects/contacts/search", Touch::default())]
    #[case("POST /crm/v3/objects/contacts/batch/read", Touch::default())]
    #[case("POST /crm/v3/lists/search", Touch::default())]
    #[case("POST /crm/v4/associations/contacts/deals/batch/read", Touch::default())]
    #[case("POST /oauth/v1/token", Touch::default())]
    #[case("POST /events/v3/send", Touch::area(ApiFamily::Events))]
    #[case("POST /marketing/v4/email/single-send", Touch::default())]
    #[case("PATCH /marketing/v3/emails/1/draft", Touch::area(ApiFamily::Marketing))]
    #[case("PATCH /cms/v3/pages/site-pages/1", Touch::area(ApiFamily::Cms))]
    #[case("DELETE /files/v3/folders/1", Touch::area(ApiFamily::Files))]
    #[case("PUT /automation/v4/flows/1", Touch::area(ApiFamily::Automation))]
    #[case("PATCH /crm/v3/objects/marketing_events/1", Touch {
        records: vec![(Kind::parse("0-54"), 1)],
        ..Touch::area(ApiFamily::Marketing)
    })]
    #[case("PATCH /crm/v3/objects/contacts/1", contacts(&[1]))]
    #[case("PATCH /crm/objects/2026-03/0-1/1", contacts(&[1]))]
    #[case("PATCH /crm/v3/objects/contacts/a@b.c?idProperty=email", Touch::whole(Kind::CONTACT))]
    #[case("PATCH /crm/v3/objects/contacts/1?idProperty=number", Touch::whole(Kind::CONTACT))]
    #[case("DELETE /crm/v3/objects/contacts/1", gone(&[1]))]
    #[case("POST /crm/v3/objects/contacts", Touch::members(Kind::CONTACT))]
    #[case("POST /crm/v3/objects/contacts/batch/create", Touch::members(Kind::CONTACT))]
    #[case("POST /crm/v3/objects/contacts/batch/upsert", Touch::whole(Kind::CONTACT))]
    #[case("POST /crm/v3/objects/contacts/merge", Touch::whole(Kind::CONTACT))]
    #[case("POST /crm/v3/objects/contacts/gdpr-delete", Touch::forget())]
    #[case("PUT /crm/v4/objects/contacts/1/associations/default/deals/2", pair())]
    #[case("PUT /crm/v4/objects/contacts/1/associations/deals/2", pair())]
    #[case("PUT /crm/v3/objects/contacts/1/associations/deals/2/4", pair())]
    #[case("DELETE /crm/v4/objects/contacts/1/associations/deals/2", pair())]
    #[case("POST /crm/v3/properties/contacts", Touch::everything())]
    #[case("PATCH /crm/v3/pipelines/deals/1", Touch::everything())]
    #[case("POST /crm/v4/associations/contacts/deals/labels", Touch::everything())]
    #[case("POST /crm/v3/imports", Touch::everything())]
    #[case("POST /contacts/v1/contact", Touch::everything())]
    #[case("POST /brand/new/thing", Touch::everything())]
    #[case("PUT /crm/v3/lists/1/memberships/add", Touch::area(ApiFamily::Lists))]
    #[case("POST /communication-preferences/v3/unsubscribe", Touch::whole(Kind::CONTACT))]
    fn by_path(#[case] call: &str, #[case] expected: Touch) {
        assert_eq!(touch(call, ""), expected);
    }

    #[rstest]
    #[case("update", r#"{"inputs":[{"id":"1","properties":{"id":"9"}},{"id":2}]}"#, contacts(&[1, 2]))]
    #[case("update", r#"{"inputs":[{"id":"a@b.c","idProperty":"email"}]}"#, Touch::whole(Kind::CONTACT))]
    #[case("update", r#"{"inputs":[{"id":"1","idProperty":"number"}]}"#, Touch::whole(Kind::CONTACT))]
    #[case("update", "not JSON", Touch::whole(Kind::CONTACT))]
    #[case("update", "", Touch::whole(Kind::CONTACT))]
    #[case("archive", r#"{"inputs":[{"id":"1"}]}"#, gone(&[1]))]
    fn by_body(#[case] verb: &str, #[case] body: &str, #[case] expected: Touch) {
        assert_eq!(touch(&format!("POST /crm/v3/objects/contacts/batch/{verb}"), body), expected);
    }

    #[test]
    fn a_merge_names_both_records() {
        let body = r#"{"primaryObjectId":"1","objectIdToMerge":2}"#;
        let expected = Touch { records: contacts(&[1, 2]).records, ..Touch::whole(Kind::CONTACT) };
        assert_eq!(touch("POST /crm/v3/objects/contacts/merge", body), expected);
    }

    #[rstest]
    #[case(r#"{"inputs":[{"from":{"id":"1"},"to":{"id":"2"},"types":[]}]}"#, pair())]
    #[case(r#"{"inputs":[{"from":{"id":1},"to":[{"id":"2"}]}]}"#, pair())]
    #[case("[]", Touch { whole: Kinds::NONE.with(Kind::CONTACT).with(DEAL()), ..Touch::default() })]
    fn by_pairs(#[case] body: &str, #[case] expected: Touch) {
        assert_eq!(touch("POST /crm/v4/associations/contacts/deals/batch/archive", body), expected);
    }
}
