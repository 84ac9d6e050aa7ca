//! Account details and daily usage (facts §1.8, [SPEC Account_Info], [DOC account-information guide]).

use http::StatusCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::call::Reply;

/// `GET /account-info/{v}/details`.
pub fn details(portal_id: u64, zone: &TimeZone, hosting: &str, now: Timestamp) -> Reply {
    let offset = zone.to_offset(now);
    let offset_s = i64::from(offset.seconds());
    let (sign, minutes) = (if offset_s < 0 { '-' } else { '+' }, offset_s.abs() / 60);
    let ui_domain = match hosting {
        "na1" => "app.hubspot.com".to_owned(),
        other => format!("app-{other}.hubspot.com"),
    };
    let body = json!({
        "portalId": portal_id,
        "accountType": "STANDARD",
        "timeZone": zone.iana_name().unwrap_or("UTC"),
        "companyCurrency": "USD",
        "additionalCurrencies": [],
        "utcOffset": format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60),
        "utcOffsetMilliseconds": offset_s * 1000,
        "uiDomain": ui_domain,
        "dataHostingLocation": hosting,
    });
    Reply::json(StatusCode::OK, &body)
}

/// `GET /account-info/{v}/api-usage/daily/private-apps`.
pub fn daily_usage(used: u64, limit: u64, resets_at: Timestamp, now: Timestamp) -> Reply {
    let usage: Value = json!({
        "name": "private-apps-api-calls-daily",
        "usageLimit": limit,
        "currentUsage": used.min(limit),
        "collectedAt": now.to_string(),
        "fetchStatus": "SUCCESS",
        "resetsAt": resets_at.to_string(),
    });
    Reply::json(StatusCode::OK, &json!({"results": [usage]}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_follow_the_zone_and_the_season() {
        let zone = TimeZone::get("US/Eastern").expect("a zone");
        let reply = details(62_515, &zone, "eu1", "2026-12-12T22:25:00Z".parse().expect("a timestamp"));
        insta::assert_snapshot!(String::from_utf8_lossy(&reply.body), @r#"{"portalId":62515,"accountType":"STANDARD","timeZone":"US/Eastern","companyCurrency":"USD","additionalCurrencies":[],"utcOffset":"-05:00","utcOffsetMilliseconds":-18000000,"uiDomain":"app-eu1.hubspot.com","dataHostingLocation":"eu1"}"#);
    }
}
