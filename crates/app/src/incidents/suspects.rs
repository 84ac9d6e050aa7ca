//! What the quarantine tells: would the latest refused deliveries verify with another secret, or at another address?

use std::collections::BTreeMap;
use std::sync::Arc;

use hubspot::secret::Secret;
use inbox::explain::{Case, explain};
use inbox::receive::Receiver;
use inbox::suspect;
use incident::facts::inbox::Quarantine;
use jiff::{SignedDuration, Timestamp};
use store::quarantine::Suspect;
use tokio::time::Instant;

use crate::secrets::Secrets;

/// Each costs some thousand signatures …
const TRIED_MAX: usize = 6;

/// … over bodies of this length at most.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What came before says little about now.
const LATELY: SignedDuration = SignedDuration::from_mins(15);

/// What lies now where each connection's client secret comes from.
type Others = BTreeMap<String, Vec<Secret>>;

/// The latest of them, tried with what is known of other secrets and addresses.
pub(super) async fn tried(receiver: &Arc<Receiver>, secrets: &Secrets, now: Timestamp) -> Quarantine {
    let Ok(mut suspects) = receiver.store.latest_suspects(TRIED_MAX).await else {
        return Quarantine::default();
    };
    suspects.retain(|it| now.duration_since(it.received_at) <= LATELY && it.body.len() <= BODY_BYTES_MAX);
    if suspects.is_empty() {
        return Quarantine::default();
    }
    let (receiver, others) = (receiver.clone(), others(secrets).await);
    // Away from the thread that serves.
    let trying = tokio::task::spawn_blocking(move || {
        let mut found = Quarantine::default();
        suspects.iter().for_each(|suspect| try_one(suspect, &receiver, &others, &mut found));
        found
    });
    trying.await.unwrap_or_default()
}

fn try_one(suspect: &Suspect, receiver: &Receiver, others: &Others, found: &mut Quarantine) {
    let Some(app) = receiver.apps.iter().find(|app| app.connection == suspect.connection) else { return };
    let (headers, ours) = (suspect::headers(suspect), app.secrets.all(Instant::now()));
    let case = |secrets| Case {
        method: &suspect.method,
        target: &suspect.target,
        headers: &headers,
        body: &suspect.body,
        public: &receiver.public,
        secrets,
        now: suspect.received_at,
    };
    found.tried += 1;
    found.fits_other_address += u64::from(explain(&case(&ours)).cause == "uri");
    let others: Vec<Secret> = others.get(&app.connection).into_iter().flatten().cloned().collect();
    let others: Vec<Secret> = others.into_iter().filter(|other| !ours.contains(other)).collect();
    found.fits_other_secret += u64::from(explain(&case(&others)).verifies);
}

async fn others(secrets: &Secrets) -> Others {
    let mut others = Others::new();
    for (connection, secret) in secrets.client_secrets().await {
        others.entry(connection).or_default().push(secret);
    }
    others
}
