//! A definition as HubSpot writes it out: `Property`, with every field the official clients insist on.

use serde_json::{Map, Value, json};

use super::super::Crm;
use super::super::definition::{Access, Author, Choice, Choices, Definition, Uniqueness, ValueType};
use super::super::kind::Kind;
use super::super::record::instant_text;

impl Definition {
    pub(in crate::crm) fn is_unique(&self) -> bool {
        self.uniqueness == Uniqueness::Unique
    }
}

impl Crm {
    pub(in crate::crm) fn property_json(&self, kind: Kind, definition: &Definition) -> Value {
        let by_hubspot = definition.author == Author::HubSpot;
        let mut body = Map::new();
        for (key, at) in [("updatedAt", definition.updated), ("createdAt", definition.created)] {
            if let Some(at) = at {
                body.insert(key.into(), json!(instant_text(at)));
            }
        }
        body.insert("name".into(), json!(&*definition.name));
        body.insert("label".into(), json!(definition.label));
        body.insert("type".into(), json!(definition.value_type.wire()));
        body.insert("fieldType".into(), json!(definition.field_type));
        body.insert("description".into(), json!(definition.description));
        body.insert("groupName".into(), json!(definition.group));
        body.insert("options".into(), Value::Array(self.options_json(kind, definition)));
        body.insert("displayOrder".into(), json!(definition.display_order));
        body.insert("calculated".into(), json!(false));
        let external = definition.choices == Choices::Owners;
        body.insert("externalOptions".into(), json!(external));
        if external {
            body.insert("referencedObjectType".into(), json!("OWNER"));
        }
        body.insert("archived".into(), json!(definition.archived.is_some()));
        if let Some(at) = definition.archived {
            body.insert("archivedAt".into(), json!(instant_text(at)));
        }
        body.insert("hasUniqueValue".into(), json!(definition.is_unique()));
        body.insert("hidden".into(), json!(definition.hidden));
        body.insert("hubspotDefined".into(), json!(by_hubspot));
        body.insert(
            "modificationMetadata".into(),
            json!({
                "archivable": !by_hubspot,
                "readOnlyDefinition": by_hubspot,
                "readOnlyValue": definition.access == Access::ReadOnly,
            }),
        );
        body.insert("formField".into(), json!(definition.form_field));
        body.insert("dataSensitivity".into(), json!("non_sensitive"));
        Value::Object(body)
    }

    fn options_json(&self, kind: Kind, definition: &Definition) -> Vec<Value> {
        match &definition.choices {
            Choices::Listed(choices) if definition.value_type == ValueType::Bool && choices.is_empty() => {
                vec![option("true", "Yes", 0), option("false", "No", 1)]
            }
            Choices::Listed(choices) => choices.iter().map(Choice::json).collect(),
            Choices::Pipelines => self
                .pipelines
                .of(kind)
                .iter()
                .map(|pipeline| option(&pipeline.id, &pipeline.label, pipeline.display_order))
                .collect(),
            Choices::Stages => {
                let stages = self.pipelines.of(kind).iter().flat_map(|pipeline| &pipeline.stages);
                stages.map(|stage| option(&stage.id, &stage.label, stage.display_order)).collect()
            }
            Choices::Owners => Vec::new(),
        }
    }
}

impl Choice {
    fn json(&self) -> Value {
        let mut body = option(&self.value, &self.label, self.display_order);
        body["hidden"] = json!(self.hidden);
        if let Some(description) = &self.description {
            body["description"] = json!(description);
        }
        body
    }
}

fn option(value: &str, label: &str, display_order: i64) -> Value {
    json!({"label": label, "value": value, "displayOrder": display_order, "hidden": false})
}
