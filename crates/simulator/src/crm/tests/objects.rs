//! One record at a time: create, read, list, update, archive, and their refusals.

use bytes::Bytes;
use http::Method;
use insta::assert_snapshot;
use rstest::rstest;
use serde_json::json;

use super::{Portal, line, whole};
use crate::crm::{Requirements, Vacant};

#[test]
fn a_contact_is_created_read_changed_and_archived() {
    let mut portal = Portal::new();
    let body = json!({"properties": {"email": "Ada@Example.com", "firstname": "Ada", "annualrevenue": 12}});
    assert_snapshot!(whole(portal.post("/crm/v3/objects/contacts", &body)), @r#"
    201
    {
      "id": "20000000001",
      "properties": {
        "annualrevenue": "12",
        "createdate": "2026-09-01T10:00:00.000Z",
        "email": "ada@example.com",
        "firstname": "Ada",
        "hs_object_id": "20000000001",
        "lastmodifieddate": "2026-09-01T10:00:00.000Z"
      },
      "createdAt": "2026-09-01T10:00:00.000Z",
      "updatedAt": "2026-09-01T10:00:00.000Z",
      "archived": false
    }
    "#);
    portal.wait(60);
    let path = "/crm/v3/objects/contacts/20000000001";
    assert_snapshot!(line(portal.patch(path, &json!({"properties": {"firstname": "", "phone": "1"}}))), @r#"200 {"id":"20000000001","properties":{"createdate":"2026-09-01T10:00:00.000Z","firstname":"","hs_object_id":"20000000001","lastmodifieddate":"2026-09-01T10:01:00.000Z","phone":"1"},"createdAt":"2026-09-01T10:00:00.000Z","updatedAt":"2026-09-01T10:01:00.000Z","archived":false}"#);
    assert_snapshot!(
        whole(portal.get(&format!("{path}?properties=email,firstname&propertiesWithHistory=firstname"))),
        @r#"
        200
        {
          "id": "20000000001",
          "properties": {
            "createdate": "2026-09-01T10:00:00.000Z",
            "email": "ada@example.com",
            "hs_object_id": "20000000001",
            "lastmodifieddate": "2026-09-01T10:01:00.000Z"
          },
          "createdAt": "2026-09-01T10:00:00.000Z",
          "updatedAt": "2026-09-01T10:01:00.000Z",
          "archived": false,
          "propertiesWithHistory": {
            "firstname": [
              {
                "value": "",
                "timestamp": "2026-09-01T10:01:00.000Z",
                "sourceType": "INTEGRATION"
              },
              {
                "value": "Ada",
                "timestamp": "2026-09-01T10:00:00.000Z",
                "sourceType": "INTEGRATION"
              }
            ]
          }
        }
        "#
    );
    portal.wait(60);
    assert_snapshot!(line(portal.delete(path)), @"204 null");
    assert_snapshot!(line(portal.delete(path)), @"204 null");
    assert_snapshot!(line(portal.get(path)), @r#"404 {"status":"error","message":"resource not found","correlationId":"call-6","category":"OBJECT_NOT_FOUND"}"#);
    assert_snapshot!(line(portal.get(&format!("{path}?archived=true"))), @r#"200 {"id":"20000000001","properties":{"createdate":"2026-09-01T10:00:00.000Z","email":"ada@example.com","hs_object_id":"20000000001","lastmodifieddate":"2026-09-01T10:01:00.000Z"},"createdAt":"2026-09-01T10:00:00.000Z","updatedAt":"2026-09-01T10:01:00.000Z","archived":true,"archivedAt":"2026-09-01T10:02:00.000Z"}"#);
    assert_snapshot!(line(portal.delete("/crm/v3/objects/contacts/404")), @r#"404 {"status":"error","message":"resource not found","correlationId":"call-8","category":"OBJECT_NOT_FOUND"}"#);
    assert_eq!(portal.get(&format!("{path}?archived=True")).0, 200, "as the Python client writes it");
}

#[test]
fn lists_page_by_the_id_of_the_next_record() {
    let mut portal = Portal::new();
    for place in 1..=5 {
        portal.made("contacts", &json!({"firstname": format!("n{place}")}));
    }
    portal.delete("/crm/v3/objects/contacts/20000000002");
    let first = portal.get("/crm/v3/objects/contacts?limit=2&properties=firstname");
    assert_snapshot!(whole(first), @r#"
    200
    {
      "results": [
        {
          "id": "20000000001",
          "properties": {
            "createdate": "2026-09-01T10:00:00.000Z",
            "firstname": "n1",
            "hs_object_id": "20000000001",
            "lastmodifieddate": "2026-09-01T10:00:00.000Z"
          },
          "createdAt": "2026-09-01T10:00:00.000Z",
          "updatedAt": "2026-09-01T10:00:00.000Z",
          "archived": false
        },
        {
          "id": "20000000003",
          "properties": {
            "createdate": "2026-09-01T10:00:00.000Z",
            "firstname": "n3",
            "hs_object_id": "20000000003",
            "lastmodifieddate": "2026-09-01T10:00:00.000Z"
          },
          "createdAt": "2026-09-01T10:00:00.000Z",
          "updatedAt": "2026-09-01T10:00:00.000Z",
          "archived": false
        }
      ],
      "paging": {
        "next": {
          "after": "20000000004",
          "link": "http://sim.test/crm/v3/objects/contacts?limit=2&properties=firstname&after=20000000004"
        }
      }
    }
    "#);
    let last = portal.get("/crm/objects/2026-03/0-1?limit=2&properties=firstname&after=20000000005");
    assert_snapshot!(line(last), @r#"200 {"results":[{"id":"20000000005","properties":{"createdate":"2026-09-01T10:00:00.000Z","firstname":"n5","hs_object_id":"20000000005","lastmodifieddate":"2026-09-01T10:00:00.000Z"},"createdAt":"2026-09-01T10:00:00.000Z","updatedAt":"2026-09-01T10:00:00.000Z","archived":false}]}"#);
    assert_snapshot!(line(portal.get("/crm/v3/objects/contacts?archived=true")), @r#"200 {"results":[{"id":"20000000002","properties":{"createdate":"2026-09-01T10:00:00.000Z","firstname":"n2","hs_object_id":"20000000002","lastmodifieddate":"2026-09-01T10:00:00.000Z"},"createdAt":"2026-09-01T10:00:00.000Z","updatedAt":"2026-09-01T10:00:00.000Z","archived":true,"archivedAt":"2026-09-01T10:00:00.000Z"}]}"#);
}

#[rstest]
#[case::limit("/crm/v3/objects/contacts?limit=101")]
#[case::limit_with_history("/crm/v3/objects/contacts?limit=51&propertiesWithHistory=email")]
#[case::cursor("/crm/v3/objects/contacts?after=x")]
#[case::object_type("/crm/v3/objects/unicorns")]
#[case::shared_id_property("/crm/v3/objects/contacts/1?idProperty=firstname")]
fn reads_are_refused_with_a_validation_error(#[case] target: &str) {
    let (status, answer) = Portal::new().get(target);
    assert_eq!((status, &answer["category"]), (400, &json!("VALIDATION_ERROR")), "{answer}");
}

#[test]
fn an_unknown_property_is_refused_in_hubspots_shape() {
    let body = json!({"properties": {"non_existing_field": "x", "createdate": "2026-01-01"}});
    assert_snapshot!(whole(Portal::new().post("/crm/v3/objects/contacts", &body)), @r#"
    400
    {
      "status": "error",
      "message": "Property values were not valid: [{\"isValid\":false,\"message\":\"Property \\\"non_existing_field\\\" does not exist\",\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"non_existing_field\",\"localizedErrorMessage\":\"Property \\\"non_existing_field\\\" does not exist\",\"portalId\":4242},{\"isValid\":false,\"message\":\"\\\"createdate\\\" is a read only property; its value cannot be set.\",\"error\":\"READ_ONLY_VALUE\",\"name\":\"createdate\",\"localizedErrorMessage\":\"\\\"createdate\\\" is a read only property; its value cannot be set.\",\"portalId\":4242}]",
      "correlationId": "call-1",
      "errors": [
        {
          "message": "Property \"non_existing_field\" does not exist",
          "code": "PROPERTY_DOESNT_EXIST",
          "context": {
            "propertyName": [
              "non_existing_field"
            ]
          }
        },
        {
          "message": "\"createdate\" is a read only property; its value cannot be set.",
          "code": "READ_ONLY_VALUE",
          "context": {
            "propertyName": [
              "createdate"
            ]
          }
        }
      ],
      "category": "VALIDATION_ERROR"
    }
    "#);
}

#[rstest]
#[case::number("contacts", json!({"annualrevenue": "much"}), "INVALID_INTEGER")]
#[case::option("contacts", json!({"lifecyclestage": "alien"}), "INVALID_OPTION")]
#[case::email("contacts", json!({"email": "nobody"}), "INVALID_EMAIL")]
#[case::date("contacts", json!({"closedate": "1700000000001"}), "INVALID_DATE")]
#[case::datetime("notes", json!({"hs_timestamp": "soon"}), "INVALID_LONG")]
#[case::owner("contacts", json!({"hubspot_owner_id": "9001001"}), "INVALID_OPTION")]
#[case::read_only("deals", json!({"hs_object_id": "1"}), "READ_ONLY_VALUE")]
#[case::stage_elsewhere("tickets", json!({"hs_pipeline_stage": "closedwon"}), "INVALID_OPTION")]
#[case::required("notes", json!({"hs_note_body": "no date"}), "MISSING_REQUIRED_PROPERTY")]
fn a_bad_value_is_named_by_its_code(
    #[case] kind: &str,
    #[case] properties: serde_json::Value,
    #[case] code: &str,
) {
    let body = json!({"properties": properties});
    let (status, answer) = Portal::new().post(&format!("/crm/v3/objects/{kind}"), &body);
    assert_eq!((status, answer["errors"][0]["code"].as_str()), (400, Some(code)), "{answer}");
}

#[test]
fn an_email_belongs_to_one_contact() {
    let mut portal = Portal::new();
    portal.made("contacts", &json!({"email": "ada@example.com"}));
    let again = json!({"properties": {"email": "ADA@example.com"}});
    assert_snapshot!(line(portal.post("/crm/v3/objects/contacts", &again)), @r#"409 {"status":"error","message":"Contact already exists. Existing ID: 20000000001","correlationId":"call-2","category":"CONFLICT"}"#);
    assert_snapshot!(line(portal.get("/crm/v3/objects/contacts/Ada@example.com?idProperty=email&properties=email")), @r#"200 {"id":"20000000001","properties":{"createdate":"2026-09-01T10:00:00.000Z","email":"ada@example.com","hs_object_id":"20000000001","lastmodifieddate":"2026-09-01T10:00:00.000Z"},"createdAt":"2026-09-01T10:00:00.000Z","updatedAt":"2026-09-01T10:00:00.000Z","archived":false}"#);
    portal.delete("/crm/v3/objects/contacts/20000000001");
    assert_eq!(portal.post("/crm/v3/objects/contacts", &again).0, 201);
}

#[test]
fn a_deal_stands_at_a_stage_of_its_pipeline() {
    let mut portal = Portal::new();
    portal.made("deals", &json!({"dealname": "Big"}));
    let path = "/crm/v3/objects/deals/20000000001";
    assert_snapshot!(line(portal.get(path)), @r#"200 {"id":"20000000001","properties":{"createdate":"2026-09-01T10:00:00.000Z","dealname":"Big","dealstage":"appointmentscheduled","hs_lastmodifieddate":"2026-09-01T10:00:00.000Z","hs_object_id":"20000000001","pipeline":"default"},"createdAt":"2026-09-01T10:00:00.000Z","updatedAt":"2026-09-01T10:00:00.000Z","archived":false}"#);
    let moved = portal.patch(path, &json!({"properties": {"dealstage": "closedwon"}}));
    assert_eq!(moved.1["properties"]["pipeline"], "default");
}

#[test]
fn a_set_is_replaced_or_added_to() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", &json!({"hs_buying_role": "CHAMPION;BLOCKER"}));
    let path = format!("/crm/v3/objects/contacts/{id}");
    let added = portal.patch(&path, &json!({"properties": {"hs_buying_role": ";OTHER"}}));
    assert_eq!(added.1["properties"]["hs_buying_role"], "CHAMPION;BLOCKER;OTHER");
    let replaced = portal.patch(&path, &json!({"properties": {"hs_buying_role": "OTHER"}}));
    assert_eq!(replaced.1["properties"]["hs_buying_role"], "OTHER");
}

#[test]
fn broken_json_and_foreign_paths() {
    let mut portal = Portal::new();
    let broken = portal.raw(Method::POST, "/crm/v3/objects/contacts", Bytes::from_static(b"<x>"));
    assert_snapshot!(line(broken.unwrap()), @r#"400 {"status":"error","message":"Invalid input JSON on line 1, column 1: expected value at line 1 column 1","correlationId":"call-1","category":"VALIDATION_ERROR"}"#);
    assert!(portal.raw(Method::GET, "/account-info/v3/details", Bytes::new()).is_none());
    assert_eq!(portal.call(Method::PUT, "/crm/v3/objects/contacts", None).0, 405);
}

#[rstest]
#[case::deal("deals", json!({"dealname": "Big"}))]
#[case::ticket("tickets", json!({"subject": "Help", "hs_pipeline": "0"}))]
#[case::product("products", json!({"name": "Plan"}))]
fn the_documented_requirements_can_be_enforced(#[case] kind: &str, #[case] properties: serde_json::Value) {
    let body = json!({"properties": properties});
    let mut portal = Portal::new();
    assert_eq!(portal.post(&format!("/crm/v3/objects/{kind}"), &body).0, 201);
    portal.crm.set_requirements(Requirements::Documented);
    let (status, answer) = portal.post(&format!("/crm/v3/objects/{kind}"), &body);
    assert_eq!((status, &answer["errors"][0]["code"]), (400, &json!("MISSING_REQUIRED_PROPERTY")));
}

#[test]
fn a_missing_value_is_left_out_or_null_as_told() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", &json!({}));
    let read = format!("/crm/v3/objects/contacts/{id}?properties=phone");
    assert!(!portal.get(&read).1["properties"].as_object().unwrap().contains_key("phone"));
    portal.crm.set_vacant(Vacant::Null);
    assert_eq!(portal.get(&read).1["properties"].get("phone"), Some(&json!(null)));
}

#[test]
fn a_deleted_email_is_gone_for_good() {
    let mut portal = Portal::new();
    let properties = json!({"hs_timestamp": "2026-09-01", "hs_email_direction": "EMAIL"});
    let (email, note) =
        (portal.made("emails", &properties), portal.made("notes", &json!({"hs_timestamp": "1"})));
    for (kind, id, status) in [("emails", email, 404), ("notes", note, 200)] {
        portal.delete(&format!("/crm/v3/objects/{kind}/{id}"));
        assert_eq!(portal.get(&format!("/crm/v3/objects/{kind}/{id}?archived=true")).0, status);
    }
}
