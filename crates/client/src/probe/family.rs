//! One cheap, harmless read for each part of the CRM API.

use hubspot::version::ApiVersion;

use super::exchange::Question;
use super::target::Focus;

/// One read per family and per kind of version, the most telling first.
const DEFAULT_FAMILY_READS: [FamilyRead<'static>; 7] = [
    FamilyRead { area: Area::Objects, version: "v3", object_type: "contacts" },
    FamilyRead { area: Area::Search, version: "v3", object_type: "contacts" },
    FamilyRead { area: Area::Objects, version: "2026-03", object_type: "deals" },
    FamilyRead { area: Area::Associations, version: "v4", object_type: "contacts" },
    FamilyRead { area: Area::Properties, version: "v3", object_type: "contacts" },
    FamilyRead { area: Area::Owners, version: "v3", object_type: "contacts" },
    FamilyRead { area: Area::Pipelines, version: "v3", object_type: "deals" },
];

/// Another version to hold a failing one against: an old version may have been switched off.
const COUNTERPART_VERSION: &str = "2026-03";

/// What traffic points at first, each failing read beside the same in another version; then the usual ones.
pub(super) fn reads(focus: &[Focus], left: usize) -> Vec<Question> {
    let focused = focus.iter().filter_map(focused);
    let counterparts = focus.iter().filter_map(counterpart);
    let usual = DEFAULT_FAMILY_READS.iter().map(FamilyRead::question);
    let mut chosen: Vec<Question> = Vec::new();
    for question in focused.chain(counterparts).chain(usual) {
        if chosen.len() < left && !chosen.contains(&question) {
            chosen.push(question);
        }
    }
    chosen
}

/// The version a path speaks, as written there.
pub(super) fn version_of(path: &str) -> Option<&str> {
    path.split(['/', '?']).find(|segment| is_version(segment))
}

fn focused(focus: &Focus) -> Option<Question> {
    match focus {
        // What is only written to has nothing to read: a GET there is answered as if the path were gone.
        Focus::Route(route) => FamilyRead::near(route).map(|read| read.question()),
        Focus::Read(route) => match FamilyRead::near(route) {
            Some(read) => Some(read.question()),
            None => list_above(route),
        },
        Focus::Properties(object_type) => {
            Some(FamilyRead { area: Area::Properties, version: "v3", object_type }.question())
        }
        Focus::RecordLimits => Some(Question::get("/crm/v3/limits/records")),
        Focus::AssociationLimits => Some(Question::get("/crm/v3/limits/associations/records/from")),
    }
}

fn counterpart(focus: &Focus) -> Option<Question> {
    match focus {
        Focus::Route(route) | Focus::Read(route) => {
            let read = FamilyRead::near(route)?;
            let version = if read.version == COUNTERPART_VERSION { "v3" } else { COUNTERPART_VERSION };
            Some(FamilyRead { version, ..read }.question())
        }
        Focus::Properties(_) | Focus::RecordLimits | Focus::AssociationLimits => None,
    }
}

/// A part of the CRM API that has one cheap read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    Objects,
    Search,
    Associations,
    Properties,
    Pipelines,
    Owners,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FamilyRead<'a> {
    area: Area,
    version: &'a str,
    object_type: &'a str,
}

impl<'a> FamilyRead<'a> {
    /// The cheapest read in the same area, version and object type as a CRM route.
    fn near(route: &'a str) -> Option<Self> {
        let segments: Vec<&str> = route.trim_matches('/').split('/').collect();
        let (area, version, rest) = match segments.as_slice() {
            ["crm", version, area, rest @ ..] | ["crm", area, version, rest @ ..] if is_version(version) => {
                (*area, *version, rest)
            }
            _ => return None,
        };
        let object_type = rest.first().copied().filter(|first| !first.starts_with('{')).unwrap_or("contacts");
        let area = match area {
            "objects" if rest.contains(&"associations") => Area::Associations,
            "objects" if rest.last() == Some(&"search") => Area::Search,
            "objects" => Area::Objects,
            "associations" => Area::Associations,
            "properties" => Area::Properties,
            "pipelines" => Area::Pipelines,
            "owners" => Area::Owners,
            _ => return None,
        };
        // Contacts have none; deals always do.
        let without_pipelines = area == Area::Pipelines && object_type == "contacts";
        let object_type = if without_pipelines { "deals" } else { object_type };
        Some(Self { area, version, object_type })
    }

