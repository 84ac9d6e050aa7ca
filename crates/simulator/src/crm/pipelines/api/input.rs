//! Pipelines and stages as callers describe them, and what a stage must say.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::super::super::kind::KindInfo;
use super::super::super::refusal::Refusal;
use super::super::{Pipeline, Stage};

/// Facts §11: `PIPELINE_STAGES_MAX`.
const STAGES_MAX_MANY: usize = 100;
const STAGES_MAX_FEW: usize = 30;

/// What the stages of one object type must say in their metadata.
#[derive(Debug, Clone, Copy)]
pub(super) struct StageRules {
    needs: Option<&'static str>,
    stages_max: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewPipeline {
    pub(super) label: String,
    #[serde(default)]
    pub(super) display_order: i64,
    stages: Vec<NewStage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewStage {
    stage_id: Option<String>,
    label: String,
    #[serde(default)]
    display_order: i64,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PipelinePatch {
    label: Option<String>,
    display_order: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StagePatch {
    label: Option<String>,
    display_order: Option<i64>,
    metadata: Option<BTreeMap<String, String>>,
}

impl StageRules {
    pub(super) fn of(info: &KindInfo) -> Self {
        let many = matches!(info.plural.as_str(), "deals" | "tickets") || info.is_custom();
        Self {
            needs: (info.plural == "deals").then_some("probability"),
            stages_max: if many { STAGES_MAX_MANY } else { STAGES_MAX_FEW },
        }
    }

    pub(super) fn check_count(self, stages: usize) -> Result<(), Refusal> {
        if stages <= self.stages_max {
            return Ok(());
        }
        Err(Refusal::invalid(format!("A pipeline has at most {} stages", self.stages_max)))
    }

    /// Adds what reads back though nobody wrote it: `isClosed`.
    fn complete(self, mut metadata: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refusal> {
        if let Some(key) = self.needs {
            let given = metadata.get(key).and_then(|text| text.parse::<f64>().ok());
            let probability = given.filter(|number| (0.0..=1.0).contains(number)).ok_or_else(|| {
                Refusal::invalid(format!("Stage metadata needs {key}, a string between 0.0 and 1.0"))
            })?;
            let closed = probability <= 0.0 || probability >= 1.0;
            metadata.insert("isClosed".to_owned(), closed.to_string());
        } else if let Some(state) = metadata.get("ticketState") {
            let closed = state == "CLOSED";
            metadata.insert("isClosed".to_owned(), closed.to_string());
        }
        Ok(metadata)
    }
}

impl NewPipeline {
    pub(super) fn stages(
        &self,
        rules: StageRules,
        now: Timestamp,
        mut fresh_id: impl FnMut() -> String,
    ) -> Result<Vec<Stage>, Refusal> {
        rules.check_count(self.stages.len())?;
        self.stages.iter().map(|stage| stage.stage(rules, now, &mut fresh_id)).collect()
    }
}

impl NewStage {
    pub(super) fn stage(
        &self,
        rules: StageRules,
        now: Timestamp,
        fresh_id: impl FnOnce() -> String,
    ) -> Result<Stage, Refusal> {
        Ok(Stage {
            id: self.stage_id.clone().unwrap_or_else(fresh_id),
            label: self.label.clone(),
            display_order: self.display_order,
            metadata: rules.complete(self.metadata.clone())?,
            created: now,
            updated: now,
        })
    }

    pub(super) fn replacing(self, old: &Stage, rules: StageRules, now: Timestamp) -> Result<Stage, Refusal> {
        let metadata = rules.complete(self.metadata)?;
        let (id, created) = (old.id.clone(), old.created);
        Ok(Stage {
            id,
            label: self.label,
            display_order: self.display_order,
            metadata,
            created,
            updated: now,
        })
    }
}

impl PipelinePatch {
    pub(super) fn apply(self, pipeline: &mut Pipeline) {
        pipeline.label = self.label.unwrap_or_else(|| pipeline.label.clone());
        pipeline.display_order = self.display_order.unwrap_or(pipeline.display_order);
    }
}

impl StagePatch {
    pub(super) fn applied(
        self,
        mut stage: Stage,
        rules: StageRules,
        now: Timestamp,
    ) -> Result<Stage, Refusal> {
        stage.label = self.label.unwrap_or(stage.label);
        stage.display_order = self.display_order.unwrap_or(stage.display_order);
        if let Some(metadata) = self.metadata {
            stage.metadata.extend(metadata);
            stage.metadata = rules.complete(stage.metadata)?;
        }
        stage.updated = now;
        Ok(stage)
    }
}
