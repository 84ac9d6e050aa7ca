//! `/crm/v3/pipelines/{type}…`, facts §3.6.

mod input;
mod wire;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::Crm;
use super::super::ask::{Ask, Shelf};
use super::super::kind::Kind;
use super::super::record::RecordId;
use super::super::refusal::Refusal;
use super::{Audit, Pipeline, Stage};
use crate::call::Reply;
use input::{NewPipeline, NewStage, PipelinePatch, StagePatch, StageRules};

/// The queries that guard a delete or a replacement, off unless asked for, facts §3.6.
const GUARDS: [&str; 2] = ["validateReferencesBeforeDelete", "validateDealStageUsagesBeforeDelete"];

pub(in crate::crm) fn answer(crm: &mut Crm, ask: &Ask<'_>, rest: &[&str]) -> Result<Reply, Refusal> {
    let [word, rest @ ..] = rest else { return Err(missing()) };
    let kind = crm.kind(word)?;
    match (ask.method(), rest) {
        (&Method::GET, []) => {
            let results: Vec<Value> = crm.pipelines.of(kind).iter().map(Pipeline::json).collect();
            Ok(Reply::json(StatusCode::OK, &json!({"results": results})))
        }
        (&Method::POST, []) => create(crm, ask, kind),
        (&Method::GET, [id, "audit"]) => Ok(crm.audit_json(id)),
        (&Method::GET, [_, "stages", id, "audit"]) => Ok(crm.audit_json(id)),
        (_, [id]) => one(crm, ask, kind, id),
        (_, [id, "stages", rest @ ..]) => stages(crm, ask, kind, id, rest),
        (_, []) => Err(Refusal::wrong_method()),
        _ => Err(missing()),
    }
}

fn one(crm: &mut Crm, ask: &Ask<'_>, kind: Kind, id: &str) -> Result<Reply, Refusal> {
    let rules = StageRules::of(crm.kinds.info(kind));
    match *ask.method() {
        Method::GET => Ok(Reply::json(StatusCode::OK, &found(crm, kind, id)?.json())),
        Method::PATCH => {
            let patch: PipelinePatch = ask.body()?;
            found(crm, kind, id)?;
            crm.edit(ask, kind, id, |pipeline| patch.apply(pipeline))
        }
        Method::PUT => {
            let new: NewPipeline = ask.body()?;
            let stages = new.stages(rules, ask.moment.now, || crm.fresh_id().to_string())?;
            let kept = |old: &Stage| stages.iter().any(|stage| stage.id == old.id);
            let dropped: Vec<String> = found(crm, kind, id)?
                .stages
                .iter()
                .filter(|old| !kept(old))
                .map(|old| old.id.clone())
                .collect();
            crm.guard(ask, kind, &dropped)?;
            crm.edit(ask, kind, id, |pipeline| {
                pipeline.label = new.label;
                pipeline.display_order = new.display_order;
                pipeline.stages = stages;
            })
        }
        Method::DELETE => {
            let stages: Vec<String> =
                found(crm, kind, id)?.stages.iter().map(|stage| stage.id.clone()).collect();
            crm.guard(ask, kind, &stages)?;
            crm.pipelines.of_mut(kind).retain(|pipeline| pipeline.id != id);
            crm.audit(ask, id, "DELETE");
            crm.note(ask, "archive_pipeline", &crm.kinds.info(kind).log_name(), id, None);
            Ok(Reply::no_content())
        }
        _ => Err(Refusal::wrong_method()),
    }
}

fn create(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let new: NewPipeline = ask.body()?;
    let now = ask.moment.now;
    let rules = StageRules::of(crm.kinds.info(kind));
    let stages = new.stages(rules, now, || crm.fresh_id().to_string())?;
    let id = crm.fresh_id().to_string();
    let pipeline = Pipeline {
        id: id.clone(),
        label: new.label,
        display_order: new.display_order,
        stages,
        created: now,
        updated: now,
    };
    let answer = pipeline.json();
    crm.pipelines.of_mut(kind).push(pipeline);
    crm.audit(ask, &id, "CREATE");
    crm.note(ask, "create_pipeline", &crm.kinds.info(kind).log_name(), id, None);
    Ok(Reply::json(StatusCode::CREATED, &answer))
}

