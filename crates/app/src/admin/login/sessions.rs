//! Who is logged in. Only digests of what browsers hold are kept.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::constant_time;
use aws_lc_rs::rand;
use gateway::admit::KeyDigest;
use tokio::time::Instant;

use super::keys::Holder;
use crate::admin::rights::AdminRole;

/// A day at work.
pub(super) const LIFE: Duration = Duration::from_secs(12 * 3600);
/// Whoever has left the screen is logged out.
const IDLE: Duration = Duration::from_secs(2 * 3600);
/// The one that was quiet for longest goes.
const SESSIONS_MAX: usize = 64;

#[derive(Default)]
pub(super) struct Sessions {
    open: HashMap<KeyDigest, Session>,
}

#[derive(Clone)]
pub(super) struct Session {
    /// Whose it is, as they said.
    pub(super) name: String,
    pub(super) csrf: String,
    pub(super) role: AdminRole,
    /// Whose key let them in, where one did.
    by: Option<Holder>,
    until: Instant,
    used_at: Instant,
}

impl Session {
    /// In constant time.
    pub(super) fn is_csrf(&self, given: &str) -> bool {
        constant_time::verify_slices_are_equal(self.csrf.as_bytes(), given.as_bytes()).is_ok()
    }
}

impl Sessions {
    /// The token of a new session. `None`: the system has no randomness.
    pub(super) fn open(
        &mut self,
        name: &str,
        role: AdminRole,
        by: Option<Holder>,
        now: Instant,
    ) -> Option<String> {
        let (token, csrf) = (random()?, random()?);
        self.open.retain(|_, session| session.lives(now));
        if self.open.len() >= SESSIONS_MAX {
            let quietest = self.open.iter().min_by_key(|(_, session)| session.used_at).map(|(key, _)| *key);
            quietest.and_then(|key| self.open.remove(&key));
        }
        let session = Session { name: name.to_owned(), csrf, role, by, until: now + LIFE, used_at: now };
        self.open.insert(KeyDigest::of(token.as_bytes()), session);
        Some(token)
    }

    pub(super) fn find(&mut self, token: &str, now: Instant) -> Option<Session> {
        let session =
            self.open.get_mut(&KeyDigest::of(token.as_bytes())).filter(|session| session.lives(now))?;
        session.used_at = now;
        Some(session.clone())
    }

    /// A key has changed: whoever came in with the one before is out.
    pub(super) fn end_of(&mut self, holder: &Holder) {
        self.open.retain(|_, session| session.by.as_ref() != Some(holder));
    }

    pub(super) fn close(&mut self, token: &str) {
        self.open.remove(&KeyDigest::of(token.as_bytes()));
    }
}

impl Session {
    fn lives(&self, now: Instant) -> bool {
        now < self.until && now.duration_since(self.used_at) < IDLE
    }
}

fn random() -> Option<String> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_by_age_by_idleness_and_by_hand() {
        let mut sessions = Sessions::default();
        let now = Instant::now();
        let token = sessions.open("ada", AdminRole::Viewer, None, now).unwrap();
        let session = sessions.find(&token, now).unwrap();
        assert!(session.is_csrf(&session.csrf.clone()) && !session.is_csrf("") && !session.is_csrf(&token));
        assert!(sessions.find("other", now).is_none());
        assert!(sessions.find(&token, now + IDLE).is_none(), "nobody was there");
        let mut at = now;
        while at + IDLE / 2 < now + LIFE {
            at += IDLE / 2;
            assert!(sessions.find(&token, at).is_some());
        }
        assert!(sessions.find(&token, now + LIFE).is_none(), "a day is over");
        let token = sessions.open("ada", AdminRole::Viewer, None, now).unwrap();
        sessions.close(&token);
        assert!(sessions.find(&token, now).is_none());
        let holder = |name: &str| Holder { name: Some(name.into()), role: AdminRole::Viewer };
        let [one, other] = ["one", "other"]
            .map(|name| sessions.open("ada", AdminRole::Viewer, Some(holder(name)), now).unwrap());
        sessions.end_of(&holder("one"));
        assert!(sessions.find(&one, now).is_none() && sessions.find(&other, now).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_are_few() {
        let mut sessions = Sessions::default();
        let now = Instant::now();
        let first = sessions.open("ada", AdminRole::Viewer, None, now).unwrap();
        for number in 1..=SESSIONS_MAX as u64 {
            sessions.open("ada", AdminRole::Viewer, None, now + Duration::from_millis(number)).unwrap();
        }
        assert!(sessions.find(&first, now + Duration::from_secs(1)).is_none());
        assert_eq!(sessions.open.len(), SESSIONS_MAX);
    }
}
