//! How full the budgets are at the moment, for people and monitoring.

use std::time::Duration;

use hubspot::endpoint::Budget;

/// One rolling budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    pub budget: Budget,
    /// Requests that may lie in one window.
    pub limit: u32,
    pub window: Duration,
    /// Requests that are under way.
    pub in_flight: u32,
    /// Slots of answered requests that HubSpot may still count.
    pub cooling: u32,
    /// What others spend, as far as it shows.
    pub outside: u32,
    /// Requests that may be sent now.
    pub free: u32,
}
