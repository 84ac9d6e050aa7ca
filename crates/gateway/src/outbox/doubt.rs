//! A create that was sent at once with a caller's key, and whose answer was lost: before anybody is told that nobody knows, it
//! is looked for, as a kept one is. Whoever sends the key again brings the credential to ask with.

use bytes::Bytes;
use client::call::Call;
use jiff::Timestamp;
use store::idempotency::{KeptAnswer, KeyDigest};
use store::outbox::{Operation, State};
use uuid::Builder;

use super::settle::{Asker, Found};
use super::{Outbox, create, send};

/// What is known of it now.
pub(crate) enum Settled {
    /// It was made; this is what its caller would have got.
    Made(KeptAnswer),
    /// It was not, or HubSpot will say once more why not: it may be sent.
    NotMade,
    /// Nothing tells.
    Unknown(&'static str),
    /// HubSpot could not be asked.
    NotNow,
}

impl Outbox {
    /// What a create with a key is marked with, where its type has a property for it: the same each time for the key.
    pub(crate) async fn stamp_for(&self, call: &Call, body: &Bytes, key: &KeyDigest) -> Option<String> {
        let property = self.settings.stamp_property.as_deref()?;
        create::form(body, property)?;
        let operation = self.as_operation(call, body, None, self.clock.now());
        let takes = self.takes_stamps(&operation, &Asker::of(call), property).await.unwrap_or(false);
        takes.then(|| {
            Builder::from_random_bytes(key[..16].try_into().expect("32 bytes")).into_uuid().to_string()
        })
    }

    /// The body with its mark.
    pub(crate) fn marked(&self, body: &Bytes, stamp: Option<&str>) -> Bytes {
        let property = self.settings.stamp_property.as_deref();
        let marked = property.zip(stamp).and_then(|(property, stamp)| create::stamped(body, property, stamp));
        marked.unwrap_or_else(|| body.clone())
    }

    /// Looks for what a write that was begun at `since` may have made.
    pub(crate) async fn settle_key(
        &self,
        call: &Call,
        body: &Bytes,
        stamp: Option<String>,
        since: Timestamp,
    ) -> Settled {
        let operation = self.as_operation(call, body, stamp, since);
        match self.read_back(&operation, &Asker::of(call)).await {
            Found::Made(made) => Settled::Made(KeptAnswer {
                status: http::StatusCode::CREATED.as_u16(),
                headers: vec![("content-type".into(), "application/json;charset=utf-8".into())],
                body: made.body,
            }),
            Found::Nothing | Found::Before => Settled::NotMade,
            Found::Undecided(why) => Settled::Unknown(why),
            Found::NotNow(_) => Settled::NotNow,
        }
    }

    /// As if it had been accepted then, and sent once without an answer.
    fn as_operation(&self, call: &Call, body: &Bytes, stamp: Option<String>, since: Timestamp) -> Operation {
        let no_connection_needed = "";
        let operation = self.operation(no_connection_needed, call, body);
        Operation {
            seq: 0,
            asked: store::outbox::NewOperation { stamp, accepted_at: since, ..operation },
            state: State::Sending,
            fence: 0,
            due_at: since,
            attempts: vec![send::attempt(since, 0, None, "interrupted", true)],
            settled_at: None,
            reason: None,
            answer: None,
        }
    }
}
