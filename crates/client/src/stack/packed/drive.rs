//! One pack, from its first member to its last answer.
//!
//! A driver is a task of its own: no member's hanging up may take the others' answers away. It waits until its pack may
//! go, wins the right to send, and only then takes its members, so that the pack fills while it waits.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hubspot::error::{ApiError, ErrorKind};
use tokio::time::Instant;

use super::super::Stack;
use super::super::attempted::Reply;
use super::super::right::Right;
use crate::accounts::{Account, Credential};
use crate::body::Body;
use crate::call::{Call, Effort, Failure};
use crate::governor::RefusalReason;
use crate::handling::Handling;
use crate::packing::{Handed, Head, Line, Member, Pace, Pack, Part, Readiness, take_apart};

/// 100 records with long texts; a larger answer goes to nobody, and its members go by themselves.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A pack on its way from its line, which it tells how it goes, also when its task ends early.
struct Driver {
    stack: Arc<Stack>,
    account: Arc<Account>,
    line: Arc<Line>,
    credential: Credential,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Collecting,
    /// Decided upon, waiting for its slot.
    Queued,
    Done,
}

impl Stack {
    /// Collects and sends one pack of a line.
    pub(super) fn drive(self: &Arc<Self>, account: &Arc<Account>, line: &Arc<Line>, credential: &Credential) {
        let driver = Driver {
            stack: self.clone(),
            account: account.clone(),
            line: line.clone(),
            credential: credential.clone(),
            stage: Stage::Collecting,
        };
        tokio::spawn(driver.run());
    }
}

impl Driver {
    async fn run(mut self) {
        if self.collect().await {
            self.go().await;
        }
        self.leave();
        if self.line.begins_again(Instant::now()) {
            self.stack.drive(&self.account, &self.line, &self.credential);
        }
    }

    /// Wins the right to send, for as long as there is somebody to send for.
    async fn go(&mut self) {
        let (stack, account, line) = (self.stack.clone(), self.account.clone(), self.line.clone());
        while let Some(head) = line.head() {
            let mut call = self.batch_call(&head);
            let right = tokio::select! {
                right = stack.right(&call, &account) => right,
                () = line.deserted() => return,
            };
            match right {
                Ok(right) => return self.send(&mut call, right).await,
                Err(why) => self.refuse(&why),
            }
        }
    }

    /// Waits until the pack may go. `false` when there is nobody to collect.
    async fn collect(&mut self) -> bool {
        loop {
            let Some(gate) = self.account.gate() else { return false };
            let changed = self.line.changed();
            let now = Instant::now();
            let room = gate.governor.room(gate.app, now);
            let pace = Pace { every: room.pace, scarce: room.free.saturating_mul(2) < room.limit };
            match self.line.readiness(pace, now) {
                (Readiness::At(at), _) => {
                    let _either = tokio::time::timeout_at(at, changed).await;
                }
                (Readiness::Nobody, _) => {
                    self.stage = Stage::Done;
                    return false;
                }
                (Readiness::Ready, another) => {
                    self.stage = Stage::Queued;
                    if another {
                        self.stack.drive(&self.account, &self.line, &self.credential);
                    }
                    return true;
                }
            }
        }
    }

