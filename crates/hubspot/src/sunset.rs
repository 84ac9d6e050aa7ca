//! What ends when: the sunset calendar as data.
//!
//! A version's end of support is another matter: see
//! [`ApiVersion::unsupported_from`](crate::version::ApiVersion::unsupported_from). Here stand the calls that stop.
//! Source: facts §8.2 for what ends and when; the paths are those of HubSpot's legacy reference.
//!
//! Not here, for having no path: the `hapikey` parameter (ended 2022-11-30), the end of legacy private-app creation
//! (2026-10-26), and legacy sandboxes.

use jiff::civil::{Date, date};

/// One announced end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sunset {
    /// What ends, in words.
    pub what: &'static str,
    /// Every path that starts so, at a word's end, is concerned.
    pub path_prefix: &'static str,
    pub date: Date,
    /// Where to go, as a path or in words; `None` where HubSpot names nothing.
    pub replaced_by: Option<&'static str>,
    pub afterwards: Afterwards,
    /// HubSpot's own page below `developers.hubspot.com`, or its specification.
    pub source: &'static str,
}

/// What the path answers once its day has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Documented.
    Status(u16),
    /// HubSpot has not said. 410 and `Deprecation` or `Sunset` headers have not been seen (facts §8.2, unconfirmed).
    Unknown,
}

/// The announced end of what `path` calls, past or to come.
pub fn sunset_of(path: &str) -> Option<&'static Sunset> {
    // Asked of every call: a look at the first letter spares most of them the rest.
    let letter = path.as_bytes().get(1);
    let mut same = CALENDAR.iter().filter(|sunset| sunset.path_prefix.as_bytes().get(1) == letter);
    let found = same.find(|sunset| starts_at_word(path, sunset.path_prefix))?;
    let survives = SURVIVORS.contains(&path.trim_end_matches('/'));
    (!survives).then_some(found)
}

/// Everything announced, by date.
pub fn calendar() -> &'static [Sunset] {
    &CALENDAR
}

impl Sunset {
    /// Days from `today` until the end; negative once it has passed.
    pub fn days_left(&self, today: Date) -> i32 {
        (self.date - today).get_days()
    }
}

/// facts §8.2.
static CALENDAR: [Sunset; 10] = [
    Sunset {
        what: "e-commerce bridge",
        path_prefix: "/extensions/ecomm",
        date: date(2023, 2, 28),
        replaced_by: None,
        afterwards: Afterwards::Unknown,
        source: "docs/api-reference/deprecated-apis",
    },
    Sunset {
        what: "accounting extension",
        path_prefix: "/crm/v3/extensions/accounting",
        date: date(2023, 2, 28),
        replaced_by: None,
        afterwards: Afterwards::Unknown,
        source: "docs/api-reference/deprecated-apis",
    },
    Sunset {
        what: "marketing calendar",
        path_prefix: "/calendar/v1",
        date: date(2023, 8, 31),
        replaced_by: None,
        afterwards: Afterwards::Unknown,
        source: "docs/api-reference/deprecated-apis",
    },
    Sunset {
        what: "CMS performance",
        path_prefix: "/cms/v3/performance",
        date: date(2024, 4, 9),
        replaced_by: None,
        afterwards: Afterwards::Unknown,
        source: "docs/api-reference/deprecated-apis",
    },
    Sunset {
        what: "HubDB v2",
        path_prefix: "/hubdb/api/v2",
        date: date(2024, 12, 16),
        replaced_by: Some("/cms/v3/hubdb"),
        afterwards: Afterwards::Unknown,
        source: "docs/api-reference/deprecated-apis",
    },
    Sunset {
        // Announced in the spec's own text; it was still listed more than a year later.
        what: "list id mapping",
        path_prefix: "/crm/v3/lists/idmapping",
        date: date(2025, 5, 30),
        replaced_by: None,
        afterwards: Afterwards::Unknown,
        source: "specification Lists/144891/v3",
    },
    Sunset {
        what: "marketing email v1",
        path_prefix: "/marketing-emails/v1",
        date: date(2025, 11, 1),
        replaced_by: Some("/marketing/v3/emails"),
        afterwards: Afterwards::Unknown,
        source: "changelog/marketing-email-api-v3-released-to-general-availability-and-upcoming-sunset-for-v1",
    },
    Sunset {
        what: "contact lists v1",
        path_prefix: "/contacts/v1/lists",
        date: date(2026, 4, 30),
        replaced_by: Some("/crm/lists/2026-03"),
        afterwards: Afterwards::Status(404),
        source: "changelog/extension-contact-lists-api-v1-sunset-moved-to-april-30-2026",
    },
    Sunset {
        what: "pipelines v1",
        path_prefix: "/crm-pipelines/v1",
        date: date(2026, 12, 4),
        replaced_by: Some("/crm/pipelines/2026-03"),
        afterwards: Afterwards::Unknown,
        source: "changelog/pipelines-api-v1-sunset",
    },
    Sunset {
        what: "OAuth v1",
        path_prefix: "/oauth/v1",
        date: date(2027, 2, 16),
        replaced_by: Some("/oauth/2026-03/token"),
        afterwards: Afterwards::Unknown,
        source: "changelog/v1-oauth-api-deprecation",
    },
];

