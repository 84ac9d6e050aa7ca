//! What a caller says about a property, and whether it makes sense.

use jiff::Timestamp;
use serde::Deserialize;

use super::super::definition::{
    Access, Author, Choice, Choices, Definition, Definitions, Uniqueness, ValueType,
};
use super::super::record::Name;
use super::super::refusal::Refusal;

/// Facts §11: `UNIQUE_PROPS_PER_OBJECT`.
const UNIQUE_MAX: usize = 10;

/// Facts §3.5 [SPEC `PropertyCreate`].
const FIELD_TYPES: &[&str] = &[
    "booleancheckbox",
    "calculation_equation",
    "checkbox",
    "date",
    "file",
    "html",
    "number",
    "phonenumber",
    "radio",
    "select",
    "text",
    "textarea",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::crm) struct NewProperty {
    name: String,
    label: String,
    #[serde(rename = "type")]
    value_type: String,
    field_type: String,
    group_name: Option<String>,
    description: Option<String>,
    options: Option<Vec<OptionInput>>,
    has_unique_value: Option<bool>,
    hidden: Option<bool>,
    form_field: Option<bool>,
    display_order: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OptionInput {
    label: String,
    value: String,
    description: Option<String>,
    display_order: Option<i64>,
    hidden: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PropertyPatch {
    label: Option<String>,
    description: Option<String>,
    group_name: Option<String>,
    #[serde(rename = "type")]
    value_type: Option<String>,
    field_type: Option<String>,
    options: Option<Vec<OptionInput>>,
    hidden: Option<bool>,
    form_field: Option<bool>,
    display_order: Option<i64>,
}

impl NewProperty {
    /// The definition, judged against those there are.
    pub(super) fn definition(&self, known: &Definitions, now: Timestamp) -> Result<Definition, Refusal> {
        self.check_name(known)?;
        let group = self.group_name.as_deref();
        let group = group.ok_or_else(|| Refusal::invalid("groupName is required"))?;
        self.build(group, known, now)
    }

    /// As above for a schema's own properties, which fall into its one group.
    pub(in crate::crm) fn definition_in(
        &self,
        group: &str,
        known: &Definitions,
        now: Timestamp,
    ) -> Result<Definition, Refusal> {
        self.check_name(known)?;
        self.build(self.group_name.as_deref().unwrap_or(group), known, now)
    }

    fn check_name(&self, known: &Definitions) -> Result<(), Refusal> {
        if !is_name(&self.name) {
            return Err(Refusal::invalid(format!(
                "Property name {} is invalid: lowercase letters, digits and underscores, beginning with a letter",
                self.name
            )));
        }
        if known.get(&self.name).is_some() {
            let message = format!("A property named '{}' already exists.", self.name);
            return Err(Refusal::already_exists(message, "Properties.PROPERTY_WITH_NAME_EXISTS"));
        }
        Ok(())
    }

    fn build(&self, group: &str, known: &Definitions, now: Timestamp) -> Result<Definition, Refusal> {
        check_group(group, known)?;
        let value_type = value_type(&self.value_type)?;
        check_field_type(&self.field_type)?;
        let choices = choices(self.options.as_deref().unwrap_or_default())?;
        let revived = known.any(&self.name);
        let uniqueness =
            if self.has_unique_value == Some(true) { Uniqueness::Unique } else { Uniqueness::Shared };
        let unique = known.iter().filter(|other| other.author == Author::Portal && other.is_unique()).count();
        if uniqueness == Uniqueness::Unique && unique >= UNIQUE_MAX {
            return Err(Refusal::invalid(format!(
                "An object type has at most {UNIQUE_MAX} unique properties"
            )));
        }
        Ok(Definition {
            name: Name::from(self.name.as_str()),
            label: self.label.clone(),
            description: self.description.clone().unwrap_or_default(),
            group: group.to_owned(),
            value_type,
            field_type: self.field_type.clone(),
            choices: Choices::Listed(choices),
            access: Access::Writable,
            author: Author::Portal,
            uniqueness,
            display_order: self.display_order.unwrap_or(-1),
            hidden: self.hidden.unwrap_or(false),
            form_field: self.form_field.unwrap_or(false),
            created: revived.and_then(|old| old.created).or(Some(now)),
            updated: Some(now),
            archived: None,
        })
    }
}

impl PropertyPatch {
    /// HubSpot's own definitions may change their options only.
    pub(super) fn applied(
        &self,
        before: &Definition,
        known: &Definitions,
        now: Timestamp,
    ) -> Result<Definition, Refusal> {
        if before.author == Author::HubSpot && (self.value_type.is_some() || self.field_type.is_some()) {
            let message = format!("{} is a HubSpot property; its type cannot be changed", before.name);
            return Err(Refusal::invalid(message));
        }
        let mut after = before.clone();
        if let Some(group) = &self.group_name {
            check_group(group, known)?;
            after.group.clone_from(group);
        }
        if let Some(word) = &self.value_type {
            after.value_type = value_type(word)?;
        }
        if let Some(field_type) = &self.field_type {
            check_field_type(field_type)?;
            after.field_type.clone_from(field_type);
        }
        if let Some(options) = &self.options {
            after.choices = Choices::Listed(choices(options)?);
        }
        after.label = self.label.clone().unwrap_or(after.label);
        after.description = self.description.clone().unwrap_or(after.description);
        after.hidden = self.hidden.unwrap_or(after.hidden);
        after.form_field = self.form_field.unwrap_or(after.form_field);
        after.display_order = self.display_order.unwrap_or(after.display_order);
        after.updated = Some(now);
        Ok(after)
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

fn value_type(word: &str) -> Result<ValueType, Refusal> {
    ValueType::parse(word).ok_or_else(|| Refusal::invalid(format!("{word} is not a valid property type")))
}

fn check_field_type(word: &str) -> Result<(), Refusal> {
    if FIELD_TYPES.contains(&word) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("{word} is not a valid property fieldType")))
}

fn check_group(group: &str, known: &Definitions) -> Result<(), Refusal> {
    if known.groups.iter().any(|known| known.name == group && !known.archived) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("Property group '{group}' does not exist")))
}

fn choices(options: &[OptionInput]) -> Result<Vec<Choice>, Refusal> {
    let mut choices: Vec<Choice> = Vec::new();
    for (option, order) in options.iter().zip(0..) {
        if choices.iter().any(|choice| choice.value == option.value) {
            return Err(Refusal::invalid(format!("Option value '{}' is given twice", option.value)));
        }
        choices.push(Choice {
            value: option.value.clone(),
            label: option.label.clone(),
            description: option.description.clone(),
            display_order: option.display_order.unwrap_or(order),
            hidden: option.hidden.unwrap_or(false),
        });
    }
    Ok(choices)
}
