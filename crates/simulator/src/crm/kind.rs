//! The object types of a portal: HubSpot's own and the custom ones, by every name a caller may use.

/// An object type of this portal; an index into [`Kinds`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Kind(pub(super) usize);

/// What HubSpot calls an object type, and what its reads show unasked.
#[derive(Debug, Clone)]
pub(super) struct KindInfo {
    /// `0-1`, `2-1234`.
    pub(super) type_id: String,
    /// `contact`
    pub(super) singular: String,
    /// `contacts`
    pub(super) plural: String,
    /// `p123_cars`, for custom objects.
    pub(super) qualified: Option<String>,
    pub(super) created_property: &'static str,
    pub(super) modified_property: &'static str,
    /// Shown when a caller asks for no properties, besides the three computed ones.
    pub(super) default_properties: Vec<String>,
    /// Where a search's `query` looks.
    pub(super) searched_properties: Vec<String>,
    /// What a custom object's schema requires on create.
    pub(super) required_properties: Vec<String>,
    /// Deleted: no longer found under any name.
    pub(super) retired: bool,
}

/// Every object type of the portal, in a fixed order.
#[derive(Debug)]
pub(super) struct Kinds(Vec<KindInfo>);

/// One of HubSpot's own object types, facts §3.2 [DOC using-object-apis].
struct Stock {
    type_id: &'static str,
    singular: &'static str,
    plural: &'static str,
}

const fn stock(type_id: &'static str, singular: &'static str, plural: &'static str) -> Stock {
    Stock { type_id, singular, plural }
}

const STOCK: &[Stock] = &[
    stock("0-1", "contact", "contacts"),
    stock("0-2", "company", "companies"),
    stock("0-3", "deal", "deals"),
    stock("0-5", "ticket", "tickets"),
    stock("0-7", "product", "products"),
    stock("0-8", "line_item", "line_items"),
    stock("0-14", "quote", "quotes"),
    stock("0-18", "communication", "communications"),
    stock("0-19", "feedback_submission", "feedback_submissions"),
    stock("0-27", "task", "tasks"),
    stock("0-46", "note", "notes"),
    stock("0-47", "meeting", "meetings"),
    stock("0-48", "call", "calls"),
    stock("0-49", "email", "emails"),
    stock("0-53", "invoice", "invoices"),
    stock("0-54", "marketing_event", "marketing_events"),
    stock("0-69", "subscription", "subscriptions"),
    stock("0-74", "goal_target", "goal_targets"),
    stock("0-84", "discount", "discounts"),
    stock("0-85", "fee", "fees"),
    stock("0-86", "tax", "taxes"),
    stock("0-101", "commerce_payment", "commerce_payments"),
    stock("0-115", "user", "users"),
    stock("0-116", "postal_mail", "postal_mail"),
    stock("0-123", "order", "orders"),
    stock("0-136", "lead", "leads"),
    stock("0-142", "cart", "carts"),
    stock("0-162", "service", "services"),
    stock("0-410", "course", "courses"),
    stock("0-420", "listing", "listings"),
    stock("0-421", "appointment", "appointments"),
    stock("0-970", "project", "projects"),
];

/// Other words callers use for the same type.
const ALIASES: &[(&str, &str)] = &[
    ("payment", "0-101"),
    ("payments", "0-101"),
    ("goal", "0-74"),
    ("goals", "0-74"),
    ("postal_mails", "0-116"),
];

impl Kinds {
    pub(super) fn stock() -> Self {
        Self(STOCK.iter().map(KindInfo::stock).collect())
    }

    pub(super) fn info(&self, kind: Kind) -> &KindInfo {
        &self.0[kind.0]
    }

    pub(super) fn info_mut(&mut self, kind: Kind) -> &mut KindInfo {
        &mut self.0[kind.0]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Kind, &KindInfo)> {
        self.0.iter().enumerate().map(|(index, info)| (Kind(index), info))
    }

    pub(super) fn add(&mut self, info: KindInfo) -> Kind {
        self.0.push(info);
        Kind(self.0.len() - 1)
    }

    /// A custom type that was deleted; its id is never used again.
    pub(super) fn retire(&mut self, kind: Kind) {
        self.0[kind.0].retired = true;
    }

