//! Faults that a drill cannot make, because of how the simulator stands to the gateway: said before anything is broken.

use http::{Method, Uri};
use incident::code::Code;
use serde_json::Value;

use super::super::Room;
use crate::admin_api;
use crate::failure::Failure;

/// # Errors
/// Why this fault would show nowhere, and what to do instead.
pub(super) async fn check(fault: Code, sim: &Uri, room: &Room) -> Result<(), Failure> {
    let (why, hint) = match fault {
        Code::Dns | Code::TcpBlocked | Code::Ipv6 => (
            "calls ask the system's resolver, and the simulator does not stand in for that",
            "`hubkeeper triage --system-dns` asks the resolver of `hubkeeper sim --dns-listen`, which has this fault".into(),
        ),
        Code::Region => (
            "accounts that are hosted elsewhere and are well tell it from an outage, and a drill has one account",
            "drill hubspot.outage_known".into(),
        ),
        Code::StalePool => (
            "it shows on connections that nobody used for a while, and the calls of a drill leave none alone for so long",
            "its metrics and traffic report count `reset_after_idle`".into(),
        ),
        Code::HookUnreachable | Code::HookSubscription => (
            "that no webhook comes shows after minutes in which some should have, and what is usual is known after a quarter of an hour",
            by_hand(fault, sim),
        ),
        Code::RefreshRevoked | Code::ClientSecret | Code::ClientMismatch => (
            "it shows when an install trades its token for the next, and until then tokens live out their half hour",
            by_hand(fault, sim),
        ),
        _ if fault.part() == "hook" && !delivers(sim).await => (
            "nobody has taken a webhook of this simulator's yet",
            format!(
                "POST {sim}_sim/webhooks/target with the gateway's webhook address as \"url\", and \"events\": \
                 [\"contact.creation\", \"contact.propertyChange:city\"]; then create a contact"
            ),
        ),
        Code::HookOrder if !hands_on(room).await => (
            "it shows where an older event is handed on after a newer one, and nobody here subscribes to events",
            "make one: hubkeeper webhooks subscribers --add FILE".into(),
        ),
        _ => return Ok(()),
    };
    Err(Failure::usage(format!("`{}` cannot be drilled here: {why}", fault.id())).hint(hint))
}

fn by_hand(fault: Code, sim: &Uri) -> String {
    format!(
        "POST {sim}_sim/faults with {{\"kind\": \"{}\"}}, and watch `hubkeeper incident list`",
        fault.id()
    )
}

async fn hands_on(room: &Room) -> bool {
    let listed = room.get("/api/v1/webhooks/subscribers").await.unwrap_or_default();
    listed["subscribers"].as_array().is_some_and(|all| !all.is_empty())
}

async fn delivers(sim: &Uri) -> bool {
    let answer = admin_api::ask(sim, Method::GET, "/_sim/webhooks", None).await;
    let said = answer.ok().and_then(|(_, body)| serde_json::from_slice::<Value>(&body).ok());
    said.is_some_and(|said| said["deliveries"]["taken"].as_u64() > Some(0))
}
