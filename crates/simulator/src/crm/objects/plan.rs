//! Judging a write before anything changes: either a refusal, or the exact changes to make.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::super::Crm;
use super::super::associations::{AnyId, End, Spec, TypeKey};
use super::super::definition::{Access, Choices, Definition, Uniqueness};
use super::super::kind::Kind;
use super::super::record::{Name, Record, RecordId};
use super::super::refusal::{BadValue, Refusal};
use super::super::store::Changes;
use super::super::value;
use super::required;

/// Properties as a caller sends them.
pub(in crate::crm) type Written = IndexMap<String, Value>;

/// `{to:{id}, types:[…]}` of a create.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::crm) struct AssociationInput {
    to: AssociationTarget,
    types: Vec<Spec>,
}

#[derive(Debug, Clone, Deserialize)]
struct AssociationTarget {
    id: AnyId,
}

/// A record to make.
#[derive(Debug)]
pub(in crate::crm) struct NewRecord {
    pub(in crate::crm) changes: Changes,
    pub(in crate::crm) links: Vec<(End, TypeKey)>,
}

/// Unique values promised to earlier items of the same batch.
#[derive(Debug, Default)]
pub(in crate::crm) struct Claims(HashSet<(Name, String)>);

impl Crm {
    pub(in crate::crm) fn plan_create(
        &self,
        kind: Kind,
        written: &Written,
        associations: &[AssociationInput],
        claims: &mut Claims,
    ) -> Result<NewRecord, Refusal> {
        let mut changes = self.admit(kind, written, None)?;
        self.require(kind, &changes)?;
        self.settle_stage(kind, &mut changes, None)?;
        let links = self.plan_links(kind, associations)?;
        self.claim(kind, &changes, None, claims)?;
        changes.retain(|(_, value)| !value.is_empty());
        Ok(NewRecord { changes, links })
    }

    pub(in crate::crm) fn plan_update(
        &self,
        kind: Kind,
        record: &Record,
        written: &Written,
        claims: &mut Claims,
    ) -> Result<Changes, Refusal> {
        let mut changes = self.admit(kind, written, Some(record))?;
        self.settle_stage(kind, &mut changes, Some(record))?;
        self.claim(kind, &changes, Some(record.id), claims)?;
        Ok(changes)
    }

    fn admit(&self, kind: Kind, written: &Written, before: Option<&Record>) -> Result<Changes, Refusal> {
        let mut changes = Changes::new();
        let mut bad = Vec::new();
        for (name, value) in written {
            match self.admit_one(kind, name, value, before.and_then(|record| record.get(name))) {
                Ok(change) => changes.push(change),
                Err(complaint) => bad.push(complaint),
            }
        }
        if bad.is_empty() { Ok(changes) } else { Err(Refusal::bad_values(&bad, self.portal_id)) }
    }

    fn admit_one(
        &self,
        kind: Kind,
        name: &str,
        written: &Value,
        before: Option<&str>,
    ) -> Result<(Name, String), BadValue> {
        let Some(definition) = self.definitions(kind).get(name) else {
            let message = format!("Property \"{name}\" does not exist");
            return Err(BadValue::new(name, "PROPERTY_DOESNT_EXIST", message));
        };
        if definition.access == Access::ReadOnly {
            let message = format!("\"{name}\" is a read only property; its value cannot be set.");
            return Err(BadValue::new(name, "READ_ONLY_VALUE", message));
        }
        let options = self.options(kind, definition);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let value = value::admit(definition, &options, written, before)?;
        Ok((Name::clone(&definition.name), value))
    }

    /// The values an enumeration allows right now.
    fn options(&self, kind: Kind, definition: &Definition) -> Vec<String> {
        match &definition.choices {
            Choices::Listed(choices) => choices.iter().map(|choice| choice.value.clone()).collect(),
            Choices::Pipelines => {
                self.pipelines.of(kind).iter().map(|pipeline| pipeline.id.clone()).collect()
            }
            Choices::Stages => {
                let pipelines = self.pipelines.of(kind).iter();
                pipelines.flat_map(|pipeline| &pipeline.stages).map(|stage| stage.id.clone()).collect()
            }
            Choices::Owners => {
                let active = self.owners.iter().filter(|owner| owner.is_active());
                active.map(|owner| owner.id.to_string()).collect()
            }
        }
    }

    /// Facts §3.3's table and a schema's own list; the code is that of facts §2.2.
    fn require(&self, kind: Kind, changes: &Changes) -> Result<(), Refusal> {
        let info = self.kinds.info(kind);
        let has = |name: &str| changes.iter().any(|(own, value)| &**own == name && !value.is_empty());
        let by_rule = required::of(info, self.requirements).iter();
        let by_rule = by_rule.filter(|names| !names.iter().any(|name| has(name))).map(|names| names[0]);
        let by_schema = info.required_properties.iter().map(String::as_str).filter(|name| !has(name));
        let missing: Vec<&str> = by_rule.chain(by_schema).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!("Error creating {}. Some required properties were not set.", info.shout());
        let mut refusal = Refusal::invalid(message.clone())
            .with("properties", missing.iter().map(|name| (*name).to_owned()).collect());
        for name in missing {
            refusal = refusal.detail(message.clone(), "MISSING_REQUIRED_PROPERTY", "propertyName", name);
        }
        Err(refusal)
    }

