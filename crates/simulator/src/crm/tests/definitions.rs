//! Properties, groups, pipelines, owners, lists, custom object types.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{Portal, line, whole};

fn size() -> Value {
    json!({
        "name": "shoe_size", "label": "Shoe size", "groupName": "contactinformation", "type": "enumeration",
        "fieldType": "select", "options": [{"label": "Large", "value": "l"}, {"label": "Small", "value": "s"}],
    })
}

#[test]
fn a_property_lives_dies_and_comes_back() {
    let mut portal = Portal::new();
    let path = "/crm/v3/properties/contacts";
    assert_snapshot!(whole(portal.post(path, &size())), @r#"
    201
    {
      "updatedAt": "2026-09-01T10:00:00.000Z",
      "createdAt": "2026-09-01T10:00:00.000Z",
      "name": "shoe_size",
      "label": "Shoe size",
      "type": "enumeration",
      "fieldType": "select",
      "description": "",
      "groupName": "contactinformation",
      "options": [
        {
          "label": "Large",
          "value": "l",
          "displayOrder": 0,
          "hidden": false
        },
        {
          "label": "Small",
          "value": "s",
          "displayOrder": 1,
          "hidden": false
        }
      ],
      "displayOrder": -1,
      "calculated": false,
      "externalOptions": false,
      "archived": false,
      "hasUniqueValue": false,
      "hidden": false,
      "hubspotDefined": false,
      "modificationMetadata": {
        "archivable": true,
        "readOnlyDefinition": false,
        "readOnlyValue": false
      },
      "formField": false,
      "dataSensitivity": "non_sensitive"
    }
    "#);
    assert_snapshot!(line(portal.post(path, &size())), @r#"409 {"status":"error","message":"A property named 'shoe_size' already exists.","correlationId":"call-2","category":"OBJECT_ALREADY_EXISTS","subCategory":"Properties.PROPERTY_WITH_NAME_EXISTS"}"#);
    let id = portal.made("contacts", &json!({"shoe_size": "l"}));
    assert_eq!(portal.delete("/crm/v3/properties/contacts/shoe_size").0, 204);
    assert_eq!(portal.get("/crm/v3/properties/contacts/shoe_size").0, 404);
    assert_eq!(portal.get("/crm/v3/properties/contacts/shoe_size?archived=true").0, 200);
    let read = format!("/crm/v3/objects/contacts/{id}?properties=shoe_size");
    assert_eq!(portal.get(&read).1["properties"]["shoe_size"], Value::Null);
    assert_eq!(portal.post(path, &size()).0, 201);
    assert_eq!(portal.get(&read).1["properties"]["shoe_size"], "l");
}

#[test]
fn a_unique_property_finds_records_and_keeps_others_out() {
    let mut portal = Portal::new();
    let erp = json!({"name": "erp_id", "label": "ERP", "groupName": "contactinformation", "type": "string", "fieldType": "text", "hasUniqueValue": true});
    assert_eq!(portal.post("/crm/v3/properties/contacts", &erp).0, 201);
    let id = portal.made("contacts", &json!({"erp_id": "K-1"}));
    assert_eq!(portal.get("/crm/v3/objects/contacts/K-1?idProperty=erp_id").1["id"], id);
    assert_snapshot!(line(portal.post("/crm/v3/objects/contacts", &json!({"properties": {"erp_id": "K-1"}}))), @r#"400 {"status":"error","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"CONTACT=20000000001 already has that value.\",\"error\":\"CONFLICTING_UNIQUE_VALUE\",\"name\":\"erp_id\",\"localizedErrorMessage\":\"CONTACT=20000000001 already has that value.\",\"portalId\":4242}]","correlationId":"call-4","errors":[{"message":"CONTACT=20000000001 already has that value.","code":"CONFLICTING_UNIQUE_VALUE","context":{"propertyName":["erp_id"]}}],"category":"VALIDATION_ERROR"}"#);
    let upsert =
        json!({"inputs": [{"id": "K-2", "idProperty": "erp_id", "properties": {"firstname": "New"}}]});
    assert_eq!(portal.post("/crm/v3/objects/contacts/batch/upsert", &upsert).1["results"][0]["new"], true);
    assert_eq!(portal.get("/crm/v3/objects/contacts/K-2?idProperty=erp_id").0, 200);
}

#[test]
fn a_property_can_vanish_and_reappear() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", &json!({"jobtitle": "Buyer"}));
    let read = format!("/crm/v3/objects/contacts/{id}?properties=jobtitle");
    portal.crm.hide_property("contacts", "jobtitle");
    assert_eq!(portal.get(&read).1["properties"]["jobtitle"], Value::Null);
    assert_eq!(portal.get("/crm/v3/properties/contacts/jobtitle").0, 404);
    let write = json!({"properties": {"jobtitle": "Lead"}});
    let (status, answer) = portal.patch(&format!("/crm/v3/objects/contacts/{id}"), &write);
    assert_eq!((status, answer["errors"][0]["code"].as_str()), (400, Some("PROPERTY_DOESNT_EXIST")));
    portal.crm.show_property("contacts", "jobtitle");
    assert_eq!(portal.get(&read).1["properties"]["jobtitle"], "Buyer");
}

#[test]
fn definitions_that_make_no_sense_are_refused() {
    let mut portal = Portal::new();
    for (key, value) in
        [("name", "Bad Name"), ("type", "blob"), ("fieldType", "slider"), ("groupName", "nowhere")]
    {
        let mut body = size();
        body[key] = json!(value);
        let (status, answer) = portal.post("/crm/v3/properties/contacts", &body);
        assert_eq!((status, &answer["category"]), (400, &json!("VALIDATION_ERROR")), "{key}");
    }
    assert_eq!(portal.delete("/crm/v3/properties/contacts/email").0, 400);
    assert_eq!(portal.post("/crm/v3/properties/contacts/batch/update", &json!({"inputs": []})).0, 404);
}

#[test]
fn definitions_come_in_batches_and_groups() {
    let mut portal = Portal::new();
    let group = json!({"name": "sizes", "label": "Sizes"});
    assert_snapshot!(line(portal.post("/crm/v3/properties/contacts/groups", &group)), @r#"201 {"name":"sizes","label":"Sizes","displayOrder":-1,"archived":false}"#);
    let mut body = size();
    body["groupName"] = json!("sizes");
    let (status, answer) =
        portal.post("/crm/v3/properties/contacts/batch/create", &json!({"inputs": [body]}));
    assert_eq!((status, &answer["results"][0]["groupName"]), (201, &json!("sizes")));
    assert_snapshot!(line(portal.delete("/crm/v3/properties/contacts/groups/sizes")), @r#"400 {"status":"error","message":"Property group 'sizes' still has active properties and cannot be deleted","correlationId":"call-3","category":"VALIDATION_ERROR","subCategory":"PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES"}"#);
    let read = json!({"archived": false, "inputs": [{"name": "email"}, {"name": "ghost"}]});
    let (status, answer) = portal.post("/crm/v3/properties/contacts/batch/read", &read);
    assert_eq!(
        (status, answer["results"].as_array().unwrap().len(), &answer["numErrors"]),
        (207, 1, &json!(1))
    );
    let archive = json!({"inputs": [{"name": "shoe_size"}, {"name": "ghost"}]});
    assert_eq!(portal.post("/crm/v3/properties/contacts/batch/archive", &archive).0, 204);
    assert_eq!(portal.delete("/crm/v3/properties/contacts/groups/sizes").0, 204);
}

#[test]
fn every_object_type_lists_its_properties() {
    let mut portal = Portal::new();
    for kind in
        ["0-1", "0-2", "0-3", "0-5", "0-7", "0-8", "0-14", "0-46", "0-27", "0-48", "0-49", "0-47", "0-116"]
    {
        let (status, answer) = portal.get(&format!("/crm/v3/properties/{kind}"));
        let names: Vec<&str> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| found["name"].as_str().unwrap())
            .collect();
        assert_eq!((status, names.contains(&"hs_object_id")), (200, true), "{kind}");
    }
}

#[test]
fn pipelines_are_read_made_changed_and_guarded() {
    let mut portal = Portal::new();
    assert_snapshot!(line(portal.get("/crm/v3/pipelines/tickets")), @r#"200 {"results":[{"label":"Support Pipeline","displayOrder":0,"id":"0","stages":[{"label":"New","displayOrder":0,"metadata":{"isClosed":"false","ticketState":"OPEN"},"id":"1","createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z","archived":false,"writePermissions":"CRM_PERMISSIONS_ENFORCEMENT"},{"label":"Waiting on contact","displayOrder":1,"metadata":{"isClosed":"false","ticketState":"OPEN"},"id":"2","createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z","archived":false,"writePermissions":"CRM_PERMISSIONS_ENFORCEMENT"},{"label":"Waiting on us","displayOrder":2,"metadata":{"isClosed":"false","ticketState":"OPEN"},"id":"3","createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z","archived":false,"writePermissions":"CRM_PERMISSIONS_ENFORCEMENT"},{"label":"Closed","displayOrder":3,"metadata":{"isClosed":"true","ticketState":"CLOSED"},"id":"4","createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z","archived":false,"writePermissions":"CRM_PERMISSIONS_ENFORCEMENT"}],"createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z","archived":false}]}"#);
    let new = json!({"label": "Renewals", "displayOrder": 1, "stages": [
        {"label": "Open", "displayOrder": 0, "metadata": {"probability": "0.5"}},
        {"label": "Won", "displayOrder": 1, "metadata": {"probability": "1.0"}},
    ]});
    let (status, made) = portal.post("/crm/v3/pipelines/deals", &new);
    assert_eq!((status, &made["stages"][1]["metadata"]["isClosed"]), (201, &json!("true")), "{made}");
    let (id, stage) = (made["id"].as_str().unwrap(), made["stages"][0]["id"].as_str().unwrap());
    let deal = portal.made("deals", &json!({"dealname": "R", "dealstage": stage}));
    assert_eq!(portal.get(&format!("/crm/v3/objects/deals/{deal}")).1["properties"]["pipeline"], id);
    let guarded = format!("/crm/v3/pipelines/deals/{id}/stages/{stage}?validateReferencesBeforeDelete=true");
    assert_snapshot!(whole(portal.delete(&guarded)), @r#"
    400
    {
      "status": "error",
      "message": "Stage IDs: [20000000001] are being referenced by object IDs: [20000000004]",
      "correlationId": "call-5",
      "context": {
        "stageIds": [
          "[20000000001]"
        ],
        "objectIds": [
          "[20000000004]"
        ]
      },
      "category": "VALIDATION_ERROR",
      "subCategory": "PipelineError.STAGE_ID_IN_USE"
    }
    "#);
    let path = format!("/crm/v3/pipelines/deals/{id}/stages/{stage}");
    let (_, renamed) = portal.patch(&path, &json!({"label": "Begun"}));
    assert_eq!(renamed["label"], "Begun");
    assert_eq!(portal.delete(&path).0, 204);
    assert_eq!(
        portal.patch(&format!("/crm/v3/pipelines/deals/{id}"), &json!({"label": "R2"})).1["label"],
        "R2"
    );
    let bad = json!({"label": "X", "displayOrder": 1, "stages": [{"label": "A", "displayOrder": 0, "metadata": {}}]});
    assert_eq!(portal.put(&format!("/crm/v3/pipelines/deals/{id}"), &bad).0, 400);
    assert_eq!(portal.delete(&format!("/crm/v3/pipelines/deals/{id}")).0, 204);
    assert_snapshot!(line(portal.get(&format!("/crm/v3/pipelines/deals/{id}/audit"))), @r#"200 {"results":[{"portalId":4242,"identifier":"20000000003","action":"DELETE","timestamp":"2026-09-01T10:00:00.000Z","message":"DELETE by API","fromUserId":0},{"portalId":4242,"identifier":"20000000003","action":"UPDATE","timestamp":"2026-09-01T10:00:00.000Z","message":"UPDATE by API","fromUserId":0},{"portalId":4242,"identifier":"20000000003","action":"UPDATE","timestamp":"2026-09-01T10:00:00.000Z","message":"UPDATE by API","fromUserId":0},{"portalId":4242,"identifier":"20000000003","action":"UPDATE","timestamp":"2026-09-01T10:00:00.000Z","message":"UPDATE by API","fromUserId":0},{"portalId":4242,"identifier":"20000000003","action":"CREATE","timestamp":"2026-09-01T10:00:00.000Z","message":"CREATE by API","fromUserId":0}]}"#);
}

#[test]
fn owners_are_listed_and_found() {
    let mut portal = Portal::new();
    assert_snapshot!(line(portal.get("/crm/v3/owners?limit=2")), @r#"200 {"results":[{"id":"70001001","email":"dana.diallo@hubkeeper.example","type":"PERSON","firstName":"Dana","lastName":"Diallo","userId":9001001,"userIdIncludingInactive":9001001,"createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z","archived":false,"teams":[]},{"id":"70001038","email":"elena.diallo@hubkeeper.example","type":"PERSON","firstName":"Elena","lastName":"Diallo","userId":9001012,"userIdIncludingInactive":9001012,"createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z","archived":false,"teams":[]}],"paging":{"next":{"after":"70001075","link":"http://sim.test/crm/v3/owners?limit=2&after=70001075"}}}"#);
    assert_eq!(portal.get("/crm/v3/owners?limit=2&after=70001075").1["results"].as_array().unwrap().len(), 2);
    assert_eq!(portal.get("/crm/v3/owners/9001001?idProperty=userId").1["id"], "70001001");
    assert_eq!(portal.get("/crm/v3/owners/9001001").0, 404);
    assert_snapshot!(line(portal.get("/crm/owners/2026-03?archived=true")), @r#"200 {"results":[{"id":"70001149","email":"anna.nguyen@hubkeeper.example","type":"PERSON","firstName":"Anna","lastName":"Nguyen","userIdIncludingInactive":9001045,"createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z","archived":true,"teams":[]}]}"#);
}

#[test]
fn a_custom_object_is_defined_filled_and_emptied() {
    let mut portal = Portal::new();
    let new = json!({
        "name": "car", "labels": {"singular": "Car", "plural": "Cars"}, "primaryDisplayProperty": "vin",
        "requiredProperties": ["vin"], "searchableProperties": ["vin"], "associatedObjects": ["CONTACT"],
        "properties": [{"name": "vin", "label": "VIN", "type": "string", "fieldType": "text", "hasUniqueValue": true}],
    });
    let (status, schema) = portal.post("/crm-object-schemas/v3/schemas", &new);
    assert_eq!(
        (status, &schema["fullyQualifiedName"], &schema["objectTypeId"]),
        (201, &json!("p4242_car"), &json!("2-10000001")),
        "{schema}"
    );
    assert_eq!(portal.post("/crm-object-schemas/2026-03/schemas", &new).0, 409);
    let id = portal.made("2-10000001", &json!({"vin": "W1"}));
    assert_eq!(
        portal.get(&format!("/crm/v3/objects/p4242_car/{id}?properties=vin")).1["properties"]["vin"],
        "W1"
    );
    assert_eq!(portal.get("/crm/v3/objects/car/W1?idProperty=vin").1["id"], id);
    assert_eq!(portal.post("/crm/v3/objects/car", &json!({"properties": {}})).0, 400);
    let contact = portal.made("contacts", &json!({}));
    let link = format!("/crm/v4/objects/car/{id}/associations/default/contacts/{contact}");
    assert_snapshot!(line(portal.put(&link, &json!({}))), @r#"200 {"status":"COMPLETE","results":[{"from":{"id":"20000000001"},"to":{"id":"20000000002"},"associationSpec":{"associationCategory":"USER_DEFINED","associationTypeId":1}}],"startedAt":"2026-09-01T10:00:00.000Z","completedAt":"2026-09-01T10:00:00.000Z"}"#);
    let read = format!("/crm/v3/objects/contacts/{contact}?associations=p4242_car");
    assert_snapshot!(line(portal.get(&read)), @r#"200 {"id":"20000000002","properties":{"createdate":"2026-09-01T10:00:00.000Z","hs_object_id":"20000000002","lastmodifieddate":"2026-09-01T10:00:00.000Z"},"createdAt":"2026-09-01T10:00:00.000Z","updatedAt":"2026-09-01T10:00:00.000Z","archived":false,"associations":{"p4242_car":{"results":[{"id":"20000000001","type":"contact_to_car"}]}}}"#);
    assert_eq!(portal.delete("/crm-object-schemas/v3/schemas/car").0, 400);
    portal.delete(&format!("/crm/v3/objects/car/{id}"));
    assert_eq!(portal.delete("/crm-object-schemas/v3/schemas/car").0, 204);
    assert_eq!(portal.get("/crm/v3/objects/car").0, 400);
}

#[test]
fn a_list_keeps_its_members() {
    let mut portal = Portal::new();
    let id = portal.made("contacts", &json!({"email": "a@example.com"}));
    let new = json!({"name": "VIP", "objectTypeId": "0-1", "processingType": "MANUAL"});
    assert_snapshot!(line(portal.post("/crm/v3/lists", &new)), @r#"200 {"list":{"listId":"1","listVersion":1,"name":"VIP","objectTypeId":"0-1","processingType":"MANUAL","processingStatus":"COMPLETE","size":0,"createdAt":"2026-09-01T10:00:00.000Z","updatedAt":"2026-09-01T10:00:00.000Z","filtersUpdatedAt":"2026-09-01T10:00:00.000Z"}}"#);
    assert_eq!(portal.post("/crm/v3/lists", &new).0, 400);
    assert_snapshot!(line(portal.put("/crm/v3/lists/1/memberships/add", &json!([id, id, "7"]))), @r#"200 {"recordsIdsAdded":["20000000001"],"recordIdsRemoved":[],"recordIdsMissing":["7"]}"#);
    assert_snapshot!(line(portal.get("/crm/v3/lists/1/memberships")), @r#"200 {"results":[{"recordId":"20000000001","membershipTimestamp":"2026-09-01T10:00:00.000Z"}]}"#);
    assert_eq!(portal.get(&format!("/crm/v3/lists/records/0-1/{id}/memberships")).1["total"], 1);
    let exchange = json!({"recordIdsToAdd": [], "recordIdsToRemove": [id]});
    let removed = portal.put("/crm/v3/lists/1/memberships/add-and-remove", &exchange);
    assert_eq!(removed.1["recordIdsRemoved"], json!([id]));
    assert_eq!(
        portal.put("/crm/v3/lists/1/update-list-name?listName=Best", &json!({})).1["updatedList"]["name"],
        "Best"
    );
    assert_eq!(portal.delete("/crm/v3/lists/1").0, 204);
    assert_eq!(portal.get("/crm/v3/lists/1").0, 404);
    assert_eq!(portal.put("/crm/v3/lists/1/restore", &json!({})).0, 204);
    assert_eq!(portal.get("/crm/lists/2026-03/object-type-id/0-1/name/Best").0, 200);
    let dynamic = json!({"name": "D", "objectTypeId": "0-1", "processingType": "DYNAMIC", "filterBranch": {"filterBranchType": "OR"}});
    assert_eq!(
        portal.post("/crm/v3/lists", &dynamic).1["list"]["filterBranch"],
        json!({"filterBranchType": "OR"})
    );
    assert_eq!(portal.put("/crm/v3/lists/2/memberships/add", &json!([id])).0, 400);
    assert_eq!(portal.post("/crm/v3/lists/search", &json!({"query": "bes"})).1["total"], 1);
}

#[test]
fn every_change_is_in_the_log_and_no_refusal_is() {
    let mut portal = Portal::new();
    portal.post("/crm/v3/properties/contacts", &size());
    portal.post("/crm/v3/properties/contacts", &size());
    portal.patch("/crm/v3/properties/contacts/shoe_size", &json!({"label": "Size"}));
    portal.patch("/crm/v3/pipelines/deals/default", &json!({"label": "Sales"}));
    portal.delete("/crm/v3/pipelines/deals/default/stages/contractsent");
    portal.delete("/crm/v3/pipelines/deals/ghost");
    portal.post("/crm/v4/associations/contacts/companies/labels", &json!({"name": "x", "label": "X"}));
    portal.delete("/crm/v3/properties/contacts/shoe_size");
    let log: Vec<String> = portal
        .crm
        .applied()
        .iter()
        .map(|applied| {
            format!("{} {} {} {}", applied.correlation_id, applied.action, applied.object_type, applied.id)
        })
        .collect();
    assert_snapshot!(log.join("\n"), @"
    call-1 create_property contacts shoe_size
    call-3 update_property contacts shoe_size
    call-4 update_pipeline deals default
    call-5 update_pipeline deals default
    call-7 create_label contacts/companies 1
    call-8 archive_property contacts shoe_size
    ");
}
