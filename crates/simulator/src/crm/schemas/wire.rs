//! A schema as HubSpot writes it out: `ObjectSchema`.

use serde_json::{Map, Value, json};

use super::super::Crm;
use super::super::associations::TypeKey;
use super::super::record::instant_text;
use super::Schema;

impl Crm {
    pub(super) fn schema_json(&self, schema: &Schema) -> Value {
        let info = self.kinds.info(schema.kind);
        let properties: Vec<Value> = self
            .definitions(schema.kind)
            .iter()
            .filter(|definition| definition.archived.is_none())
            .map(|definition| self.property_json(schema.kind, definition))
            .collect();
        let associations = schema.associations.iter();
        let associations: Vec<Value> =
            associations.map(|(key, name)| self.association_json(schema, *key, name.as_deref())).collect();
        let mut body = Map::new();
        body.insert("id".into(), json!(info.type_id.trim_start_matches("2-")));
        body.insert("createdAt".into(), json!(instant_text(schema.created)));
        body.insert("updatedAt".into(), json!(instant_text(schema.updated)));
        body.insert("archived".into(), json!(schema.archived));
        body.insert("objectTypeId".into(), json!(info.type_id));
        body.insert("fullyQualifiedName".into(), json!(info.qualified));
        body.insert("name".into(), json!(info.singular));
        body.insert(
            "labels".into(),
            json!({"singular": schema.labels.singular, "plural": schema.labels.plural}),
        );
        body.insert("primaryDisplayProperty".into(), json!(schema.primary_display));
        body.insert("secondaryDisplayProperties".into(), json!(schema.secondary_display));
        body.insert("requiredProperties".into(), json!(info.required_properties));
        body.insert("searchableProperties".into(), json!(info.searched_properties));
        body.insert("properties".into(), json!(properties));
        body.insert("associations".into(), json!(associations));
        if let Some(description) = &schema.description {
            body.insert("description".into(), json!(description));
        }
        Value::Object(body)
    }

    /// `AssociationDefinition`
    pub(super) fn association_json(&self, schema: &Schema, key: TypeKey, name: Option<&str>) -> Value {
        let link_type = self.link_types.get(key);
        let target = link_type.map(|link_type| self.kinds.info(link_type.to).type_id.as_str());
        let own_name = link_type.map(|link_type| link_type.name.as_str());
        json!({
            "id": key.id.to_string(),
            "fromObjectTypeId": self.kinds.info(schema.kind).type_id,
            "toObjectTypeId": target,
            "name": name.or(own_name),
            "createdAt": instant_text(schema.created),
            "updatedAt": instant_text(schema.updated),
        })
    }
}
