//! What HubSpot's events change in our own house: answers that are kept, and operations that wait.

use std::sync::Arc;

use client::cache::{Elsewhere, Extent};
use client::stack::Stack;
use futures_util::future::BoxFuture;
use gateway::outbox::Outbox;
use inbox::effects::{Effects, Forgotten, Person};
use inbox::event::Event;
use store::audit::{Act, Outcome, Subject};
use store::privacy::{Purge, PurgeCounts};

use crate::audit::Audit;

/// The gateway's cache hears of every change.
pub(super) struct House {
    pub(super) stack: Arc<Stack>,
    pub(super) outbox: Option<Arc<Outbox>>,
    pub(super) audit: Audit,
}

/// Who acts, in the audit log.
const ACTOR: &str = "privacy";

impl Effects for House {
    fn changed(&self, events: &[Event<'_>]) {
        for event in events {
            let Some(portal_id) = event.portal_id().and_then(|portal| portal.parse().ok()) else { continue };
            let Some((kind, extent)) = reach(event) else { continue };
            for id in event.object_ids().filter_map(|id| id.parse().ok()) {
                self.stack.changed_elsewhere(&Elsewhere { portal_id, kind, id, extent });
            }
        }
    }

    fn forget(&self, person: Person) -> BoxFuture<'static, Result<Forgotten, String>> {
        let outbox = self.outbox.clone();
        Box::pin(async move {
            let Some(outbox) = outbox else { return Ok(Forgotten::default()) };
            let gone = outbox.forget_person(of_outbox(person)).await.map_err(|error| error.to_string())?;
            if gone.left > 0 {
                return Err(format!("{} accepted writes on the contact are being sent", gone.left));
            }
            Ok(Forgotten { operations: gone.operations, answers: gone.answers })
        })
    }

    fn find(&self, person: Person) -> BoxFuture<'static, Result<Forgotten, String>> {
        let outbox = self.outbox.clone();
        Box::pin(async move {
            let Some(outbox) = outbox else { return Ok(Forgotten::default()) };
            let found = outbox.find_person(of_outbox(person)).await.map_err(|error| error.to_string())?;
            Ok(Forgotten { operations: found.operations, answers: found.answers })
        })
    }

    fn numbers_of(
        &self,
        portal_id: String,
        email: String,
    ) -> BoxFuture<'static, Result<Vec<String>, String>> {
        let outbox = self.outbox.clone();
        Box::pin(async move {
            let Some(outbox) = outbox else { return Ok(Vec::new()) };
            let numbers = outbox.numbers_of(&portal_id, &email).await;
            numbers.map(|numbers| numbers.into_iter().collect()).map_err(|error| error.to_string())
        })
    }

    fn purged(&self, purge: &Purge) -> BoxFuture<'static, ()> {
        let PurgeCounts { deliveries, letters, suspects, operations, answers, lines } = purge.counts;
        let person = Subject::Person(format!("{}/contact/{}", purge.portal_id, purge.contact_id));
        let detail = format!(
            "deleted for privacy at HubSpot, {}: {deliveries} deliveries, {letters} letters, {suspects} in quarantine, \
             {operations} operations, {answers} answers, {lines} lines of incidents",
            purge.connection
        );
        let audit = self.audit.clone();
        Box::pin(async move { audit.tell(ACTOR, Act::PrivacyRequest, person, Outcome::Done, &detail).await })
    }

    fn forget_in_memory(&self, person: &Person) {
        let ids = person.portal_id.parse().ok().zip(person.contact_id.parse().ok());
        if let Some((portal_id, id)) = ids {
            let change = Elsewhere { portal_id, kind: "contacts", id, extent: Extent::Forget };
            self.stack.changed_elsewhere(&change);
        }
    }
}

fn of_outbox(person: Person) -> gateway::outbox::person::Person {
    let Person { portal_id, contact_id, emails, .. } = person;
    gateway::outbox::person::Person { portal_id, contact_id, emails }
}

/// The kind of record, as paths name it, and how much of what is kept is over. HubSpot's events: hubspot-facts §6.3.
fn reach<'a>(event: &'a Event<'_>) -> Option<(&'a str, Extent)> {
    let (prefix, what) = event.subscription_type.split_once('.')?;
    let kind = match prefix {
        "contact" => "contacts",
        "company" => "companies",
        "deal" => "deals",
        "ticket" => "tickets",
        "product" => "products",
        "line_item" => "line_items",
        "conversation" => "conversations",
        "object" => event.object_type_id()?,
        _ => return None,
    };
    let extent = match what {
        "privacyDeletion" => Extent::Forget,
        // A thread is no record of the CRM's: nothing else of its kind changes with it.
        _ if prefix == "conversation" => Extent::Values,
        "propertyChange" => Extent::Values,
        "creation" | "deletion" | "restore" => Extent::Existence,
        // A merge and a link change others too, of kinds that the event does not always name.
        _ => Extent::Kind,
    };
    Some((kind, extent))
}
