//! Mitigations, done. Each one leaves a line in the log, and in the audit log where no person has asked for it; and can be
//! taken back.
//!
//! | mitigation | is done by |
//! |---|---|
//! | `serve_stale` | degraded mode |
//! | `park_lane`, `shed_bulk`, `slow_family`, `cut_retries` | a curb in the client |
//! | `queue_writes` | the outbox |
//! | `reload_secret` | every source of secrets is looked at again; what lies there is the one that counts, so that nothing is taken back |

use std::sync::Arc;

use client::curbs::Curb;
use client::degraded::{self, Scope, Turned};
use client::stack::Stack;
use gateway::outbox::Outbox;
use hubspot::endpoint::ApiFamily;
use incident::mitigation::{Measure, Mitigation, Turn};
use incident::timeline::By;
use store::audit::{Act, Outcome, Subject};

use crate::audit::Audit;

use crate::secrets::Secrets;

/// Who acts, in the audit log, where no person does.
const ACTOR: &str = "incident_room";

/// What can be turned.
#[derive(Clone)]
pub(crate) struct Acts {
    pub(crate) stack: Arc<Stack>,
    pub(crate) outbox: Option<Arc<Outbox>>,
    pub(crate) secrets: Secrets,
    pub(crate) audit: Audit,
}

impl Acts {
    /// What this program is able to do, with what it runs.
    pub(crate) fn able(&self) -> Vec<Mitigation> {
        let able = |mitigation: &Mitigation| match mitigation {
            Mitigation::QueueWrites => self.outbox.is_some(),
            Mitigation::ReloadSecret => self.secrets.may_change(),
            Mitigation::ServeStale
            | Mitigation::ParkLane
            | Mitigation::CutRetries
            | Mitigation::SlowFamily
            | Mitigation::ShedBulk => true,
        };
        Mitigation::ALL.into_iter().filter(able).collect()
    }

    /// Tells the audit log of one that nobody has asked for: what a person does is told where they did it.
    pub(super) async fn tell(&self, incident: &str, by: &By, measure: &Measure, refused: Option<String>) {
        let act = match measure.turn {
            Turn::On => Act::MitigationBegun,
            Turn::Off => Act::MitigationEnded,
            Turn::Offered => return,
        };
        match by {
            By::Person { .. } => {}
            By::Hubkeeper => {
                let outcome = if refused.is_some() { Outcome::Refused } else { Outcome::Done };
                let done = format!("{}, {}", measure.mitigation.name(), measure.place.tell());
                let detail = refused.map_or(done.clone(), |why| format!("{done}: {why}"));
                self.audit.tell(ACTOR, act, Subject::Ours(incident.to_owned()), outcome, &detail).await;
            }
        }
    }

    /// Turns one as it stands; why not, where it cannot be.
    pub(super) fn take_up(&self, incident: &str, measure: &Measure) -> Option<String> {
        let turned = match measure.turn {
            Turn::On => Turned::On,
            Turn::Off => Turned::Off,
            Turn::Offered => return None,
        };
        let scope = Scope {
            connection: measure.place.connection.as_deref().map(Arc::from),
            family: measure.place.family.as_deref().and_then(ApiFamily::parse),
        };
        let reason = format!("incident {incident}");
        tracing::warn!(
            incident,
            mitigation = measure.mitigation.name(),
            turned = turned.name(),
            place = measure.place.tell(),
            "a measure is turned {}",
            turned.name()
        );
        let refused = match measure.mitigation {
            Mitigation::ServeStale => self
                .stack
                .degrade(degraded::By::Incident, scope, turned, &reason)
                .err()
                .map(|error| error.to_string()),
            Mitigation::ParkLane => self.curb(Curb::Parked, scope, turned, &reason),
            Mitigation::ShedBulk => self.curb(Curb::Shed, scope, turned, &reason),
            Mitigation::SlowFamily => self.curb(Curb::Slowed, scope, turned, &reason),
            Mitigation::CutRetries => self.curb(Curb::NoRetries, scope, turned, &reason),
            Mitigation::QueueWrites => match &self.outbox {
                Some(outbox) => {
                    outbox.queueing.turn(scope, turned);
                    None
                }
                None => Some("nothing is kept here".into()),
            },
            Mitigation::ReloadSecret => {
                if turned == Turned::On {
                    let (secrets, connection) = (self.secrets.clone(), measure.place.connection.clone());
                    tokio::spawn(async move { secrets.reload(connection.as_deref()).await });
                }
                None
            }
        };
        if let Some(why) = &refused {
            tracing::warn!(incident, mitigation = measure.mitigation.name(), why, "it could not be turned");
        }
        refused
    }

    fn curb(&self, curb: Curb, scope: Scope, turned: Turned, reason: &str) -> Option<String> {
        self.stack.curbs().turn(curb, scope, turned, reason).err().map(|error| error.to_string())
    }
}
