//! What a case is like before anything breaks: who calls, how much, what is looked at. Drawn from the seed.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::work::Mix;

/// Whole numbers are drawn from the same stream as everything else.
pub(super) type Random = ChaCha8Rng;

#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Accounts beside the default one: OAuth installs, each in a portal of its own.
    pub(super) installs: usize,
    /// How long their access tokens live.
    pub(super) token_s: u32,
    /// Where the installs' portals are hosted, in turn.
    pub(super) regions: Vec<&'static str>,
    pub(super) governed: bool,
    pub(super) retry_budget: bool,
    pub(super) https: bool,
    /// Calls a second of all programs on the default account together.
    pub(super) per_second: f64,
    pub(super) mix: Mix,
    pub(super) patience: Duration,
    pub(super) warm: Duration,
    /// From the fault to the look.
    pub(super) wait: Duration,
    /// A running gateway tells of its traffic and of itself; without one the probes are alone.
    pub(super) gateway: bool,
    /// It also receives webhooks.
    pub(super) webhooks: bool,
    /// The portal is configured, and so can be told from another.
    pub(super) portal_known: bool,
    /// The settings of the subscriptions and our own public address are looked at.
    pub(super) asks_around: bool,
    /// Of a hundred calls, how many fail on any day.
    pub(super) noise: f64,
    pub(super) daily: Option<u64>,
    pub(super) status_page: bool,
}

impl Plan {
    pub(super) fn draw(random: &mut Random) -> Self {
        Self {
            installs: random.random_range(1..4),
            token_s: 1_800,
            regions: vec!["na1"],
            governed: random.random_bool(0.8),
            retry_budget: true,
            https: false,
            per_second: random.random_range(1.0..5.0),
            mix: Mix::usual(),
            patience: Duration::from_secs(15),
            warm: Duration::from_secs(random.random_range(60..150)),
            wait: Duration::from_secs(random.random_range(15..80)),
            gateway: true,
            webhooks: random.random_bool(0.7),
            portal_known: random.random_bool(0.6),
            asks_around: true,
            noise: random.random_range(0.0..0.01),
            daily: None,
            status_page: random.random_bool(0.9),
        }
    }
}