    fn batch_call(&self, head: &Head) -> Call {
        let target = self.line.shape.target();
        let json = HeaderValue::from_static("application/json");
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, json.clone());
        headers.insert(header::CONTENT_TYPE, json);
        // The answer is taken apart.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = self.account.authorization() {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        Call {
            endpoint: hubspot::endpoint::classify(&Method::POST, target.path()),
            method: Method::POST,
            target,
            headers,
            credential: self.credential.clone(),
            caller: head.caller.clone(),
            calls_itself: None,
            deadline: head.deadline,
            handling: Handling { lane: head.lane, kin: head.kin, weight: head.weight, ..Handling::default() },
        }
    }

    /// A pack that was decided upon and did not go, goes no more.
    fn leave(&mut self) {
        if std::mem::replace(&mut self.stage, Stage::Done) == Stage::Queued {
            self.line.withdrawn();
        }
    }

    /// There is no right to send: those whom that concerns are told.
    fn refuse(&self, why: &Failure) {
        let now = Instant::now();
        let until = match why {
            Failure::Refused(refusal) if refusal.reason == RefusalReason::Deadline => {
                now + refusal.retry_after
            }
            // Whose deadline is this very moment, too.
            Failure::Refused(refusal) if refusal.reason == RefusalReason::Late => {
                now + Duration::from_nanos(1)
            }
            _ => now, // and so everyone
        };
        for member in self.line.too_late(until) {
            hand(member, Handed::Failed { why: why.again(), attempts: 0 });
        }
    }

    async fn send(&mut self, call: &mut Call, right: Right<'_>) {
        let mut pack = self.line.fill(Instant::now());
        self.stage = Stage::Done;
        for member in std::mem::take(&mut pack.late) {
            hand(member, Handed::Failed { why: super::too_late(), attempts: 0 });
        }
        if self.line.begins_again(Instant::now()) {
            self.stack.drive(&self.account, &self.line, &self.credential);
        }
        if pack.members.len() <= 1 {
            // Dropped, the right gives its slot back.
            if let (Some((member, _)), Right { permit: Some(permit), .. }) = (pack.members.pop(), right) {
                hand(member, Handed::Alone(permit));
            }
            return;
        }
        self.account.packer.packed(pack.members.len());
        let deadlines = pack.members.iter().map(|(member, _)| member.deadline);
        call.deadline = deadlines.max().unwrap_or(call.deadline);
        let body = Body::Whole(self.line.shape.body(&pack.inputs));
        let repeats: Vec<_> = pack.members.iter().filter_map(|(member, _)| member.repeat).collect();
        let family = call.endpoint.family;
        let Some(try_number) = self.stack.try_of_pack(&self.account, family, &repeats, pack.members.len())
        else {
            return pack.members.into_iter().for_each(|(member, _)| retries_spent(member));
        };
        let mut effort = Effort::default();
        let (stack, account) = (&self.stack, &self.account);
        let result = stack.retry(try_number, call, body, account, &mut effort, Some(right)).await;
        let outcome = self.read(&pack, result).await;
        for (member, place) in pack.members {
            hand(member, outcome.handed(place, effort.attempts));
        }
    }

    /// What a pack's result means for its members.
    async fn read(&self, pack: &Pack, result: Result<Reply, Failure>) -> Outcome {
        let (response, error) = match result {
            Ok(reply) => reply,
            Err(why) => return Outcome::Failed(why),
        };
        let (mut parts, body) = response.into_parts();
        let encoded = parts.headers.contains_key(header::CONTENT_ENCODING);
        let Ok(body) = Limited::new(body, ANSWER_BYTES_MAX).collect().await else { return Outcome::Unclear };
        let body = body.to_bytes();
        let head = |mut parts: http::response::Parts| {
            parts.headers.remove(header::CONTENT_LENGTH);
            parts
        };
        if let Some(error) = error.filter(|error| concerns_everyone(error)) {
            return Outcome::Same { head: head(parts), body, error };
        }
        let records = take_apart(&self.line.shape, &pack.inputs, parts.status, &body).filter(|_| !encoded);
        match records {
            Some(records) => {
                parts.status = StatusCode::OK;
                Outcome::Parts { head: head(parts), records }
            }
            None => {
                if parts.status.is_client_error() {
                    self.line.rest(Instant::now());
                }
                Outcome::Unclear
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What a pack's result means for its members.
enum Outcome {
    Parts {
        head: http::response::Parts,
        records: Vec<Part>,
    },
    /// The same answer for all.
    Same {
        head: http::response::Parts,
        body: Bytes,
        error: Box<ApiError>,
    },
    /// Nothing can be told from it: everyone goes by themselves.
    Unclear,
    Failed(Failure),
}

impl Outcome {
    fn handed(&self, place: usize, attempts: u32) -> Handed {
        let answer = |head: &http::response::Parts, body: &Bytes, error| {
            let response = Box::new(Response::from_parts(head.clone(), Body::from(body.clone())));
            Handed::Answer { response, error, attempts }
        };
        match self {
            Self::Parts { head, records } => match &records[place] {
                Part::Record(body) => answer(head, body, None),
                Part::Unclear => Handed::ByItself { attempts },
            },
            Self::Same { head, body, error } => answer(head, body, Some(error.clone())),
            Self::Unclear => Handed::ByItself { attempts },
            Self::Failed(why) => Handed::Failed { why: why.again(), attempts },
        }
    }
}

/// An error of the credential, the portal or its limits, which each single call would meet just so.
fn concerns_everyone(error: &ApiError) -> bool {
    error.kind.is_throttle()
        || matches!(
            error.kind,
            ErrorKind::InvalidAuthentication | ErrorKind::ExpiredAuthentication | ErrorKind::Migrating
        )
}

/// A retry is told when it is none any more; a first try goes by itself.
fn retries_spent(member: Member) {
    let handed = match member.repeat {
        Some(repeat) => {
            Handed::Failed { why: Failure::RetriesSpent { retry_after: repeat.new_in }, attempts: 0 }
        }
        None => Handed::ByItself { attempts: 0 },
    };
    hand(member, handed);
}

/// One who has hung up needs nothing; a slot comes back by being dropped.
fn hand(member: Member, handed: Handed) {
    drop(member.hand.send(handed));
}
