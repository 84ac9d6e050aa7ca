//! Roles by routes by rules, and ways around them.

use std::collections::BTreeMap;

use http::HeaderValue;

use super::*;

/// Method, path, and who may: r(eader), w(riter), s(ync), h (webhook); an admin may everything.
const ROUTES: &str = "
GET /crm/v3/objects/contacts rwsh
GET /crm/v3/objects/contacts/1 rwsh
GET /crm/objects/2026-03/contacts/1 rwsh
GET /crm/v3/objects/contacts/ada%40example.com rwsh
POST /crm/v3/objects/contacts/search rwsh
POST /crm/objects/2026-03/deals/search rwsh
POST /crm/v3/objects/contacts/batch/read rwsh
POST /crm/v3/objects/contacts ws
POST /crm/v3/objects/contacts/batch/create ws
POST /crm/v3/objects/contacts/batch/update ws
POST /crm/v3/objects/contacts/batch/upsert ws
POST /crm/v3/objects/contacts/batch/archive ws
POST /crm/v3/objects/contacts/merge ws
PATCH /crm/v3/objects/contacts/1 ws
DELETE /crm/v3/objects/contacts/1 ws
POST /crm/v3/objects/contacts/gdpr-delete -
POST /crm/objects/2026-03/contacts/gdpr-delete -
GET /crm/v4/objects/contacts/1/associations/deals rwsh
PUT /crm/v4/objects/contacts/1/associations/deals/2 ws
PUT /crm/v4/objects/contacts/1/associations/default/deals/2 ws
DELETE /crm/v4/objects/contacts/1/associations/deals/2 ws
POST /crm/v4/associations/contacts/deals/batch/read rwsh
POST /crm/v4/associations/contacts/deals/batch/create ws
POST /crm/associations/2026-03/contacts/deals/batch/archive ws
GET /crm/v4/associations/contacts/deals/labels rwsh
POST /crm/v4/associations/contacts/deals/labels -
GET /crm/v3/properties/contacts rwsh
POST /crm/v3/properties/contacts -
PATCH /crm/v3/properties/contacts/x -
DELETE /crm/v3/properties/contacts/x -
GET /crm/v3/pipelines/deals rwsh
PUT /crm/v3/pipelines/deals/1 -
GET /crm-object-schemas/v3/schemas rwsh
POST /crm-object-schemas/v3/schemas -
GET /crm/v3/lists/1 rwsh
POST /crm/v3/lists/search rwsh
PUT /crm/v3/lists/1/memberships/add ws
POST /crm/v3/imports s
GET /crm/v3/imports/1 rws
POST /crm/v3/exports/export/async s
GET /crm/v3/owners rwsh
GET /account-info/v3/details rwsh
GET /webhooks/v3/1/subscriptions h
POST /webhooks/v3/1/subscriptions h
PUT /app-webhooks/2026-09/1/settings h
GET /webhooks-journal/journal/2026-03/earliest h
POST /oauth/v1/token -
DELETE /appinstalls/v3/external-install -
POST /communication-preferences/v4/statuses/batch/read rwsh
POST /communication-preferences/v4/statuses/batch/write ws
POST /events/v3/send ws
GET /marketing/v3/forms rws
POST /marketing/v3/forms -
POST /automation/v4/flows -
PUT /cms/v3/source-code/draft/content/a.html -
POST /something/new -
GET /something/new rws
";

fn routes() -> impl Iterator<Item = (Method, &'static str, &'static str)> {
    ROUTES.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut parts = line.split(' ');
        let mut next = || parts.next().unwrap();
        (next().parse().unwrap(), next(), next())
    })
}

fn check(rights: &Rights, method: &Method, path: &str, portal: Option<u64>) -> Result<(), Missing> {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let headers = HeaderMap::new();
    let asked = Asked { method, path, query, headers: &headers, portal };
    Arc::new(rights.clone()).check(asked).map(drop)
}

fn only(role: Role) -> Rights {
    Rights { role: Some(role), ..Rights::default() }
}

