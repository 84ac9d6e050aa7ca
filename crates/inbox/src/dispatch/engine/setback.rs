//! What a failure changes: when its events go again, what leaves the line, and what recovery brings back.

use jiff::Timestamp;
use rand::RngExt;
use store::dispatch::LetterEnding;

use super::Engine;
use crate::dispatch::item::Item;
use crate::dispatch::schedule;
use crate::dispatch::verdict::Failed;

/// Failures after which an object no longer stands in the way of the position.
const PARK_AFTER: u32 = 3;

impl Engine {
    pub(super) fn failed(&mut self, items: Vec<Item>, failed: &Failed, now: Timestamp) {
        let counts = !self.breaker.is_open();
        self.breaker.bad(now, self.random.random());
        if let Some(wait) = failed.wait {
            self.paused_until = self.paused_until.max(Some(now + wait));
        }
        let alone = failed.may_be_the_content();
        self.books.counts.failed += 1;
        for mut item in items.into_iter().rev() {
            item.attempts = item.attempts.saturating_add(u32::from(counts));
            item.alone |= alone;
            let due_at = now + schedule::pause(item.attempts, self.random.random());
            let (attempts, status) = (item.attempts, failed.status);
            let reason = failed.reason.told().to_owned();
            let over = schedule::is_over(item.received_at, now);
            if over {
                self.books.counts.dead += 1;
                let dead = LetterEnding::Dead { attempts: attempts.max(1), at: now, status, reason };
                match item.letter {
                    Some(id) => self.end_letter(&item, id, dead),
                    None => self.books.write(item, dead),
                }
                continue;
            }
            let again = LetterEnding::Again { attempts, due_at, status, reason: Some(reason) };
            match item.letter {
                Some(id) => {
                    self.loaded.remove(&id);
                    self.books.progress.endings.push((id, again));
                }
                None if counts && attempts >= PARK_AFTER => self.park_all(item, again, now),
                None => {
                    let queue = self.objects.entry(item.object.clone()).or_default();
                    queue.not_before = Some(due_at);
                    queue.give_back(item);
                }
            }
        }
    }

    /// It takes what it is sent again: whatever failed meanwhile failed for that reason.
    pub(super) fn recovered(&mut self, now: Timestamp) {
        self.paused_until = None;
        self.books.progress.hurry = !self.parked.is_empty();
        for (_, object) in std::mem::take(&mut self.later) {
            if let Some(queue) = self.objects.get_mut(&object) {
                queue.not_before = None;
                queue.placed = false;
            }
            self.place(&object, now);
        }
    }

    /// The object's events, the failed one first, leave the line together.
    fn park_all(&mut self, first: Item, standing: LetterEnding, now: Timestamp) {
        let object = first.object.clone();
        self.park(first, standing);
        let behind = self.objects.get_mut(&object).map(|queue| std::mem::take(&mut queue.items));
        for item in behind.into_iter().flatten() {
            self.park(item, LetterEnding::Again { attempts: 0, due_at: now, status: None, reason: None });
        }
    }

    pub(super) fn park(&mut self, item: Item, standing: LetterEnding) {
        *self.parked.entry(item.object.clone()).or_default() += 1;
        self.books.counts.parked += 1;
        self.books.write(item, standing);
    }

    pub(super) fn end_letter(&mut self, item: &Item, id: i64, ending: LetterEnding) {
        self.loaded.remove(&id);
        self.books.progress.endings.push((id, ending));
        if let Some(count) = self.parked.get_mut(&item.object) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.parked.remove(&item.object);
            }
        }
    }
}
