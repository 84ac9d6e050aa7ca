//! The shell: looks into the store, claims the right to renew, asks HubSpot, keeps what comes, and hands it over.

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use client::stack::Stack;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hubspot::oauth::{Exchange, Traded, Trouble};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::Store;
use store::grants::{Grant, GrantError, Lost};
use store::seal::Sealer;
use store::step::{self, Step};
use tokio::sync::Notify;

use super::climate::{Climate, Heard, Weather};
use super::kept::{App, Kept, State, of_account, tokens};
use super::life::Life;
use super::trade::trade;

/// Renewals under way: the token endpoint throttles, too.
const UNDER_WAY_MAX: usize = 8;
/// The right to renew is ours for as long as a request may take, and what follows it.
const CLAIM: SignedDuration = SignedDuration::from_secs(45);
/// Nothing is due that long, but clocks are set.
const SLEEP_MAX: SignedDuration = SignedDuration::from_secs(60);
/// What HubSpot gave must not be lost to a store that is slow for a moment.
const KEEP_TRIES: u32 = 5;

/// Where people go and come back to.
#[derive(Debug, Clone)]
pub struct KeeperSettings {
    /// HubSpot's page, or a simulator's.
    pub authorize_url: String,
    /// Ours, as it is registered with the app.
    pub redirect_url: String,
    /// Where a person begins; the connection's name follows.
    pub reconnect_url: String,
    pub seed: u64,
}

/// Keeps the tokens of OAuth connections alive.
pub struct Keeper {
    pub(super) stack: Arc<Stack>,
    pub(super) store: Store,
    pub(super) sealer: Sealer,
    pub(super) clock: WallClock,
    pub(super) settings: KeeperSettings,
    pub(super) kept: Vec<Kept>,
    pub(super) bell: Arc<Notify>,
    weather: Mutex<Weather>,
    /// The endpoint throttles all of an app's connections together.
    paused_until: Mutex<Timestamp>,
    jitter: Mutex<ChaCha8Rng>,
}

impl Keeper {
    pub fn new(
        stack: Arc<Stack>,
        store: Store,
        sealer: Sealer,
        apps: Vec<App>,
        settings: KeeperSettings,
    ) -> Self {
        let clock = stack.clock();
        let now = clock.now();
        let bell = Arc::new(Notify::new());
        let life = Life::new(now);
        let kept = apps.into_iter().map(|app| {
            app.connection.is_seen_to(bell.clone());
            Kept { app, state: Mutex::new(State { life, version: 0, seen_at: now, is_busy: false }) }
        });
        Self {
            kept: kept.collect(),
            stack,
            store,
            sealer,
            clock,
            bell,
            weather: Mutex::default(),
            paused_until: Mutex::new(now),
            jitter: Mutex::new(ChaCha8Rng::seed_from_u64(settings.seed)),
            settings,
        }
    }

    /// What the store has is taken into use before anybody calls. What cannot be opened is told: every later look would fail
    /// the same.
    ///
    /// # Errors
    /// [`GrantError`], of the first that cannot be had.
    pub async fn begin(&self) -> Result<(), GrantError> {
        for kept in &self.kept {
            let grant = self.store.grant(&self.sealer, kept.name()).await?;
            self.found(kept, grant.as_ref());
        }
        Ok(())
    }

