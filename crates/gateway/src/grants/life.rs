//! What becomes of one connection's token: when it is renewed, and what each answer means for it.
//!
//! Only HubSpot's word about this one account's refresh token, given twice a minute apart, takes a connection out of service,
//! and not even that while others hear the same: then it is more likely HubSpot. Nothing is ever thrown away: what is lost is
//! asked about again some hours later.

use hubspot::oauth::Trouble;
use jiff::{SignedDuration, Timestamp};
use store::grants::Lost;

use super::climate::Climate;

/// One connection's token, as far as we know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Life {
    token: Option<Span>,
    /// When HubSpot, or the store, is asked next.
    next: Timestamp,
    /// Tries in a row that brought nothing.
    failures: u32,
    trouble: Option<Trouble>,
    /// When the last of them was.
    failed_at: Option<Timestamp>,
    /// A refresh token was called dead this many times in a row.
    finals: u32,
    lost: Option<Lost>,
    lost_at: Option<Timestamp>,
    /// Nobody has authorised it yet.
    is_granted: bool,
}

/// From when until when a token is good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) got: Timestamp,
    pub(super) end: Timestamp,
}

/// How a connection stands, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Ok,
    /// Its token ends soon and is not renewed yet.
    Expiring,
    /// HubSpot does not renew its token for now, and is asked again.
    Degraded,
    /// A person has to consent again.
    NeedsReauthorisation,
    /// The account took the app out, or is gone.
    Uninstalled,
    /// Nobody has consented yet.
    NotAuthorised,
}

const fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

/// Renewed with this part of its life left: five of HubSpot's thirty minutes, enough for half a dozen tries.
const AHEAD: i32 = 6;
/// Earlier by up to this part, so that a thousand connections do not come at once.
const SPREAD: i32 = 12;
/// No sooner after it was got, however short it lives.
const LIFE_MIN: SignedDuration = seconds(5);
/// After a failure; it doubles.
const BACK_OFF: SignedDuration = seconds(5);
const BACK_OFF_MAX: SignedDuration = seconds(120);
/// What is ours to mend is not mended in seconds.
const MENDING: SignedDuration = seconds(30);
const MENDING_MAX: SignedDuration = seconds(600);
/// A dead refresh token is asked about once more after this.
const CONFIRM: SignedDuration = seconds(60);
const CONFIRMED: u32 = 2;
/// While others hear the same.
const STORM: SignedDuration = seconds(120);
/// What is lost is asked about again, in case it was HubSpot's mistake.
const LOST: SignedDuration = seconds(6 * 3600);
/// The store is looked at, in case a person or another hubkeeper has changed it.
const LOOK: SignedDuration = seconds(60);
/// A token this young that is refused is not refused for its age: another would be, too.
const YOUNG: SignedDuration = seconds(60);
/// Those that were lost this shortly before a storm may be part of it.
const REPRIEVED: SignedDuration = seconds(3600);