/// Reads under `/contacts/v1/lists` that go on without list membership. HubSpot speaks of three of this form (facts
/// §8.2 [CL upcoming-sunset-v1-lists-api]) and the names are those of its legacy reference.
const SURVIVORS: [&str; 3] = [
    "/contacts/v1/lists/all/contacts/all",
    "/contacts/v1/lists/all/contacts/recent",
    "/contacts/v1/lists/recently_updated/contacts/recent",
];

fn starts_at_word(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/contacts/v1/lists/7", Some("contact lists v1"))]
    #[case("/contacts/v1/lists", Some("contact lists v1"))]
    #[case("/contacts/v1/lists?count=2", Some("contact lists v1"))]
    #[case("/contacts/v1/lists/7/contacts/all", Some("contact lists v1"))]
    #[case("/contacts/v1/lists/all/contacts/all", None)]
    #[case("/contacts/v1/lists/all/contacts/recent/", None)]
    #[case("/contacts/v1/listsome", None)]
    #[case("/contacts/v1/contact/vid/1/profile", None)]
    #[case("/crm-pipelines/v1/pipelines/deals", Some("pipelines v1"))]
    #[case("/oauth/v1/token", Some("OAuth v1"))]
    #[case("/oauth/v3/token", None)]
    #[case("/crm/v3/objects/contacts", None)]
    fn a_path_has_its_end(#[case] path: &str, #[case] what: Option<&str>) {
        assert_eq!(sunset_of(path).map(|sunset| sunset.what), what);
    }

    #[test]
    fn the_calendar_is_in_order_and_finds_itself() {
        assert!(CALENDAR.is_sorted_by_key(|sunset| sunset.date));
        for sunset in calendar() {
            assert_eq!(sunset_of(sunset.path_prefix), Some(sunset));
        }
    }

    #[test]
    fn what_replaces_an_end_does_not_end_itself() {
        for sunset in calendar() {
            assert_eq!(sunset.replaced_by.and_then(sunset_of), None, "{sunset:?}");
        }
    }

    #[test]
    fn only_contact_lists_have_a_documented_answer() {
        let documented: Vec<&str> = calendar()
            .iter()
            .filter(|sunset| sunset.afterwards != Afterwards::Unknown)
            .map(|sunset| sunset.what)
            .collect();
        assert_eq!(documented, ["contact lists v1"]);
        assert_eq!(sunset_of("/contacts/v1/lists").unwrap().afterwards, Afterwards::Status(404));
    }

    #[rstest]
    #[case(date(2027, 2, 15), 1)]
    #[case(date(2027, 2, 16), 0)]
    #[case(date(2027, 2, 17), -1)]
    #[case(date(2026, 2, 16), 365)]
    fn days_left_are_counted(#[case] today: Date, #[case] days: i32) {
        assert_eq!(sunset_of("/oauth/v1/token").unwrap().days_left(today), days);
    }
}
