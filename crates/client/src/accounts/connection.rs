//! A connection, whose token may become another while calls are under way.
//!
//! Who sees to the connection replaces its token ahead of its end, or when its source holds a new one. A call that HubSpot
//! answers 401 asks for that at once, and goes again with the new token if there is one: one renewal for all who ask.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use hubspot::limits::{AppKind, Plan};
use hubspot::secret::Secret;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::registry;

/// How we may call one portal.
pub struct Connection {
    pub name: String,
    pub kind: AppKind,
    pub plan: Option<Plan>,
    /// What its account is found by, whatever its token.
    pub(super) key: Box<[u8]>,
    /// Zero: not known.
    portal_id: AtomicU64,
    /// What HubSpot said of its token, for people. Zero: nothing yet.
    told_portal_id: AtomicU64,
    tokens: ArcSwap<Tokens>,
    news: watch::Sender<News>,
    /// Rings at who sees to it.
    bell: OnceLock<Arc<Notify>>,
}

/// What it is called with.
struct Tokens {
    /// Counts them.
    generation: u64,
    now: Result<Token, Lack>,
    /// The one before, while calls with it may still come.
    before: Option<HeaderValue>,
}

/// A token, and for how long it may be used.
#[derive(Clone)]
pub struct Token {
    /// Prints as `Sensitive`.
    authorization: HeaderValue,
    good_until: Option<Instant>,
}

/// Why there is nothing to call with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// A person has to authorise it, in a browser, at this address.
    Authorisation { at: Arc<str> },
    /// It is being renewed, or cannot be for now.
    Renewal,
}

/// Whether a token is a connection's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Now,
    /// It was, before the last change.
    Before,
    No,
}

/// The token holds what no header can carry.
#[derive(Debug, thiserror::Error)]
#[error("the token is not plain visible text")]
pub struct BadToken;

/// What those who wait for a renewal hear.
#[derive(Debug, Clone, Copy)]
struct News {
    generation: u64,
    /// The last token that was found wanting and that nothing new came for.
    stays: u64,
    /// The last token that HubSpot refused.
    refused: u64,
}

/// A call with a refused token waits this long for another.
const PATIENCE: Duration = Duration::from_secs(10);

impl Token {
    /// # Errors
    /// When it cannot stand in a header.
    pub fn new(token: &Secret, good_until: Option<Instant>) -> Result<Self, BadToken> {
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| BadToken)?;
        authorization.set_sensitive(true);
        Ok(Self { authorization, good_until })
    }

    pub(super) fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }
}

impl Connection {
    /// # Errors
    /// When the token cannot stand in a header.
    pub fn new(name: String, token: &Secret, kind: AppKind) -> Result<Self, BadToken> {
        Ok(Self::with(name, kind, Ok(Token::new(token, None)?)))
    }

    /// One that has nothing to call with yet.
    pub fn without_token(name: String, kind: AppKind, lack: Lack) -> Self {
        Self::with(name, kind, Err(lack))
    }

    fn with(name: String, kind: AppKind, now: Result<Token, Lack>) -> Self {
        let generation = 1;
        Self {
            // No header holds a zero byte, so that this is nobody's token.
            key: [b"\0", name.as_bytes()].concat().into(),
            name,
            kind,
            plan: None,
            portal_id: AtomicU64::new(0),
            told_portal_id: AtomicU64::new(0),
            tokens: ArcSwap::from_pointee(Tokens { generation, now, before: None }),
            news: watch::Sender::new(News { generation, stays: 0, refused: 0 }),
            bell: OnceLock::new(),
        }
    }

    pub fn portal_id(&self) -> Option<u64> {
        Some(self.portal_id.load(Ordering::Relaxed)).filter(|id| *id != 0)
    }

    /// Of which portal HubSpot says its token is. Nothing is decided by it: another token may be another portal's.
    pub fn told_portal_id(&self) -> Option<u64> {
        Some(self.told_portal_id.load(Ordering::Relaxed)).filter(|id| *id != 0)
    }

    pub fn note_told_portal_id(&self, id: u64) {
        self.told_portal_id.store(id, Ordering::Relaxed);
    }

    /// Which portal it is of has become known.
    pub fn set_portal_id(&self, id: u64) {
        self.portal_id.store(id, Ordering::Relaxed);
    }

    /// What it can be called with now.
    ///
    /// # Errors
    /// Why there is nothing. A token at its end is nothing.
    pub(crate) fn authorization(&self, now: Instant) -> Result<HeaderValue, Lack> {
        let tokens = self.tokens.load();
        let token = tokens.now.as_ref().map_err(Clone::clone)?;
        match token.good_until {
            Some(end) if end <= now => Err(Lack::Renewal),
            Some(_) | None => Ok(token.authorization.clone()),
        }
    }

    /// Why there is nothing to call with, if so.
    pub fn lack(&self, now: Instant) -> Option<Lack> {
        let tokens = self.tokens.load();
        match &tokens.now {
            Ok(token) => token.good_until.is_some_and(|end| end <= now).then_some(Lack::Renewal),
            Err(lack) => Some(lack.clone()),
        }
    }

    /// The token itself, for probes.
    pub fn token(&self, now: Instant) -> Option<Secret> {
        let authorization = self.authorization(now).ok()?;
        Some(Secret::new(std::str::from_utf8(registry::token(&authorization)).ok()?))
    }

