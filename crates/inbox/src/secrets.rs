//! The client secrets of an app that are in use. They change while we run: a rotation brings a second one.

use std::sync::Arc;
use std::time::Duration;

use hubspot::secret::Secret;
use hubspot::signature::{ReadySecret, Signs};
use parking_lot::Mutex;
use tokio::time::Instant;

/// All that are in use; during a rotation two. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct ClientSecrets(Arc<Mutex<Vec<Counting>>>);

/// A secret, and until when it counts if it was replaced.
type Counting = (ReadySecret, Option<Instant>);

/// HubSpot tries a delivery again for a day: what was signed before a rotation still comes after it.
const SECRET_OVERLAP: Duration = Duration::from_secs(24 * 3600);

impl ClientSecrets {
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        Self(Arc::new(Mutex::new(secrets.into_iter().map(|secret| (secret.into(), None)).collect())))
    }

    /// The app has another secret from now on; those before count for a day more.
    pub fn replace(&self, secret: Secret, now: Instant) {
        let mut all = self.0.lock();
        all.retain(|(known, until)| *known.secret() != secret && until.is_none_or(|until| until > now));
        for (_, until) in all.iter_mut() {
            *until = until.or(Some(now + SECRET_OVERLAP));
        }
        all.insert(0, (secret.into(), None));
    }

    /// The one of now first.
    pub fn all(&self, now: Instant) -> Vec<Secret> {
        self.ready(now).iter().map(|secret| secret.secret().clone()).collect()
    }

    /// The same, to verify with.
    pub fn ready(&self, now: Instant) -> Vec<ReadySecret> {
        let all = self.0.lock();
        let counts = all.iter().filter(|(_, until)| until.is_none_or(|until| until > now));
        counts.map(|(secret, _)| secret.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_replaced_secret_counts_for_a_day() {
        let secrets = ClientSecrets::new([Secret::new("one")]);
        let shown =
            |now| secrets.all(now).iter().map(|secret| secret.expose().to_owned()).collect::<Vec<_>>();
        let now = Instant::now();
        secrets.replace(Secret::new("two"), now);
        secrets.replace(Secret::new("two"), now);
        assert_eq!(shown(now), ["two", "one"]);
        secrets.replace(Secret::new("three"), now + SECRET_OVERLAP / 2);
        assert_eq!(shown(now + SECRET_OVERLAP), ["three", "two"]);
        assert_eq!(shown(now + SECRET_OVERLAP * 2), ["three"]);
    }
}
