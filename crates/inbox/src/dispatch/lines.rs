//! Events as JSON, one a line: what a log shipper or `jq` reads.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::io::AsyncWriteExt;

use super::door::{Door, Parcel};
use super::verdict::{Reason, Verdict};

/// Lines at the end of a file, on the disk before they count as delivered.
pub struct FileDoor(pub PathBuf);

/// The lines of a parcel, each with its end.
pub fn lines(parcel: &Parcel) -> Vec<u8> {
    let mut lines = Vec::new();
    for item in &parcel.items {
        // A line break inside would end the line; in JSON it can only stand between tokens.
        let text = String::from_utf8_lossy(&item.body).replace(['\n', '\r'], " ");
        let event: Option<&RawValue> = serde_json::from_str(&text).ok();
        let line = json!({
            "id": item.id(),
            "connection": &*item.connection,
            "received_at": item.received_at.to_string(),
            "event": event,
        });
        lines.extend_from_slice(line.to_string().as_bytes());
        lines.push(b'\n');
    }
    lines
}

impl Door for FileDoor {
    fn post(&self, parcel: Parcel) -> BoxFuture<'static, Verdict> {
        let path = self.0.clone();
        Box::pin(async move {
            let write = async {
                let mut file = tokio::fs::OpenOptions::new().create(true).append(true).open(&path).await?;
                file.write_all(&lines(&parcel)).await?;
                file.flush().await?;
                file.sync_data().await
            };
            match write.await {
                Ok(()) => Verdict::Delivered,
                Err(error) => {
                    tracing::warn!(%error, "events cannot be written to their file");
                    Verdict::none(Reason::Unwritable)
                }
            }
        })
    }
}
