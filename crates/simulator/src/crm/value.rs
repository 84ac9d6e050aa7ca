//! What HubSpot makes of a value a caller writes: its stored form, or why it is refused.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::definition::{Author, Definition, ValueType};
use super::record::instant_text;
use super::refusal::BadValue;

/// Longest text a property takes, in characters, facts §3.5 [DOC properties guide].
const TEXT_CHARS_MAX: usize = 65_536;

/// The stored form of `written`; empty clears. `options` are the words an enumeration allows.
pub(super) fn admit(
    definition: &Definition,
    options: &[&str],
    written: &Value,
    before: Option<&str>,
) -> Result<String, BadValue> {
    let text = plain(definition, written)?;
    if text.trim().is_empty() {
        return Ok(String::new());
    }
    match definition.value_type {
        ValueType::Text | ValueType::PhoneNumber => admit_text(definition, text),
        ValueType::Number => admit_number(definition, &text),
        ValueType::Date => admit_date(definition, &text),
        ValueType::DateTime => admit_datetime(definition, &text),
        ValueType::Bool => admit_option(definition, &["true", "false"], &text.to_lowercase()),
        ValueType::Enumeration if definition.takes_many() => admit_set(definition, options, &text, before),
        ValueType::Enumeration => admit_option(definition, options, &text),
    }
}

/// Epoch milliseconds of a date or datetime in any form HubSpot reads.
pub(super) fn instant_ms(text: &str) -> Option<i64> {
    if let Ok(ms) = text.parse::<i64>() {
        return Some(ms);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    let date: Date = text.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

fn plain(definition: &Definition, written: &Value) -> Result<String, BadValue> {
    match written {
        Value::Null => Ok(String::new()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) => Ok(text.clone()),
        Value::Array(_) | Value::Object(_) => {
            Err(refuse(definition, "INVALID_VALUE", "must be a string, number or boolean"))
        }
    }
}

fn refuse(definition: &Definition, code: &'static str, complaint: &str) -> BadValue {
    BadValue::new(&definition.name, code, format!("{} {complaint}", definition.name))
}

fn admit_text(definition: &Definition, text: String) -> Result<String, BadValue> {
    if text.len() > TEXT_CHARS_MAX && text.chars().count() > TEXT_CHARS_MAX {
        let complaint = format!("was too long: the maximum is {TEXT_CHARS_MAX} characters");
        return Err(refuse(definition, "INVALID_LENGTH", &complaint));
    }
    if definition.author != Author::HubSpot || &*definition.name != "email" {
        return Ok(text);
    }
    let address = text.trim().to_lowercase();
    if is_email(&address) {
        Ok(address)
    } else {
        Err(BadValue::new("email", "INVALID_EMAIL", format!("Email address {address} is invalid")))
    }
}

fn is_email(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let labels_hold = domain.split('.').all(|label| !label.is_empty());
    !local.is_empty()
        && domain.contains('.')
        && labels_hold
        && !address.contains(|letter: char| letter.is_whitespace() || ",;<>()".contains(letter))
        && !local.contains('@')
}

/// The code is HubSpot's for any number that is none, facts §2.2.
fn admit_number(definition: &Definition, text: &str) -> Result<String, BadValue> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(refuse(definition, "INVALID_INTEGER", "was not a valid number")),
    }
}

/// `YYYY-MM-DD`, or epoch milliseconds at midnight UTC, facts §3.5.
fn admit_date(definition: &Definition, text: &str) -> Result<String, BadValue> {
    let text = text.trim();
    if let Ok(ms) = text.parse::<i64>() {
        let at = Timestamp::from_millisecond(ms)
            .map_err(|_| refuse(definition, "INVALID_DATE", "was not a valid date"))?;
        let moment = at.to_zoned(TimeZone::UTC);
        if moment.time() != jiff::civil::Time::midnight() {
            let complaint = format!("is at {} UTC, not midnight!", moment.time());
            return Err(refuse(definition, "INVALID_DATE", &complaint));
        }
        return Ok(moment.date().to_string());
    }
    let day = text.get(..10).unwrap_or(text);
    let whole = text.len() == 10 || text.parse::<Timestamp>().is_ok();
    match day.parse::<Date>() {
        Ok(date) if whole => Ok(date.to_string()),
        Ok(_) | Err(_) => Err(refuse(definition, "INVALID_DATE", "was not a valid date")),
    }
}

fn admit_datetime(definition: &Definition, text: &str) -> Result<String, BadValue> {
    instant_ms(text.trim())
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .map(instant_text)
        .ok_or_else(|| refuse(definition, "INVALID_LONG", "was not a valid long"))
}