    fn question(&self) -> Question {
        let Self { area, version, object_type } = self;
        let under = |area: &str, version: &str| {
            if version.contains('-') {
                format!("/crm/{area}/{version}")
            } else {
                format!("/crm/{version}/{area}")
            }
        };
        match area {
            Area::Objects => Question::get(format!("{}/{object_type}?limit=1", under("objects", version))),
            Area::Search => {
                let path = format!("{}/{object_type}/search", under("objects", version));
                Question::post(path, "application/json", r#"{"limit":1}"#)
            }
            Area::Associations => {
                let to = if *object_type == "companies" { "contacts" } else { "companies" };
                // v3 cannot list labels; v4 is its nearest.
                let version = if *version == "v3" { "v4" } else { version };
                Question::get(format!("{}/{object_type}/{to}/labels", under("associations", version)))
            }
            Area::Properties => Question::get(format!("{}/{object_type}", under("properties", version))),
            Area::Pipelines => Question::get(format!("{}/{object_type}", under("pipelines", version))),
            Area::Owners => Question::get(format!("{}?limit=1", under("owners", version))),
        }
    }
}

/// Of a route we know nothing of: the list above the first placeholder. A GET is a read whatever it meets.
fn list_above(route: &str) -> Option<Question> {
    let path = route.split("/{").next().unwrap_or(route);
    let plain = path.len() > 1 && path.starts_with('/') && path.chars().all(|c| c.is_ascii_graphic());
    plain.then(|| Question::get(path))
}

fn is_version(segment: &str) -> bool {
    ApiVersion::parse(segment).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("/crm/v3/objects/{type}/{id}", "/crm/v3/objects/contacts?limit=1")]
    #[case("/crm/v3/objects/deals/batch/update", "/crm/v3/objects/deals?limit=1")]
    #[case("/crm/objects/2026-09/0-5", "/crm/objects/2026-09/0-5?limit=1")]
    #[case("/crm/objects/2026-03/deals/search", "/crm/objects/2026-03/deals/search")]
    #[case("/crm/v3/objects/{type}/{id}/associations/{to}", "/crm/v4/associations/contacts/companies/labels")]
    #[case("/crm/v4/associations/{from}/{to}/batch/read", "/crm/v4/associations/contacts/companies/labels")]
    #[case(
        "/crm/associations/2026-03/companies/deals/batch/create",
        "/crm/associations/2026-03/companies/contacts/labels"
    )]
    #[case("/crm/v3/properties/{type}/{name}", "/crm/v3/properties/contacts")]
    #[case("/crm/pipelines/2026-03/{type}", "/crm/pipelines/2026-03/deals")]
    #[case("/crm/v3/owners/{id}", "/crm/v3/owners?limit=1")]
    #[case("/marketing/v3/emails/{id}", "/marketing/v3/emails")]
    #[case("/contacts/v1/lists/all", "/contacts/v1/lists/all")]
    fn a_failing_route_leads_to_a_harmless_read_nearby(#[case] route: &str, #[case] expected: &str) {
        let chosen = reads(&[Focus::Read(route.to_owned())], 1);
        assert_eq!(chosen[0].path, expected);
        let search = r#"{"limit":1}"#;
        let body = chosen[0].body.as_ref().map(|body| body.text.expose());
        assert_eq!(body, expected.ends_with("/search").then_some(search));
    }

    #[test]
    fn a_failing_version_is_held_against_another() {
        let chosen = reads(&[Focus::Route("/crm/v3/objects/deals".to_owned())], 3);
        let paths: Vec<_> = chosen.iter().map(|question| question.path.as_str()).collect();
        let expected = [
            "/crm/v3/objects/deals?limit=1",
            "/crm/objects/2026-03/deals?limit=1",
            "/crm/v3/objects/contacts?limit=1",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn nothing_is_asked_twice_and_never_more_than_may_be() {
        let focus = vec![Focus::Route("/crm/v3/objects/contacts".to_owned()); 20];
        let chosen = reads(&focus, 4);
        assert_eq!(chosen.len(), 4);
        assert!((1..4).all(|index| !chosen[..index].contains(&chosen[index])));
        assert!(reads(&focus, 0).is_empty());
    }

    #[rstest::rstest]
    #[case("no path at all")]
    #[case("/")]
    #[case("/{everything}")]
    fn what_is_no_route_is_not_asked(#[case] route: &str) {
        assert_eq!(focused(&Focus::Read(route.to_owned())), None);
    }

    #[rstest::rstest]
    #[case("/oauth/v2/private-apps/get/access-token-info")]
    #[case("/events/v3/send")]
    fn what_is_only_written_to_is_not_read(#[case] route: &str) {
        assert_eq!(focused(&Focus::Route(route.to_owned())), None);
    }
}
