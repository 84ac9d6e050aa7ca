//! Webhooks: none come, those that come do not verify, too many come, or they are not handed on as they should be.

pub(super) mod flood;
pub(super) mod order;
pub(super) mod signatures;
pub(super) mod silence;

use crate::facts::Facts;
use crate::facts::inbox::{Inbox, Sender};

fn inbox(facts: &Facts) -> Option<&Inbox> {
    facts.inbox.as_ref()
}

fn senders(facts: &Facts) -> impl Iterator<Item = &Sender> {
    facts.inbox.iter().flat_map(|inbox| &inbox.senders)
}

const NO_INBOX: &str = "no webhooks are received here";
