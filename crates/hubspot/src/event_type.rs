//! What webhooks tell of: HubSpot's 48 event types, and one that has no name there. Source: facts §6.3 [SPEC
//! Webhooks/147891/v3].

/// What a workflow's action "send a webhook" sent. HubSpot gives it no name: its body is one object of the user's own shape.
/// Source: facts §6.1.
pub const WORKFLOW: &str = "workflow.webhook";

/// Prefixes and what can happen to them.
const PREFIXES: [&str; 7] = ["contact", "company", "deal", "ticket", "product", "line_item", "object"];
const HAPPENINGS: [&str; 5] = ["creation", "deletion", "propertyChange", "merge", "restore"];
const OTHERS: [&str; 8] = [
    "contact.privacyDeletion",
    "conversation.creation",
    "conversation.deletion",
    "conversation.newMessage",
    "conversation.privacyDeletion",
    "conversation.propertyChange",
    "event.completed",
    WORKFLOW,
];

/// All of them, such as `contact.propertyChange`.
pub fn all() -> impl Iterator<Item = String> {
    let ordinary = PREFIXES.iter().flat_map(|prefix| HAPPENINGS.map(|name| format!("{prefix}.{name}")));
    let associated = PREFIXES.iter().filter(|prefix| **prefix != "product");
    let associations = associated.map(|prefix| format!("{prefix}.associationChange"));
    ordinary.chain(associations).chain(OTHERS.map(ToOwned::to_owned))
}

pub fn is_known(name: &str) -> bool {
    all().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_48_and_what_workflows_send() {
        let mut all: Vec<String> = all().collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 49);
        assert!(is_known("line_item.merge") && is_known("workflow.webhook"));
        assert!(!is_known("product.associationChange") && !is_known("contact") && !is_known("x.creation"));
    }
}
