//! Several stamped creates of one type as one `batch/upsert`: one call of HubSpot's limits for up to a hundred records, and
//! each may be sent again without being made twice.

use std::sync::Arc;

use client::body::Body;
use futures_util::future;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use store::outbox::{Answer, Operation};

use super::create::{self, Form, Part};
use super::send::{self, Tried};
use super::verdict::{Again, Blame, Twice, Verdict};
use super::{Outbox, write};

/// Operations that go together, and how.
pub(super) enum Pack {
    One(Box<Operation>),
    /// Stamped creates into one collection.
    Upsert {
        collection: String,
        creates: Vec<Operation>,
    },
}

impl Pack {
    pub(super) fn operations(&self) -> &[Operation] {
        match self {
            Self::One(operation) => std::slice::from_ref(&**operation),
            Self::Upsert { creates, .. } => creates,
        }
    }
}

impl Outbox {
    /// Puts together what can share a call, in the order in which it was accepted.
    pub(super) fn packs(&self, operations: Vec<Operation>) -> Vec<Pack> {
        let mut packs: Vec<Pack> = Vec::new();
        for operation in operations {
            let Some(target) = self.upserted_into(&operation) else {
                packs.push(Pack::One(Box::new(operation)));
                continue;
            };
            let open = packs.iter_mut().find_map(|pack| match pack {
                Pack::Upsert { collection, creates }
                    if *collection == target && has_room(creates, &operation) =>
                {
                    Some(creates)
                }
                Pack::Upsert { .. } | Pack::One(_) => None,
            });
            match open {
                Some(creates) => creates.push(operation),
                None => packs.push(Pack::Upsert { collection: target, creates: vec![operation] }),
            }
        }
        packs
    }

    /// The collection that an operation can be upserted into.
    fn upserted_into(&self, operation: &Operation) -> Option<String> {
        let property = self.settings.stamp_property.as_deref().filter(|_| operation.asked.stamp.is_some())?;
        let upsert = create::form(&operation.asked.body, property) == Some(Form::Upsert);
        let create = write::Create::read(&operation.asked.method, &operation.asked.target)?;
        upsert.then(|| create.collection.to_owned())
    }

    /// One call for all, and what came of each; those of whom the answer says nothing clear go by themselves.
    pub(super) async fn try_upsert(self: &Arc<Self>, collection: &str, creates: &[Operation]) -> Vec<Tried> {
        let together = match creates {
            [_] => self.upsert(collection, creates).await,
            _ => match self.upsert(collection, creates).await {
                // As a whole it is refused: who is to blame shows when each goes alone.
                refused
                    if refused
                        .iter()
                        .any(|tried| tried.verdict == Verdict::Dead && tried.attempt.is_none()) =>
                {
                    let alone = creates.iter().map(|one| self.upsert(collection, std::slice::from_ref(one)));
                    future::join_all(alone).await.into_iter().flatten().collect()
                }
                tried => tried,
            },
        };
        debug_assert_eq!(together.len(), creates.len());
        together
    }

    async fn upsert(&self, collection: &str, creates: &[Operation]) -> Vec<Tried> {
        let all = |tried: Tried| creates.iter().map(|_| tried.clone()).collect::<Vec<_>>();
        let (Some(first), Some(property)) = (creates.first(), self.settings.stamp_property.as_deref()) else {
            return Vec::new();
        };
        let asker = match self.asker(first) {
            Ok(asker) => asker,
            Err(send::Unsendable(why)) => return all(send::unsendable(why)),
        };
        match self.takes_stamps(first, &asker, property).await {
            Ok(true) => {}
            // As if there were no stamps.
            Ok(false) => {
                let bare: Vec<_> = creates.iter().map(send::without_stamp).collect();
                return future::join_all(bare.iter().map(|one| self.try_once(one))).await;
            }
            Err(not_now) => return all(not_now),
        }
        let stamped =
            |one: &'_ Operation| (one.asked.stamp.clone().unwrap_or_default(), one.asked.body.clone());
        let parts: Vec<(String, Vec<u8>)> = creates.iter().map(stamped).collect();
        let parts: Vec<(&str, &[u8])> =
            parts.iter().map(|(stamp, body)| (stamp.as_str(), body.as_slice())).collect();
        let Some(body) = create::upsert(&parts, property) else {
            return all(send::unsendable("its body takes no stamp"));
        };
        let Ok(target) = format!("{collection}/batch/upsert").parse::<PathAndQuery>() else {
            return all(send::unsendable("its target is no path"));
        };
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::CONTENT_TYPE, "application/json"),
            (header::ACCEPT, "application/json"),
            (header::ACCEPT_ENCODING, "identity"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let mut call = asker.call(Method::POST, target, headers, first);
        call.deadline = self.patience_ends();
        let at = self.clock.now();
        let whole = match self.stack.call(call, Body::from(body)).await {
            Ok(answer) => send::answered(answer, Twice::Safe, at).await,
            Err(failed) => send::failed_to_answer(&failed, Twice::Safe, at),
        };
        take_apart(&whole, creates, property)
    }
}

/// What of the batch's answer is whose.
fn take_apart(whole: &Tried, creates: &[Operation], property: &str) -> Vec<Tried> {
    let parsed: Option<Value> =
        whole.answer.as_ref().and_then(|answer| serde_json::from_slice(&answer.body).ok());
    let is_batch = whole.answer.as_ref().is_some_and(|answer| (200..300).contains(&answer.status));
    let told = |one: &Operation| match (&parsed, is_batch) {
        (Some(answer), true) => {
            part(whole, create::part(answer, one.asked.stamp.as_deref().unwrap_or_default(), property))
        }
        _ if whole.verdict == Verdict::Dead && creates.len() > 1 => Tried { attempt: None, ..whole.clone() },
        // A success that cannot be read is none; the stamp lets it be sent again.
        _ if whole.verdict == Verdict::Applied => part(whole, Part::Unclear),
        _ => whole.clone(),
    };
    creates.iter().map(told).collect()
}

fn part(whole: &Tried, part: Part) -> Tried {
    let attempt = |outcome: &str, doubtful: bool| {
        let attempt = whole.attempt.clone()?;
        Some(store::outbox::Attempt { outcome: outcome.to_owned(), doubtful, ..attempt })
    };
    match part {
        Part::Record(body) => Tried {
            attempt: attempt("applied", false),
            verdict: Verdict::Applied,
            // What the create itself would have been answered with.
            answer: Some(Answer { status: 201, body }),
            reason: String::new(),
        },
        Part::Refused(reason) => {
            Tried { attempt: attempt("refused", false), verdict: Verdict::Dead, answer: None, reason }
        }
        Part::Unclear => Tried {
            attempt: attempt("unclear", true),
            verdict: Verdict::Again(Again { after: None, blame: Blame::Operation }),
            answer: None,
            reason: "the batch's answer says nothing about it".into(),
        },
    }
}

fn has_room(creates: &[Operation], next: &Operation) -> bool {
    let bytes: usize = creates.iter().map(|one| one.asked.body.len()).sum();
    creates.len() < create::INPUTS_MAX && bytes + next.asked.body.len() <= create::PACK_BYTES_MAX
}
