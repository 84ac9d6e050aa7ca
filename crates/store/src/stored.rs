//! An operation as a row: plain columns, and a checksum over what was asked and one over how it stands.

use jiff::Timestamp;
use uuid::Uuid;

use crate::checksum::Checksum;
use crate::failure::StoreError;
use crate::outbox::{Answer, NewOperation, Operation, State};

/// The columns, in the order of [`Stored`].
pub(crate) const COLUMNS: &str = "seq, id, accepted_at, connection, caller, lane, method, target, headers, body, record, \
                                  stamp, checksum, state, fence, due_at, attempts, settled_at, reason, status, answer, standing, family";

/// One row. Times are milliseconds since 1970, lists are JSON.
pub(crate) struct Stored {
    pub(crate) seq: i64,
    pub(crate) id: Uuid,
    pub(crate) accepted_at: i64,
    pub(crate) connection: String,
    pub(crate) caller: String,
    pub(crate) lane: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) record: Option<String>,
    pub(crate) stamp: Option<String>,
    pub(crate) checksum: i64,
    pub(crate) state: i64,
    pub(crate) fence: i64,
    pub(crate) due_at: i64,
    pub(crate) attempts: Vec<u8>,
    pub(crate) settled_at: Option<i64>,
    pub(crate) reason: Option<String>,
    pub(crate) status: Option<i64>,
    pub(crate) answer: Option<Vec<u8>>,
    pub(crate) standing: i64,
    pub(crate) family: String,
}

impl Stored {
    pub(crate) fn of(operation: &Operation) -> Self {
        let asked = operation.asked.clone();
        let mut stored = Self {
            seq: operation.seq,
            id: asked.id,
            accepted_at: asked.accepted_at.as_millisecond(),
            connection: asked.connection,
            caller: asked.caller,
            lane: asked.lane,
            method: asked.method,
            target: asked.target,
            headers: json(&asked.headers),
            body: asked.body,
            record: asked.record,
            stamp: asked.stamp,
            checksum: 0,
            state: operation.state as i64,
            fence: operation.fence,
            due_at: operation.due_at.as_millisecond(),
            attempts: json(&operation.attempts),
            settled_at: operation.settled_at.map(Timestamp::as_millisecond),
            reason: operation.reason.clone(),
            status: operation.answer.as_ref().map(|answer| answer.status.into()),
            answer: operation.answer.as_ref().map(|answer| answer.body.clone()),
            standing: 0,
            family: asked.family,
        };
        stored.checksum = stored.sum_of_asked();
        stored.standing = stored.sum_of_standing();
        stored
    }

    /// # Errors
    /// [`StoreError::Damaged`] when it is not what was written.
    pub(crate) fn checked(self) -> Result<Operation, StoreError> {
        let damaged = StoreError::Damaged { table: "operations", id: self.id.to_string() };
        let whole = self.checksum == self.sum_of_asked() && self.standing == self.sum_of_standing();
        if whole { self.operation().ok_or(damaged) } else { Err(damaged) }
    }

    fn operation(self) -> Option<Operation> {
        let time = |milliseconds| Timestamp::from_millisecond(milliseconds).ok();
        let status = self.status.and_then(|status| u16::try_from(status).ok());
        Some(Operation {
            seq: self.seq,
            state: State::of_number(self.state)?,
            fence: self.fence,
            due_at: time(self.due_at)?,
            attempts: serde_json::from_slice(&self.attempts).ok()?,
            settled_at: self.settled_at.and_then(time),
            reason: self.reason,
            answer: status.zip(self.answer).map(|(status, body)| Answer { status, body }),
            asked: NewOperation {
                id: self.id,
                accepted_at: time(self.accepted_at)?,
                connection: self.connection,
                caller: self.caller,
                family: self.family,
                lane: self.lane,
                method: self.method,
                target: self.target,
                headers: serde_json::from_slice(&self.headers).ok()?,
                body: self.body,
                record: self.record,
                stamp: self.stamp,
            },
        })
    }

    fn sum_of_asked(&self) -> i64 {
        let sum = Checksum::default()
            .bytes(self.id.as_bytes())
            .number(self.accepted_at)
            .text(&self.connection)
            .text(&self.caller)
            .text(&self.family)
            .text(&self.lane)
            .text(&self.method)
            .text(&self.target)
            .bytes(&self.headers)
            .bytes(&self.body)
            .maybe(self.record.as_deref().map(str::as_bytes))
            .maybe(self.stamp.as_deref().map(str::as_bytes));
        sum.finish().into()
    }

    /// It holds the id, so that no row is taken for another's.
    fn sum_of_standing(&self) -> i64 {
        let sum = Checksum::default()
            .bytes(self.id.as_bytes())
            .number(self.state)
            .number(self.fence)
            .number(self.due_at)
            .bytes(&self.attempts)
            .number(self.settled_at.unwrap_or(i64::MIN))
            .maybe(self.reason.as_deref().map(str::as_bytes))
            .number(self.status.unwrap_or(i64::MIN))
            .maybe(self.answer.as_deref());
        sum.finish().into()
    }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain lists of text and numbers")
}
