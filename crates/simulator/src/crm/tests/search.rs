//! Search: operators, case, lag, limits; and laws that hold for any data.

use insta::assert_snapshot;
use jiff::SignedDuration;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Portal, line, whole};

const PATH: &str = "/crm/v3/objects/contacts/search";

/// Ada, Ben and Chen, known to search.
fn portal() -> Portal {
    let mut portal = Portal::new();
    let people = [
        json!({"email": "ada@example.com", "firstname": "Ada", "annualrevenue": "9", "lifecyclestage": "lead", "closedate": "2026-01-01"}),
        json!({"email": "ben@example.org", "firstname": "Ben", "annualrevenue": "10", "lifecyclestage": "customer", "phone": "+1 (555) 010-7788"}),
        json!({"email": "chen@example.com", "firstname": "chen", "hs_buying_role": "CHAMPION;OTHER"}),
    ];
    for person in people {
        portal.made("contacts", &person);
        portal.wait(1);
    }
    portal.wait(60);
    portal
}

fn filter(name: &str, operator: &str, rest: Value) -> Value {
    let mut filter = json!({"propertyName": name, "operator": operator});
    if let Value::Object(rest) = rest {
        filter.as_object_mut().unwrap().extend(rest);
    }
    filter
}

/// First letters of the matches, in order.
fn found(portal: &mut Portal, body: &Value) -> String {
    let (status, answer) = portal.post(PATH, body);
    assert_eq!(status, 200, "{answer}");
    let results = answer["results"].as_array().unwrap();
    results.iter().filter_map(|record| record["properties"]["email"].as_str()?.chars().next()).collect()
}

#[rstest]
#[case::eq_ignores_case("firstname", "EQ", json!({"value": "ADA"}), "a")]
#[case::eq_on_options_does_not("lifecyclestage", "EQ", json!({"value": "LEAD"}), "")]
#[case::eq_option("lifecyclestage", "EQ", json!({"value": "lead"}), "a")]
#[case::neq("firstname", "NEQ", json!({"value": "ada"}), "bc")]
#[case::lt_is_numeric("annualrevenue", "LT", json!({"value": "10"}), "a")]
#[case::lte("annualrevenue", "LTE", json!({"value": 10}), "ab")]
#[case::gt("annualrevenue", "GT", json!({"value": "9"}), "b")]
#[case::gte("annualrevenue", "GTE", json!({"value": "9"}), "ab")]
#[case::between("annualrevenue", "BETWEEN", json!({"value": "9.5", "highValue": "11"}), "b")]
#[case::between_dates("closedate", "BETWEEN", json!({"value": "1767139200000", "highValue": "1767312000000"}), "a")]
#[case::in_lowercase("firstname", "IN", json!({"values": ["ada", "ben"]}), "ab")]
#[case::in_uppercase_finds_nothing("firstname", "IN", json!({"values": ["Ada"]}), "")]
#[case::not_in("firstname", "NOT_IN", json!({"values": ["ada"]}), "bc")]
#[case::in_a_set("hs_buying_role", "IN", json!({"values": ["OTHER"]}), "c")]
#[case::has("phone", "HAS_PROPERTY", json!({}), "b")]
#[case::has_not("phone", "NOT_HAS_PROPERTY", json!({}), "ac")]
#[case::token("email", "CONTAINS_TOKEN", json!({"value": "*@example.com"}), "ac")]
#[case::not_token("email", "NOT_CONTAINS_TOKEN", json!({"value": "org"}), "ac")]
#[case::created("createdate", "GTE", json!({"value": "2026-09-01T10:00:01.000Z"}), "bc")]
fn an_operator_takes(
    #[case] name: &str,
    #[case] operator: &str,
    #[case] rest: Value,
    #[case] expected: &str,
) {
    let body =
        json!({"filterGroups": [{"filters": [filter(name, operator, rest)]}], "properties": ["email"]});
    assert_eq!(found(&mut portal(), &body), expected);
}

