//! One look: from where we were to the end of what is old enough.

use jiff::{SignedDuration, Timestamp};
use store::journal::{Bookmark, Gap, GapKind};

use super::{Entry, KEPT, LEASE, Next, Reader, words};

/// Entries read in one look: then the lease is due again, and others have their turn.
const ENTRIES_MAX: usize = 500;

/// How old what is written of an idle journal may be.
const MARK_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// What a look has brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    pub entries: usize,
    /// Events that no webhook had brought.
    pub filled: usize,
    /// The look ended because it was long enough.
    pub more: bool,
}

/// Where the look is.
struct Place {
    mark: Bookmark,
    /// What was published until then is left out: it was read before the journal forgot our place, or before we began.
    skip_until: Option<Timestamp>,
    /// The last entry that was left out.
    skipped: Option<String>,
}

impl Place {
    fn after(&self) -> Option<String> {
        self.skipped.clone().or_else(|| self.mark.place.clone())
    }
}

impl Reader {
    /// Reads on from where it was, and keeps what is missing. `gap` is the one that is being filled.
    ///
    /// # Errors
    /// In words. What was kept is kept, and the next look goes on behind it.
    pub async fn look(&self, gap: &mut Option<Gap>) -> Result<Found, String> {
        let began = (self.clock)();
        let mark = self.begin().await?;
        let skip_until = mark.place.is_none().then_some(mark.read_until);
        let mut place = Place { mark, skip_until, skipped: None };
        let mut found = Found::default();
        let mut leased_until = began + LEASE;
        loop {
            found.more = found.entries == ENTRIES_MAX;
            let now = (self.clock)();
            if now + LEASE / 2 > leased_until {
                leased_until = now + LEASE;
                found.more |= !self.is_ours(now).await?;
            }
            if found.more {
                break;
            }
            match self.source.next(place.after()).await? {
                Next::Entry(entry) if entry.published_at > now - self.hold => {
                    self.all_is_read(&mut place, now).await?;
                    break;
                }
                Next::Entry(entry) => {
                    found.entries += 1;
                    found.filled += self.take(&mut place, entry, gap).await?;
                }
                Next::Forgotten if place.after().is_some() => self.begin_anew(&mut place, now).await?,
                Next::Nothing | Next::Forgotten => {
                    self.all_is_read(&mut place, now).await?;
                    break;
                }
            }
        }
        self.end(&found, gap).await
    }

    async fn take(&self, place: &mut Place, entry: Entry, gap: &mut Option<Gap>) -> Result<usize, String> {
        if place.skip_until.is_some_and(|until| entry.published_at <= until) {
            place.skipped = Some(entry.place);
            return Ok(0);
        }
        (place.skip_until, place.skipped) = (None, None);
        let filled = self.fill(&entry, gap).await?;
        // Behind what is kept: after a crash an entry is read twice, and its events are there already.
        self.keep_mark(place, Bookmark { place: Some(entry.place), read_until: entry.published_at }).await?;
        Ok(filled)
    }

    /// Nothing is left that HubSpot had published by then: clocks may differ, and what is young is held back.
    async fn all_is_read(&self, place: &mut Place, now: Timestamp) -> Result<(), String> {
        let until = now - self.hold.max(SignedDuration::from_secs(60));
        // What is held back may still have to be left out: the next look begins at the same place.
        let may_skip = place.skip_until.is_some_and(|skip| skip > until);
        if may_skip {
            return Ok(());
        }
        self.status.lock().read_until = Some(until.max(place.mark.read_until));
        // Written now and then: what it is for are days.
        if until > place.mark.read_until + MARK_EVERY || place.skipped.is_some() {
            let mark = Bookmark { place: place.after(), read_until: until.max(place.mark.read_until) };
            self.keep_mark(place, mark).await?;
        }
        Ok(())
    }

    /// Our place is not there any more. What happened between it and the earliest that is kept nobody can tell.
    async fn begin_anew(&self, place: &mut Place, now: Timestamp) -> Result<(), String> {
        let (begins, ends) = (place.mark.read_until, now - KEPT);
        if begins < ends {
            let connection = self.connection.clone();
            tracing::error!(
                connection, %begins, %ends,
                "the webhooks journal does not reach back to where it was read last: events of that time may be missing"
            );
            let lost = Gap { connection, found_at: now, kind: GapKind::Lost, begins, ends, events: 0 };
            self.receiver.store.note_gap(&lost).await.map_err(words)?;
        }
        (place.skip_until, place.skipped) = (Some(begins), None);
        self.keep_mark(place, Bookmark { place: None, read_until: begins }).await
    }

    async fn keep_mark(&self, place: &mut Place, mark: Bookmark) -> Result<(), String> {
        self.receiver.store.set_bookmark(&self.connection, &mark).await.map_err(words)?;
        self.status.lock().read_until = Some(mark.read_until);
        place.mark = mark;
        Ok(())
    }

    async fn end(&self, found: &Found, gap: &mut Option<Gap>) -> Result<Found, String> {
        self.all_is_known().await?;
        let mut status = self.status.lock();
        status.entries += found.entries as u64;
        status.filled += found.filled as u64;
        drop(status);
        if let Some(filled) = gap.as_ref().filter(|_| !found.more) {
            let Gap { connection, begins, ends, events, .. } = filled;
            tracing::warn!(
                connection, events, %begins, %ends,
                "events that no webhook had brought were taken from HubSpot's journal"
            );
            *gap = None;
        }
        Ok(*found)
    }
}
