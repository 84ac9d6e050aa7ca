//! The one integration binary: everything that needs more than one crate, or the tree itself.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails where it should")]

mod accuracy;
mod brownout;
mod command_line;
mod house;
mod incidents;
mod laws;
mod otel;
mod outbox;
mod tidy;
mod triage;
mod virtual_gateway;
mod virtual_hubspot;
mod webhooks;
mod wire;