    /// A stage and its pipeline always agree; a new record without either stands at the first stage.
    fn settle_stage(
        &self,
        kind: Kind,
        changes: &mut Changes,
        before: Option<&Record>,
    ) -> Result<(), Refusal> {
        let Some((pipeline_name, stage_name)) = self.pipeline_properties(kind) else { return Ok(()) };
        let written = |name: &str| {
            let mut values = changes.iter().filter(|(own, value)| &**own == name && !value.is_empty());
            values.next().map(|(_, value)| value.clone())
        };
        let stored = |name: &str| before.and_then(|record| record.get(name)).map(str::to_owned);
        let (new_pipeline, new_stage) = (written(&pipeline_name), written(&stage_name));
        if before.is_some() && new_pipeline.is_none() && new_stage.is_none() {
            return Ok(());
        }
        let stage = new_stage.clone().or_else(|| stored(&stage_name));
        let owning = stage.as_ref().and_then(|stage| self.pipelines.owning(kind, stage));
        let named = new_pipeline.as_ref().and_then(|id| self.pipelines.find(kind, id));
        let Some(pipeline) = named.or(owning).or(self.pipelines.of(kind).first()) else { return Ok(()) };
        let Some(stage) = stage.or_else(|| Some(pipeline.stages.first()?.id.clone())) else { return Ok(()) };
        if pipeline.stage(&stage).is_none() {
            let message = format!("{stage} is not a stage of pipeline {}", pipeline.id);
            let bad = BadValue::new(&stage_name, "INVALID_OPTION", message);
            return Err(Refusal::bad_values(&[bad], self.portal_id));
        }
        if new_pipeline.is_none() {
            changes.push((pipeline_name, pipeline.id.clone()));
        }
        if new_stage.is_none() {
            changes.push((stage_name, stage));
        }
        Ok(())
    }

    /// Deals say `pipeline` and `dealstage`, every other type `hs_pipeline` and `hs_pipeline_stage`.
    pub(in crate::crm) fn pipeline_properties(&self, kind: Kind) -> Option<(Name, Name)> {
        let name = |choices: &Choices| {
            let mut definitions = self.definitions(kind).iter();
            definitions
                .find(|definition| definition.choices == *choices)
                .map(|found| Name::clone(&found.name))
        };
        Some((name(&Choices::Pipelines)?, name(&Choices::Stages)?))
    }

    fn plan_links(&self, kind: Kind, inputs: &[AssociationInput]) -> Result<Vec<(End, TypeKey)>, Refusal> {
        let mut links = Vec::new();
        for input in inputs {
            for spec in &input.types {
                let to = self.link_types.get(spec.key()).map_or(kind, |link_type| link_type.to);
                let link_type = self.directed(kind, to, spec.key())?;
                links.push((self.end(to, &input.to.id.text())?, link_type.key));
            }
        }
        Ok(links)
    }

    /// Refuses a unique value somebody else holds, in the store or earlier in the batch.
    fn claim(
        &self,
        kind: Kind,
        changes: &Changes,
        own: Option<RecordId>,
        claims: &mut Claims,
    ) -> Result<(), Refusal> {
        let mut claimed = Vec::new();
        for (name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
            let definition = self.definitions(kind).get(name);
            if definition.is_none_or(|definition| definition.uniqueness == Uniqueness::Shared) {
                continue;
            }
            self.refuse_blocked(name, value)?;
            let holder = self.store(kind).holder(name, value).filter(|holder| Some(*holder) != own);
            if let Some(holder) = holder {
                return Err(self.taken(kind, name, Some(holder)));
            }
            let claim = (Name::clone(name), value.to_lowercase());
            if claims.0.contains(&claim) {
                return Err(self.taken(kind, name, None));
            }
            claimed.push(claim);
        }
        claims.0.extend(claimed);
        Ok(())
    }

    /// Facts §2.2: a contact's e-mail has its own conflict; the form for other unique values is observed. Without
    /// a holder it is an earlier item of the batch, which has no id yet.
    fn taken(&self, kind: Kind, name: &str, holder: Option<RecordId>) -> Refusal {
        let info = self.kinds.info(kind);
        if name == "email" && info.plural == "contacts" {
            let existing = holder.map(|holder| format!(" Existing ID: {holder}"));
            return Refusal::conflict(format!("Contact already exists.{}", existing.unwrap_or_default()));
        }
        let message = holder.map_or_else(
            || format!("Another {} of the batch already has that value.", info.shout()),
            |holder| format!("{}={holder} already has that value.", info.shout()),
        );
        Refusal::bad_values(&[BadValue::new(name, "CONFLICTING_UNIQUE_VALUE", message)], self.portal_id)
    }

    /// Facts §3.3: an address on the privacy blocklist cannot be created; the wording is ours.
    fn refuse_blocked(&self, name: &str, value: &str) -> Result<(), Refusal> {
        if name == "email" && self.blocked_emails.contains(&value.to_lowercase()) {
            let message = "This email address was deleted for privacy and cannot be created again";
            let bad = BadValue::new(name, "GDPR_BLACKLISTED_EMAIL", message);
            return Err(Refusal::bad_values(&[bad], self.portal_id));
        }
        Ok(())
    }
}
