//! Pipelines, stages and audits as HubSpot writes them out.

use serde_json::{Value, json};

use super::super::super::record::instant_text;
use super::super::{Audit, Pipeline, Stage};

impl Pipeline {
    pub(super) fn json(&self) -> Value {
        json!({
            "label": self.label,
            "displayOrder": self.display_order,
            "id": self.id,
            "stages": self.stages.iter().map(Stage::json).collect::<Vec<_>>(),
            "createdAt": instant_text(self.created),
            "updatedAt": instant_text(self.updated),
            "archived": false,
        })
    }

    pub(super) fn put_stage(&mut self, stage: Stage) {
        match self.stages.iter_mut().find(|old| old.id == stage.id) {
            Some(old) => *old = stage,
            None => self.stages.push(stage),
        }
    }
}

impl Stage {
    pub(super) fn json(&self) -> Value {
        json!({
            "label": self.label,
            "displayOrder": self.display_order,
            "metadata": self.metadata,
            "id": self.id,
            "createdAt": instant_text(self.created),
            "updatedAt": instant_text(self.updated),
            "archived": false,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        })
    }
}

impl Audit {
    pub(super) fn json(&self, portal_id: u64) -> Value {
        json!({
            "portalId": portal_id,
            "identifier": self.identifier,
            "action": self.action,
            "timestamp": instant_text(self.at),
            "message": format!("{} by API", self.action),
            "fromUserId": 0,
        })
    }
}
