//! What tells an event from every other.

use aws_lc_rs::digest::{self, SHA256};
use store::deliveries::{EventKey, Twin};

use super::{Event, text};

/// HubSpot's ids of the kinds that webhooks have names for. facts §3.2 (object type ids), §6.3 (event types).
const KINDS: [(&str, &str); 6] = [
    ("contact", "0-1"),
    ("company", "0-2"),
    ("deal", "0-3"),
    ("ticket", "0-5"),
    ("product", "0-7"),
    ("line_item", "0-8"),
];

/// What the fields of an event take up, with their lengths.
const USUAL_BYTES: usize = 256;

/// The name that webhooks have for a kind of object, by its id.
pub(crate) fn kind_name(id: &str) -> Option<&'static str> {
    KINDS.iter().find(|(_, own)| *own == id).map(|(name, _)| *name)
}

/// The id of a kind of object, by the name that webhooks have for it.
fn kind_id(name: &str) -> Option<&'static str> {
    KINDS.iter().find(|(own, _)| *own == name).map(|(_, id)| *id)
}

impl Event<'_> {
    /// The same each time the event is delivered. `eventId` alone is not unique (hubspot-facts §6.4), and `attemptNumber`
    /// differs.
    pub fn key(&self) -> EventKey {
        self.keyed(&[
            self.portal_id(),
            self.app_id(),
            Some(&self.subscription_type),
            self.object_type_id.as_deref(),
            self.object_id.map(text),
            self.event_id.map(text),
            self.property_name.as_deref(),
            self.from_object_id.map(text),
            self.to_object_id.map(text),
            self.association_type.as_deref(),
            self.association_removed.map(|removed| if removed { "removed" } else { "added" }),
            self.message_id.as_deref(),
        ])
    }

    /// What a webhook's event is called where HubSpot's journal is read, too.
    pub fn twin(&self) -> Twin {
        Twin { shared: self.says("shared"), unless: Some(self.told()) }
    }

    /// The same of an event from the journal, which has no number of its own.
    pub fn twin_of_the_journal(&self) -> Twin {
        Twin { unless: None, ..self.twin() }
    }

    /// The key of an event from the journal.
    pub fn told(&self) -> EventKey {
        self.says("journal")
    }

    /// By what it says alone: the journal tells neither the event's number nor the app's, and one kind of object has two
    /// spellings.
    fn says(&self, whose: &str) -> EventKey {
        let (prefix, what) = self.subscription_type.split_once('.').unwrap_or(("", &self.subscription_type));
        let kind = self.object_type_id.as_deref().or(kind_id(prefix)).unwrap_or(prefix);
        self.keyed(&[
            Some(whose),
            self.portal_id(),
            Some(kind),
            Some(what),
            self.object_id.map(text),
            self.property_name.as_deref(),
            self.from_object_id.map(text),
            self.to_object_id.map(text),
            self.association_type.as_deref(),
            self.association_removed.map(|removed| if removed { "removed" } else { "added" }),
            self.message_id.as_deref(),
        ])
    }

    fn keyed(&self, fields: &[Option<&str>]) -> EventKey {
        let short = digest(fields)[..10].try_into().expect("SHA-256 has 32 bytes");
        EventKey::new(self.occurred_at().unwrap_or_default(), short)
    }
}

/// Each field with its length before it, so that nothing moves between them.
pub(super) fn digest(fields: &[Option<&str>]) -> [u8; 32] {
    // In one piece: for fields as short as these, each call would cost more than what it adds.
    let mut all = Vec::with_capacity(USUAL_BYTES);
    for field in fields {
        let field = field.unwrap_or("\0");
        all.extend_from_slice(&(field.len() as u64).to_le_bytes());
        all.extend_from_slice(field.as_bytes());
    }
    digest::digest(&SHA256, &all).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::super::read;

    /// Keys are kept for days: one that changed would let its event in a second time.
    #[test]
    fn a_key_stays_what_it_was() {
        let body = r#"[{"eventId":1,"portalId":62515,"appId":54321,"occurredAt":1564113600000,"attemptNumber":0,
            "subscriptionType":"contact.propertyChange","objectId":123,"propertyName":"email"}]"#;
        let key = read(body.as_bytes()).unwrap()[0].key();
        let told: String = key.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(told, "016c2c6f7e00ee719608b088a1237d18");
    }

    #[test]
    fn a_number_does_not_matter_where_the_journal_is_read_and_a_spelling_neither() {
        let twin = |body: &str| read(format!("[{body}]").as_bytes()).unwrap()[0].twin();
        let webhook = r#"{"eventId":9,"appId":5,"portalId":1,"occurredAt":1772362801000,"attemptNumber":2,
            "subscriptionType":"contact.propertyChange","objectId":7,"propertyName":"email"}"#;
        let generic = r#"{"portalId":1,"occurredAt":1772362801000,"subscriptionType":"object.propertyChange",
            "objectTypeId":"0-1","objectId":7,"propertyName":"email"}"#;
        assert_eq!(twin(webhook), twin(generic));
        assert_ne!(twin(webhook), twin(&webhook.replace("email", "phone")));
        assert_ne!(twin(webhook), twin(&webhook.replace("contact.", "deal.")));
        assert_ne!(twin(webhook).shared, twin(webhook).unless.unwrap());
    }
}
