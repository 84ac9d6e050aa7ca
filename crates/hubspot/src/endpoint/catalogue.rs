//! HubSpot's published list of calls, which holds the rules of [`super::classify`] to account.
//!
//! `data/endpoints.csv` is derived from the OpenAPI files of HubSpot-public-api-spec-collection (facts §0
//! [SPEC], August 2026): every CRM, account, OAuth, webhook, event, consent and marketing path we care about in
//! every version, with its success codes and its rate limit exemptions. Where HubSpot lists a v4 path twice, once
//! exempt and once not, it stands here as exempt.

/// One published call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub method: &'static str,
    pub path: &'static str,
    /// The statuses of a success: `200/207`, empty where HubSpot names none.
    pub success: &'static str,
    pub exempt: Exempt,
}

/// `x-hubspot-rate-limit-exemptions` of a call: facts §1.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exempt {
    Nothing,
    Burst,
    BurstAndDaily,
}

pub(super) fn rows() -> impl Iterator<Item = Row> {
    CSV.lines().skip(1).map(row)
}

const CSV: &str = include_str!("../../data/endpoints.csv");

fn row(line: &'static str) -> Row {
    let mut cells = line.split(',');
    let [method, path, success, exempt] = std::array::from_fn(|_| cells.next().expect("four columns"));
    let exempt = match exempt {
        "" => Exempt::Nothing,
        "burst" => Exempt::Burst,
        "burst+daily" => Exempt::BurstAndDaily,
        other => panic!("an exemption we do not know: {other}"),
    };
    Row { method, path, success, exempt }
}

mod tests {
    use std::collections::BTreeMap;

    use http::Method;

    use super::super::{ApiFamily, Budget, Endpoint, classify, route};
    use super::*;
    use crate::version::ApiVersion;

    fn classified() -> impl Iterator<Item = (Row, Endpoint)> {
        rows().map(|row| {
            let method = Method::from_bytes(row.method.as_bytes()).unwrap();
            (row, classify(&method, row.path))
        })
    }

    #[test]
    fn every_call_has_a_family() {
        for (row, endpoint) in classified() {
            let is_other = endpoint.family == ApiFamily::Other;
            assert_eq!(is_other, row.path.starts_with("/meta/"), "{row:?} is {endpoint:?}");
        }
    }

    #[test]
    fn every_exemption_is_honoured_and_none_is_invented() {
        for (row, endpoint) in classified() {
            // Token calls are not declared exempt, yet carry no access token that could be counted.
            if endpoint.family == ApiFamily::OAuth {
                continue;
            }
            let burst = endpoint.budgets.contains(Budget::Burst);
            let daily = endpoint.budgets.contains(Budget::Daily);
            let exempt = match (burst, daily) {
                (true, true) => Exempt::Nothing,
                (false, true) => Exempt::Burst,
                (false, false) => Exempt::BurstAndDaily,
                (true, false) => panic!("no call is exempt from daily alone: {row:?}"),
            };
            assert_eq!(exempt, row.exempt, "{row:?}");
        }
    }

    #[test]
    fn every_version_is_read() {
        for (row, endpoint) in classified() {
            let version = row.path.split('/').find_map(ApiVersion::parse);
            assert!(version.is_some(), "{row:?}");
            assert_eq!(endpoint.version, version, "{row:?}");
        }
    }

    #[test]
    fn every_search_and_every_association_spends_its_own_budget() {
        for (row, endpoint) in classified() {
            let search = row.path.contains("/objects/") && row.path.ends_with("/search");
            assert_eq!(endpoint.budgets.contains(Budget::Search), search, "{row:?}");
            let associations = row.path.starts_with("/crm/")
                && row.path.contains("/associations/")
                && !row.path.contains("/limits/");
            assert_eq!(endpoint.budgets.contains(Budget::Associations), associations, "{row:?}");
        }
    }

