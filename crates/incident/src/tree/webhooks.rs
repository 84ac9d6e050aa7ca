//! Webhooks: none come, those that come do not verify, too many come, or they are not handed on as they should be.

pub(super) mod flood;
pub(super) mod order;
pub(super) mod signatures;
pub(super) mod silence;

use jiff::SignedDuration;

use crate::facts::Facts;
use crate::facts::inbox::{Inbox, Sender};

fn inbox(facts: &Facts) -> Option<&Inbox> {
    facts.inbox.as_ref()
}

fn senders(facts: &Facts) -> impl Iterator<Item = &Sender> {
    facts.inbox.iter().flat_map(|inbox| &inbox.senders)
}

const NO_INBOX: &str = "no webhooks are received here";

/// What the counts cover.
const QUARTER: SignedDuration = SignedDuration::from_mins(15);

/// How many events should have come since the last that was taken, by how many came before; `None` where none ever did.
pub(super) fn missing(sender: &Sender, facts: &Facts) -> Option<f64> {
    let taken = sender.last_taken_at?;
    let since = inbox(facts).and_then(|inbox| inbox.since);
    let listening = since.map_or(QUARTER, |since| taken.duration_since(since));
    let span_s = listening.clamp(SignedDuration::from_mins(1), QUARTER).as_secs_f64();
    let pause_s = facts.configured.now.duration_since(taken).as_secs_f64();
    Some(sender.events as f64 / span_s * pause_s)
}
