//! Readings of the facts that several questions share: which exchanges there were, which errors still happen.

use hubspot::error::ErrorKind;
use jiff::{SignedDuration, Timestamp};

use crate::facts::Facts;
use crate::facts::exchange::Exchange;
use crate::facts::traffic::{ErrorCount, Group, Traffic};

/// Errors younger than this still matter for what people send; calls of one kind may be minutes apart.
const LATELY: SignedDuration = SignedDuration::from_mins(5);

/// In 15 minutes; fewer calls may have missed a part of what the callers do.
const REPRESENTATIVE_CALLS_MIN: u64 = 200;

/// Fewer of this minute and the last are no share.
const LATE_MIN: u64 = 10;

/// Kinds that mean HubSpot failed to serve.
pub(crate) const SERVER_KINDS: &[ErrorKind] = &[
    ErrorKind::Internal,
    ErrorKind::Processing,
    ErrorKind::Unavailable,
    ErrorKind::OriginUnreachable,
    ErrorKind::EdgeTimeout,
    ErrorKind::OtherServer,
];

/// One kind of error in one group of calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) group: &'a Group,
    pub(crate) error: &'a ErrorCount,
}

/// Errors alike over all groups.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally<'a> {
    pub(crate) seen: Vec<Seen<'a>>,
}

impl Facts {
    /// Every authenticated exchange the probes made, with the family it asked.
    pub(crate) fn authenticated(&self) -> Vec<(&str, &Exchange)> {
        let probes = &self.probes;
        let auth = probes.auth.iter().map(|auth| ("account", &auth.exchange));
        let usage = probes.usage.iter().map(|usage| ("account", &usage.exchange));
        let families = probes.families.iter().map(|probe| (probe.family.as_str(), &probe.exchange));
        auth.chain(usage).chain(families).collect()
    }

    /// The authenticated read of the account worked: the way, the front door and the token are all right.
    pub(crate) fn auth_works(&self) -> bool {
        self.probes.auth.as_ref().is_some_and(|auth| auth.exchange.is_ok() && auth.exchange.hubspot_shaped)
    }

    /// Errors of these kinds that are going on now: seen in the last minute, or nothing has worked since.
    pub(crate) fn going_on(&self, kinds: &[ErrorKind]) -> Tally<'_> {
        self.tally(|seen| seen.is_one_of(kinds) && seen.is_going_on())
    }

    /// Errors of these kinds in the last minutes, whatever else worked between them.
    pub(crate) fn lately(&self, kinds: &[ErrorKind]) -> Tally<'_> {
        let now = self.traffic.as_ref().and_then(|traffic| traffic.now).unwrap_or(self.configured.now);
        self.tally(|seen| seen.is_one_of(kinds) && (seen.is_going_on() || seen.is_since(now, LATELY)))
    }

    /// Errors of these kinds in the whole report.
    pub(crate) fn all_seen(&self, kinds: &[ErrorKind]) -> Tally<'_> {
        self.tally(|seen| seen.is_one_of(kinds) && seen.error.count > 0)
    }

    fn tally(&self, wanted: impl Fn(&Seen) -> bool) -> Tally<'_> {
        let groups = self.traffic.iter().flat_map(|traffic| &traffic.groups);
        let all = groups.flat_map(|group| group.errors.iter().map(move |error| Seen { group, error }));
        Tally { seen: all.filter(wanted).collect() }
    }

    /// The gateway has seen so many calls that what they never touch is not needed.
    pub(crate) fn representative_traffic(&self) -> Option<&Traffic> {
        self.traffic.as_ref().filter(|traffic| {
            traffic.groups.iter().map(|group| group.calls).sum::<u64>() >= REPRESENTATIVE_CALLS_MIN
        })
    }

    /// The gateway has seen enough calls to say something.
    pub(crate) fn busy_traffic(&self) -> Option<&Traffic> {
        self.traffic.as_ref().filter(|traffic| traffic.groups.iter().any(|group| group.calls > 0))
    }
}

impl ErrorCount {
    pub(crate) fn is_batch(&self) -> bool {
        self.route.contains("/batch/")
    }
}

impl Seen<'_> {
    fn is_one_of(&self, kinds: &[ErrorKind]) -> bool {
        self.error.kind.is_some_and(|kind| kinds.contains(&kind))
    }

    fn is_going_on(&self) -> bool {
        let nothing_worked_since = match (self.error.last_at, self.group.last_ok_at) {
            (Some(error), Some(ok)) => error >= ok,
            (_, None) => true,
            (None, Some(_)) => false,
        };
        self.error.count > 0 && (self.error.recent > 0 || nothing_worked_since)
    }

    fn is_since(&self, now: Timestamp, age: SignedDuration) -> bool {
        self.error.count > 0 && self.error.last_at.is_some_and(|at| now.duration_since(at) <= age)
    }

    pub(crate) fn is_batch_read(&self) -> bool {
        self.error.route.ends_with("/batch/read")
    }

    /// `POST /crm/v3/objects/{type}`.
    pub(crate) fn route(&self) -> String {
        format!("{} {}", self.group.method, self.error.route)
    }
}

impl Tally<'_> {
    pub(crate) fn count(&self) -> u64 {
        self.seen.iter().map(|seen| seen.error.count).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Calls in the groups that hold these errors.
    pub(crate) fn calls(&self) -> u64 {
        self.groups().iter().map(|group| group.calls).sum()
    }

    /// The groups that hold them, each once.
    fn groups(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = Vec::new();
        for seen in &self.seen {
            if !groups.iter().any(|group| std::ptr::eq(*group, seen.group)) {
                groups.push(seen.group);
            }
        }
        groups
    }

    /// Of the calls in the groups concerned, how many failed so; 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share of a quarter of an hour's calls")]
    pub(crate) fn share(&self) -> f64 {
        let calls = self.calls().max(self.count());
        if calls == 0 { 0.0 } else { self.count() as f64 / calls as f64 }
    }

    /// The same of this minute and the last: what has just begun is little beside a quarter of an hour. Nothing where there
    /// are fewer than ten of them.
    #[expect(clippy::cast_precision_loss, reason = "a share of two minutes' calls")]
    pub(crate) fn share_of_late(&self) -> f64 {
        let late: u64 = self.seen.iter().map(|seen| seen.error.recent).sum();
        let calls: u64 = self.groups().iter().map(|group| group.calls_recent).sum();
        if late < LATE_MIN { 0.0 } else { late as f64 / calls.max(late) as f64 }
    }

    /// `12 of 40 calls: 400 PROPERTY_DOESNT_EXIST on POST /crm/v3/objects/{type}`.
    pub(crate) fn describe(&self) -> String {
        let Some(worst) = self.seen.iter().max_by_key(|seen| seen.error.count) else {
            return "no call in traffic got such an answer".into();
        };
        let error = worst.error;
        let name = error.code.as_ref().or(error.category.as_ref()).or(error.policy_name.as_ref());
        let name = name.map(|name| format!(" {name}")).unwrap_or_default();
        let (count, calls) = (self.count(), self.calls().max(self.count()));
        format!("{count} of {calls} calls answered {}{name}, most on {}", error.status, worst.route())
    }

    pub(crate) fn distinct<'b, T: Ord + 'b>(&'b self, of: impl Fn(&'b Seen<'b>) -> T) -> Vec<T> {
        let mut all: Vec<T> = self.seen.iter().map(of).collect();
        all.sort();
        all.dedup();
        all
    }
}
