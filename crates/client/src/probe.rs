//! Questions to every layer between us and HubSpot, and what they answered.
//!
//! Probes name no cause: they gather evidence, and diagnosis reads it. At most [`target::HUBSPOT_CALLS_MAX`] calls,
//! reads only, and an end within [`target::Timeouts::overall`] whatever hangs.

pub mod report;
pub mod target;