#[test]
fn groups_are_ored_filters_anded_and_a_bare_list_is_one_group() {
    let mut portal = portal();
    let ada = filter("firstname", "EQ", json!({"value": "ada"}));
    let rich = filter("annualrevenue", "GT", json!({"value": "9"}));
    let either = json!({"filterGroups": [{"filters": [ada]}, {"filters": [rich]}]});
    assert_eq!(found(&mut portal, &either), "ab");
    assert_eq!(found(&mut portal, &json!({"filters": [ada, rich]})), "");
    assert_eq!(found(&mut portal, &json!({})), "abc");
}

#[rstest]
#[case("ada", "a")]
#[case("EXAMPLE", "abc")]
#[case("ada org", "")]
#[case("5550107788", "b")]
fn the_query_looks_in_the_documented_properties(#[case] query: &str, #[case] expected: &str) {
    assert_eq!(found(&mut portal(), &json!({"query": query})), expected);
}

#[test]
fn results_are_sorted_and_paged_by_offset() {
    let mut portal = portal();
    let body = json!({"sorts": [{"propertyName": "firstname", "direction": "DESCENDING"}], "limit": 2});
    assert_snapshot!(whole(portal.post(PATH, &body)), @r#"
    200
    {
      "total": 3,
      "results": [
        {
          "id": "20000000003",
          "properties": {
            "createdate": "2026-09-01T10:00:02.000Z",
            "email": "chen@example.com",
            "firstname": "chen",
            "hs_object_id": "20000000003",
            "lastmodifieddate": "2026-09-01T10:00:02.000Z"
          },
          "createdAt": "2026-09-01T10:00:02.000Z",
          "updatedAt": "2026-09-01T10:00:02.000Z",
          "archived": false
        },
        {
          "id": "20000000002",
          "properties": {
            "createdate": "2026-09-01T10:00:01.000Z",
            "email": "ben@example.org",
            "firstname": "Ben",
            "hs_object_id": "20000000002",
            "lastmodifieddate": "2026-09-01T10:00:01.000Z"
          },
          "createdAt": "2026-09-01T10:00:01.000Z",
          "updatedAt": "2026-09-01T10:00:01.000Z",
          "archived": false
        }
      ],
      "paging": {
        "next": {
          "after": "2"
        }
      }
    }
    "#);
    let next = json!({"sorts": ["-firstname"], "limit": 2, "after": "2", "properties": ["email"]});
    assert_snapshot!(line(portal.post(PATH, &next)), @r#"200 {"total":3,"results":[{"id":"20000000001","properties":{"createdate":"2026-09-01T10:00:00.000Z","email":"ada@example.com","hs_object_id":"20000000001","lastmodifieddate":"2026-09-01T10:00:00.000Z"},"createdAt":"2026-09-01T10:00:00.000Z","updatedAt":"2026-09-01T10:00:00.000Z","archived":false}]}"#);
}

#[test]
fn the_index_trails_behind_creates_changes_and_archives() {
    let mut portal = portal();
    let ada = json!({"filters": [filter("firstname", "EQ", json!({"value": "Ada"}))]});
    let id = portal.post(PATH, &ada).1["results"][0]["id"].as_str().unwrap().to_owned();
    portal.patch(&format!("/crm/v3/objects/contacts/{id}"), &json!({"properties": {"firstname": "Eve"}}));
    portal.made("contacts", &json!({"email": "dan@example.com", "firstname": "Ada"}));
    assert_eq!(found(&mut portal, &ada), "a");
    portal.wait(2);
    assert_eq!(found(&mut portal, &ada), "d");
    portal.delete(&format!("/crm/v3/objects/contacts/{id}"));
    assert_eq!(found(&mut portal, &json!({})), "abcd");
    portal.wait(2);
    assert_eq!(found(&mut portal, &json!({})), "bcd");
    portal.crm.set_search_lag(SignedDuration::from_mins(60));
    assert_eq!(found(&mut portal, &json!({})), "");
    portal.crm.set_search_lag(SignedDuration::ZERO);
    assert_eq!(found(&mut portal, &json!({})), "bcd");
}

#[test]
fn associations_are_searched_like_a_property() {
    let mut portal = portal();
    let company = portal.made("companies", &json!({"name": "Acme"}));
    portal.put(
        &format!("/crm/v4/objects/contacts/20000000002/associations/default/companies/{company}"),
        &json!({}),
    );
    let with = json!({"filters": [filter("associations.company", "EQ", json!({"value": company}))]});
    assert_eq!(found(&mut portal, &with), "b");
    let without = json!({"filters": [filter("associations.companies", "NOT_HAS_PROPERTY", json!({}))]});
    assert_eq!(found(&mut portal, &without), "ac");
}

#[rstest]
#[case::limit(json!({"limit": 201}))]
#[case::wall(json!({"limit": 200, "after": "9801"}))]
#[case::cursor(json!({"after": "x"}))]
#[case::sorts(json!({"sorts": ["firstname", "lastname"]}))]
#[case::sort_property(json!({"sorts": ["ghost"]}))]
#[case::property(json!({"filters": [filter("ghost", "EQ", json!({"value": "1"}))]}))]
#[case::operator(json!({"filters": [filter("email", "LIKE", json!({"value": "1"}))]}))]
#[case::value(json!({"filters": [filter("email", "EQ", json!({}))]}))]
#[case::groups(json!({"filterGroups": vec![json!({"filters": [filter("email", "HAS_PROPERTY", json!({}))]}); 6]}))]
#[case::filters(json!({"filters": vec![filter("email", "HAS_PROPERTY", json!({})); 7]}))]
#[case::all_filters(json!({"filterGroups": vec![json!({"filters": vec![filter("fax", "HAS_PROPERTY", json!({})); 5]}); 4]}))]
#[case::body(json!({"query": "x".repeat(3_000)}))]
fn a_search_beyond_the_limits_is_refused(#[case] body: Value) {
    let (status, answer) = portal().post(PATH, &body);
    assert_eq!((status, &answer["category"]), (400, &json!("VALIDATION_ERROR")), "{answer}");
}

#[test]
fn the_last_page_before_the_wall_is_served() {
    assert_eq!(portal().post(PATH, &json!({"limit": 200, "after": "9800"})).0, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Pages put together are the whole, and operators agree with each other and with plain counting.
    #[test]
    fn any_data_obeys_the_laws(numbers in prop::collection::vec(prop::option::of(-9_i32..9), 1..30), low in -9_i32..9, high in -9_i32..9, limit in 1_usize..7) {
        let mut portal = Portal::new();
        for number in &numbers {
            portal.made("contacts", &number.map_or(json!({}), |number| json!({"annualrevenue": number.to_string()})));
        }
        portal.wait(60);
        let mut total = |operator: &str, rest: Value| {
            let body = json!({"filters": [filter("annualrevenue", operator, rest)]});
            usize::try_from(portal.post(PATH, &body).1["total"].as_u64().unwrap()).unwrap()
        };
        let count = |keep: &dyn Fn(i32) -> bool| numbers.iter().flatten().filter(|number| keep(**number)).count();
        let value = json!({"value": low.to_string(), "highValue": high.to_string()});
        prop_assert_eq!(total("EQ", value.clone()), count(&|number| number == low));
        prop_assert_eq!(total("NEQ", value.clone()), count(&|number| number != low));
        prop_assert_eq!(total("LT", value.clone()), count(&|number| number < low));
        prop_assert_eq!(total("GTE", value.clone()), count(&|number| number >= low));
        prop_assert_eq!(total("BETWEEN", value.clone()), count(&|number| (low..=high).contains(&number)));
        let both = json!({"values": [low.to_string(), high.to_string()]});
        prop_assert_eq!(total("IN", both), count(&|number| number == low || number == high));

        let mut after = Some("0".to_owned());
        let mut seen: Vec<i32> = Vec::new();
        let mut records = 0;
        while let Some(from) = after {
            let body = json!({"sorts": ["annualrevenue"], "limit": limit, "after": from, "properties": ["annualrevenue"]});
            let (_, page) = portal.post(PATH, &body);
            for record in page["results"].as_array().unwrap() {
                records += 1;
                seen.extend(record["properties"]["annualrevenue"].as_str().map(|text| text.parse::<i32>().unwrap()));
            }
            after = page["paging"]["next"]["after"].as_str().map(str::to_owned);
        }
        let mut sorted: Vec<i32> = numbers.iter().flatten().copied().collect();
        sorted.sort_unstable();
        prop_assert_eq!(seen, sorted);
        prop_assert_eq!(records, numbers.len());
    }
}