fn admit_option(definition: &Definition, options: &[&str], text: &str) -> Result<String, BadValue> {
    if options.contains(&text) {
        return Ok(text.to_owned());
    }
    let allowed = options.join(", ");
    let message = format!("{text} was not one of the allowed options: [{allowed}]");
    Err(BadValue::new(&definition.name, "INVALID_OPTION", message))
}

/// `a;b` replaces the set, `;c` adds to it, facts §3.5.
fn admit_set(
    definition: &Definition,
    options: &[&str],
    text: &str,
    before: Option<&str>,
) -> Result<String, BadValue> {
    let kept = if text.starts_with(';') { before.unwrap_or_default() } else { "" };
    let mut set: Vec<&str> = Vec::new();
    for part in kept.split(';').chain(text.split(';')).map(str::trim).filter(|part| !part.is_empty()) {
        admit_option(definition, options, part)?;
        if !set.contains(&part) {
            set.push(part);
        }
    }
    Ok(set.join(";"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::admit;
    use crate::crm::kind::Kinds;
    use crate::crm::stock;

    fn stored(kind: &str, name: &str, written: &Value) -> Result<String, &'static str> {
        let kinds = Kinds::stock();
        let definitions = stock::definitions(kinds.info(kinds.find(kind).unwrap()));
        let definition = definitions.get(name).unwrap();
        let options = ["lead", "customer", "OTHER", "CHAMPION"];
        admit(definition, &options, written, Some("CHAMPION")).map_err(|bad| bad.code)
    }

    #[rstest]
    #[case::date("closedate", json!("2026-02-03"), Ok("2026-02-03"))]
    #[case::date_of_midnight("closedate", json!("1770076800000"), Ok("2026-02-03"))]
    #[case::date_of_a_number("closedate", json!(1_770_076_800_000_i64), Ok("2026-02-03"))]
    #[case::date_past_midnight("closedate", json!("1770076800001"), Err("INVALID_DATE"))]
    #[case::date_that_is_none("closedate", json!("2026-02-30"), Err("INVALID_DATE"))]
    #[case::date_and_more("closedate", json!("2026-02-03x"), Err("INVALID_DATE"))]
    #[case::number("annualrevenue", json!(" 1.5 "), Ok("1.5"))]
    #[case::number_as_number("annualrevenue", json!(7), Ok("7"))]
    #[case::number_beyond("annualrevenue", json!("inf"), Err("INVALID_INTEGER"))]
    #[case::option("lifecyclestage", json!("lead"), Ok("lead"))]
    #[case::option_case("lifecyclestage", json!("Lead"), Err("INVALID_OPTION"))]
    #[case::set_added("hs_buying_role", json!(";OTHER;CHAMPION"), Ok("CHAMPION;OTHER"))]
    #[case::set_replaced("hs_buying_role", json!("OTHER"), Ok("OTHER"))]
    #[case::set_with_a_stranger("hs_buying_role", json!("OTHER;ALIEN"), Err("INVALID_OPTION"))]
    #[case::cleared("annualrevenue", json!(""), Ok(""))]
    #[case::null_clears("email", json!(null), Ok(""))]
    #[case::email("email", json!(" Ada@Example.COM "), Ok("ada@example.com"))]
    #[case::email_of_two("email", json!("a@b@example.com"), Err("INVALID_EMAIL"))]
    #[case::email_without_dot("email", json!("a@localhost"), Err("INVALID_EMAIL"))]
    #[case::object("firstname", json!({}), Err("INVALID_VALUE"))]
    #[case::long("firstname", json!("x".repeat(65_537)), Err("INVALID_LENGTH"))]
    fn a_contact_value_is_stored_as(
        #[case] name: &str,
        #[case] written: Value,
        #[case] expected: Result<&str, &str>,
    ) {
        assert_eq!(stored("contacts", name, &written), expected.map(str::to_owned));
    }

    #[rstest]
    #[case(json!("2026-02-03T04:05:06+01:00"), Ok("2026-02-03T03:05:06.000Z"))]
    #[case(json!("1770076800001"), Ok("2026-02-03T00:00:00.001Z"))]
    #[case(json!("2026-02-03"), Ok("2026-02-03T00:00:00.000Z"))]
    #[case(json!("tomorrow"), Err("INVALID_LONG"))]
    fn an_instant_is_stored_as(#[case] written: Value, #[case] expected: Result<&str, &str>) {
        assert_eq!(stored("notes", "hs_timestamp", &written), expected.map(str::to_owned));
    }
}
