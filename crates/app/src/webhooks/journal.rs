//! HubSpot's journal, read through the same governed way as everything else, for those of our connections that have one.

use std::sync::Arc;
use std::time::Duration;

use client::journal::{self, FILE_BYTES_MAX, File, Journal, JournalError, SCOPES};
use client::stack::Stack;
use futures_util::future::BoxFuture;
use http::Uri;
use inbox::dispatch::dial::Dialler;
use inbox::dispatch::subscriber::Reach;
use inbox::journal::{Entry, Next, Reader, Source, Status};
use inbox::receive::Receiver;
use jiff::SignedDuration;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::config::Config;
use crate::failure::Failure;

/// One reader, as others may see it.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) connection: String,
    pub(crate) status: Arc<Mutex<Status>>,
}

/// Begins to read, until `stop` turns true.
pub(super) fn open(
    config: &Config,
    receiver: &Arc<Receiver>,
    stack: &Arc<Stack>,
    tls: &rustls::ClientConfig,
    stop: &watch::Sender<bool>,
) -> Result<Vec<Reading>, Failure> {
    let upstream: Uri = config.gateway.upstream.parse().map_err(Failure::usage)?;
    let hold = i64::try_from(config.webhooks.journal_hold_seconds).unwrap_or(i64::MAX);
    let mut readings = Vec::new();
    for section in config.connections.iter().filter(|section| section.journal) {
        let (Some(id), Some(secret)) = (&section.client_id, &section.client_secret) else { continue };
        let app = stack.app(&section.name, id.clone(), secret.resolve()?, SCOPES);
        let source = Files {
            journal: Journal { stack: stack.clone(), app: Arc::new(app) },
            upstream: upstream.clone(),
            dialler: Dialler { reach: Reach::Public, tls: Arc::new(tls.clone()) },
        };
        let clock = stack.clock();
        let reading = Reading { connection: section.name.clone(), status: Arc::default() };
        let reader = Reader {
            receiver: receiver.clone(),
            source: Arc::new(source),
            connection: section.name.clone(),
            app_id: section.app_id,
            clock: Arc::new(move || clock.now()),
            hold: SignedDuration::from_secs(hold),
            every: Duration::from_secs(config.webhooks.journal_seconds),
            owner: receiver.store.owner(),
            status: reading.status.clone(),
        };
        tokio::spawn(reader.run(stop.subscribe()));
        readings.push(reading);
    }
    Ok(readings)
}

/// The journal, and the files that it names.
#[derive(Clone)]
struct Files {
    journal: Journal,
    upstream: Uri,
    dialler: Dialler,
}

impl Source for Files {
    fn next(&self, after: Option<String>) -> BoxFuture<'static, Result<Next, String>> {
        let files = self.clone();
        Box::pin(async move { files.read(after.as_deref()).await.map_err(|error| error.to_string()) })
    }
}

impl Files {
    async fn read(&self, after: Option<&str>) -> Result<Next, JournalError> {
        let entry = match self.journal.next(after).await? {
            journal::Next::Entry(entry) => entry,
            journal::Next::Nothing => return Ok(Next::Nothing),
            journal::Next::Forgotten => return Ok(Next::Forgotten),
        };
        let File { published_at, events } = self.file(&entry.url).await?;
        Ok(Next::Entry(Entry { place: entry.place, published_at, events }))
    }

    /// Elsewhere it is fetched past the gateway's limits, from a public address only.
    async fn file(&self, url: &str) -> Result<File, JournalError> {
        let url: Uri = url.parse().map_err(|_| JournalError::Unreadable("a file's address"))?;
        if url.authority() == self.upstream.authority() {
            let path = url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
            return self.journal.own_file(path).await;
        }
        let bytes = self.dialler.get(&url, FILE_BYTES_MAX).await;
        File::read(&bytes.map_err(|reason| JournalError::File(reason.told()))?)
    }
}
