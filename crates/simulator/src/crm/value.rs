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
