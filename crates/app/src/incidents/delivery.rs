//! Messages that wait, sent until they have arrived. What was accepted and lost its answer is sent again under the same
//! key; a channel that does not answer gets a stand-in.

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use incident::message::Message;
use incident::timeline::{By, Entry, What};
use jiff::{SignedDuration, Timestamp};
use store::Store;
use store::incidents::{IncidentStep, Line, NewNotice, Notice, NoticeEnd, NoticeState};
use tokio::sync::Notify;
use uuid::Uuid;

use super::board::Board;
use super::channels::{Before, Channels, PUBLIC, Sent};
use super::keep;

/// Messages sent at the same time.
const AT_ONCE: usize = 16;

/// A try that has not ended by then was interrupted: none takes longer than a page's two requests, or a mail.
const CLAIMED: SignedDuration = SignedDuration::from_secs(30);

/// How often the queue is looked at when nobody rings.
const LOOK: Duration = Duration::from_secs(1);

/// After a failure of the store.
const PAUSE: Duration = Duration::from_secs(5);

/// Failed tries after which somebody else is told.
const STAND_IN_AFTER: i64 = 3;

/// Half a day of tries; who has not heard by then has heard otherwise.
const ATTEMPTS_MAX: i64 = 150;

/// The longest pause between two tries.
const BETWEEN_MAX_S: u64 = 300;

/// Sends for as long as it is polled.
pub(super) async fn run(
    store: Store,
    channels: Arc<Channels>,
    clock: WallClock,
    bell: Arc<Notify>,
    board: Arc<Board>,
) {
    // What a process before this one was sending need not wait for its claims to run out.
    if let Err(error) = store.release_notices(clock.now()).await {
        tracing::error!(%error, "messages that were being sent wait until they are surely not");
    }
    let send = async |notice: Notice| deliver(&store, &channels, &clock, &board, &notice).await;
    // A channel that is slow holds up nobody else's messages.
    let mut under_way = FuturesUnordered::new();
    loop {
        let now = clock.now();
        let claimed = store.claim_notices(now, now + CLAIMED, AT_ONCE - under_way.len()).await;
        let pause = match claimed {
            Ok(claimed) => {
                under_way.extend(claimed.into_iter().map(send));
                LOOK
            }
            Err(error) => {
                tracing::error!(%error, "messages about incidents cannot be read; trying again");
                PAUSE
            }
        };
        tokio::select! {
            Some(()) = under_way.next() => {}
            () = bell.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// People are told although nothing can be kept: else a store that fails would keep its own failure to itself. What does not
/// arrive waits for the store; what arrives and is lost with the process may be told again, under another key.
pub(super) async fn at_once(channels: &Channels, board: &Board, unkept: &mut IncidentStep, now: Timestamp) {
    let waiting = std::mem::take(&mut unkept.notices);
    let sending = waiting.into_iter().map(async |asked| {
        // A page for the public needs the name it gave the incident, which is kept or lost.
        if asked.channel == PUBLIC {
            return (asked, None);
        }
        let notice =
            Notice { seq: 0, asked, attempts: 1, state: NoticeState::Sending, handle: None, why: None };
        let sent = channels.send(&notice, Before::Nothing, now).await;
        board.tried(&notice.asked.channel, result(&sent));
        let what = line(&notice, &sent, &end(&sent, notice.attempts, now));
        (notice.asked, what.filter(|_| matches!(sent, Sent::Arrived { .. })))
    });
    for (asked, told) in join_all(sending).await {
        match told {
            Some(what) => {
                let document = keep::document(&Entry { at: now, by: By::Hubkeeper, what });
                unkept.lines.push(Line { incident: asked.incident, at: now, document });
            }
            None => unkept.notices.push(asked),
        }
    }
}

async fn deliver(store: &Store, channels: &Channels, clock: &WallClock, board: &Board, notice: &Notice) {
    let known = store.notices(&notice.asked.incident).await.unwrap_or_default();
    let sent = channels.send(notice, before(notice, &known), clock.now()).await;
    let now = clock.now();
    let end = end(&sent, notice.attempts, now);
    board.tried(&notice.asked.channel, result(&sent));
    let fails_for_long = matches!(end, NoticeEnd::GivenUp { .. }) || notice.attempts == STAND_IN_AFTER;
    let line = line(notice, &sent, &end);
    let mut step = IncidentStep::default();
    if let Some(what) = line.filter(|what| matches!(what, What::Told { .. }) || fails_for_long) {
        let entry = Entry { at: now, by: By::Hubkeeper, what };
        let document = keep::document(&entry);
        step.lines.push(Line { incident: notice.asked.incident.clone(), at: now, document });
    }
    if fails_for_long && !matches!(sent, Sent::Arrived { .. }) {
        step.notices.extend(stand_in(channels, notice, &known, now));
    }
    // The end last: killed before it, the message is sent once more, and under the same key.
    if let Err(error) = store.keep_incidents(step).await {
        tracing::error!(%error, "who was told cannot be written down");
    }
    match store.end_notice(notice, end).await {
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "a message may be sent twice"),
    }
}

/// An earlier message that was given up may have arrived as well as an earlier try of this one.
fn before<'a>(notice: &Notice, known: &'a [Notice]) -> Before<'a> {
    let same = || known.iter().filter(|other| other.asked.channel == notice.asked.channel);
    let handle = same().rev().find_map(|other| other.handle.as_deref());
    let tried = notice.attempts > 1 || same().any(|other| other.seq < notice.seq && other.attempts > 0);
    match handle {
        Some(handle) => Before::Known(handle),
        None if tried => Before::Perhaps,
        None => Before::Nothing,
    }
}

