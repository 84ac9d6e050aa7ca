//! Merges and privacy deletions.

use insta::assert_snapshot;
use serde_json::json;

use super::{Portal, line, whole};

#[test]
fn a_merge_leaves_a_new_record_that_both_old_ids_lead_to() {
    let mut portal = Portal::new();
    let first = portal.made("contacts", &json!({"email": "a@example.com", "firstname": "Ada"}));
    portal.wait(10);
    let second = portal.made("contacts", &json!({"email": "b@example.com", "firstname": "B", "phone": "1"}));
    let company = portal.made("companies", &json!({"name": "Acme"}));
    portal.put(
        &format!("/crm/v4/objects/contacts/{second}/associations/default/companies/{company}"),
        &json!({}),
    );
    portal.wait(10);
    let body = json!({"primaryObjectId": first, "objectIdToMerge": second});
    let (status, merged) = portal.post("/crm/v3/objects/contacts/merge", &body);
    let id = merged["id"].as_str().unwrap().to_owned();
    assert_eq!(status, 200);
    assert_snapshot!(whole(portal.get(&format!(
        "/crm/v3/objects/contacts/{second}?properties=email,firstname,phone,hs_merged_object_ids,hs_additional_emails&associations=companies"
    ))), @r#"
    200
    {
      "id": "20000000004",
      "properties": {
        "createdate": "2026-09-01T10:00:00.000Z",
        "email": "a@example.com",
        "firstname": "Ada",
        "hs_additional_emails": "b@example.com",
        "hs_merged_object_ids": "20000000001;20000000002",
        "hs_object_id": "20000000004",
        "lastmodifieddate": "2026-09-01T10:00:20.000Z",
        "phone": "1"
      },
      "createdAt": "2026-09-01T10:00:00.000Z",
      "updatedAt": "2026-09-01T10:00:20.000Z",
      "archived": false,
      "associations": {
        "companies": {
          "results": [
            {
              "id": "20000000003",
              "type": "contact_to_company_unlabeled"
            }
          ]
        }
      }
    }
    "#);
    let patch = json!({"properties": {"firstname": "C"}});
    let (status, changed) = portal.patch(&format!("/crm/v3/objects/contacts/{first}"), &patch);
    assert_eq!((status, changed["id"].as_str()), (200, Some(id.as_str())));
    let batch = json!({"inputs": [{"id": first, "properties": {"firstname": "D"}}]});
    assert_eq!(portal.post("/crm/v3/objects/contacts/batch/update", &batch).0, 404);
    assert_eq!(portal.delete(&format!("/crm/v3/objects/contacts/{first}")).0, 404);
    let again = json!({"properties": {"email": "b@example.com"}});
    assert_eq!(portal.post("/crm/v3/objects/contacts", &again).0, 409);
}

#[test]
fn merges_chain_up_to_a_limit() {
    let mut portal = Portal::new();
    let mut survivor = portal.made("deals", &json!({"dealname": "0"}));
    let first = survivor.clone();
    let mut status = 200;
    let mut merges = 0;
    while status == 200 {
        let other = portal.made("deals", &json!({"dealname": "n"}));
        let body = json!({"primaryObjectId": survivor, "objectIdToMerge": other});
        let (answered, merged) = portal.post("/crm/v3/objects/deals/merge", &body);
        status = answered;
        if status == 200 {
            merges += 1;
            survivor = merged["id"].as_str().unwrap().to_owned();
        }
    }
    assert_eq!((status, merges), (414, 125));
    assert_eq!(portal.get(&format!("/crm/v3/objects/deals/{first}")).1["id"], survivor);
}

#[test]
fn merges_that_make_no_sense_are_refused() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", &json!({}));
    let body = json!({"primaryObjectId": id, "objectIdToMerge": id});
    assert_eq!(portal.post("/crm/v3/objects/contacts/merge", &body).0, 400);
    let body = json!({"primaryObjectId": id, "objectIdToMerge": "7"});
    assert_eq!(portal.post("/crm/v3/objects/contacts/merge", &body).0, 404);
    assert_eq!(portal.post("/crm/v3/objects/notes/merge", &body).0, 404);
}

#[test]
fn privacy_deletion_erases_the_known_and_keeps_out_the_unknown() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", &json!({"email": "a@example.com"}));
    let by_id = json!({"objectId": id});
    assert_eq!(portal.post("/crm/v3/objects/contacts/gdpr-delete", &by_id).0, 204);
    assert_eq!(portal.get(&format!("/crm/v3/objects/contacts/{id}?archived=true")).0, 404);
    let unknown = json!({"objectId": "Stranger@example.com", "idProperty": "email"});
    assert_eq!(portal.post("/crm/v3/objects/contacts/gdpr-delete", &unknown).0, 204);
    let stranger = json!({"properties": {"email": "stranger@example.com"}});
    assert_snapshot!(line(portal.post("/crm/v3/objects/contacts", &stranger)), @r#"400 {"status":"error","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"This email address was deleted for privacy and cannot be created again\",\"error\":\"GDPR_BLACKLISTED_EMAIL\",\"name\":\"email\",\"localizedErrorMessage\":\"This email address was deleted for privacy and cannot be created again\",\"portalId\":4242}]","correlationId":"call-5","errors":[{"message":"This email address was deleted for privacy and cannot be created again","code":"GDPR_BLACKLISTED_EMAIL","context":{"propertyName":["email"]}}],"category":"VALIDATION_ERROR"}"#);
    let log = serde_json::to_string(portal.crm.applied()).unwrap();
    assert!(!log.contains("example.com"), "{log}");
}