    /// Moves when a rule moves a call to another family, or the catalogue changes.
    #[test]
    fn calls_per_family() {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, endpoint) in classified() {
            *counts.entry(endpoint.family.name()).or_default() += 1;
        }
        let shown: Vec<String> = counts.iter().map(|(family, count)| format!("{family} {count}")).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        account 23
        associations 83
        communication_preferences 52
        events 48
        exports 12
        forms 6
        imports 20
        limits 36
        lists 118
        marketing 234
        oauth 13
        objects 397
        other 10
        owners 8
        pipelines 56
        properties 68
        schemas 32
        search 38
        webhooks 36
        webhooks_journal 26
        ");
    }

    /// What is answered with 201 has been created, and would be created again; but a pair of records exists once.
    #[test]
    fn what_creates_is_not_repeated() {
        for (row, endpoint) in classified() {
            let creates = row.method == "POST" && row.success.split('/').any(|status| status == "201");
            if creates && endpoint.idempotent {
                assert!(row.path.ends_with("/batch/create"), "{row:?}");
                assert_eq!(endpoint.family, ApiFamily::Associations, "{row:?}");
            }
        }
    }

    /// The version moves within the path and changes nothing else, the labels of `/crm/v4/associations/` apart, which
    /// HubSpot does not exempt.
    #[test]
    fn a_call_means_the_same_in_every_version() {
        let mut meanings: BTreeMap<(&str, Vec<&str>), (Row, Endpoint)> = BTreeMap::new();
        for (row, endpoint) in classified() {
            let words = row.path.split('/').filter(|word| ApiVersion::parse(word).is_none()).collect();
            let (other_row, other) = *meanings.entry((row.method, words)).or_insert((row, endpoint));
            let same = Endpoint { version: other.version, ..endpoint } == other;
            assert!(same || row.path.contains("/labels"), "{row:?} and {other_row:?}");
        }
        assert!(meanings.len() < rows().count() / 2, "the versions were not folded");
    }

    /// POSTs that may be sent twice, the rest being creations and sends. Paths without their versions and types.
    #[test]
    fn posts_that_may_be_repeated() {
        let mut paths: Vec<String> = classified()
            .filter(|(row, endpoint)| row.method == "POST" && endpoint.idempotent)
            .map(|(row, _)| tail(row.path))
            .collect();
        paths.sort_unstable();
        paths.dedup();
        insta::assert_snapshot!(paths.join("\n"), @r"
        app-webhooks batch update
        communication-preferences statuses batch read
        communication-preferences statuses batch unsubscribe-all read
        crm associations batch archive
        crm associations batch associate default
        crm associations batch create
        crm associations batch labels archive
        crm associations batch read
        crm associations definitions configurations batch purge
        crm associations definitions configurations batch update
        crm lists idmapping
        crm lists records memberships batch read
        crm lists search
        crm objects batch archive
        crm objects batch read
        crm objects batch update
        crm objects batch upsert
        crm objects gdpr-delete
        crm objects search
        crm properties batch archive
        crm properties batch read
        crm-object-schemas schemas batch read
        marketing marketing-events batch archive
        marketing marketing-events batch update
        oauth token introspect
        oauth token revoke
        webhooks batch update
        webhooks-journal journal batch read
        webhooks-journal journal-local batch read
        ");
    }

    #[test]
    fn a_label_of_a_published_path_is_that_path_again() {
        for (row, endpoint) in classified() {
            let label = route(&Method::GET, row.path);
            if endpoint.family == ApiFamily::Other {
                assert_eq!(label, "/{path}");
                continue;
            }
            assert_eq!(label.split('/').count(), row.path.split('/').count(), "{label} for {}", row.path);
            let fixed = |path: &str| path.split('/').filter(|word| !word.starts_with('{')).count();
            assert_eq!(fixed(&label), fixed(row.path), "{label} for {}", row.path);
        }
    }

    /// The last words of a path, enough to tell one operation from another.
    fn tail(path: &str) -> String {
        let words: Vec<&str> = path
            .split('/')
            .filter(|word| !word.is_empty() && !word.starts_with('{') && ApiVersion::parse(word).is_none())
            .filter(|word| crate::object_type::ObjectType::parse(word).is_none())
            .collect();
        words.join(" ")
    }
}
