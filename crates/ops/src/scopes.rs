//! What each connection's token was granted, held against what calls needed: what can be taken away, and what is missing.
//!
//! The less a token may do, the less a thief of it can do. A scope counts as unused only by what passed through here: other
//! programs may use the same token, and of some calls it is not known which scope they need. The report says so.

use std::collections::BTreeMap;

use hubspot::scope::surely_lacks;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// How far back a report looks.
pub const DAYS: i64 = 30;

/// Sooner than this, nothing is called unused: some jobs run once a week.
const OBSERVED_DAYS_MIN: i64 = 7;

/// HubSpot gives it to every app, and asks for it.
const ALWAYS: &str = "oauth";

/// What HubSpot said of a connection's token. `None`: it did not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    pub connection: String,
    pub scopes: Option<Vec<String>>,
    pub told_seconds_ago: Option<u64>,
}

/// Calls of one connection with one need, on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    pub connection: String,
    pub day: Timestamp,
    /// Scopes of which any one is enough, parted by `|`; `?family` where it is not known what the calls need.
    pub need: String,
    pub calls: u64,
    pub refused: u64,
    pub last_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionScopes {
    pub connection: String,
    /// HubSpot told what is granted.
    pub is_known: bool,
    pub told_seconds_ago: Option<u64>,
    /// Calls have been counted since that day.
    pub observed_since: Option<Timestamp>,
    pub observed_days: i64,
    pub granted: Vec<GrantedScope>,
    pub missing: Vec<MissingScope>,
    /// Calls of which it is not known which scopes they need, by API family.
    pub calls_of_unknown_need: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedScope {
    pub scope: String,
    pub standing: ScopeStanding,
    /// Calls that it let through, alone or as one of several.
    pub calls: u64,
    pub last_used_at: Option<Timestamp>,
    pub advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeStanding {
    /// Calls needed it.
    Used,
    /// Calls needed it or another one that is granted as well.
    UsedWithOthers,
    NeverUsed,
    /// Comes with every app.
    Always,
    /// Calls have not been counted for long enough.
    TooEarly,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingScope {
    pub any_of: Vec<String>,
    pub calls: u64,
    pub refused: u64,
    pub last_asked_at: Timestamp,
    pub advice: String,
}

/// All days of one need.
#[derive(Clone, Copy)]
struct Sum {
    calls: u64,
    refused: u64,
    last_at: Timestamp,
}

/// One report for each connection, in the order given.
pub fn report(granted: &[Granted], used: &[Used], now: Timestamp) -> Vec<ConnectionScopes> {
    granted.iter().map(|granted| of_connection(granted, used, now)).collect()
}

fn of_connection(granted: &Granted, used: &[Used], now: Timestamp) -> ConnectionScopes {
    let since = now.saturating_sub(SignedDuration::from_hours(24 * DAYS)).unwrap_or(Timestamp::MIN);
    let own = used.iter().filter(|one| one.connection == granted.connection && one.last_at >= since);
    let mut needs: BTreeMap<&str, Sum> = BTreeMap::new();
    let mut observed_since: Option<Timestamp> = None;
    for one in own {
        let first = observed_since.map_or(one.day, |first| first.min(one.day));
        observed_since = Some(first);
        let sum = needs.entry(&one.need).or_insert(Sum { calls: 0, refused: 0, last_at: one.last_at });
        sum.calls += one.calls;
        sum.refused += one.refused;
        sum.last_at = sum.last_at.max(one.last_at);
    }
    let observed_days = observed_since.map_or(0, |first| now.duration_since(first).as_hours() / 24);
    let unknown = |(need, sum): (&&str, &Sum)| Some((need.strip_prefix('?')?.to_owned(), sum.calls));
    let scopes = granted.scopes.as_deref().unwrap_or_default();
    ConnectionScopes {
        connection: granted.connection.clone(),
        is_known: granted.scopes.is_some(),
        told_seconds_ago: granted.told_seconds_ago,
        observed_since,
        observed_days,
        granted: scopes.iter().map(|scope| of_scope(scope, scopes, &needs, observed_days)).collect(),
        missing: missing(scopes, &needs),
        calls_of_unknown_need: needs.iter().filter_map(unknown).collect(),
    }
}

fn of_scope(
    scope: &str,
    granted: &[String],
    needs: &BTreeMap<&str, Sum>,
    observed_days: i64,
) -> GrantedScope {
    let (mut calls, mut last_used_at, mut is_alone) = (0, None::<Timestamp>, false);
    for (need, sum) in needs {
        let any_of: Vec<&str> = need.split('|').collect();
        if !any_of.contains(&scope) || sum.calls == sum.refused {
            continue;
        }
        calls += sum.calls - sum.refused;
        last_used_at = last_used_at.max(Some(sum.last_at));
        is_alone |= any_of.iter().filter(|one| granted.iter().any(|own| own == *one)).count() == 1;
    }
    let standing = match (scope, calls) {
        (ALWAYS, _) => ScopeStanding::Always,
        (_, 0) if observed_days < OBSERVED_DAYS_MIN => ScopeStanding::TooEarly,
        (_, 0) => ScopeStanding::NeverUsed,
        (_, _) if is_alone => ScopeStanding::Used,
        (_, _) => ScopeStanding::UsedWithOthers,
    };
    let advice = match standing {
        ScopeStanding::NeverUsed => Some(format!(
            "no call needed it in {observed_days} days: take it out of the app, unless something else uses the token"
        )),
        ScopeStanding::UsedWithOthers => {
            Some("another granted scope lets the same calls through: one of them is enough".to_owned())
        }
        ScopeStanding::Used | ScopeStanding::Always | ScopeStanding::TooEarly => None,
    };
    GrantedScope { scope: scope.to_owned(), standing, calls, last_used_at, advice }
}

/// What calls needed and the token surely has not.
fn missing(granted: &[String], needs: &BTreeMap<&str, Sum>) -> Vec<MissingScope> {
    let lacks = |(need, sum): (&&str, &Sum)| {
        let any_of: Vec<&str> = need.split('|').filter(|_| !need.starts_with('?')).collect();
        surely_lacks(granted, &any_of).then(|| MissingScope {
            advice: format!("add {} to the app", any_of.join(" or ")),
            any_of: any_of.into_iter().map(str::to_owned).collect(),
            calls: sum.calls,
            refused: sum.refused,
            last_asked_at: sum.last_at,
        })
    };
    needs.iter().filter_map(lacks).collect()
}
