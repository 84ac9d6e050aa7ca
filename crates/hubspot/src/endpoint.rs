//! What a method and a path mean to HubSpot.
//!
//! [`classify`] runs for every request, so it is rules over the words of the path, without allocation. The
//! rules are held against HubSpot's own catalogue, every path and version of it, by the tests in
//! `catalogue`.
//!
//! | file | decides |
//! |---|---|
//! | `path` | words and version of a path |
//! | `family` | the part of HubSpot's API |
//! | `budget` | the limits drawn on |
//! | `repeat` | may it be sent twice? |
//! | `answer` | may the answer be kept, is it paged? |
//! | `route` | a label without ids or personal data |
//! | `catalogue` | HubSpot's published list |

use http::Method;

use crate::version::ApiVersion;

mod answer;
mod budget;
#[cfg(test)]
mod catalogue;
mod family;
mod path;
mod repeat;
mod route;

pub use answer::Cacheable;
pub use budget::{Budget, BudgetSet};
pub use family::ApiFamily;
pub use path::Path;
pub use route::route;

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
    let path = path::Path::read(path);
    let family = family::family_of(method, &path);
    Endpoint {
        family,
        budgets: budget::budgets_of(method, &path, family),
        idempotent: repeat::is_idempotent(method, &path),
        cacheable: answer::cacheable(method, &path, family),
        version: path.version(),
        paged: answer::is_paged(method, &path, family),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_whole_answer() {
        let endpoint = classify(&Method::POST, "/crm/v3/objects/contacts/search");
        insta::assert_debug_snapshot!(endpoint, @r"
        Endpoint {
            family: Search,
            budgets: {
                search,
                daily,
            },
            idempotent: true,
            cacheable: No,
            version: Some(
                V3,
            ),
            paged: true,
        }
        ");
    }

    #[test]
    fn what_is_not_known_is_other_and_pays_for_everything() {
        for (method, idempotent) in [(Method::GET, true), (Method::POST, false), (Method::PATCH, true)] {
            let endpoint = classify(&method, "/brand/new/thing");
            assert_eq!(endpoint.family, ApiFamily::Other);
            assert_eq!(
                endpoint.budgets.iter().collect::<Vec<_>>(),
                [Budget::Burst, Budget::Daily],
                "{method}"
            );
            assert_eq!(endpoint.idempotent, idempotent, "{method}");
            let cacheable = if method == Method::GET { Cacheable::LastGood } else { Cacheable::No };
            assert_eq!((endpoint.cacheable, endpoint.version), (cacheable, None));
        }
    }
    proptest! {
        /// Any path at all: nothing panics, every call but the exempt families draws on something, and what reads is
        /// never in doubt.
        #[test]
        fn every_path_has_a_meaning(path in "(/(crm|v3|v4|objects|associations|2026-03|batch|search|events|send|.{0,5})){0,9}") {
            for method in [Method::GET, Method::POST, Method::PATCH] {
                let endpoint = classify(&method, &path);
                prop_assert!(endpoint.idempotent || method == Method::POST);
                let exempt = matches!(
                    endpoint.family,
                    ApiFamily::OAuth | ApiFamily::WebhooksJournal | ApiFamily::Events | ApiFamily::Marketing
                );
                prop_assert!(!endpoint.budgets.is_empty() || exempt, "{} {:?}", path, endpoint);
            }
        }
    }
}
