//! A room whose people are told by a stand-in of a chat.

use serde_json::Value;
use tempfile::TempDir;

use super::{OK, body, incident};
use crate::house::{Program, Start, Upstream, ask, canary};

/// The numbers that events carry.
pub(super) const PORTAL: u64 = 24_601_842;
pub(super) const APP: u64 = 54_321;

/// Where hubkeeper's files lie, and who is told.
pub(super) struct Told {
    pub(super) data: TempDir,
    pub(super) chat: Upstream,
}

impl Told {
    pub(super) async fn new() -> Self {
        Self { data: TempDir::new().unwrap(), chat: Upstream::saying(OK).await }
    }

    /// A file beside the data.
    pub(super) fn file(&self, name: &str, text: &str) -> String {
        let path = self.data.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// `up` before `upstream`, with the room open and nobody's time wasted.
    pub(super) fn up(&self, upstream: &str, file: &str) -> Start {
        self.dress(Start::up(upstream).with_incidents(), upstream, file)
    }

    fn dress(&self, start: Start, upstream: &str, file: &str) -> Start {
        let data = self.data.path().join("data");
        start
            .args(&["--data", data.to_str().unwrap()])
            .args(&["--status-page", &format!("{upstream}/_status/api/v2/summary.json")])
            .env("HUBKEEPER__NOTIFY__SLACK__URL", &format!("{}/services/x", self.chat.url))
            .file("hubkeeper.toml", file)
    }

    /// The same, where the gateway's address is known before.
    pub(super) fn up_on(&self, listen: &str, upstream: &str, file: &str) -> Start {
        let arguments = ["up", "--listen", listen, "--admin-listen", "127.0.0.1:0", "--upstream", upstream];
        self.dress(Start::new(&arguments).with_incidents(), upstream, file)
    }

    /// Waits until people are told something that holds this text.
    pub(super) async fn hears(&self, text: &str) -> Value {
        for count in 1.. {
            self.chat.hears(count).await;
            let heard = &self.chat.heard()[count - 1];
            canary::assert_absent("a message", &heard.body);
            let heard = body(heard);
            if heard.to_string().contains(text) {
                return heard;
            }
        }
        unreachable!("it waits, or finds it")
    }

    /// A job fails, which is told at the next look: by then all that came before has been looked at, too.
    pub(super) async fn after_a_look(&self, up: &Program) {
        let path = "/api/v1/jobs/sentinel/fail";
        assert_eq!(ask(up.admin(), "POST", path, &["content-type: application/json"], "").await.status, 201);
        loop {
            let (_, listed) = incident(up, &["list"]).await;
            if listed.to_string().contains("sentinel failed") {
                break;
            }
            tokio::task::yield_now().await;
        }
        self.hears("sentinel").await;
    }
}

/// Every incident's code, or its title where it has none.
pub(super) async fn names(up: &Program) -> Vec<String> {
    let (_, listed) = incident(up, &["list", "--all"]).await;
    let name = |incident: &Value| {
        incident["diagnosis"]["code"].as_str().or(incident["title"].as_str()).unwrap_or("-").to_owned()
    };
    let mut names: Vec<String> = listed["incidents"].as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}