#[test]
fn the_matrix_of_roles_routes_and_portals() {
    let letters = [(Role::Reader, 'r'), (Role::Writer, 'w'), (Role::Sync, 's'), (Role::Webhook, 'h')];
    let mut checked = 0;
    for (method, path, allowed) in routes() {
        assert_eq!(check(&only(Role::Admin), &method, path, None), Ok(()));
        assert_eq!(
            check(&Rights::default(), &method, path, None),
            Ok(()),
            "without rules everything may be done"
        );
        for (role, letter) in letters {
            // Without a rule of portals, in one that is named, in another, and where nobody knows.
            for (portals, portal, here) in [
                (None, None, true),
                (Some(vec![7]), Some(7), true),
                (Some(vec![7, 8]), Some(8), true),
                (Some(vec![7]), Some(8), false),
                (Some(vec![7]), None, false),
            ] {
                let rights = Rights { portals, ..only(role) };
                let passed = check(&rights, &method, path, portal);
                let expected = allowed.contains(letter) && here;
                assert_eq!(passed.is_ok(), expected, "{} {method} {path}: {passed:?}", role.name());
                checked += 1;
            }
        }
    }
    assert!(checked > 1_000, "{checked} combinations");
}

#[test]
fn a_missing_right_is_named_with_who_has_it() {
    let missing =
        |rights: &Rights, method: Method, path: &str| check(rights, &method, path, None).unwrap_err();
    let archive = missing(&only(Role::Reader), Method::DELETE, "/crm/v3/objects/contacts/1");
    assert_eq!(archive.right, "records.archive");
    assert_eq!(archive.hint, "The role reader does not have it; those with it: writer, admin, sync.");
    let erase = missing(&only(Role::Writer), Method::POST, "/crm/v3/objects/contacts/gdpr-delete");
    assert_eq!(
        (&*erase.right, &*erase.hint),
        ("records.erase", "The role writer does not have it; those with it: admin.")
    );
}

#[test]
fn objects_are_held_to_in_every_spelling() {
    let rights = Rights { objects: Some(vec!["contacts".into(), "deal".into()]), ..Rights::default() };
    for (path, right) in [
        ("/crm/v3/objects/contacts/1", None),
        ("/crm/v3/objects/0-1/1", None),
        ("/crm/objects/2026-03/deals/1", None),
        ("/crm/v3/objects/companies/1", Some("object:companies")),
        ("/crm/v3/objects/0-2/1", Some("object:0-2")),
        ("/crm/v3/objects/p_cats/1", Some("object:p_cats")),
        ("/crm/v4/objects/contacts/1/associations/deals", None),
        ("/crm/v4/objects/contacts/1/associations/companies", Some("object:companies")),
        ("/crm/v4/objects/contacts/1/associations/default/companies/2", Some("object:companies")),
        ("/crm/v4/associations/contacts/companies/batch/read", Some("object:companies")),
        ("/crm/v3/properties/contacts", None),
        ("/crm/v3/properties/companies", Some("object:companies")),
        ("/crm/v3/owners", None),
        ("/crm/v3/exports/export/async", Some("object:all")),
        ("/crm/v3/lists/1/memberships", Some("object:all")),
        ("/contacts/v1/lists/all/contacts/all", Some("object:all")),
    ] {
        let missing = check(&rights, &Method::GET, path, None).err().map(|missing| missing.right);
        assert_eq!(missing.as_deref(), right, "{path}");
    }
}

#[test]
fn verbs_are_held_to() {
    let rights = Rights { verbs: Some(vec![Verb::Read, Verb::Update]), ..only(Role::Writer) };
    assert!(check(&rights, &Method::GET, "/crm/v3/objects/contacts/1", None).is_ok());
    assert!(check(&rights, &Method::PATCH, "/crm/v3/objects/contacts/1", None).is_ok());
    assert_eq!(
        check(&rights, &Method::POST, "/crm/v3/objects/contacts", None).unwrap_err().right,
        "records.create"
    );
}

/// Spellings that a server may read in another way than we do.
#[test]
fn no_spelling_leads_around_a_rule() {
    let writer = only(Role::Writer);
    for path in [
        "/crm/v3/objects/contacts/gdpr%2Ddelete",
        "/crm/v3/objects/contacts/%67dpr-delete",
        "/crm/v3/objects/contacts/gdpr-delete;x=1",
        "/crm/v3/objects/contacts/1/../gdpr-delete",
        "/crm/v3/objects/contacts/1/%2e%2e/gdpr-delete",
        "/crm/v3/objects/contacts/x%2Fgdpr-delete",
        "/crm/v3/objects/contacts/gdpr%252Ddelete",
        "/crm/v3/objects/contacts//gdpr-delete",
        "/crm/v3/objects/contacts/gdpr-delete/",
        "/crm/v3/objects/contacts/%zz",
    ] {
        assert!(check(&writer, &Method::POST, path, None).is_err(), "{path}");
    }
    let mut headers = HeaderMap::new();
    headers.insert("x-http-method-override", HeaderValue::from_static("DELETE"));
    let path = "/crm/v3/objects/contacts/1";
    let asked = Asked { method: &Method::GET, path, query: None, headers: &headers, portal: None };
    assert!(Arc::new(only(Role::Reader)).check(asked).is_err());
}

