//! The records that a batch or a merge names in its body. `None` where it names any that is not plainly an id.

use serde::{Deserialize, Deserializer, de};

use super::super::needs::record_id;

#[derive(Deserialize)]
struct Batch<T> {
    inputs: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    id: Id,
    #[serde(default)]
    id_property: Option<de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Pair {
    from: Named,
    to: OneOrMany,
}

#[derive(Deserialize)]
struct Named {
    id: Id,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Named),
    Many(Vec<Named>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Merge {
    primary_object_id: Id,
    object_id_to_merge: Id,
}

/// Clients write ids as strings or as numbers (facts §0).
struct Id(u64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(id) => Ok(Self(id)),
            Written::Text(text) => record_id(&text).map(Self).ok_or_else(|| de::Error::custom("not an id")),
        }
    }
}

/// `{"inputs":[{"id":"1",…},…]}`.
pub(super) fn record_ids(body: &[u8]) -> Option<Vec<u64>> {
    let batch: Batch<Input> = serde_json::from_slice(body).ok()?;
    batch.inputs.into_iter().map(|input| input.id_property.is_none().then_some(input.id.0)).collect()
}

/// `{"inputs":[{"from":{"id":"1"},"to":{"id":"2"}},…]}`, where `to` may be a list: left and right ids.
pub(super) fn pairs(body: &[u8]) -> Option<(Vec<u64>, Vec<u64>)> {
    let batch: Batch<Pair> = serde_json::from_slice(body).ok()?;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for pair in batch.inputs {
        left.push(pair.from.id.0);
        match pair.to {
            OneOrMany::One(to) => right.push(to.id.0),
            OneOrMany::Many(many) => right.extend(many.into_iter().map(|to| to.id.0)),
        }
    }
    Some((left, right))
}

/// `{"primaryObjectId":"1","objectIdToMerge":"2"}`.
pub(super) fn merged(body: &[u8]) -> Option<[u64; 2]> {
    let Merge { primary_object_id, object_id_to_merge } = serde_json::from_slice(body).ok()?;
    Some([primary_object_id.0, object_id_to_merge.0])
}
