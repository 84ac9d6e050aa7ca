//! F40–F45.

use serde_json::{Value, json};

use super::CONTACTS;
use crate::bench::{Bench, batch};

fn named(name: &str) -> Value {
    json!({"properties": {"email": format!("{name}@x.example")}})
}

#[tokio::test(start_paused = true)]
async fn f40_every_write_is_malformed() {
    let bench = Bench::new();
    bench.fault(&json!({"kind": "F40", "property": "age"})).await;
    for path in [CONTACTS, "/crm/objects/2026-03/contacts"] {
        let refused = bench.send(&format!("POST {path}"), &named("a")).await;
        assert_eq!(
            (refused.status, refused.category(), refused.code()),
            (400, "VALIDATION_ERROR", "INVALID_INTEGER")
        );
        assert_eq!(refused.body["errors"][0]["context"]["propertyName"], json!(["age"]));
    }
    assert_eq!(bench.get(CONTACTS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f41_a_property_is_gone_and_writes_that_name_it_fail() {
    let bench = Bench::new();
    let with_phone = json!({"properties": {"email": "p@x.example", "phone": "1"}});
    let fault = bench.break_by("F41").await;
    let refused = bench.send(&format!("POST {CONTACTS}"), &with_phone).await;
    assert_eq!((refused.status, refused.code()), (400, "PROPERTY_DOESNT_EXIST"), "{}", refused.text);
    assert_eq!(bench.send(&format!("POST {CONTACTS}"), &named("a")).await.status, 201);
    assert_eq!(bench.get("/crm/v3/properties/contacts/phone").await.status, 404);
    bench.mend(fault).await;
    assert_eq!(bench.send(&format!("POST {CONTACTS}"), &with_phone).await.status, 201);
    assert_eq!(bench.get("/crm/v3/properties/contacts/phone").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f42_creates_conflict() {
    let bench = Bench::new();
    bench.break_by("F42").await;
    for (line, body) in
        [(CONTACTS.to_owned(), named("a")), (format!("{CONTACTS}/batch/create"), batch([named("b")]))]
    {
        let refused = bench.send(&format!("POST {line}"), &body).await;
        assert_eq!((refused.status, refused.category()), (409, "CONFLICT"));
        let message = refused.body["message"].as_str().expect("a message");
        assert!(message.starts_with("Contact already exists. Existing ID: "), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn f42_names_the_one_record_that_has_the_value() {
    let bench = Bench::new();
    bench.break_by("F42").await;
    let mut told = Vec::new();
    for name in ["a", "A", "b"] {
        let refused = bench.send(&format!("POST {CONTACTS}"), &named(name)).await;
        told.push(refused.body["message"].as_str().expect("a message").to_owned());
    }
    let batch = batch([named("a"), named("b")]);
    let refused = bench.send(&format!("POST {CONTACTS}/batch/create"), &batch).await;
    told.push(refused.body["message"].as_str().expect("a message").to_owned());
    assert_eq!((&told[0], &told[0]), (&told[1], &told[3]), "an address is one whatever its case");
    assert_ne!(told[0], told[2]);
}

#[tokio::test(start_paused = true)]
async fn f43_no_more_records_fit_and_the_limits_say_so() {
    let bench = Bench::new();
    bench.break_by("F43").await;
    let refused = bench.send(&format!("POST {CONTACTS}"), &named("a")).await;
    assert_eq!((refused.status, refused.category()), (400, "VALIDATION_ERROR"));
    assert!(refused.body["message"].as_str().is_some_and(|text| text.contains("limit")));
    let limits = bench.get("/crm/v3/limits/records").await;
    let contacts = &limits.body["hubspotDefinedObjectTypes"][0];
    assert_eq!((&contacts["objectTypeId"], &contacts["usage"]), (&json!("0-1"), &contacts["limit"]));
    let known = bench.contact_ids(1).await.remove(0);
    assert_eq!(bench.send(&format!("PATCH {CONTACTS}/{known}"), &named("c")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f43_can_concern_associations() {
    let bench = Bench::new();
    bench.fault(&json!({"kind": "F43", "object_type": "associations"})).await;
    let link = "PUT /crm/v4/objects/contacts/1/associations/default/companies/2";
    assert_eq!(bench.send(link, &Value::Null).await.category(), "VALIDATION_ERROR");
    let report = bench.get("/crm/v3/limits/associations/records/from").await;
    assert_eq!(report.body["results"][0]["percentage"], 100.0);
    assert_eq!(bench.send(&format!("POST {CONTACTS}"), &named("a")).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn f44_ids_that_answered_are_gone_and_come_back() {
    let bench = Bench::new();
    let ids = bench.contact_ids(20).await;
    let gone = async || {
        let mut gone = 0;
        for id in &ids {
            gone += u32::from(bench.get(&format!("{CONTACTS}/{id}")).await.status == 404);
        }
        gone
    };
    let fault = bench.fault(&json!({"kind": "F44", "share": 0.5})).await;
    assert_eq!(gone().await, 10);
    bench.mend(fault).await;
    assert_eq!(gone().await, 0);
}

#[tokio::test(start_paused = true)]
async fn f44_ends_by_itself() {
    let bench = Bench::new();
    let known = bench.contact_ids(1).await.remove(0);
    bench.fault(&json!({"kind": "F44", "share": 1, "after_seconds": 5, "for_seconds": 5})).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(bench.get(&format!("{CONTACTS}/{known}")).await.status);
        bench.pass(5).await;
    }
    assert_eq!(statuses, [200, 404, 200]);
}

#[tokio::test(start_paused = true)]
async fn f45_a_batch_is_half_done_and_says_so_quietly() {
    let bench = Bench::new();
    let ids = bench.contact_ids(10).await;
    bench.break_by("F45").await;
    let update =
        |id: &String| json!({"id": id, "properties": {"firstname": "Changed"}, "objectWriteTraceId": id});
    let answer = bench.send(&format!("POST {CONTACTS}/batch/update"), &batch(ids.iter().map(update))).await;
    assert_eq!((answer.status, &answer.body["numErrors"]), (207, &json!(3)));
    assert_eq!(answer.body["results"].as_array().map(Vec::len), Some(7));
    let failed = answer.body["errors"][0]["context"]["objectWriteTraceId"][0].as_str().expect("the trace id");
    let untouched = bench.get(&format!("{CONTACTS}/{failed}?properties=firstname")).await;
    assert_ne!(untouched.body["properties"]["firstname"], "Changed");
    let created = bench.send(&format!("POST {CONTACTS}"), &named("single")).await;
    assert_eq!(created.status, 201);
}
