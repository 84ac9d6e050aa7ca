//! Property by property: what a call reads, filters by, sorts by or writes must all be among the caller's.
//!
//! A read must name its properties, for HubSpot's default set holds others. Free text is searched in properties that nobody
//! names, so that it is refused.

use std::sync::Arc;

use serde_json::Value;

use super::deed::unescaped;
use super::{Missing, Rights};

/// HubSpot adds these to every record.
const ALWAYS: [&str; 5] =
    ["hs_object_id", "createdate", "lastmodifieddate", "hs_createdate", "hs_lastmodifieddate"];

/// What a body is held against before the call is made.
#[derive(Debug, Clone)]
pub(crate) struct BodyRule {
    rights: Arc<Rights>,
    must_name: bool,
}

impl BodyRule {
    pub(super) fn new(rights: Arc<Rights>, must_name: bool) -> Self {
        Self { rights, must_name }
    }

    /// # Errors
    /// The right that is missing.
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), Missing> {
        let own = self.rights.properties.as_deref().unwrap_or_default();
        if body.is_empty() {
            return if self.must_name { Err(unnamed()) } else { Ok(()) };
        }
        let body: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
        let mut named = false;
        look(own, &body, &mut named)?;
        if self.must_name && !named { Err(unnamed()) } else { Ok(()) }
    }
}

/// A body that cannot be looked into.
pub(crate) fn unreadable() -> Missing {
    Missing {
        right: "property:all".into(),
        hint: "The body is not plain JSON of up to 256 KB, so that it cannot be held against the caller's `properties`.".into(),
    }
}

fn unnamed() -> Missing {
    Missing {
        right: "property:all".into(),
        hint: "Name the properties: HubSpot's default set holds others than the caller's.".into(),
    }
}

fn one(own: &[String], property: &str) -> Result<(), Missing> {
    let property = property.trim().trim_start_matches('-');
    if ALWAYS.contains(&property) || own.iter().any(|known| known == property) {
        return Ok(());
    }
    Err(Missing {
        right: format!("property:{property}"),
        hint: "The caller's `properties` do not hold it.".into(),
    })
}

pub(super) fn of_query(own: &[String], query: &str, must_name: bool) -> Result<(), Missing> {
    let mut named = false;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let read = |text: &str| unescaped(&text.replace('+', " ")).ok_or_else(unreadable);
        let (name, value) = (read(name)?, read(value)?);
        match &*name {
            "properties" | "propertiesWithHistory" | "property" | "idProperty" => {
                named |= name == "properties";
                value.split(',').filter(|it| !it.trim().is_empty()).try_for_each(|it| one(own, it))?;
            }
            "associations" => {
                let hint = "Read associations by their own call.";
                return Err(Missing { right: "property:all".into(), hint: hint.into() });
            }
            _ => {}
        }
    }
    if must_name && !named { Err(unnamed()) } else { Ok(()) }
}

/// Every place in a body of the CRM that names a property.
fn look(own: &[String], value: &Value, named: &mut bool) -> Result<(), Missing> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| look(own, item, named)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| match (&**name, field) {
            ("properties" | "propertiesWithHistory", Value::Array(names)) => {
                *named |= name == "properties" && !names.is_empty();
                names
                    .iter()
                    .try_for_each(|it| it.as_str().map_or_else(|| Err(unreadable()), |it| one(own, it)))
            }
            ("properties", Value::Object(values)) => values.keys().try_for_each(|it| one(own, it)),
            ("propertyName" | "idProperty", Value::String(property)) => one(own, property),
            ("sorts", Value::Array(sorts)) => sorts.iter().try_for_each(|sort| match sort {
                Value::String(property) => one(own, property),
                other => look(own, other, named),
            }),
            ("query", Value::String(text)) if !text.is_empty() => {
                let hint = "Search by filters: free text looks into properties that are not named.";
                Err(Missing { right: "property:all".into(), hint: hint.into() })
            }
            (_, field) => look(own, field, named),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
