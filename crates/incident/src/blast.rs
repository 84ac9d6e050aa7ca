//! How far it reaches: one caller, one token, one portal, one API family, one region, or everything.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::facts::traffic::{Connection, Group, Traffic};
use crate::signal::Place;

/// Names of one kind that are told.
const NAMES_MAX: usize = 10;

/// Of recent calls, this share fails where it reaches: one bad answer in a stream of good ones is no reach.
const FAILING_PERCENT: u64 = 5;

/// Who and what is concerned, as far as traffic shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Blast {
    pub width: Width,
    pub connections: Vec<String>,
    pub portals: Vec<u64>,
    pub callers: Vec<String>,
    pub families: Vec<String>,
    pub regions: Vec<String>,
}

/// The narrowest name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    Caller,
    Token,
    Portal,
    Family,
    Region,
    All,
    /// No traffic to tell from.
    #[default]
    Unknown,
}

impl Width {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "one caller",
            Self::Token => "one token",
            Self::Portal => "one portal",
            Self::Family => "one API family",
            Self::Region => "one region",
            Self::All => "everything",
            Self::Unknown => "not known",
        }
    }
}

impl Blast {
    /// As traffic shows it: which groups fail at present, beside which that do not.
    pub fn of(facts: &Facts) -> Self {
        facts.traffic.as_ref().map_or_else(Self::default, measure)
    }

    /// The part that a measure should be limited to.
    pub fn place(&self) -> Place {
        let only = |names: &[String]| match names {
            [one] => Some(one.clone()),
            _ => None,
        };
        let family = if self.width == Width::Family { only(&self.families) } else { None };
        let connection = match self.width {
            Width::Token | Width::Portal | Width::Caller => only(&self.connections),
            Width::Family | Width::Region | Width::All | Width::Unknown => None,
        };
        Place { connection, family, ..Place::default() }
    }

    /// `one API family (search)`.
    pub fn tell(&self) -> String {
        let names = match self.width {
            Width::Caller => &self.callers,
            Width::Token | Width::Portal => &self.connections,
            Width::Family => &self.families,
            Width::Region => &self.regions,
            Width::All | Width::Unknown => return self.width.name().into(),
        };
        format!("{} ({})", self.width.name(), names.join(", "))
    }
}

fn measure(traffic: &Traffic) -> Blast {
    let active: Vec<&Group> = traffic.groups.iter().filter(|group| group.calls_recent > 0).collect();
    let (failing, well): (Vec<&Group>, Vec<&Group>) = active.into_iter().partition(|group| fails(group));
    if failing.is_empty() {
        return Blast::default();
    }
    let connections = names(&failing, |group| &group.connection);
    let concerned: Vec<&Connection> =
        traffic.connections.iter().filter(|connection| connections.contains(&connection.name)).collect();
    let portals: BTreeSet<u64> = concerned.iter().filter_map(|connection| connection.portal_id).collect();
    let regions: BTreeSet<String> =
        concerned.iter().filter_map(|connection| connection.hosting.clone()).collect();
    let callers = names(&failing, |group| &group.caller);
    let families = names(&failing, |group| &group.family);
    let untouched =
        |of: fn(&Group) -> &str, hit: &BTreeSet<String>| well.iter().any(|group| !hit.contains(of(group)));
    let other_regions = traffic.connections.iter().filter_map(|connection| connection.hosting.as_ref());
    let width = if untouched(|group| &group.family, &families) && families.len() == 1 {
        Width::Family
    } else if untouched(|group| &group.connection, &connections) {
        match (connections.len(), portals.len()) {
            (1, _) if shares_its_portal(traffic, &concerned) => Width::Token,
            (_, 0 | 1) => Width::Portal,
            _ if regions.len() == 1 && other_regions.into_iter().any(|other| !regions.contains(other)) => {
                Width::Region
            }
            _ => Width::All,
        }
    } else if untouched(|group| &group.caller, &callers) && callers.len() == 1 {
        Width::Caller
    } else {
        Width::All
    };
    let told = |names: BTreeSet<String>| names.into_iter().take(NAMES_MAX).collect();
    Blast {
        width,
        portals: portals.into_iter().take(NAMES_MAX).collect(),
        connections: told(connections),
        callers: told(callers),
        families: told(families),
        regions: told(regions),
    }
}

fn fails(group: &Group) -> bool {
    let bad: u64 =
        group.errors.iter().filter(|error| !is_everyday(error.status)).map(|error| error.recent).sum();
    let broken: u64 = group.transport.iter().map(|count| count.recent).sum();
    let refused: u64 = group.refused.iter().map(|refused| refused.recent).sum();
    let bad = bad + broken + refused;
    bad > 0 && bad * 100 >= group.calls_recent * FAILING_PERCENT
}

const fn is_everyday(status: u16) -> bool {
    matches!(status, 404 | 409)
}

fn names(groups: &[&Group], of: fn(&Group) -> &str) -> BTreeSet<String> {
    groups.iter().map(|group| of(group).to_owned()).collect()
}

/// Another token of the same portal is in use, so that it is the token and not the portal.
fn shares_its_portal(traffic: &Traffic, concerned: &[&Connection]) -> bool {
    concerned.iter().any(|one| {
        one.portal_id.is_some()
            && traffic
                .connections
                .iter()
                .any(|other| other.portal_id == one.portal_id && other.name != one.name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::traffic::ErrorCount;

    fn group(connection: &str, family: &str, failing: u64) -> Group {
        let error = ErrorCount { status: 500, recent: failing, count: failing, ..ErrorCount::default() };
        Group {
            connection: connection.into(),
            caller: "crm-sync".into(),
            family: family.into(),
            calls_recent: 20,
            errors: vec![error],
            ..Group::default()
        }
    }

    fn width(groups: Vec<Group>) -> Width {
        let connection = |name: &str, portal_id: u64, hosting: &str| Connection {
            name: name.into(),
            portal_id: Some(portal_id),
            hosting: Some(hosting.into()),
            ..Connection::default()
        };
        let connections = vec![
            connection("a", 1, "na1"),
            connection("b", 2, "eu1"),
            connection("c", 2, "eu1"),
            connection("d", 3, "eu1"),
        ];
        let traffic = Traffic { groups, connections, ..Traffic::default() };
        Blast::of(&Facts { traffic: Some(traffic), ..Facts::default() }).width
    }

    #[test]
    fn the_narrowest_name_is_told() {
        assert_eq!(width(vec![]), Width::Unknown);
        assert_eq!(width(vec![group("a", "search", 9), group("a", "objects", 0)]), Width::Family);
        assert_eq!(width(vec![group("a", "objects", 9), group("b", "objects", 0)]), Width::Portal);
        assert_eq!(width(vec![group("b", "objects", 9), group("c", "objects", 0)]), Width::Token);
        assert_eq!(
            width(vec![group("b", "objects", 9), group("d", "objects", 9), group("a", "objects", 0)]),
            Width::Region
        );
        assert_eq!(width(vec![group("a", "objects", 9), group("b", "objects", 9)]), Width::All);
    }
}
