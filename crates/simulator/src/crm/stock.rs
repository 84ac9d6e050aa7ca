//! The property definitions every portal starts with: the well-known part of HubSpot's own.

mod activities;
mod commerce;
mod people;
mod sales;

use super::definition::{
    Access, Author, Choice, Choices, Definition, Definitions, Group, Uniqueness, ValueType,
};
use super::kind::KindInfo;
use super::record::Name;

/// One stock property, as the tables below spell it.
#[derive(Debug, Clone, Copy)]
struct Stock {
    name: &'static str,
    label: &'static str,
    value_type: ValueType,
    field_type: &'static str,
    options: Options,
    access: Access,
    uniqueness: Uniqueness,
}

#[derive(Debug, Clone, Copy)]
enum Options {
    /// `VALUE` or `VALUE=Label`.
    Listed(&'static [&'static str]),
    Pipelines,
    Stages,
    Owners,
}

impl Stock {
    const fn new(
        name: &'static str,
        label: &'static str,
        value_type: ValueType,
        field_type: &'static str,
    ) -> Self {
        let (access, uniqueness) = (Access::Writable, Uniqueness::Shared);
        Self { name, label, value_type, field_type, options: Options::Listed(&[]), access, uniqueness }
    }

    const fn read_only(self) -> Self {
        Self { access: Access::ReadOnly, ..self }
    }

    const fn unique(self) -> Self {
        Self { uniqueness: Uniqueness::Unique, ..self }
    }

    const fn options(self, options: Options) -> Self {
        Self { options, ..self }
    }
}

const fn text(name: &'static str, label: &'static str) -> Stock {
    Stock::new(name, label, ValueType::Text, "text")
}

const fn long_text(name: &'static str, label: &'static str) -> Stock {
    Stock::new(name, label, ValueType::Text, "textarea")
}

const fn html(name: &'static str, label: &'static str) -> Stock {
    Stock::new(name, label, ValueType::Text, "html")
}

const fn phone(name: &'static str, label: &'static str) -> Stock {
    Stock::new(name, label, ValueType::Text, "phonenumber")
}

const fn number(name: &'static str, label: &'static str) -> Stock {
    Stock::new(name, label, ValueType::Number, "number")
}

const fn date(name: &'static str, label: &'static str) -> Stock {
    Stock::new(name, label, ValueType::Date, "date")
}

const fn datetime(name: &'static str, label: &'static str) -> Stock {
    Stock::new(name, label, ValueType::DateTime, "date")
}

const fn flag(name: &'static str, label: &'static str) -> Stock {
    Stock::new(name, label, ValueType::Bool, "booleancheckbox")
        .options(Options::Listed(&["true=Yes", "false=No"]))
}

const fn choice(name: &'static str, label: &'static str, options: &'static [&'static str]) -> Stock {
    Stock::new(name, label, ValueType::Enumeration, "select").options(Options::Listed(options))
}

const fn choices(name: &'static str, label: &'static str, options: &'static [&'static str]) -> Stock {
    Stock::new(name, label, ValueType::Enumeration, "checkbox").options(Options::Listed(options))
}

const OWNER: Stock =
    Stock::new("hubspot_owner_id", "Owner", ValueType::Enumeration, "select").options(Options::Owners);

/// On every object type, besides its create and modify dates.
const EVERYWHERE: &[Stock] = &[
    OWNER,
    number("hs_object_id", "Record ID").read_only().unique(),
    text("hs_merged_object_ids", "Merged record IDs").read_only(),
    datetime("hubspot_owner_assigneddate", "Owner assigned date").read_only(),
    text("hs_created_by_user_id", "Created by user ID").read_only(),
    text("hs_updated_by_user_id", "Updated by user ID").read_only(),
    text("hs_object_source", "Record source").read_only(),
    text("hs_unique_creation_key", "Unique creation key").read_only(),
];

/// The stock definitions of one object type; a custom object has the common ones only.
pub(super) fn definitions(info: &KindInfo) -> Definitions {
    let mut definitions = Definitions::default();
    let group = group_of(info);
    definitions.groups.push(Group {
        name: group.clone(),
        label: format!("{} information", info.title()),
        display_order: 0,
        archived: false,
    });
    let dates = [
        datetime(info.created_property, "Create date").read_only(),
        datetime(info.modified_property, "Last modified date").read_only(),
    ];
    let own = if info.is_custom() { &[] } else { of(&info.plural) };
    let tables: [&[Stock]; 3] = [EVERYWHERE, &dates, own];
    for (order, stock) in tables.into_iter().flatten().enumerate() {
        definitions.put(stock.definition(&group, i64::try_from(order).expect("tables are short")));
    }
    definitions
}

/// `contactinformation`, `deal_information`-like names differ per type on the wire; one rule serves here.
pub(super) fn group_of(info: &KindInfo) -> String {
    if info.is_custom() {
        format!("{}_information", info.singular)
    } else {
        format!("{}information", info.singular)
    }
}

fn of(plural: &str) -> &'static [Stock] {
    match plural {
        "contacts" => people::CONTACTS,
        "companies" => people::COMPANIES,
        "users" => people::USERS,
        "deals" => sales::DEALS,
        "tickets" => sales::TICKETS,
        "leads" => sales::LEADS,
        "notes" => activities::NOTES,
        "tasks" => activities::TASKS,
        "calls" => activities::CALLS,
        "meetings" => activities::MEETINGS,
        "emails" => activities::EMAILS,
        "communications" => activities::COMMUNICATIONS,
        "postal_mail" => activities::POSTAL_MAIL,
        "products" => commerce::PRODUCTS,
        "line_items" => commerce::LINE_ITEMS,
        "quotes" => commerce::QUOTES,
        "orders" => commerce::ORDERS,
        "carts" => commerce::CARTS,
        "invoices" => commerce::INVOICES,
        "discounts" | "fees" | "taxes" => commerce::ADJUSTMENTS,
        "services" | "projects" => sales::PIPELINED,
        "appointments" => sales::APPOINTMENTS,
        "courses" => sales::COURSES,
        _ => sales::NAMED,
    }
}

impl Stock {
    fn definition(&self, group: &str, display_order: i64) -> Definition {
        Definition {
            name: Name::from(self.name),
            label: self.label.to_owned(),
            description: String::new(),
            group: group.to_owned(),
            value_type: self.value_type,
            field_type: self.field_type.to_owned(),
            choices: self.options.choices(),
            access: self.access,
            author: Author::HubSpot,
            uniqueness: self.uniqueness,
            display_order,
            hidden: false,
            form_field: false,
            created: None,
            updated: None,
            archived: None,
        }
    }
}

impl Options {
    fn choices(self) -> Choices {
        match self {
            Self::Listed(options) => Choices::Listed(
                options.iter().zip(0..).map(|(option, order)| listed(option, order)).collect(),
            ),
            Self::Pipelines => Choices::Pipelines,
            Self::Stages => Choices::Stages,
            Self::Owners => Choices::Owners,
        }
    }
}

fn listed(option: &str, display_order: i64) -> Choice {
    let (value, label) = option.split_once('=').unwrap_or((option, option));
    Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        description: None,
        display_order,
        hidden: false,
    }
}
