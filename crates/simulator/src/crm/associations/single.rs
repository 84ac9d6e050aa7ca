//! One pair of records: list, default, labelled, remove; facts §4.1. Reached under `/objects/…/associations`.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::Crm;
use super::super::ask::{Ask, Shelf, Version};
use super::super::batch_answer::Outcome;
use super::super::change::What;
use super::super::kind::Kind;
use super::super::paging;
use super::super::refusal::Refusal;
use super::{End, Spec, TypeKey};
use crate::call::Reply;

/// Page size of the list, default and most; not a cap on associations, facts §4.1.
pub(super) const PAGE: usize = 500;

/// `{from}/{id}/associations/…`, with `rest` what follows.
pub(in crate::crm) fn answer(
    crm: &mut Crm,
    ask: &Ask<'_>,
    from: (Kind, &str),
    rest: &[&str],
) -> Result<Reply, Refusal> {
    let (kind, id) = from;
    match (ask.method(), rest) {
        (&Method::GET, [to]) => {
            let to = crm.kind(to)?;
            list(crm, ask, from, to)
        }
        (&Method::PUT, ["default", to, to_id]) => {
            let to = crm.kind(to)?;
            let pair = (crm.end(kind, id)?, crm.end(to, to_id)?);
            put_default(crm, ask, pair)
        }
        (&Method::PUT, [to, to_id]) => {
            let to = crm.kind(to)?;
            let pair = (crm.end(kind, id)?, crm.end(to, to_id)?);
            put_labelled(crm, ask, pair)
        }
        (&Method::DELETE, [to, to_id]) => {
            let to = crm.kind(to)?;
            let pair = (crm.end(kind, id)?, crm.end(to, to_id)?);
            crm.commit_unlink(ask, pair.0, pair.1);
            Ok(Reply::no_content())
        }
        (_, [_] | [_, _]) => Err(Refusal::wrong_method()),
        _ => Err(Refusal::not_found("resource not found")),
    }
}

fn list(crm: &Crm, ask: &Ask<'_>, (kind, id): (Kind, &str), to: Kind) -> Result<Reply, Refusal> {
    let from = crm.end(kind, id).map_err(|_| Refusal::not_found("resource not found"))?;
    let limit = ask.limit(PAGE, PAGE)?;
    let after = ask.after()?;
    let neighbours = crm.neighbours(from, to).filter(|(id, _)| id.0 >= after);
    let page = paging::cut(neighbours, limit, |(id, _)| id.0);
    let results = page.items.iter().map(|(id, types)| {
        if ask.version == Version::V3 {
            return json!({"id": id.to_string(), "type": crm.type_name(types)});
        }
        json!({"toObjectId": id.to_string(), "associationTypes": crm.types_json(types)})
    });
    Ok(Reply::json(StatusCode::OK, &page.answer(ask, results.collect())))
}

fn put_default(crm: &mut Crm, ask: &Ask<'_>, (from, to): (End, End)) -> Result<Reply, Refusal> {
    let plain = crm.plain(from.0, to.0)?.key;
    crm.commit_link(ask, from, to, &[plain], Existing::Keep);
    let outcome = Outcome { results: vec![default_json(from, to, plain)], ..Outcome::default() };
    Ok(outcome.reply(ask, StatusCode::OK))
}

fn put_labelled(crm: &mut Crm, ask: &Ask<'_>, (from, to): (End, End)) -> Result<Reply, Refusal> {
    let specs: Vec<Spec> = ask.body()?;
    let keys = crm.directed_keys(from.0, to.0, &specs)?;
    crm.commit_link(ask, from, to, &keys, Existing::Replace);
    Ok(Reply::json(StatusCode::CREATED, &crm.labels_json(from, to)))
}

/// What becomes of the types a pair already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Keep,
    Replace,
}

/// `{from, to, associationSpec}`
pub(super) fn default_json(from: End, to: End, key: TypeKey) -> Value {
    json!({
        "from": {"id": from.1.to_string()},
        "to": {"id": to.1.to_string()},
        "associationSpec": {
            "associationCategory": key.category.wire(),
            "associationTypeId": key.id,
        },
    })
}

impl Crm {
    /// Live neighbours of one object type, by id.
    pub(super) fn neighbours(
        &self,
        from: End,
        to: Kind,
    ) -> impl Iterator<Item = (super::super::record::RecordId, Vec<TypeKey>)> {
        let all = self.links.of(from, to).map(|(id, types)| (id, types.iter().copied().collect()));
        all.filter(move |(id, _)| self.store(to).get(*id, Shelf::Live).is_some())
    }

    pub(super) fn types_json(&self, keys: &[TypeKey]) -> Value {
        keys.iter().filter_map(|key| self.link_types.get(*key)).map(super::LinkType::json).collect()
    }

    /// The text `type` v3 gives a pair.
    pub(super) fn type_name(&self, keys: &[TypeKey]) -> String {
        let first = keys.first().and_then(|key| self.link_types.get(*key));
        first.map(|link_type| link_type.name.clone()).unwrap_or_default()
    }

    /// `LabelsBetweenObjectPair`
    pub(super) fn labels_json(&self, from: End, to: End) -> Value {
        let types = self.links.between(from, to).into_iter().flatten();
        let labels = types.filter_map(|key| self.link_types.get(*key)?.label.as_ref());
        json!({
            "fromObjectTypeId": self.kinds.info(from.0).type_id,
            "fromObjectId": from.1.to_string(),
            "toObjectTypeId": self.kinds.info(to.0).type_id,
            "toObjectId": to.1.to_string(),
            "labels": labels.collect::<Vec<_>>(),
        })
    }

    pub(super) fn directed_keys(
        &self,
        from: Kind,
        to: Kind,
        specs: &[Spec],
    ) -> Result<Vec<TypeKey>, Refusal> {
        if specs.is_empty() {
            return Err(Refusal::invalid("At least one association type is required"));
        }
        specs.iter().map(|spec| self.directed(from, to, spec.key()).map(|link_type| link_type.key)).collect()
    }

    pub(super) fn commit_link(
        &mut self,
        ask: &Ask<'_>,
        from: End,
        to: End,
        keys: &[TypeKey],
        existing: Existing,
    ) {
        match existing {
            Existing::Keep => self.links.add(&self.link_types, from, to, keys),
            Existing::Replace => self.links.replace(&self.link_types, from, to, keys),
        }
        self.note_link(ask, "associate", from, to);
    }

    /// Ending what never was is no change, and no error.
    pub(super) fn commit_unlink(&mut self, ask: &Ask<'_>, from: End, to: End) {
        if self.links.cut(from, to) {
            self.note_link(ask, "disassociate", from, to);
        }
    }

    pub(super) fn note_link(&mut self, ask: &Ask<'_>, action: &'static str, from: End, to: End) {
        let names = format!("{}/{}", self.kinds.info(from.0).log_name(), self.kinds.info(to.0).log_name());
        self.note(ask, action, &names, format!("{}/{}", from.1, to.1), None);
        // Told from both ends.
        for (near, far) in [(from, to), (to, from)] {
            let to_prefix = self.event_prefix(far.0);
            let what = What::AssociationChange {
                to_object_id: far.1.0,
                to_prefix,
                removed: action == "disassociate",
            };
            self.tell(ask, near.0, near.1, what);
        }
    }
}
