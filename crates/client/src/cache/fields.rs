//! A record read with more properties answers a read with fewer: exactly as HubSpot would have.
//!
//! HubSpot returns the properties asked for and a few always (facts §3.3, §3.4): a record's id, when it was made, when it
//! was changed. What a kept answer holds without having been asked for it came always. What it holds because it was
//! asked for is left out for who did not ask, unless it is known to come always; where that is not known, only HubSpot
//! can answer. Values stay as they were written, byte for byte.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::kind::Kind;

/// The names that an API of HubSpot's may add by itself: facts §3.4, default properties [DOC search-the-crm].
const PERHAPS_ALWAYS: [&str; 4] = ["createdate", "hs_createdate", "hs_lastmodifieddate", "lastmodifieddate"];

/// A JSON object's members in their order, values as written.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// The answer for `asked`, made from one for `had`; both are sorted. `None` where only HubSpot can say.
pub(crate) fn subset(body: &[u8], kind: Kind, had: &[&str], asked: &[&str]) -> Option<Bytes> {
    if !asked.iter().all(|name| had.binary_search(name).is_ok()) {
        return None;
    }
    let always = always(kind);
    let in_doubt = |name: &&&str| {
        PERHAPS_ALWAYS.contains(name) && !always.contains(name) && asked.binary_search(name).is_err()
    };
    if had.iter().any(|name| in_doubt(&name)) {
        return None;
    }
    let record: Members<'_> = serde_json::from_slice(body).ok()?;
    let mut out = Vec::with_capacity(body.len());
    write(&mut out, &record, |out, name, value| {
        if name != "properties" {
            out.extend_from_slice(value.get().as_bytes());
            return Some(());
        }
        let mut properties: Members<'_> = serde_json::from_str(value.get()).ok()?;
        properties.0.retain(|(name, _)| {
            let name = &**name;
            asked.binary_search(&name).is_ok() || always.contains(&name) || had.binary_search(&name).is_err()
        });
        write(out, &properties, |out, _, value| {
            out.extend_from_slice(value.get().as_bytes());
            Some(())
        })
    })?;
    Some(Bytes::from(out))
}

/// What comes with every record of a kind, asked for or not.
fn always(kind: Kind) -> &'static [&'static str] {
    const SALES: [&str; 3] = ["companies", "deals", "tickets"];
    const ACTIVITIES: [&str; 6] = ["notes", "tasks", "calls", "meetings", "emails", "communications"];
    let is_of = |names: &[&str]| names.iter().any(|name| Kind::parse(name) == kind);
    if kind == Kind::CONTACT {
        &["hs_object_id", "createdate", "lastmodifieddate"]
    } else if is_of(&SALES) {
        &["hs_object_id", "createdate", "hs_lastmodifieddate"]
    } else if is_of(&ACTIVITIES) {
        &["hs_object_id", "hs_createdate", "hs_lastmodifieddate"]
    } else {
        &["hs_object_id", "hs_lastmodifieddate"]
    }
}

fn write(
    out: &mut Vec<u8>,
    members: &Members<'_>,
    mut value: impl FnMut(&mut Vec<u8>, &str, &RawValue) -> Option<()>,
) -> Option<()> {
    out.push(b'{');
    for (position, (name, raw)) in members.0.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        serde_json::to_writer(&mut *out, name).ok()?;
        out.push(b':');
        value(out, name, raw)?;
    }
    out.push(b'}');
    Some(())
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"id":"1","properties":{"createdate":"2026","email":"a@b.c","firstname":null,"hs_object_id":"1","lastmodifieddate":"2026","odd\u0041":"\u00e9\/"},"createdAt":"2026","archived":false}"#;

    fn text(had: &[&str], asked: &[&str]) -> Option<String> {
        subset(BODY.as_bytes(), Kind::CONTACT, had, asked)
            .map(|body| String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn a_whole_answer() {
        let body = text(&["email", "firstname"], &["email"]).unwrap();
        insta::assert_snapshot!(body, @r#"{"id":"1","properties":{"createdate":"2026","email":"a@b.c","hs_object_id":"1","lastmodifieddate":"2026","oddA":"\u00e9\/"},"createdAt":"2026","archived":false}"#);
    }

    #[test]
    fn more_than_was_had_is_not_made_up() {
        assert_eq!(text(&["email"], &["email", "phone"]), None);
    }

    #[test]
    fn what_comes_always_stays_also_when_it_was_asked_for() {
        let body = text(&["createdate", "email"], &["email"]).unwrap();
        assert!(body.contains(r#""createdate":"2026""#));
    }

    #[test]
    fn what_perhaps_comes_always_is_not_guessed() {
        assert_eq!(text(&["email", "hs_createdate"], &["email"]), None);
        assert!(text(&["email", "hs_createdate"], &["email", "hs_createdate"]).is_some());
    }

    #[test]
    fn what_is_no_record_is_left_alone() {
        assert_eq!(subset(b"[1]", Kind::CONTACT, &["a"], &["a"]), None);
    }
}
