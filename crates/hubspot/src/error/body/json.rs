//! The fields of a JSON object, as far as the object goes.
//!
//! A body may be cut off, hold a field twice, or be a batch answer of many megabytes of which only a count
//! matters. So the fields are handed over one by one as they are read, and what is of no interest is skipped.

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Calls `take` for each field of the object in `bytes` that an error may have, until the first byte that is not
/// JSON. Does nothing where `bytes` is not an object.
pub(super) fn each_field(bytes: &[u8], take: &mut dyn FnMut(&str, Value)) {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    // An error means the rest cannot be read; what was read has been taken.
    let _ = Fields(take).deserialize(&mut json);
}

/// `results` of a batch answer: the bulk of it, and not ours.
const SKIPPED: &str = "results";

struct Fields<'t>(&'t mut dyn FnMut(&str, Value));

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            if name == SKIPPED {
                fields.next_value::<IgnoredAny>()?;
            } else {
                (self.0)(&name, fields.next_value()?);
            }
        }
        Ok(())
    }
}