    /// The types every custom object may be associated with, as HubSpot sets them up by itself.
    pub(super) fn activities(&self) -> Vec<Kind> {
        let words = ["notes", "tasks", "calls", "emails", "meetings"];
        words.into_iter().filter_map(|word| self.find(word)).collect()
    }

    /// Finds a type by id, name (either number), or fully qualified name, whatever the case.
    pub(super) fn find(&self, word: &str) -> Option<Kind> {
        let aliased = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(word));
        let word = aliased.map_or(word, |(_, type_id)| type_id);
        self.iter().find(|(_, info)| !info.retired && info.answers_to(word)).map(|(kind, _)| kind)
    }
}

impl KindInfo {
    fn stock(stock: &Stock) -> Self {
        let (created_property, modified_property) = computed_properties(stock.plural);
        Self {
            type_id: stock.type_id.to_owned(),
            singular: stock.singular.to_owned(),
            plural: stock.plural.to_owned(),
            qualified: None,
            created_property,
            modified_property,
            default_properties: owned(default_properties(stock.plural)),
            searched_properties: owned(searched_properties(stock.plural)),
            required_properties: Vec::new(),
            retired: false,
        }
    }

    pub(super) fn is_custom(&self) -> bool {
        self.qualified.is_some()
    }

    /// How the log of applied changes names the type: `contacts`, `2-123`.
    pub(super) fn log_name(&self) -> String {
        if self.is_custom() { self.type_id.clone() } else { self.plural.clone() }
    }

    /// How errors name a record of this type: `CONTACT`.
    pub(super) fn shout(&self) -> String {
        self.qualified.as_ref().unwrap_or(&self.singular).to_uppercase()
    }

    /// How error sentences begin: `Contact`.
    pub(super) fn title(&self) -> String {
        let mut letters = self.singular.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }

    /// The key under `associations` in a read. Line items carry a blank there, as observed on the real API.
    pub(super) fn association_key(&self) -> String {
        self.qualified.clone().unwrap_or_else(|| self.plural.replace("line_items", "line items"))
    }

    fn answers_to(&self, word: &str) -> bool {
        let names = [&self.type_id, &self.singular, &self.plural];
        names.into_iter().chain(&self.qualified).any(|name| name.eq_ignore_ascii_case(word))
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Facts §3.4, the default-properties table: which names the three computed properties go by.
fn computed_properties(plural: &str) -> (&'static str, &'static str) {
    match plural {
        "contacts" => ("createdate", "lastmodifieddate"),
        "companies" | "deals" | "tickets" => ("createdate", "hs_lastmodifieddate"),
        _ => ("hs_createdate", "hs_lastmodifieddate"),
    }
}

/// Facts §3.4 [DOC search-the-crm], beyond the computed properties.
fn default_properties(plural: &str) -> &'static [&'static str] {
    match plural {
        "contacts" => &["email", "firstname", "lastname"],
        "companies" => &["domain", "name"],
        "deals" => &["amount", "closedate", "dealname", "dealstage", "pipeline"],
        "tickets" => &[
            "content",
            "hs_pipeline",
            "hs_pipeline_stage",
            "hs_ticket_category",
            "hs_ticket_priority",
            "subject",
        ],
        "products" => &["description", "name", "price"],
        "line_items" => &["quantity", "amount", "price"],
        _ => &[],
    }
}

/// Facts §3.4 [DOC search-the-crm]: the properties `query` looks in.
fn searched_properties(plural: &str) -> &'static [&'static str] {
    match plural {
        "contacts" => &[
            "firstname",
            "lastname",
            "email",
            "phone",
            "hs_additional_emails",
            "fax",
            "mobilephone",
            "company",
            "hs_marketable_until_renewal",
        ],
        "companies" => &["website", "phone", "name", "domain"],
        "deals" => &["dealname", "pipeline", "dealstage", "description", "dealtype"],
        "tickets" => &["subject", "content", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_id"],
        "products" => &["name", "description", "hs_sku"],
        "line_items" => &["name", "description"],
        "notes" => &["hs_note_body"],
        "tasks" => &["hs_task_subject", "hs_task_body"],
        "calls" => &["hs_call_title", "hs_call_body"],
        "meetings" => &["hs_meeting_title", "hs_meeting_body"],
        "emails" => &["hs_email_subject", "hs_email_text"],
        "quotes" => &["hs_title"],
        _ => &["hs_name", "name"],
    }
}
