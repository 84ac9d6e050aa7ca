//! `hubkeeper callers`: keys for those who call the gateway.

use gateway::admit::NewKey;
use serde_json::json;

use crate::cli::CallersCommand;
use crate::failure::{Exit, Failure};
use crate::process;

pub(super) fn run(command: &CallersCommand) -> Result<Exit, Failure> {
    let CallersCommand::NewKey { json } = command;
    let NewKey { key, digest } =
        NewKey::make().ok_or_else(|| Failure::work("the system gives no random numbers"))?;
    let (key, digest) = (key.expose(), digest.to_string());
    // The one place where a secret is printed: it is nobody's yet.
    let text = if *json {
        json!({"key": key, "key_sha256": digest}).to_string()
    } else {
        format!(
            "The key, shown this once; give it to the caller, who sends it as `Authorization: Bearer KEY`:\n\n  {key}\n\n\
             Its hash, for the caller's entry in [[callers]]:\n\n  key_sha256 = \"{digest}\""
        )
    };
    process::print_line(&text);
    Ok(Exit::Fine)
}