    /// Sees to all of them for as long as it is polled.
    pub async fn run(&self) {
        let mut under_way = FuturesUnordered::new();
        loop {
            let now = self.clock.now();
            let (due, next) = self.due(now);
            for place in due.into_iter().take(UNDER_WAY_MAX.saturating_sub(under_way.len())) {
                self.kept[place].state.lock().is_busy = true;
                under_way.push(self.see_to(place));
            }
            let sleep = next.map_or(SLEEP_MAX, |next| next.duration_since(now).min(SLEEP_MAX));
            let sleep = Duration::try_from(sleep).unwrap_or_default().max(Duration::from_millis(1));
            tokio::select! {
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                () = self.bell.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Whose turn it is, those whose token ends first before the others; and when it is the next one's.
    fn due(&self, now: Timestamp) -> (Vec<usize>, Option<Timestamp>) {
        let paused_until = *self.paused_until.lock();
        let (mut due, mut next) = (Vec::new(), None::<Timestamp>);
        for (place, kept) in self.kept.iter().enumerate() {
            self.hear(place, kept, now);
            let state = kept.state.lock();
            if state.is_busy {
                continue;
            }
            let at = state.life.at(state.seen_at).max(paused_until);
            if at <= now {
                due.push((state.life.token_ends(), place));
            } else {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        due.sort_unstable();
        (due.into_iter().map(|(_, place)| place).collect(), next)
    }

    /// HubSpot refused a token in a call. While it refuses everybody's, a new one is no better.
    fn hear(&self, place: usize, kept: &Kept, now: Timestamp) {
        if !kept.app.connection.is_refused() {
            return;
        }
        let mut state = kept.state.lock();
        if state.is_busy || state.life.asks(now) {
            return;
        }
        let mut weather = self.weather.lock();
        weather.note(place, Heard::Dead, now);
        match state.life.refused(now).filter(|_| weather.climate(now) == Climate::Calm) {
            Some(life) => state.life = life,
            None => kept.app.connection.stays(),
        }
    }

    async fn see_to(&self, place: usize) {
        let kept = &self.kept[place];
        if let Err(error) = self.look(place, kept).await {
            tracing::error!(connection = kept.name(), %error, "a connection's token could not be kept");
            let (now, jitter) = (self.clock.now(), self.jitter());
            let mut state = kept.state.lock();
            state.life = state.life.failed(Trouble::Unavailable, Climate::Calm, now, jitter);
        }
        if kept.app.connection.is_refused() {
            kept.app.connection.stays();
        }
        let mut state = kept.state.lock();
        state.is_busy = false;
        state.seen_at = self.clock.now();
    }

    /// What the store has, and what HubSpot says if it is time to ask.
    async fn look(&self, place: usize, kept: &Kept) -> Result<(), GrantError> {
        let grant = self.store.grant(&self.sealer, kept.name()).await?;
        let version = kept.state.lock().version;
        let grant = match grant {
            Some(grant) if grant.version == version => grant,
            other => {
                self.found(kept, other.as_ref());
                return Ok(());
            }
        };
        let now = self.clock.now();
        if !kept.state.lock().life.asks(now) {
            self.tell(kept);
            return Ok(());
        }
        let Some(fence) = self.store.claim_grant(&grant, now, now + CLAIM).await? else {
            let mut state = kept.state.lock();
            state.life = state.life.busy(now);
            return Ok(());
        };
        step::at(Step::GrantClaimed);
        let exchange = Exchange::Refresh { refresh_token: &grant.tokens.refresh };
        let traded = trade(&self.stack, &kept.app.client(), exchange).await;
        let traded = traded.and_then(|traded| of_account(traded, grant.portal_id));
        step::at(Step::GrantAnswered);
        match traded {
            Ok(traded) => self.keep(place, kept, &grant, fence, traded, now).await,
            Err(trouble) => {
                let lost = self.failed(place, kept, trouble);
                self.store.end_claim(kept.name(), fence, lost).await?;
                Ok(())
            }
        }
    }

    /// On the disk first, and then in use.
    async fn keep(
        &self,
        place: usize,
        kept: &Kept,
        grant: &Grant,
        fence: i64,
        traded: Traded,
        asked_at: Timestamp,
    ) -> Result<(), GrantError> {
        let tokens = tokens(traded, Some(grant), asked_at);
        let mut tries = 0;
        let is_kept = loop {
            match self.store.keep_renewed(&self.sealer, grant, fence, &tokens, asked_at).await {
                Ok(is_kept) => break is_kept,
                Err(error) if tries + 1 == KEEP_TRIES => return Err(error),
                Err(_again) => tokio::time::sleep(Duration::from_secs(1 << tries)).await,
            }
            tries += 1;
        };
        if !is_kept {
            // Another took over meanwhile: what it kept counts.
            let mut state = kept.state.lock();
            state.life = state.life.busy(self.clock.now());
            return Ok(());
        }
        step::at(Step::GrantKept);
        self.weather.lock().note(place, Heard::Good, self.clock.now());
        let renewed =
            Grant { version: grant.version + 1, tokens, lost: None, refreshed_at: asked_at, ..grant.clone() };
        self.found(kept, Some(&renewed));
        Ok(())
    }

    fn failed(&self, place: usize, kept: &Kept, trouble: Trouble) -> Option<Lost> {
        let (now, jitter) = (self.clock.now(), self.jitter());
        let climate = {
            let mut weather = self.weather.lock();
            if trouble.is_final() {
                weather.note(place, Heard::Dead, now);
            }
            weather.climate(now)
        };
        if let Trouble::Throttled { retry_after: Some(wait) } = trouble {
            let wait = SignedDuration::try_from(wait).unwrap_or(SLEEP_MAX).min(SLEEP_MAX * 10);
            let mut paused_until = self.paused_until.lock();
            *paused_until = (*paused_until).max(now + wait);
        }
        let life = {
            let mut state = kept.state.lock();
            state.life = state.life.failed(trouble, climate, now, jitter);
            state.life
        };
        tracing::warn!(
            connection = kept.name(),
            trouble = trouble.name(),
            standing = life.standing(now).name(),
            all_are_refused = climate == Climate::Storm,
            "a connection's token was not renewed"
        );
        if climate == Climate::Storm {
            self.reprieve(now);
        }
        self.tell(kept);
        life.lost()
    }

    /// Those that were taken out of service for what turns out to befall everybody are back in it.
    fn reprieve(&self, now: Timestamp) {
        for kept in &self.kept {
            let jitter = self.jitter();
            let changed = {
                let mut state = kept.state.lock();
                let before = state.life;
                state.life = before.reprieved(now, jitter);
                state.life != before
            };
            if changed {
                self.tell(kept);
            }
        }
    }

    /// A draw from `0.0..1.0`.
    pub(super) fn jitter(&self) -> f64 {
        self.jitter.lock().random_range(0.0..1.0)
    }
}