impl Life {
    /// Nothing is known but the store's name for it.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            token: None,
            next: now,
            failures: 0,
            trouble: None,
            failed_at: None,
            finals: 0,
            lost: None,
            lost_at: None,
            is_granted: true,
        }
    }

    /// The store has no grant.
    #[must_use]
    pub(super) fn not_granted(self, now: Timestamp) -> Self {
        Self { is_granted: false, next: now + LOOK, ..Self::new(now) }
    }

    /// There is a token, from HubSpot or from the store. `jitter` is from 0 to 1.
    #[must_use]
    pub(super) fn renewed(self, token: Span, now: Timestamp, jitter: f64) -> Self {
        let life = token.end.duration_since(token.got);
        let early = (life / SPREAD).mul_f64(jitter);
        let due = token.end - life / AHEAD - early;
        Self { token: Some(token), next: due.max(token.got + LIFE_MIN), ..Self::new(now) }
    }

    /// The store says that it is lost; another hubkeeper found that out, or this one before it was started anew.
    #[must_use]
    pub(super) fn found_lost(self, lost: Lost, now: Timestamp, jitter: f64) -> Self {
        Self { lost: Some(lost), lost_at: Some(now), next: now + LOST.mul_f64(0.5 + jitter / 2.0), ..self }
    }

    /// Asking brought no token.
    #[must_use]
    pub(super) fn failed(self, trouble: Trouble, climate: Climate, now: Timestamp, jitter: f64) -> Self {
        let failures = self.failures.saturating_add(1);
        let finals = if trouble.is_final() { self.finals + 1 } else { 0 };
        let failed = Self { failures, finals, trouble: Some(trouble), failed_at: Some(now), ..self };
        let wait = |first, most| doubled(first, most, failures).mul_f64(0.5 + jitter / 2.0);
        let (wait, lost) = match trouble {
            Trouble::RefreshTokenDead | Trouble::AccountGone if climate == Climate::Storm => {
                (STORM.mul_f64(0.5 + jitter), None)
            }
            Trouble::RefreshTokenDead if finals >= CONFIRMED => (LOST, Some(Lost::Revoked)),
            Trouble::AccountGone if finals >= CONFIRMED => (LOST, Some(Lost::Gone)),
            Trouble::RefreshTokenDead | Trouble::AccountGone => (CONFIRM, None),
            Trouble::ClientUnknown | Trouble::Refused => (wait(MENDING, MENDING_MAX), None),
            Trouble::Unavailable | Trouble::Throttled { retry_after: None } => {
                (wait(BACK_OFF, BACK_OFF_MAX), None)
            }
            Trouble::Throttled { retry_after: Some(asked) } => {
                let asked = SignedDuration::try_from(asked).unwrap_or(BACK_OFF_MAX).min(MENDING_MAX);
                (asked + wait(BACK_OFF, BACK_OFF_MAX), None)
            }
        };
        match lost {
            Some(lost) => failed.found_lost(lost, now, jitter),
            None => Self { next: now + wait, lost: None, lost_at: None, ..failed },
        }
    }

    /// Somebody else is at it.
    #[must_use]
    pub(super) fn busy(self, now: Timestamp) -> Self {
        Self { next: now + BACK_OFF, ..self }
    }

    /// HubSpot refused the token in a call. `None` where another would not help: it is too young, or asking is under way.
    pub(super) fn refused(self, now: Timestamp) -> Option<Self> {
        let old = self.token.is_some_and(|token| now.duration_since(token.got) >= YOUNG);
        (old && self.failures == 0 && self.lost.is_none()).then_some(Self { next: now, ..self })
    }

    /// It turns out that all are refused.
    #[must_use]
    pub(super) fn reprieved(self, now: Timestamp, jitter: f64) -> Self {
        match self.lost_at {
            Some(at) if now.duration_since(at) < REPRIEVED => {
                Self { lost: None, lost_at: None, finals: 0, next: now + STORM.mul_f64(jitter), ..self }
            }
            Some(_) | None => self,
        }
    }

    /// A person wants it now.
    #[must_use]
    pub(super) fn hurried(self, now: Timestamp) -> Self {
        Self { next: now, ..self }
    }

    /// When it is to be seen to next. Once it is lost, also at its token's end, and now and then in case somebody mended it.
    pub(super) fn at(&self, seen_at: Timestamp) -> Timestamp {
        match (self.lost, self.token) {
            (None, _) => self.next,
            (Some(_), Some(token)) if token.end > seen_at => self.next.min(token.end).min(seen_at + LOOK),
            (Some(_), _) => self.next.min(seen_at + LOOK),
        }
    }

    /// HubSpot is to be asked, and not only the store.
    pub(super) fn asks(&self, now: Timestamp) -> bool {
        self.next <= now
    }

    pub(super) const fn lost(&self) -> Option<Lost> {
        self.lost
    }

    pub(super) const fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// Since when there was a token, or one was found.
    pub(super) fn token_got(&self) -> Option<Timestamp> {
        Some(self.token?.got)
    }

    /// When HubSpot last gave none, and how often in a row.
    pub(super) fn refused_at(&self) -> Option<(Timestamp, u32)> {
        self.failed_at.or(self.lost_at).map(|at| (at, self.failures.max(1)))
    }

    pub(super) fn token_ends(&self) -> Option<Timestamp> {
        Some(self.token?.end)
    }

    pub(super) fn standing(&self, now: Timestamp) -> Standing {
        let left =
            self.token.map(|token| (token.end.duration_since(now), token.end.duration_since(token.got)));
        match (self.lost, left) {
            (Some(Lost::Revoked), _) => Standing::NeedsReauthorisation,
            (Some(Lost::Gone), _) => Standing::Uninstalled,
            (None, _) if !self.is_granted => Standing::NotAuthorised,
            (None, Some((left, _))) if left <= SignedDuration::ZERO => Standing::Degraded,
            (None, _) if self.trouble.is_some() => Standing::Degraded,
            (None, Some((left, life))) if left < life / AHEAD / 2 => Standing::Expiring,
            (None, Some(_)) => Standing::Ok,
            (None, None) => Standing::Expiring,
        }
    }
}

fn doubled(first: SignedDuration, most: SignedDuration, times: u32) -> SignedDuration {
    (first * 2_i32.pow(times.saturating_sub(1).min(10))).min(most)
}

impl Standing {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Expiring => "expiring",
            Self::Degraded => "degraded",
            Self::NeedsReauthorisation => "needs_reauthorisation",
            Self::Uninstalled => "uninstalled",
            Self::NotAuthorised => "not_authorised",
        }
    }

    /// Nobody has to do anything.
    pub const fn is_well(self) -> bool {
        matches!(self, Self::Ok | Self::Expiring)
    }
}

#[cfg(test)]
mod tests;