const fn result(sent: &Sent) -> &'static str {
    match sent {
        Sent::Arrived { .. } => "told",
        Sent::Again { .. } => "again",
        Sent::Never { .. } => "refused",
    }
}

fn end(sent: &Sent, attempts: i64, now: Timestamp) -> NoticeEnd {
    match sent {
        Sent::Arrived { handle } => NoticeEnd::Told { handle: handle.clone() },
        Sent::Never { why } => NoticeEnd::GivenUp { why: why.clone() },
        Sent::Again { why, .. } if attempts >= ATTEMPTS_MAX => NoticeEnd::GivenUp { why: why.clone() },
        Sent::Again { after_s, why } => {
            let doubled = 1u64 << attempts.clamp(0, 16);
            let seconds = after_s.unwrap_or(doubled).min(BETWEEN_MAX_S);
            let due_at = now + SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(300));
            NoticeEnd::Again { due_at, why: why.clone() }
        }
    }
}

fn line(notice: &Notice, sent: &Sent, end: &NoticeEnd) -> Option<What> {
    let message: Message = serde_json::from_slice(&notice.asked.document).ok()?;
    let (channel, moment) = (notice.asked.channel.clone(), message.moment.name().to_owned());
    match (sent, end) {
        (Sent::Arrived { .. }, _) => {
            let attempts = u32::try_from(notice.attempts).unwrap_or(u32::MAX);
            Some(What::Told { channel, moment, attempts })
        }
        (
            Sent::Again { why, .. } | Sent::Never { why },
            NoticeEnd::Again { .. } | NoticeEnd::GivenUp { .. },
        ) => Some(What::NotTold { channel, moment, why: why.clone() }),
        (Sent::Again { .. } | Sent::Never { .. }, NoticeEnd::Told { .. }) => None,
    }
}

/// The same message to a channel that has not had it, unless somebody has heard it already.
fn stand_in(channels: &Channels, notice: &Notice, known: &[Notice], now: Timestamp) -> Option<NewNotice> {
    let same: Vec<&Notice> =
        known.iter().filter(|other| other.asked.document == notice.asked.document).collect();
    let heard = |other: &&Notice| other.state == NoticeState::Told && other.asked.channel != PUBLIC;
    if same.iter().any(heard) {
        return None;
    }
    let tried: Vec<&str> = same.iter().map(|other| other.asked.channel.as_str()).collect();
    let channel = channels.stand_in(&tried)?;
    Some(NewNotice { id: Uuid::now_v7(), channel, due_at: now, ..notice.asked.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(seq: i64, channel: &str, attempts: i64, handle: Option<&str>) -> Notice {
        let asked = NewNotice {
            id: Uuid::nil(),
            incident: "20261130-00002a".into(),
            channel: channel.into(),
            due_at: Timestamp::UNIX_EPOCH,
            document: Vec::new(),
        };
        let (handle, why) = (handle.map(Into::into), None);
        Notice { seq, asked, attempts, state: NoticeState::Sending, handle, why }
    }

    #[test]
    fn what_was_given_up_may_have_arrived() {
        let first = notice(1, "statuspage", 1, None);
        assert_eq!(before(&first, std::slice::from_ref(&first)), Before::Nothing);
        assert_eq!(before(&notice(1, "statuspage", 2, None), &[]), Before::Perhaps);
        let given_up = notice(1, "statuspage", 3, None);
        let second = notice(2, "statuspage", 1, None);
        assert_eq!(before(&second, &[given_up.clone(), second.clone()]), Before::Perhaps);
        let elsewhere = notice(1, "slack", 3, None);
        assert_eq!(before(&second, &[elsewhere, second.clone()]), Before::Nothing);
        let arrived = notice(1, "statuspage", 1, Some("sp1"));
        assert_eq!(before(&second, &[arrived, second.clone()]), Before::Known("sp1"));
    }
}