fn stages(
    crm: &mut Crm,
    ask: &Ask<'_>,
    kind: Kind,
    pipeline_id: &str,
    rest: &[&str],
) -> Result<Reply, Refusal> {
    let rules = StageRules::of(crm.kinds.info(kind));
    let pipeline = found(crm, kind, pipeline_id)?;
    match (ask.method(), rest) {
        (&Method::GET, []) => {
            let results: Vec<Value> = pipeline.stages.iter().map(Stage::json).collect();
            Ok(Reply::json(StatusCode::OK, &json!({"results": results})))
        }
        (&Method::POST, []) => {
            let new: NewStage = ask.body()?;
            rules.check_count(pipeline.stages.len() + 1)?;
            let stage = new.stage(rules, ask.moment.now, || crm.fresh_id().to_string())?;
            let answer = stage.json();
            crm.audit(ask, &stage.id, "CREATE");
            crm.edit(ask, kind, pipeline_id, |pipeline| pipeline.stages.push(stage))?;
            Ok(Reply::json(StatusCode::CREATED, &answer))
        }
        (method, [id]) => {
            let before = pipeline.stage(id).ok_or_else(missing)?.clone();
            let after = match *method {
                Method::GET => return Ok(Reply::json(StatusCode::OK, &before.json())),
                Method::PATCH => ask.body::<StagePatch>()?.applied(before, rules, ask.moment.now)?,
                Method::PUT => ask.body::<NewStage>()?.replacing(&before, rules, ask.moment.now)?,
                Method::DELETE => {
                    crm.guard(ask, kind, &[before.id])?;
                    crm.audit(ask, id, "DELETE");
                    crm.edit(ask, kind, pipeline_id, |pipeline| {
                        pipeline.stages.retain(|stage| stage.id != *id);
                    })?;
                    return Ok(Reply::no_content());
                }
                _ => return Err(Refusal::wrong_method()),
            };
            let answer = after.json();
            crm.audit(ask, id, "UPDATE");
            crm.edit(ask, kind, pipeline_id, |pipeline| pipeline.put_stage(after))?;
            Ok(Reply::json(StatusCode::OK, &answer))
        }
        (_, []) => Err(Refusal::wrong_method()),
        _ => Err(missing()),
    }
}

fn found<'a>(crm: &'a Crm, kind: Kind, id: &str) -> Result<&'a Pipeline, Refusal> {
    crm.pipelines.find(kind, id).ok_or_else(missing)
}

fn missing() -> Refusal {
    Refusal::not_found("resource not found")
}

impl Crm {
    fn edit(
        &mut self,
        ask: &Ask<'_>,
        kind: Kind,
        id: &str,
        change: impl FnOnce(&mut Pipeline),
    ) -> Result<Reply, Refusal> {
        self.audit(ask, id, "UPDATE");
        self.note(ask, "update_pipeline", &self.kinds.info(kind).log_name(), id, None);
        let pipelines = self.pipelines.of_mut(kind);
        let pipeline = pipelines.iter_mut().find(|pipeline| pipeline.id == id).ok_or_else(missing)?;
        change(pipeline);
        pipeline.updated = ask.moment.now;
        Ok(Reply::json(StatusCode::OK, &pipeline.json()))
    }

    /// When the caller asked for it, stages that still hold records stay; facts §2.1 and §3.6.
    fn guard(&self, ask: &Ask<'_>, kind: Kind, stage_ids: &[String]) -> Result<(), Refusal> {
        let asked = GUARDS.iter().any(|guard| ask.is_set(guard));
        let Some((_, stage_name)) = self.pipeline_properties(kind).filter(|_| asked) else { return Ok(()) };
        let records = self.store(kind).page(RecordId(0), Shelf::Live);
        let held: Vec<(String, String)> = records
            .filter_map(|record| Some((record.get(&stage_name)?.to_owned(), record.id.to_string())))
            .filter(|(stage, _)| stage_ids.contains(stage))
            .collect();
        if held.is_empty() {
            return Ok(());
        }
        let mut stages: Vec<&str> = held.iter().map(|(stage, _)| stage.as_str()).collect();
        stages.sort_unstable();
        stages.dedup();
        let objects: Vec<&str> = held.iter().map(|(_, object)| object.as_str()).collect();
        let stages = format!("[{}]", stages.join(", "));
        let message =
            format!("Stage IDs: {stages} are being referenced by object IDs: [{}]", objects.join(", "));
        Err(Refusal::invalid(message)
            .under("PipelineError.STAGE_ID_IN_USE")
            .with("stageIds", vec![stages])
            .with("objectIds", vec![format!("[{}]", objects.join(", "))]))
    }

    fn audit(&mut self, ask: &Ask<'_>, identifier: &str, action: &'static str) {
        self.pipelines.audits.push(Audit { identifier: identifier.to_owned(), action, at: ask.moment.now });
    }

    fn audit_json(&self, identifier: &str) -> Reply {
        let audits = self.pipelines.audits.iter().rev().filter(|audit| audit.identifier == identifier);
        let results: Vec<Value> = audits.map(|audit| audit.json(self.portal_id)).collect();
        Reply::json(StatusCode::OK, &json!({"results": results}))
    }
}
