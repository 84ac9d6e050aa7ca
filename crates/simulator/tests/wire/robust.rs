//! Whatever is sent, something is answered.

use proptest::prelude::*;
use serde_json::Value;
use simulator::{Config, Simulator};

/// Words a path of HubSpot's or the control API's is made of, and some that none is.
const WORDS: &[&str] = &[
    "_sim",
    "_status",
    "api",
    "v1",
    "v2",
    "v3",
    "v4",
    "2026-03",
    "2026-09",
    "crm",
    "objects",
    "contacts",
    "0-3",
    "2-77",
    "1",
    "batch",
    "read",
    "create",
    "update",
    "upsert",
    "archive",
    "search",
    "associations",
    "labels",
    "default",
    "properties",
    "groups",
    "pipelines",
    "stages",
    "owners",
    "limits",
    "records",
    "account-info",
    "details",
    "api-usage",
    "daily",
    "oauth",
    "token",
    "introspect",
    "private-apps",
    "get",
    "access-token-info",
    "faults",
    "kinds",
    "seed",
    "tokens",
    "stats",
    "log",
    "clock",
    "advance",
    "merge",
    "gdpr-delete",
    "é",
    "",
];

/// Paths that lead somewhere.
const PATHS: &[&str] = &[
    "/_sim/clock/advance",
    "/_sim/faults",
    "/_sim/seed",
    "/_sim/limits",
    "/_sim/tokens",
    "/_sim/reset",
    "/crm/v3/objects/contacts",
    "/crm/v3/objects/contacts/batch/update",
    "/crm/v3/objects/contacts/batch/read",
    "/crm/objects/2026-09/contacts/batch/create",
    "/crm/v3/objects/contacts/search",
    "/crm/v4/associations/contacts/companies/batch/read",
    "/oauth/v3/token",
    "/oauth/v2/private-apps/get/access-token-info",
    "/account-info/v3/details",
];

const BODIES: &[&str] = &[
    "",
    "{",
    "[]",
    "null",
    "{}",
    r#"{"inputs":[]}"#,
    r#"{"inputs":[{"id":"1"},{"id":2},7]}"#,
    r#"{"inputs":{}}"#,
    r#"{"properties":{"email":"a@b.example"}}"#,
    r#"{"properties":7}"#,
    r#"{"kind":"F45"}"#,
    r#"{"kind":"F44","share":1}"#,
    r#"{"kind":"F19"}"#,
    r#"{"kind":"latency","ms":99999999999}"#,
    r#"{"seconds":1e300}"#,
    r#"{"seconds":3000000000}"#,
    r#"{"kind":"status","for_seconds":1e300}"#,
    r#"{"burst":0,"daily":0}"#,
    r#"{"contacts":3}"#,
    r#"{"filterGroups":[{"filters":[{"propertyName":"x"}]}]}"#,
    "grant_type=refresh_token&refresh_token=%zz",
    r#"{"tokenKey":7}"#,
    r#"{"expires_in":4294967295}"#,
];

fn call() -> impl Strategy<Value = (usize, String, usize, bool)> {
    let words = prop::collection::vec(0..WORDS.len(), 1..8);
    let spelled = words.prop_map(|words| {
        let words: Vec<&str> = words.into_iter().map(|word| WORDS[word]).collect();
        format!("/{}", words.join("/"))
    });
    let path = prop_oneof![spelled, prop::sample::select(PATHS).prop_map(str::to_owned)];
    (0_usize..6, path, 0..BODIES.len(), any::<bool>())
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(calls in prop::collection::vec(call(), 1..60)) {
        let mut simulator = Simulator::new(Config { contacts: 5, ..Config::default() });
        let token = format!("Bearer {}", simulator.default_token());
        let now = Config::default().base_time;
        for (method, path, body, known) in calls {
            let method = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"][method];
            let mut call = simulator::call::Call::bare(method.parse().expect("a method"), &path);
            call.body = BODIES[body].into();
            if known {
                call.headers.insert("authorization", token.parse().expect("a header"));
            }
            let reply = simulator.handle(&call, now).reply;
            prop_assert!(reply.status.as_u16() >= 200);
            let is_json = reply.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
            prop_assert!(!is_json || serde_json::from_slice::<Value>(&reply.body).is_ok());
        }
    }
}
