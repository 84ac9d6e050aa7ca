//! Seeding, and the faults that take records away.

use insta::assert_snapshot;
use serde_json::json;

use super::{Portal, line, whole};
use crate::crm::Crm;

#[test]
fn the_same_seed_makes_the_same_portal() {
    let listing = |seed: u64| {
        let mut portal = Portal::new();
        portal.crm = Crm::new(seed, 4242);
        portal.crm.seed(&[("companies", 3), ("contacts", 20), ("deals", 2), ("unicorns", 1)], portal.now);
        line(portal.get("/crm/v3/objects/contacts?limit=100&properties=email,city&associations=companies"))
    };
    assert_eq!(listing(1), listing(1));
    assert_ne!(listing(1), listing(2));
}

#[test]
fn a_seeded_contact_looks_like_somebody() {
    let mut portal = Portal::new();
    portal.crm.seed(&[("companies", 1), ("contacts", 1)], portal.now);
    let read = "/crm/v3/objects/contacts/20000000002?properties=email,firstname,lastname,company,city,phone,jobtitle,lifecyclestage,hubspot_owner_id&associations=companies";
    assert_snapshot!(whole(portal.get(read)), @r#"
    200
    {
      "id": "20000000002",
      "properties": {
        "city": "Lagos",
        "company": "Granite Capital",
        "createdate": "2026-09-01T09:00:00.000Z",
        "email": "rosa.kaya0@granite-capital.example.com",
        "firstname": "Rosa",
        "hs_object_id": "20000000002",
        "hubspot_owner_id": "70002001",
        "jobtitle": "Head of Marketing",
        "lastmodifieddate": "2026-09-01T09:00:00.000Z",
        "lastname": "Kaya",
        "lifecyclestage": "opportunity",
        "phone": "+15551852835"
      },
      "createdAt": "2026-09-01T09:00:00.000Z",
      "updatedAt": "2026-09-01T09:00:00.000Z",
      "archived": false,
      "associations": {
        "companies": {
          "results": [
            {
              "id": "20000000001",
              "type": "contact_to_company"
            },
            {
              "id": "20000000001",
              "type": "contact_to_company_unlabeled"
            }
          ]
        }
      }
    }
    "#);
}

#[test]
fn ten_thousand_contacts_are_listed_and_searched() {
    let mut portal = Portal::new();
    portal.crm.seed(&[("contacts", 10_000)], portal.now);
    let (mut after, mut seen) = (String::from("0"), 0);
    loop {
        let (_, page) = portal.get(&format!("/crm/v3/objects/contacts?limit=100&after={after}"));
        seen += page["results"].as_array().unwrap().len();
        let Some(next) = page["paging"]["next"]["after"].as_str() else { break };
        after = next.to_owned();
    }
    let search =
        json!({"filters": [{"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": "ada"}]});
    let (_, found) = portal.post("/crm/v3/objects/contacts/search", &search);
    assert_eq!(seen, 10_000);
    assert!((50..1_000).contains(&found["total"].as_u64().unwrap()), "{}", found["total"]);
}

#[test]
fn records_can_be_taken_away_and_given_back() {
    let mut portal = Portal::new();
    portal.crm.seed(&[("contacts", 8)], portal.now);
    let gone = portal.crm.remove_records("contacts", 0.25);
    assert_eq!(gone, ["20000000002", "20000000006"]);
    assert_eq!(portal.get("/crm/v3/objects/contacts/20000000002").0, 404);
    assert_eq!(portal.get("/crm/v3/objects/contacts").1["results"].as_array().unwrap().len(), 6);
    assert!(portal.crm.applied().is_empty());
    portal.crm.restore_records("contacts", &gone);
    assert_eq!(portal.get("/crm/v3/objects/contacts").1["results"].as_array().unwrap().len(), 8);
}

#[test]
fn any_share_of_the_records_can_go() {
    for (share, gone) in [(0.0, 0), (0.1, 1), (0.5, 5), (1.0, 10), (7.0, 10)] {
        let mut portal = Portal::new();
        portal.crm.seed(&[("contacts", 10)], portal.now);
        assert_eq!(portal.crm.remove_records("contacts", share).len(), gone, "{share}");
    }
}