fn properties() -> Rights {
    Rights { properties: Some(vec!["email".into(), "firstname".into()]), ..Rights::default() }
}

#[test]
fn a_read_names_properties_of_its_own() {
    let mut found = BTreeMap::new();
    for path in [
        "/crm/v3/objects/contacts?properties=email,firstname&limit=10",
        "/crm/v3/objects/contacts?properties=email&properties=hs_object_id",
        "/crm/v3/objects/contacts/ada%40example.com?idProperty=email&properties=email",
        "/crm/v3/objects/contacts",
        "/crm/v3/objects/contacts?properties=email,ssn",
        "/crm/v3/objects/contacts?propertie%73=ssn&properties=email",
        "/crm/v3/objects/contacts?properties=email&propertiesWithHistory=ssn",
        "/crm/v3/objects/contacts?properties=email&associations=deals",
        "/crm/v3/lists/1/memberships",
        "/contacts/v1/lists/all/contacts/all?property=email",
        "/crm/v3/properties/contacts",
        "/crm/v4/objects/contacts/1/associations/deals",
    ] {
        let right = check(&properties(), &Method::GET, path, None).err().map(|missing| missing.right);
        found.insert(path, right.unwrap_or_default());
    }
    insta::assert_debug_snapshot!(found, @r#"
    {
        "/contacts/v1/lists/all/contacts/all?property=email": "property:all",
        "/crm/v3/lists/1/memberships": "property:all",
        "/crm/v3/objects/contacts": "property:all",
        "/crm/v3/objects/contacts/ada%40example.com?idProperty=email&properties=email": "",
        "/crm/v3/objects/contacts?propertie%73=ssn&properties=email": "property:ssn",
        "/crm/v3/objects/contacts?properties=email&associations=deals": "property:all",
        "/crm/v3/objects/contacts?properties=email&properties=hs_object_id": "",
        "/crm/v3/objects/contacts?properties=email&propertiesWithHistory=ssn": "property:ssn",
        "/crm/v3/objects/contacts?properties=email,firstname&limit=10": "",
        "/crm/v3/objects/contacts?properties=email,ssn": "property:ssn",
        "/crm/v3/properties/contacts": "",
        "/crm/v4/objects/contacts/1/associations/deals": "",
    }
    "#);
}

#[test]
fn a_body_is_held_to_too() {
    let rights = Arc::new(properties());
    let body = |path: &str, body: &str| {
        let headers = HeaderMap::new();
        let asked = Asked { method: &Method::POST, path, query: None, headers: &headers, portal: None };
        let rule = rights.check(asked).unwrap().expect("bodies are looked into");
        rule.check(body.as_bytes()).err().map(|missing| missing.right)
    };
    let (create, search) = ("/crm/v3/objects/contacts", "/crm/v3/objects/contacts/search");
    assert_eq!(body(create, r#"{"properties":{"email":"a@b.c"}}"#), None);
    assert_eq!(body(create, r#"{"properties":{"ssn":"1"}}"#).as_deref(), Some("property:ssn"));
    let batch = "/crm/v3/objects/contacts/batch/update";
    assert_eq!(
        body(batch, r#"{"inputs":[{"id":"1","properties":{"ssn":"1"}}]}"#).as_deref(),
        Some("property:ssn")
    );
    let read = "/crm/v3/objects/contacts/batch/read";
    assert_eq!(body(read, r#"{"properties":["email"],"inputs":[{"id":"1"}]}"#), None);
    assert_eq!(body(read, r#"{"inputs":[{"id":"1"}]}"#).as_deref(), Some("property:all"));
    assert_eq!(body(read, r#"{"properties":["email"],"idProperty":"ssn"}"#).as_deref(), Some("property:ssn"));
    let filter = r#"{"properties":["email"],"filterGroups":[{"filters":[{"propertyName":"ssn","operator":"EQ","value":"1"}]}]}"#;
    assert_eq!(body(search, filter).as_deref(), Some("property:ssn"));
    assert_eq!(body(search, r#"{"properties":["email"],"sorts":["-ssn"]}"#).as_deref(), Some("property:ssn"));
    assert_eq!(
        body(search, r#"{"properties":["email"],"sorts":[{"propertyName":"ssn"}]}"#).as_deref(),
        Some("property:ssn")
    );
    assert_eq!(body(search, r#"{"properties":["email"],"query":"123-45"}"#).as_deref(), Some("property:all"));
    assert_eq!(body(create, "\u{1f}\u{8b}").as_deref(), Some("property:all"), "compressed, perhaps");
}
