//! Batches: what succeeds together, what fails alone, and how the failures are named.

use insta::assert_snapshot;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Portal, line, whole};

fn contact(email: &str) -> Value {
    json!({"properties": {"email": email}})
}

fn traced(email: &str, trace: &str) -> Value {
    json!({"properties": {"email": email}, "objectWriteTraceId": trace})
}

#[test]
fn without_trace_ids_one_bad_item_fails_the_whole_batch() {
    let mut portal = Portal::new();
    let body = json!({"inputs": [contact("a@example.com"), contact("nobody")]});
    let (status, answer) = portal.post("/crm/v3/objects/contacts/batch/create", &body);
    assert_eq!((status, answer["errors"][0]["code"].as_str()), (400, Some("INVALID_EMAIL")));
    assert_snapshot!(line(portal.get("/crm/v3/objects/contacts")), @r#"200 {"results":[]}"#);
    assert!(portal.crm.applied().is_empty());
}

#[test]
fn with_trace_ids_the_bad_items_are_named() {
    let mut portal = Portal::new();
    portal.made("contacts", &json!({"email": "taken@example.com"}));
    let body = json!({"inputs": [
        traced("a@example.com", "t1"), traced("taken@example.com", "t2"), traced("a@example.com", "t3"),
    ]});
    assert_snapshot!(whole(portal.post("/crm/v3/objects/contacts/batch/create", &body)), @r#"
    207
    {
      "status": "COMPLETE",
      "results": [
        {
          "id": "20000000002",
          "properties": {
            "createdate": "2026-09-01T10:00:00.000Z",
            "email": "a@example.com",
            "hs_object_id": "20000000002",
            "lastmodifieddate": "2026-09-01T10:00:00.000Z"
          },
          "createdAt": "2026-09-01T10:00:00.000Z",
          "updatedAt": "2026-09-01T10:00:00.000Z",
          "archived": false,
          "objectWriteTraceId": "t1"
        }
      ],
      "numErrors": 2,
      "errors": [
        {
          "status": "error",
          "category": "CONFLICT",
          "message": "Contact already exists. Existing ID: 20000000001",
          "errors": [],
          "context": {
            "objectWriteTraceId": [
              "t2"
            ]
          },
          "links": {}
        },
        {
          "status": "error",
          "category": "CONFLICT",
          "message": "Contact already exists.",
          "errors": [],
          "context": {
            "objectWriteTraceId": [
              "t3"
            ]
          },
          "links": {}
        }
      ],
      "startedAt": "2026-09-01T10:00:00.000Z",
      "completedAt": "2026-09-01T10:00:00.000Z"
    }
    "#);
    let applied = portal.crm.applied().last().unwrap().clone();
    assert_eq!((applied.action, applied.trace_id.as_deref()), ("create", Some("t1")));
}

#[test]
fn missing_ids_of_a_read_share_one_error() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", &json!({"email": "a@example.com"}));
    let body = json!({"properties": ["email"], "inputs": [{"id": id}, {"id": id}, {"id": "7"}, {"id": "8"}]});
    assert_snapshot!(whole(portal.post("/crm/v3/objects/contacts/batch/read", &body)), @r#"
    207
    {
      "status": "COMPLETE",
      "results": [
        {
          "id": "20000000001",
          "properties": {
            "createdate": "2026-09-01T10:00:00.000Z",
            "email": "a@example.com",
            "hs_object_id": "20000000001",
            "lastmodifieddate": "2026-09-01T10:00:00.000Z"
          },
          "createdAt": "2026-09-01T10:00:00.000Z",
          "updatedAt": "2026-09-01T10:00:00.000Z",
          "archived": false
        }
      ],
      "numErrors": 1,
      "errors": [
        {
          "status": "error",
          "category": "OBJECT_NOT_FOUND",
          "message": "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.",
          "errors": [],
          "context": {
            "ids": [
              "7",
              "8"
            ]
          },
          "links": {}
        }
      ],
      "startedAt": "2026-09-01T10:00:00.000Z",
      "completedAt": "2026-09-01T10:00:00.000Z"
    }
    "#);
    let by_email = json!({"idProperty": "email", "inputs": [{"id": "A@example.com"}]});
    let (status, answer) = portal.post("/crm/v3/objects/contacts/batch/read", &by_email);
    assert_eq!((status, answer["results"][0]["id"].as_str()), (200, Some(id.as_str())));
}

#[test]
fn updates_go_by_id_or_unique_property_and_never_twice() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", &json!({"email": "a@example.com"}));
    let by_email = json!({"inputs": [
        {"id": "a@example.com", "idProperty": "email", "properties": {"firstname": "Ada"}, "objectWriteTraceId": "x"},
        {"id": "9", "properties": {"firstname": "Nobody"}, "objectWriteTraceId": "y"},
    ]});
    assert_snapshot!(line(portal.post("/crm/v3/objects/contacts/batch/update", &by_email)), @r#"207 {"status":"COMPLETE","results":[{"id":"20000000001","properties":{"createdate":"2026-09-01T10:00:00.000Z","firstname":"Ada","hs_object_id":"20000000001","lastmodifieddate":"2026-09-01T10:00:00.000Z"},"createdAt":"2026-09-01T10:00:00.000Z","updatedAt":"2026-09-01T10:00:00.000Z","archived":false,"objectWriteTraceId":"x"}],"numErrors":1,"errors":[{"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.","errors":[],"context":{"ids":["9"],"objectWriteTraceId":["y"]},"links":{}}],"startedAt":"2026-09-01T10:00:00.000Z","completedAt":"2026-09-01T10:00:00.000Z"}"#);
    let twice = json!({"inputs": [{"id": id, "properties": {}}, {"id": id, "properties": {}}]});
    assert_snapshot!(line(portal.post("/crm/v3/objects/contacts/batch/update", &twice)), @r#"400 {"status":"error","message":"Duplicate IDs found in batch input: [20000000001]. IDs must be unique","correlationId":"call-3","context":{"ids":["20000000001"]},"category":"VALIDATION_ERROR"}"#);
}

#[test]
fn an_upsert_says_which_are_new() {
    let mut portal = Portal::new();
    portal.made("contacts", &json!({"email": "a@example.com"}));
    let item = |email: &str| json!({"id": email, "idProperty": "email", "properties": {"firstname": "Ada"}});
    let body = json!({"inputs": [item("a@example.com"), item("b@example.com")]});
    let (status, answer) = portal.post("/crm/v3/objects/contacts/batch/upsert", &body);
    let new: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|result| result["new"].clone()).collect();
    assert_eq!((status, new), (200, vec![json!(false), json!(true)]));
    let by_id = json!({"inputs": [{"id": "1", "properties": {}}]});
    assert_eq!(portal.post("/crm/v3/objects/contacts/batch/upsert", &by_id).0, 400);
}

#[test]
fn an_upsert_by_email_is_all_or_nothing_in_spite_of_trace_ids() {
    let mut portal = Portal::new();
    let item = |email: &str, trace: &str| json!({"id": email, "idProperty": "email", "properties": {}, "objectWriteTraceId": trace});
    let body = json!({"inputs": [item("a@example.com", "1"), item("nobody", "2")]});
    assert_eq!(portal.post("/crm/v3/objects/contacts/batch/upsert", &body).0, 400);
    assert!(portal.crm.applied().is_empty());
}

#[test]
fn a_batch_archive_ignores_what_is_gone() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", &json!({}));
    let body = json!({"inputs": [{"id": id}, {"id": "7"}]});
    assert_eq!(portal.post("/crm/v3/objects/contacts/batch/archive", &body), (204, Value::Null));
    assert_eq!(portal.crm.applied().len(), 2);
}

#[rstest]
#[case::v3("/crm/v3/objects/contacts", 201)]
#[case::march("/crm/objects/2026-03/contacts", 201)]
#[case::september_2025("/crm/objects/2025-09/0-1", 200)]
#[case::september_2026("/crm/objects/2026-09/0-1", 201)]
fn the_versions_disagree_on_success(#[case] path: &str, #[case] status: u16) {
    let body = json!({"inputs": [contact("a@example.com")]});
    assert_eq!(Portal::new().post(&format!("{path}/batch/create"), &body).0, status);
}

#[rstest]
#[case("read")]
#[case("create")]
#[case("update")]
#[case("upsert")]
#[case("archive")]
fn a_batch_has_at_most_a_hundred_inputs(#[case] verb: &str) {
    let inputs: Vec<Value> = (0..101)
        .map(|place| json!({"id": place.to_string(), "idProperty": "email", "properties": {}}))
        .collect();
    let (status, answer) =
        Portal::new().post(&format!("/crm/v3/objects/contacts/batch/{verb}"), &json!({"inputs": inputs}));
    assert_eq!((status, &answer["category"]), (400, &json!("VALIDATION_ERROR")));
}