    /// Is an `Authorization` header's token this connection's? In time that depends on lengths alone.
    pub fn holds(&self, authorization: &HeaderValue) -> Holds {
        let tokens = self.tokens.load();
        let now = tokens.now.as_ref().ok().map(|token| &token.authorization);
        let is = |own: Option<&HeaderValue>| own.is_some_and(|own| same(own, authorization));
        match (is(now), is(tokens.before.as_ref())) {
            (true, _) => Holds::Now,
            (false, true) => Holds::Before,
            (false, false) => Holds::No,
        }
    }

    /// Which token it is at, by number.
    pub fn generation(&self) -> u64 {
        self.tokens.load().generation
    }

    /// What it has been called with until now.
    pub(super) fn headers(&self) -> (Option<HeaderValue>, Option<HeaderValue>) {
        let tokens = self.tokens.load();
        (tokens.now.as_ref().ok().map(|token| token.authorization.clone()), tokens.before.clone())
    }

    /// The last step of [`crate::stack::Stack::replace_token`]. What has not changed is not told.
    pub(super) fn set(&self, now: Result<Token, Lack>) {
        let (old, older) = self.headers();
        let same_token =
            old.as_ref().zip(now.as_ref().ok()).is_some_and(|(old, new)| same(old, &new.authorization));
        let before = if same_token { older } else { old.or(older) };
        let generation = self.generation() + u64::from(!same_token);
        self.tokens.store(Arc::new(Tokens { generation, now, before }));
        self.news.send_modify(|news| news.generation = generation);
    }

    /// From now on somebody sees to it, and is told by this bell that a token was refused.
    pub fn is_seen_to(&self, bell: Arc<Notify>) {
        let _the_first_sees_to_it = self.bell.set(bell);
    }

    /// Somebody sees to it; the token of one that nobody sees to stays as it is.
    pub fn is_looked_after(&self) -> bool {
        self.bell.get().is_some()
    }

    /// Whether the token that it has was refused by HubSpot, and nobody has said yet that it stays.
    pub fn is_refused(&self) -> bool {
        let news = *self.news.borrow();
        news.refused == news.generation && news.stays < news.generation
    }

    /// HubSpot refused the token that it has, and no other came.
    pub fn is_turned_down(&self) -> bool {
        let news = *self.news.borrow();
        news.refused == news.generation
    }

    /// There is no other token: who waits for one waits no more.
    pub fn stays(&self) {
        self.news.send_modify(|news| news.stays = news.generation);
    }

    /// HubSpot refused the token of this number. Waits for the next; `false` where none comes.
    pub(crate) async fn renewed(&self, refused: u64, deadline: Instant) -> bool {
        let Some(bell) = self.bell.get() else { return false };
        let mut heard = self.news.subscribe();
        self.news.send_if_modified(|news| {
            news.refused = news.refused.max(refused);
            false
        });
        bell.notify_one();
        let until = deadline.min(Instant::now() + PATIENCE);
        let told = heard.wait_for(|news| news.generation > refused || news.stays >= refused);
        let told = tokio::time::timeout_at(until, told).await;
        matches!(told, Ok(Ok(news)) if news.generation > refused)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("name", &self.name).finish_non_exhaustive()
    }
}

/// By the token alone, whatever the case of the word before it.
fn same(one: &HeaderValue, other: &HeaderValue) -> bool {
    let secret = |header| Some(Secret::new(std::str::from_utf8(registry::token(header)).ok()?));
    secret(one).zip(secret(other)).is_some_and(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text)
    }

    fn header(token: &str) -> HeaderValue {
        HeaderValue::from_str(&format!("bearer {token}")).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn it_knows_two_tokens_and_uses_none_that_has_ended() {
        let connection = Connection::new("a".into(), &secret("one"), AppKind::PublicOauth).unwrap();
        assert_eq!(connection.holds(&header("one")), Holds::Now);
        let end = Instant::now() + Duration::from_secs(10);
        connection.set(Ok(Token::new(&secret("two"), Some(end)).unwrap()));
        assert_eq!(
            ["one", "two", "three"].map(|token| connection.holds(&header(token))),
            [Holds::Before, Holds::Now, Holds::No]
        );
        assert_eq!(connection.lack(Instant::now()), None);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(connection.lack(Instant::now()), Some(Lack::Renewal));
        assert!(connection.authorization(Instant::now()).is_err());
        connection.set(Ok(Token::new(&secret("three"), None).unwrap()));
        assert_eq!(connection.holds(&header("one")), Holds::No);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_asked_about_once_and_waits_for_the_next() {
        let connection = Arc::new(Connection::new("a".into(), &secret("one"), AppKind::PublicOauth).unwrap());
        let deadline = Instant::now() + Duration::from_secs(60);
        assert!(!connection.renewed(1, deadline).await, "nobody sees to it");
        let bell = Arc::new(Notify::new());
        connection.is_seen_to(bell.clone());
        let waiting = (0..50).map(|_| connection.renewed(1, deadline));
        let seeing = async {
            bell.notified().await;
            assert!(connection.is_refused());
            connection.set(Ok(Token::new(&secret("two"), None).unwrap()));
            assert!(!connection.is_refused());
        };
        let (renewed, ()) = tokio::join!(futures_util::future::join_all(waiting), seeing);
        assert!(renewed.into_iter().all(|renewed| renewed));
        let stays = async {
            bell.notified().await;
            connection.stays();
        };
        let (renewed, ()) = tokio::join!(connection.renewed(2, deadline), stays);
        assert!(!renewed && !connection.is_refused());
        assert!(!connection.renewed(2, deadline).await, "it was told already");
    }
}
