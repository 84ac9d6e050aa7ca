//! `/webhooks-journal/…`: reading entries and files, managing subscriptions.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::subscription::{JournalSubscription, NewSubscription};
use super::{Entry, Journal};
use crate::call::{Call, Reply};
use crate::refusal::Refusal;

/// A community transcript, facts §1.1: reads of an app a second.
const READS_PER_S: u64 = 100;

/// How long the address of a file is good; not documented.
const URL_LIVES: SignedDuration = SignedDuration::from_mins(5);

/// Entries of one batch at most. Raised in July 2026, values unconfirmed.
const BATCH_MAX: usize = 100;

/// A call about the journal: what follows `/webhooks-journal`, without the version.
pub struct JournalAsk<'a> {
    pub call: &'a Call,
    pub rest: &'a [&'a str],
    pub now: Timestamp,
}

#[derive(Deserialize)]
struct Inputs {
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    id: String,
}

impl Journal {
    pub(crate) fn answer(&mut self, ask: &JournalAsk<'_>) -> Result<Reply, Refusal> {
        match ask.rest {
            ["journal" | "journal-local", rest @ ..] => {
                if self.reads.used(ask.now) >= READS_PER_S {
                    // Facts §1.6: the journal does promise the header.
                    let refusal =
                        Refusal::new(StatusCode::TOO_MANY_REQUESTS, "You have reached your secondly limit.");
                    return Err(refusal.category("RATE_LIMITS").retry_after_s(1));
                }
                self.reads.count(ask.now);
                self.read(ask, rest)
            }
            ["subscriptions", rest @ ..] => self.manage(ask, rest),
            _ => Err(Refusal::no_such_path()),
        }
    }

    /// The file behind an entry's address.
    pub(crate) fn file(&mut self, offset: &str, now: Timestamp) -> Result<Reply, Refusal> {
        let entry = self.published(now).find(|entry| entry.offset == offset).ok_or_else(missing)?;
        let published_at = entry.published_at.to_string();
        let file =
            json!({"offset": entry.offset, "journalEvents": entry.events, "publishedAt": published_at});
        Ok(Reply::json(StatusCode::OK, &file))
    }

    fn read(&mut self, ask: &JournalAsk<'_>, rest: &[&str]) -> Result<Reply, Refusal> {
        let portal = ask.call.query("installPortalId").and_then(|id| id.parse::<u64>().ok());
        let of_portal =
            |entry: &&Entry| portal.is_none_or(|id| entry.events.iter().any(|event| event["portalId"] == id));
        let show = |entry: &Entry| shown(entry, ask);
        let now = ask.now;
        match (&ask.call.method, rest) {
            (&Method::GET, ["earliest"]) => Ok(one(self.published(now).find(of_portal).map(show))),
            (&Method::GET, ["latest"]) => Ok(one(self.published(now).rfind(of_portal).map(show))),
            (&Method::GET, ["offset", offset, "next"]) => {
                Ok(one(self.following(offset, now)?.find(of_portal).map(show)))
            }
            (&Method::GET, ["batch", "earliest", count]) => {
                let found = self.published(now).filter(of_portal).take(size(count)?).map(show);
                Ok(many(&found.collect::<Vec<_>>()))
            }
            (&Method::GET, ["batch", "latest", count]) => {
                let found = self.published(now).rev().filter(of_portal).take(size(count)?).map(show);
                Ok(many(&found.collect::<Vec<_>>()))
            }
            (&Method::GET, ["batch", offset, "next", count]) => {
                let count = size(count)?;
                let found = self.following(offset, now)?.filter(of_portal).take(count).map(show);
                Ok(many(&found.collect::<Vec<_>>()))
            }
            (&Method::POST, ["batch", "read"]) => {
                let Inputs { inputs } = body(ask.call)?;
                let wanted = |entry: &&Entry| inputs.iter().any(|input| input.id == entry.offset);
                Ok(many(&self.published(now).filter(wanted).map(show).collect::<Vec<_>>()))
            }
            (&Method::GET, ["status", id]) => {
                Ok(Reply::json(StatusCode::OK, &json!({"id": id, "status": "SUCCESS"})))
            }
            _ => Err(Refusal::no_such_path()),
        }
    }

    /// What came after an entry; one that is no longer kept is not known.
    fn following(
        &mut self,
        offset: &str,
        now: Timestamp,
    ) -> Result<impl DoubleEndedIterator<Item = &Entry>, Refusal> {
        let place = self.published(now).position(|entry| entry.offset == offset).ok_or_else(missing)?;
        Ok(self.published(now).skip(place + 1).collect::<Vec<_>>().into_iter())
    }

    fn manage(&mut self, ask: &JournalAsk<'_>, rest: &[&str]) -> Result<Reply, Refusal> {
        match (&ask.call.method, rest) {
            (&Method::GET, []) => Ok(Reply::json(StatusCode::OK, &json!({"results": self.subscriptions}))),
            (&Method::POST, []) => {
                let asked: NewSubscription = body(ask.call)?;
                self.subscribed += 1;
                let (created_at, updated_at) = (ask.now, ask.now);
                let made = JournalSubscription { id: self.subscribed, asked, created_at, updated_at };
                let reply = Reply::json(StatusCode::OK, &json!(made));
                self.subscriptions.push(made);
                Ok(reply)
            }
            (&Method::GET, [id]) => {
                let found = self.subscriptions.iter().find(|one| one.id.to_string() == **id);
                found.map(|one| Reply::json(StatusCode::OK, &json!(one))).ok_or_else(missing)
            }
            (&Method::DELETE, ["portals", portal]) => {
                self.subscriptions.retain(|one| one.asked.portal_id.to_string() != **portal);
                Ok(Reply::no_content())
            }
            (&Method::DELETE, [id]) => {
                let before = self.subscriptions.len();
                self.subscriptions.retain(|one| one.id.to_string() != **id);
                if self.subscriptions.len() == before { Err(missing()) } else { Ok(Reply::no_content()) }
            }
            _ => Err(Refusal::no_such_path()),
        }
    }
}

fn shown(entry: &Entry, ask: &JournalAsk<'_>) -> Value {
    json!({
        "url": format!("{}/_journal/{}", ask.call.origin(), entry.offset),
        "expiresAt": (ask.now + URL_LIVES).to_string(),
        "currentOffset": entry.offset,
    })
}

/// Nothing newer answers 204: unconfirmed, facts §6.7.
fn one(entry: Option<Value>) -> Reply {
    entry.map_or_else(Reply::no_content, |entry| Reply::json(StatusCode::OK, &entry))
}

fn many(entries: &[Value]) -> Reply {
    Reply::json(StatusCode::OK, &json!({"status": "COMPLETE", "results": entries}))
}

fn size(count: &str) -> Result<usize, Refusal> {
    let count = count.parse::<usize>().ok().filter(|count| (1..=BATCH_MAX).contains(count));
    count.ok_or_else(|| invalid(format!("count must be between 1 and {BATCH_MAX}")))
}

fn body<T: for<'a> Deserialize<'a>>(call: &Call) -> Result<T, Refusal> {
    serde_json::from_slice(&call.body).map_err(|error| invalid(format!("Invalid input JSON: {error}")))
}

fn invalid(message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, message).category("VALIDATION_ERROR")
}

fn missing() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "resource not found").category("OBJECT_NOT_FOUND")
}
