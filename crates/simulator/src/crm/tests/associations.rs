//! Associations: directions, labels, primaries, batches and the differing success codes.

use http::Method;
use insta::assert_snapshot;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Portal, line, whole};

fn spec(id: u32) -> Value {
    json!({"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": id})
}

/// A portal with a contact, two companies and a deal, and their ids.
fn portal() -> (Portal, [String; 4]) {
    let mut portal = Portal::new();
    let contact = portal.made("contacts", &json!({"email": "a@example.com"}));
    let acme = portal.made("companies", &json!({"name": "Acme"}));
    let birch = portal.made("companies", &json!({"name": "Birch"}));
    let deal = portal.made("deals", &json!({"dealname": "Big"}));
    (portal, [contact, acme, birch, deal])
}

#[test]
fn a_default_association_is_seen_from_both_ends() {
    let (mut portal, [contact, acme, ..]) = portal();
    let path = format!("/crm/v4/objects/contacts/{contact}/associations/default/companies/{acme}");
    assert_snapshot!(whole(portal.put(&path, &json!({}))), @r#"
    200
    {
      "status": "COMPLETE",
      "results": [
        {
          "from": {
            "id": "20000000001"
          },
          "to": {
            "id": "20000000002"
          },
          "associationSpec": {
            "associationCategory": "HUBSPOT_DEFINED",
            "associationTypeId": 279
          }
        }
      ],
      "startedAt": "2026-09-01T10:00:00.000Z",
      "completedAt": "2026-09-01T10:00:00.000Z"
    }
    "#);
    assert_snapshot!(line(portal.get(&format!("/crm/v4/objects/contact/{contact}/associations/company"))), @r#"200 {"results":[{"toObjectId":"20000000002","associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":279,"label":null}]}]}"#);
    assert_snapshot!(line(portal.get(&format!("/crm/objects/2026-03/0-2/{acme}/associations/0-1"))), @r#"200 {"results":[{"toObjectId":"20000000001","associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":280,"label":null}]}]}"#);
}

#[test]
fn a_primary_implies_the_unlabelled_and_takes_the_place_of_the_last() {
    let (mut portal, [contact, acme, birch, _]) = portal();
    for company in [&acme, &birch] {
        let path = format!("/crm/v4/objects/contacts/{contact}/associations/companies/{company}");
        let (status, answer) = portal.put(&path, &json!([spec(1)]));
        assert_eq!((status, &answer["labels"]), (201, &json!(["Primary"])), "{answer}");
    }
    assert_snapshot!(whole(portal.get(&format!("/crm/v4/objects/contacts/{contact}/associations/companies"))), @r#"
    200
    {
      "results": [
        {
          "toObjectId": "20000000002",
          "associationTypes": [
            {
              "category": "HUBSPOT_DEFINED",
              "typeId": 279,
              "label": null
            }
          ]
        },
        {
          "toObjectId": "20000000003",
          "associationTypes": [
            {
              "category": "HUBSPOT_DEFINED",
              "typeId": 1,
              "label": "Primary"
            },
            {
              "category": "HUBSPOT_DEFINED",
              "typeId": 279,
              "label": null
            }
          ]
        }
      ]
    }
    "#);
    assert_snapshot!(line(portal.get(&format!("/crm/v4/objects/companies/{birch}/associations/contacts"))), @r#"200 {"results":[{"toObjectId":"20000000001","associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":2,"label":"Primary"},{"category":"HUBSPOT_DEFINED","typeId":280,"label":null}]}]}"#);
}

#[rstest]
#[case::deal_to_contact_id_from_a_contact("contacts", "deals", 3, 400)]
#[case::contact_to_deal_id("contacts", "deals", 4, 201)]
#[case::company_to_deal_id_from_a_deal("deals", "companies", 342, 400)]
#[case::deal_to_company_id("deals", "companies", 341, 201)]
#[case::an_id_nobody_has("contacts", "deals", 99_999, 400)]
fn an_id_of_the_wrong_direction_is_refused(
    #[case] from: &str,
    #[case] to: &str,
    #[case] id: u32,
    #[case] status: u16,
) {
    let (mut portal, [contact, acme, _, deal]) = portal();
    let own = |kind: &str| match kind {
        "contacts" => contact.clone(),
        "companies" => acme.clone(),
        _ => deal.clone(),
    };
    let path = format!("/crm/v4/objects/{from}/{}/associations/{to}/{}", own(from), own(to));
    let answer = portal.put(&path, &json!([spec(id)]));
    assert_eq!(answer.0, status, "{}", answer.1);
    let batch = json!({"inputs": [{"from": {"id": own(from)}, "to": {"id": own(to)}, "types": [spec(id)]}]});
    let answer = portal.post(&format!("/crm/v4/associations/{from}/{to}/batch/create"), &batch);
    assert_eq!(answer.0, status, "{}", answer.1);
}

#[test]
fn associations_come_with_a_create_and_with_a_read() {
    let (mut portal, [contact, acme, ..]) = portal();
    let body = json!({"properties": {"dealname": "New"}, "associations": [
        {"to": {"id": contact}, "types": [spec(3)]}, {"to": {"id": acme}, "types": [spec(5)]},
    ]});
    let (status, made) = portal.post("/crm/v3/objects/deals", &body);
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    assert_snapshot!(line(portal.get(&format!("/crm/v3/objects/deals/{id}?properties=dealname&associations=contacts,companies,tickets"))), @r#"200 {"id":"20000000005","properties":{"createdate":"2026-09-01T10:00:00.000Z","dealname":"New","hs_lastmodifieddate":"2026-09-01T10:00:00.000Z","hs_object_id":"20000000005"},"createdAt":"2026-09-01T10:00:00.000Z","updatedAt":"2026-09-01T10:00:00.000Z","archived":false,"associations":{"contacts":{"results":[{"id":"20000000001","type":"deal_to_contact"}]},"companies":{"results":[{"id":"20000000002","type":"deal_to_company"},{"id":"20000000002","type":"deal_to_company_unlabeled"}]}}}"#);
    let stranger =
        json!({"properties": {"dealname": "New"}, "associations": [{"to": {"id": "7"}, "types": [spec(3)]}]});
    assert_snapshot!(line(portal.post("/crm/v3/objects/deals", &stranger)), @r#"400 {"status":"error","message":"One or more associations are invalid","correlationId":"call-7","context":{"INVALID_OBJECT_IDS":["CONTACT=7 is not valid"]},"category":"VALIDATION_ERROR"}"#);
}

#[test]
fn labels_are_made_used_replaced_and_taken_away() {
    let (mut portal, [contact, acme, ..]) = portal();
    let labels = "/crm/v4/associations/contacts/companies/labels";
    let new = json!({"name": "advisor", "label": "Advisor", "inverseLabel": "Advised by"});
    assert_snapshot!(line(portal.post(labels, &new)), @r#"200 {"results":[{"category":"USER_DEFINED","typeId":1,"label":"Advisor"},{"category":"USER_DEFINED","typeId":2,"label":"Advised by"}]}"#);
    let path = format!("/crm/v4/objects/contacts/{contact}/associations/companies/{acme}");
    let own = json!({"associationCategory": "USER_DEFINED", "associationTypeId": 1});
    assert_eq!(
        portal.put(&path, &json!([own, spec(931)])).1["labels"],
        json!(["Billing contact of", "Advisor"])
    );
    assert_eq!(portal.put(&path, &json!([own])).1["labels"], json!(["Advisor"]));
    let back = format!("/crm/v4/objects/companies/{acme}/associations/contacts");
    assert_snapshot!(line(portal.get(&back)), @r#"200 {"results":[{"toObjectId":"20000000001","associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":280,"label":null},{"category":"USER_DEFINED","typeId":2,"label":"Advised by"}]}]}"#);
    let renamed = json!({"associationTypeId": 1, "label": "Counsel"});
    assert_eq!(portal.put(labels, &renamed).0, 204);
    assert_eq!(portal.delete(&format!("{labels}/279")).0, 400);
    assert_eq!(portal.delete(&format!("{labels}/1")).0, 204);
    assert_snapshot!(line(portal.get(labels)), @r#"200 {"results":[{"category":"HUBSPOT_DEFINED","typeId":279,"label":null},{"category":"HUBSPOT_DEFINED","typeId":1,"label":"Primary"},{"category":"HUBSPOT_DEFINED","typeId":931,"label":"Billing contact of"}]}"#);
    assert_snapshot!(line(portal.get(&back)), @r#"200 {"results":[{"toObjectId":"20000000001","associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":280,"label":null}]}]}"#);
}

#[test]
fn taking_the_unlabelled_type_takes_the_association() {
    let (mut portal, [contact, acme, ..]) = portal();
    let path = format!("/crm/v4/objects/contacts/{contact}/associations/companies/{acme}");
    let list = format!("/crm/v4/objects/contacts/{contact}/associations/companies");
    let without =
        |id: u32| json!({"inputs": [{"from": {"id": contact}, "to": {"id": acme}, "types": [spec(id)]}]});
    portal.put(&path, &json!([spec(1)]));
    portal.post("/crm/v4/associations/contacts/companies/batch/labels/archive", &without(1));
    assert_eq!(portal.get(&list).1["results"][0]["associationTypes"][0]["typeId"], 279);
    portal.post("/crm/v4/associations/contacts/companies/batch/labels/archive", &without(279));
    assert_eq!(portal.get(&list).1, json!({"results": []}));
}

#[rstest]
#[case::v4("/crm/v4/associations", 204)]
#[case::dated("/crm/associations/2026-03", 200)]
fn a_batch_archive_answers_by_version(#[case] base: &str, #[case] status: u16) {
    let (mut portal, [contact, acme, ..]) = portal();
    let pair = json!({"inputs": [{"from": {"id": contact}, "to": {"id": acme}}]});
    let made = portal.post(&format!("{base}/contacts/companies/batch/associate/default"), &pair);
    assert_eq!(made.0, 200);
    let gone = json!({"inputs": [{"from": {"id": contact}, "to": [{"id": acme}]}]});
    assert_eq!(portal.post(&format!("{base}/contacts/companies/batch/archive"), &gone).0, status);
    assert_eq!(
        portal.get(&format!("/crm/v4/objects/contacts/{contact}/associations/companies")).1,
        json!({"results": []})
    );
    assert_eq!(portal.crm.applied().last().unwrap().object_type, "contacts/companies");
}

#[test]
fn a_batch_read_names_those_without_neighbours() {
    let (mut portal, [contact, acme, _, deal]) = portal();
    portal.put(
        &format!("/crm/v4/objects/contacts/{contact}/associations/default/companies/{acme}"),
        &json!({}),
    );
    let body = json!({"inputs": [{"id": contact}, {"id": deal}]});
    assert_snapshot!(whole(portal.post("/crm/v4/associations/contacts/companies/batch/read", &body)), @r#"
    207
    {
      "status": "COMPLETE",
      "results": [
        {
          "from": {
            "id": "20000000001"
          },
          "to": [
            {
              "toObjectId": "20000000002",
              "associationTypes": [
                {
                  "category": "HUBSPOT_DEFINED",
                  "typeId": 279,
                  "label": null
                }
              ]
            }
          ]
        }
      ],
      "numErrors": 1,
      "errors": [
        {
          "status": "error",
          "category": "OBJECT_NOT_FOUND",
          "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
          "message": "No company is associated with contact 20000000004.",
          "errors": [],
          "context": {
            "fromObjectId": [
              "20000000004"
            ],
            "fromObjectType": [
              "contact"
            ],
            "toObjectType": [
              "company"
            ]
          },
          "links": {}
        }
      ],
      "startedAt": "2026-09-01T10:00:00.000Z",
      "completedAt": "2026-09-01T10:00:00.000Z"
    }
    "#);
}

#[test]
fn a_record_that_is_gone_cannot_be_associated() {
    let (mut portal, [contact, acme, ..]) = portal();
    let path = format!("/crm/v4/objects/contacts/{contact}/associations/default/companies/{acme}");
    portal.put(&path, &json!({}));
    portal.delete(&format!("/crm/v3/objects/companies/{acme}"));
    assert_eq!(
        portal.get(&format!("/crm/v4/objects/contacts/{contact}/associations/companies")).1,
        json!({"results": []})
    );
    assert_snapshot!(line(portal.put(&path, &json!({}))), @r#"400 {"status":"error","message":"One or more associations are invalid","correlationId":"call-8","context":{"INVALID_OBJECT_IDS":["COMPANY=20000000002 is not valid"]},"category":"VALIDATION_ERROR"}"#);
    let delete = format!("/crm/v4/objects/contacts/{contact}/associations/deals/7");
    assert_eq!(portal.call(Method::DELETE, &delete, None).0, 400);
}

#[test]
fn the_words_of_v3_still_work() {
    let (mut portal, [contact, _, _, deal]) = portal();
    let pair = json!({"inputs": [{"from": {"id": contact}, "to": {"id": deal}, "type": "contact_to_deal"}]});
    assert_snapshot!(line(portal.post("/crm/v3/associations/contacts/deals/batch/create", &pair)), @r#"201 {"status":"COMPLETE","results":[{"from":{"id":"20000000001"},"to":{"id":"20000000004"},"type":"contact_to_deal"}],"startedAt":"2026-09-01T10:00:00.000Z","completedAt":"2026-09-01T10:00:00.000Z"}"#);
    let read = json!({"inputs": [{"id": deal}]});
    assert_snapshot!(line(portal.post("/crm/v3/associations/deals/contacts/batch/read", &read)), @r#"200 {"status":"COMPLETE","results":[{"from":{"id":"20000000004"},"to":[{"id":"20000000001","type":"deal_to_contact"}]}],"startedAt":"2026-09-01T10:00:00.000Z","completedAt":"2026-09-01T10:00:00.000Z"}"#);
    assert_snapshot!(line(portal.get("/crm/v3/associations/contacts/deals/types")), @r#"200 {"results":[{"id":"4","name":"contact_to_deal"}]}"#);
}

#[test]
fn a_read_shows_the_first_hundred_associations_and_where_the_rest_begins() {
    let (mut portal, [_, acme, ..]) = portal();
    let contacts: Vec<String> = (0..101).map(|_| portal.made("contacts", &json!({}))).collect();
    let inputs: Vec<Value> =
        contacts.iter().map(|id| json!({"from": {"id": id}, "to": {"id": acme}})).collect();
    portal
        .post("/crm/v4/associations/contacts/companies/batch/associate/default", &json!({"inputs": inputs}));
    let (_, company) = portal.get(&format!("/crm/v3/objects/companies/{acme}?associations=contacts"));
    let shown = &company["associations"]["contacts"];
    assert_eq!(shown["results"].as_array().unwrap().len(), 100);
    assert_eq!(shown["paging"]["next"]["after"], json!(contacts[100]));
    let (_, page) = portal.get(&format!("/crm/v4/objects/companies/{acme}/associations/contacts?limit=100"));
    assert_eq!(page["paging"]["next"]["after"], json!(contacts[100]));
}
