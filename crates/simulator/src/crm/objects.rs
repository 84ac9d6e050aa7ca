//! `/crm/v3/objects/{type}` and `/crm/objects/{version}/{type}`, facts §3.1: routes first.

mod batch;
mod locate;
mod merge;
mod plan;
mod privacy;
mod read;
mod required;
mod shown;
mod write;

pub(super) use shown::Selection;

use http::Method;

use super::Crm;
use super::ask::Ask;
use super::associations;
use super::refusal::Refusal;
use super::search;
use crate::call::Reply;

pub(super) fn answer(crm: &mut Crm, ask: &Ask<'_>, rest: &[&str]) -> Result<Reply, Refusal> {
    let [word, rest @ ..] = rest else { return Err(Refusal::not_found("resource not found")) };
    let kind = crm.kind(word)?;
    match (ask.method(), rest) {
        (&Method::GET, []) => read::list(crm, ask, kind),
        (&Method::POST, []) => write::create(crm, ask, kind),
        (&Method::GET, [id]) => read::get(crm, ask, kind, id),
        (&Method::PATCH, [id]) => write::update(crm, ask, kind, id),
        (&Method::DELETE, [id]) => write::archive(crm, ask, kind, id),
        (&Method::POST, ["merge"]) => merge::merge(crm, ask, kind),
        (&Method::POST, ["gdpr-delete"]) => privacy::delete(crm, ask, kind),
        (&Method::POST, ["search"]) => search::answer(crm, ask, kind),
        (&Method::POST, ["batch", verb]) => batch::answer(crm, ask, kind, verb),
        (_, [id, "associations", rest @ ..]) => associations::single::answer(crm, ask, (kind, id), rest),
        (_, [] | [_] | ["batch", _]) => Err(Refusal::wrong_method()),
        _ => Err(Refusal::not_found("resource not found")),
    }
}
