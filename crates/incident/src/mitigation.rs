//! What we may do ourselves: reversible, written down, and only as far as the company allows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::signal::Place;

/// One thing we can do. Each has an inverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mitigation {
    /// Ask HubSpot nothing; answer reads from what is kept.
    ServeStale,
    /// Let through only what people read: no writes, and nothing of the lanes `sync` and `bulk`.
    ParkLane,
    /// Accept writes to be applied later.
    QueueWrites,
    /// Send nothing twice.
    CutRetries,
    /// Read the token again from where it is kept.
    ReloadSecret,
    /// Fewer requests of one family at the same time.
    SlowFamily,
    /// Refuse what is not urgent.
    ShedBulk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// A person may turn it on.
    Offered,
    On,
    Off,
}

/// What the company lets us do by ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// We do it, and take it back when the incident ends.
    On,
    Off,
    /// We offer it; a person turns it on.
    #[default]
    Ask,
}

/// One of them in one incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    pub mitigation: Mitigation,
    pub place: Place,
    pub turn: Turn,
    pub at: Timestamp,
}

/// Never more than the cause asks for.
const AGAINST: &[(Code, Mitigation)] = &[
    (Code::OutageKnown, Mitigation::ServeStale),
    (Code::OutageUnlisted, Mitigation::ServeStale),
    (Code::Region, Mitigation::ServeStale),
    (Code::Partial, Mitigation::ServeStale),
    (Code::AuthOutage, Mitigation::ServeStale),
    (Code::OutageKnown, Mitigation::QueueWrites),
    (Code::OutageUnlisted, Mitigation::QueueWrites),
    (Code::Region, Mitigation::QueueWrites),
    (Code::Partial, Mitigation::QueueWrites),
    (Code::AuthOutage, Mitigation::QueueWrites),
    (Code::Processing, Mitigation::SlowFamily),
    (Code::Slow, Mitigation::SlowFamily),
    (Code::Locked, Mitigation::SlowFamily),
    (Code::RetryStorm, Mitigation::CutRetries),
    (Code::TokenStale, Mitigation::ReloadSecret),
    (Code::HookSecret, Mitigation::ReloadSecret),
    (Code::DailySelf, Mitigation::ShedBulk),
    (Code::DailyNeighbour, Mitigation::ShedBulk),
    (Code::BurstSelf, Mitigation::ShedBulk),
    (Code::Resources, Mitigation::ShedBulk),
    (Code::TokenRevoked, Mitigation::ParkLane),
    (Code::WrongAccount, Mitigation::ParkLane),
    (Code::Migration, Mitigation::ParkLane),
];

impl Mitigation {
    pub const ALL: [Self; 7] = [
        Self::ServeStale,
        Self::ParkLane,
        Self::QueueWrites,
        Self::CutRetries,
        Self::ReloadSecret,
        Self::SlowFamily,
        Self::ShedBulk,
    ];

    /// Its name in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServeStale => "serve_stale",
            Self::ParkLane => "park_lane",
            Self::QueueWrites => "queue_writes",
            Self::CutRetries => "cut_retries",
            Self::ReloadSecret => "reload_secret",
            Self::SlowFamily => "slow_family",
            Self::ShedBulk => "shed_bulk",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// It stays when the incident ends: what it did was to put things right.
    pub const fn stays(self) -> bool {
        match self {
            Self::ReloadSecret => true,
            Self::ServeStale
            | Self::ParkLane
            | Self::QueueWrites
            | Self::CutRetries
            | Self::SlowFamily
            | Self::ShedBulk => false,
        }
    }

    /// What helps against a cause; against a broken payload nothing of ours does.
    pub fn against(code: Code) -> impl Iterator<Item = Self> {
        AGAINST.iter().filter(move |(cause, _)| *cause == code).map(|(_, mitigation)| *mitigation)
    }
}

impl Turn {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a person has to decide is offered against nothing: no measure of ours deletes, pays or tells customers.
    #[test]
    fn every_measure_helps_against_something_and_none_against_what_we_cannot_mend() {
        for mitigation in Mitigation::ALL {
            assert!(AGAINST.iter().any(|(_, known)| *known == mitigation), "{mitigation:?}");
            assert_eq!(Mitigation::of_name(mitigation.name()), Some(mitigation));
        }
        for code in [Code::BadPayload, Code::Uninstalled, Code::HookAttack, Code::Healthy, Code::Unknown] {
            assert_eq!(Mitigation::against(code).count(), 0, "{code:?}");
        }
    }
}
