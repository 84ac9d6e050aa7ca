//! A scenario file, handed to the simulator.

use std::path::Path;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::Value;
use simulator::Shell;

use crate::failure::Failure;

/// Where the simulator takes scenarios.
const CONTROL: &str = "/_sim/scenario";

/// Reads the file and begins it.
pub(super) async fn play(path: &Path, shell: &Shell) -> Result<(), Failure> {
    let hint = "crates/simulator/scenarios/ holds examples";
    let refused = |why: String| Failure::usage(format!("{}: {why}", path.display())).hint(hint);
    let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    let scenario: Value = toml::from_str(&text).map_err(|error| refused(error.to_string()))?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(CONTROL)
        .body(Bytes::from(scenario.to_string()))
        .map_err(Failure::work)?;
    let response = shell.exchange(request).await.map_err(Failure::work)?;
    if response.status().is_success() {
        return Ok(());
    }
    let said: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    Err(refused(said["error"].as_str().unwrap_or("the simulator refused it").to_owned()))
}
