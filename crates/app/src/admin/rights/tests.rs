use std::collections::BTreeSet;

use rstest::rstest;

use super::*;

#[rstest]
#[case("GET", "/", Right::Look)]
#[case("HEAD", "/metrics", Right::Look)]
#[case("GET", "/api/v1/outbox/operations/1", Right::Content)]
#[case("PATCH", "/api/v1/outbox/operations/1", Right::Act)]
#[case("GET", "/api/v1/connections/scopes", Right::Look)]
#[case("POST", "/api/v1/connections/rewrap", Right::Credentials)]
#[case("POST", "/api/v1/connections/scopes/check", Right::Act)]
#[case("DELETE", "/api/v1/webhooks/subscribers/a/b/c", Right::Credentials)]
#[case("GET", "/nothing", Right::Look)]
#[case("GET", "/api/v1/nothing", Right::Credentials)]
#[case("POST", "/nothing", Right::Credentials)]
#[case("PUT", "/", Right::Credentials)]
#[case("POST", "/api/v1/changes/", Right::Credentials)]
#[case("POST", "//api/v1/changes", Right::Credentials)]
fn each_request_takes_a_right(#[case] method: Method, #[case] path: &str, #[case] right: Right) {
    assert_eq!(needed(&method, path).0, right);
}

/// A role has all that the one before it has.
#[test]
fn roles_grow() {
    let rights = [Right::Open, Right::Look, Right::Content, Right::Act, Right::Credentials];
    let counts = AdminRole::ALL.map(|role| rights.into_iter().filter(|right| role.has(*right)).count());
    assert_eq!(counts, [2, 4, 5]);
    assert_eq!(Right::Act.roles().collect::<Vec<_>>(), ["operator", "admin"]);
}

/// Every route of the listener stands in the table: what is written in the routers is read from their sources.
#[test]
fn the_table_is_the_router() {
    let sources = [
        include_str!("../../admin.rs"),
        include_str!("../connections.rs"),
        include_str!("../login.rs"),
        include_str!("../outbox.rs"),
        include_str!("../privacy.rs"),
        include_str!("../slots.rs"),
        include_str!("../webhooks.rs"),
        include_str!("../../console.rs"),
    ];
    let mut routed = BTreeSet::new();
    for source in sources {
        for part in source.split(".route(").skip(1) {
            let call: String = part.split_whitespace().collect::<Vec<_>>().join(" ");
            let (path, methods) = call.split_once(", ").expect("a path and its methods");
            let path = match path.strip_prefix('"') {
                Some(quoted) => quoted.trim_end_matches('"'),
                None if methods.contains("oidc::") => crate::admin::login::CALLBACK,
                None => crate::admin::connections::CALLBACK,
            };
            let end = methods.find(".route(").or_else(|| methods.find(".merge(")).unwrap_or(methods.len());
            for method in ["get", "post", "patch", "delete"] {
                let own = &methods[..end.min(methods.find('}').unwrap_or(end))];
                if own.contains(&format!("{method}(")) {
                    routed.insert((method.to_uppercase(), path.to_owned()));
                }
            }
        }
    }
    let told: BTreeSet<_> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(routed, told);
    assert!(routed.len() > 60, "{routed:?}");
}
