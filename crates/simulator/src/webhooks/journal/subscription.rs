//! What the journal takes up, facts §6.7 [SPEC Webhooks_Journal/284944].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::crm::change::{Change, What};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum SubscriptionType {
    Object,
    Association,
    Event,
    AppLifecycleEvent,
    ListMembership,
    GdprPrivacyDeletion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Action {
    Create,
    Update,
    Delete,
    Merge,
    Restore,
    AssociationAdded,
    AssociationRemoved,
    Snapshot,
    AppInstall,
    AppUninstall,
    AddedToList,
    RemovedFromList,
    GdprDelete,
}

/// As it is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewSubscription {
    pub(super) subscription_type: SubscriptionType,
    pub(super) portal_id: u64,
    pub(super) object_type_id: Option<String>,
    #[serde(default)]
    pub(super) actions: Vec<Action>,
    /// Only changes of these; nothing means all.
    pub(super) properties: Option<Vec<String>>,
    /// Only these records; nothing means all.
    pub(super) object_ids: Option<Vec<u64>>,
    pub(super) associated_object_type_ids: Option<Vec<String>>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JournalSubscription {
    pub(super) id: u64,
    #[serde(flatten)]
    pub(super) asked: NewSubscription,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl Action {
    pub(super) const fn of(what: &What) -> Self {
        match what {
            What::Creation => Self::Create,
            What::Deletion => Self::Delete,
            What::PrivacyDeletion => Self::GdprDelete,
            What::PropertyChange { .. } => Self::Update,
            What::Merge { .. } => Self::Merge,
            What::AssociationChange { removed: false, .. } => Self::AssociationAdded,
            What::AssociationChange { removed: true, .. } => Self::AssociationRemoved,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Merge => "MERGE",
            Self::Restore => "RESTORE",
            Self::AssociationAdded => "ASSOCIATION_ADDED",
            Self::AssociationRemoved => "ASSOCIATION_REMOVED",
            Self::Snapshot => "SNAPSHOT",
            Self::AppInstall => "APP_INSTALL",
            Self::AppUninstall => "APP_UNINSTALL",
            Self::AddedToList => "ADDED_TO_LIST",
            Self::RemovedFromList => "REMOVED_FROM_LIST",
            Self::GdprDelete => "GDPR_DELETE",
        }
    }
}

impl JournalSubscription {
    pub(super) fn wants(&self, portal_id: u64, change: &Change) -> bool {
        let NewSubscription { object_type_id, actions, properties, object_ids, .. } = &self.asked;
        let action = Action::of(&change.what);
        let kind = match action {
            Action::AssociationAdded | Action::AssociationRemoved => SubscriptionType::Association,
            Action::GdprDelete => SubscriptionType::GdprPrivacyDeletion,
            Action::Create
            | Action::Update
            | Action::Delete
            | Action::Merge
            | Action::Restore
            | Action::Snapshot
            | Action::AppInstall
            | Action::AppUninstall
            | Action::AddedToList
            | Action::RemovedFromList => SubscriptionType::Object,
        };
        let property = match &change.what {
            What::PropertyChange { name, .. } => Some(name),
            What::Creation
            | What::Deletion
            | What::PrivacyDeletion
            | What::Merge { .. }
            | What::AssociationChange { .. } => None,
        };
        self.asked.portal_id == portal_id
            && self.asked.subscription_type == kind
            && object_type_id.as_ref().is_none_or(|id| *id == change.object_type_id)
            && (actions.is_empty() || actions.contains(&action))
            && object_ids.as_ref().is_none_or(|ids| ids.contains(&change.object_id))
            && property.is_none_or(|name| properties.as_ref().is_none_or(|names| names.contains(name)))
    }
}
