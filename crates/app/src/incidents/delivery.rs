//! Messages that wait, sent until they have arrived. What was accepted and lost its answer is sent again under the same
//! key; a channel that does not answer gets a stand-in.

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use futures_util::future::join_all;
use incident::message::Message;
use incident::timeline::{By, Entry, What};
use jiff::{SignedDuration, Timestamp};
use store::Store;
use store::incidents::{IncidentStep, Line, NewNotice, Notice, NoticeEnd, NoticeState};
use tokio::sync::Notify;
use uuid::Uuid;

use super::board::Board;
use super::channels::{Channels, PUBLIC, Sent};
use super::keep;

/// Messages sent at the same time.
const AT_ONCE: usize = 16;

/// A try that has not ended by then was interrupted.
const CLAIMED: SignedDuration = SignedDuration::from_secs(60);

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
    loop {
        let now = clock.now();
        match store.claim_notices(now, now + CLAIMED, AT_ONCE).await {
            Ok(claimed) if claimed.is_empty() => {
                tokio::select! {
                    () = bell.notified() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
            Ok(claimed) => {
                join_all(claimed.iter().map(|notice| deliver(&store, &channels, &clock, &board, notice)))
                    .await;
            }
            Err(error) => {
                tracing::error!(%error, "messages about incidents cannot be read; trying again");
                tokio::time::sleep(PAUSE).await;
            }
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
        let sent = channels.send(&notice, None).await;
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
    let same = known.iter().rev().filter(|other| other.asked.channel == notice.asked.channel);
    let handle = same.filter_map(|other| other.handle.as_deref()).next();
    let sent = channels.send(notice, handle).await;
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
