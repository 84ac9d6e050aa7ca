//! Associations, facts §4: the ids (`stock`, `types`), who is linked with whom (`links`), and the endpoints.

mod batch;
mod labels;
mod legacy;
mod limits;
mod link_type;
mod links;
pub(super) mod single;
mod stock;

pub(super) use link_type::{Category, LinkType, LinkTypes, Nature, TypeKey};
pub(super) use links::{End, Links};

use http::Method;
use serde::Deserialize;

use super::Crm;
use super::ask::{Ask, Shelf, Version};
use super::kind::Kind;
use super::record::RecordId;
use super::refusal::Refusal;
use crate::call::Reply;

/// `/crm/v4/associations/…`, `/crm/associations/{version}/…` and the v3 leftovers.
pub(super) fn answer(crm: &mut Crm, ask: &Ask<'_>, rest: &[&str]) -> Result<Reply, Refusal> {
    match rest {
        ["definitions", "configurations", rest @ ..] => return limits::answer(crm, ask, rest),
        ["usage", "high-usage-report", user_id] => return Ok(limits::usage_report(ask, user_id)),
        _ => {}
    }
    let [from, to, rest @ ..] = rest else { return Err(Refusal::not_found("resource not found")) };
    let pair = (crm.kind(from)?, crm.kind(to)?);
    match (ask.version, ask.method(), rest) {
        (Version::V3, &Method::GET, ["types"]) => Ok(legacy::types(crm, pair.0, pair.1)),
        (Version::V3, &Method::POST, ["batch", verb]) => legacy::batch(crm, ask, pair, verb),
        (_, &Method::POST, ["batch", rest @ ..]) => batch::answer(crm, ask, pair, rest),
        (_, _, ["labels", rest @ ..]) => labels::answer(crm, ask, pair, rest),
        (_, _, ["batch", ..]) => Err(Refusal::wrong_method()),
        _ => Err(Refusal::not_found("resource not found")),
    }
}

/// `{associationCategory, associationTypeId}`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    association_category: Category,
    association_type_id: u32,
}

/// An id as callers spell it: a string in the specs, a number in some documented bodies, facts §0.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum AnyId {
    Text(String),
    Number(u64),
}

impl AnyId {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }

    pub(super) fn record(&self) -> Option<RecordId> {
        match self {
            Self::Text(text) => RecordId::parse(text),
            Self::Number(number) => Some(RecordId(*number)),
        }
    }
}

impl Spec {
    pub(super) fn key(self) -> TypeKey {
        TypeKey { category: self.association_category, id: self.association_type_id }
    }
}

impl Crm {
    /// A live record to associate with, or the refusal of facts §2.2 [ISSUE hubspot-api-nodejs/646].
    pub(super) fn end(&self, kind: Kind, id: &str) -> Result<End, Refusal> {
        RecordId::parse(id)
            .and_then(|id| self.store(kind).resolve(id, Shelf::Live))
            .map(|record| (kind, record.id))
            .ok_or_else(|| {
                let complaint = format!("{}={id} is not valid", self.kinds.info(kind).shout());
                Refusal::invalid("One or more associations are invalid")
                    .with("INVALID_OBJECT_IDS", vec![complaint])
            })
    }

    /// A type that may be written between two object types, in that direction and no other.
    pub(super) fn directed(&self, from: Kind, to: Kind, key: TypeKey) -> Result<&LinkType, Refusal> {
        let known = self.link_types.get(key);
        known.filter(|link_type| link_type.from == from && link_type.to == to).ok_or_else(|| {
            let (from, to) = (self.kinds.info(from), self.kinds.info(to));
            let message = format!(
                "association type {} of category {} is not valid from {} to {}",
                key.id,
                key.category.wire(),
                from.shout(),
                to.shout(),
            );
            Refusal::invalid(message)
                .with("fromObjectTypeId", vec![from.type_id.clone()])
                .with("toObjectTypeId", vec![to.type_id.clone()])
        })
    }

    /// The unlabelled type between two object types.
    pub(super) fn plain(&self, from: Kind, to: Kind) -> Result<&LinkType, Refusal> {
        self.link_types.plain(from, to).ok_or_else(|| {
            let (from, to) = (self.kinds.info(from).shout(), self.kinds.info(to).shout());
            Refusal::invalid(format!("{from} and {to} cannot be associated"))
        })
    }
}
