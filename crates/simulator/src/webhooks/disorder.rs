//! What goes wrong between HubSpot and a receiver: set by hand at `/_sim/webhooks/disorder`, or by a fault.

use jiff::{SignedDuration, Timestamp};

/// Forgeries that one look may make, however long ago the last one was.
const FORGED_AT_ONCE_MAX: f64 = 200.0;

#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disorder {
    /// Share of events that are delivered twice.
    pub duplicates: f64,
    /// Events leave in a random order.
    pub shuffled: bool,
    /// Nothing is sent; changes are still noted, and leave when it ends.
    pub silent: bool,
    /// Signed with a secret that is not the app's.
    pub wrong_secret: bool,
    /// Share of events that leave `late_seconds` after the others, so that older ones come after newer.
    pub late: f64,
    pub late_seconds: f64,
    /// A proxy on the way changes the address: what arrives is not what was signed.
    pub signed_for: Option<SignedFor>,
    /// The request takes so long on its way that its answer counts as missed.
    pub slow: bool,
    /// No request gets through.
    pub unreachable: bool,
    /// Requests that somebody else makes up.
    pub forged_per_second: f64,
}

/// The part of the address that differs between what was signed and what arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SignedFor {
    Scheme,
    Host,
    Path,
}

impl Disorder {
    /// Both at once: the worse of each.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            duplicates: self.duplicates.max(other.duplicates),
            shuffled: self.shuffled || other.shuffled,
            silent: self.silent || other.silent,
            wrong_secret: self.wrong_secret || other.wrong_secret,
            late: self.late.max(other.late),
            late_seconds: self.late_seconds.max(other.late_seconds),
            signed_for: other.signed_for.or(self.signed_for),
            slow: self.slow || other.slow,
            unreachable: self.unreachable || other.unreachable,
            forged_per_second: self.forged_per_second.max(other.forged_per_second),
        }
    }
}

impl SignedFor {
    /// The address that HubSpot believes to call.
    pub(super) fn instead_of(self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        match self {
            Self::Scheme if scheme == "http" => format!("https://{rest}"),
            Self::Scheme => format!("http://{rest}"),
            Self::Host => format!("{scheme}://hooks.customer.example{path}"),
            Self::Path => format!("{scheme}://{host}/public{path}"),
        }
    }
}

/// How many forgeries are owed since the last look.
#[derive(Debug, Default)]
pub(super) struct Forger {
    looked: Option<Timestamp>,
    owed: f64,
}

impl Forger {
    pub(super) fn due(&mut self, per_second: f64, now: Timestamp) -> u32 {
        let since =
            self.looked.replace(now).map_or(SignedDuration::ZERO, |looked| now.duration_since(looked));
        self.owed = (self.owed + since.as_secs_f64().max(0.0) * per_second).min(FORGED_AT_ONCE_MAX);
        if per_second == 0.0 {
            self.owed = 0.0;
        }
        let due = self.owed.floor();
        self.owed -= due;
        due as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_the_address_can_differ() {
        let url = "http://127.0.0.1:8400/webhooks/hubspot?a=1";
        assert_eq!(SignedFor::Scheme.instead_of(url), "https://127.0.0.1:8400/webhooks/hubspot?a=1");
        assert_eq!(SignedFor::Host.instead_of(url), "http://hooks.customer.example/webhooks/hubspot?a=1");
        assert_eq!(SignedFor::Path.instead_of(url), "http://127.0.0.1:8400/public/webhooks/hubspot?a=1");
    }

    #[test]
    fn forgeries_come_at_their_rate() {
        let at = |ms: i64| Timestamp::from_millisecond(1_790_000_000_000 + ms).unwrap();
        let mut forger = Forger::default();
        let made: u32 = (0..=100).map(|tenth| forger.due(7.0, at(tenth * 100))).sum();
        assert!((69..=70).contains(&made), "{made}");
        assert_eq!(forger.due(0.0, at(20_000)), 0);
    }
}
