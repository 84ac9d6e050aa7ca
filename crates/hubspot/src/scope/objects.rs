//! The scopes of each kind of record: facts §5.5 [SPEC scan; Properties/145899/2026-03; Pipelines/145896/2026-03].

use crate::object_type::ObjectType;

/// Any one of each list is enough; an empty one is not known.
pub(super) struct ObjectScopes {
    pub read: &'static [&'static str],
    pub write: &'static [&'static str],
    /// Its properties and pipelines.
    pub definition_read: &'static [&'static str],
    pub definition_write: &'static [&'static str],
}

pub(super) fn scopes_of(kind: ObjectType) -> &'static ObjectScopes {
    match kind {
        ObjectType::Contact => &CONTACTS,
        ObjectType::Company => &COMPANIES,
        ObjectType::Deal => &DEALS,
        ObjectType::Ticket => &TICKETS,
        ObjectType::Product => &PRODUCTS,
        ObjectType::LineItem => &LINE_ITEMS,
        ObjectType::Quote => &QUOTES,
        ObjectType::Email => &EMAILS,
        ObjectType::Note | ObjectType::Task | ObjectType::Meeting | ObjectType::Call => &ACTIVITIES,
        ObjectType::Communication | ObjectType::PostalMail => &ACTIVITIES,
        ObjectType::Invoice => &INVOICES,
        ObjectType::Subscription => &SUBSCRIPTIONS,
        ObjectType::Goal => &GOALS,
        ObjectType::Payment => &PAYMENTS,
        ObjectType::User => &USERS,
        ObjectType::Order => &ORDERS,
        ObjectType::Lead => &LEADS,
        ObjectType::Cart => &CARTS,
        ObjectType::Service => &SERVICES,
        ObjectType::Course => &COURSES,
        ObjectType::Listing => &LISTINGS,
        ObjectType::Appointment => &APPOINTMENTS,
        ObjectType::Project => &PROJECTS,
        ObjectType::FeedbackSubmission
        | ObjectType::MarketingEvent
        | ObjectType::Discount
        | ObjectType::Fee
        | ObjectType::Tax => &UNKNOWN,
        ObjectType::Custom(_) => &CUSTOM,
    }
}

/// The regular case: `crm.objects.*` for records, `crm.schemas.*` for definitions, which may also be read with any
/// right to the records.
macro_rules! regular {
    ($name:literal) => {
        ObjectScopes {
            read: &[concat!("crm.objects.", $name, ".read")],
            write: &[concat!("crm.objects.", $name, ".write")],
            definition_read: &[
                concat!("crm.schemas.", $name, ".read"),
                concat!("crm.objects.", $name, ".read"),
                concat!("crm.objects.", $name, ".write"),
            ],
            definition_write: &[concat!("crm.schemas.", $name, ".write")],
        }
    };
}

static CONTACTS: ObjectScopes = regular!("contacts");
static COMPANIES: ObjectScopes = regular!("companies");
static DEALS: ObjectScopes = regular!("deals");
static CUSTOM: ObjectScopes = regular!("custom");
static QUOTES: ObjectScopes = regular!("quotes");
static INVOICES: ObjectScopes = regular!("invoices");
static SUBSCRIPTIONS: ObjectScopes = regular!("subscriptions");
static PAYMENTS: ObjectScopes = regular!("commercepayments");
static SERVICES: ObjectScopes = regular!("services");
static COURSES: ObjectScopes = regular!("courses");
static LISTINGS: ObjectScopes = regular!("listings");
static APPOINTMENTS: ObjectScopes = regular!("appointments");
static PROJECTS: ObjectScopes = regular!("projects");

/// Orders also have scopes of their own for pipelines.
static ORDERS: ObjectScopes = ObjectScopes {
    definition_write: &["crm.schemas.orders.write", "crm.objects.orders.write", "crm.pipelines.orders.write"],
    ..regular!("orders")
};
static CARTS: ObjectScopes = ObjectScopes {
    definition_write: &["crm.schemas.carts.write", "crm.objects.carts.write"],
    ..regular!("carts")
};

/// One scope for everything; `crm.objects.tickets.read` does not exist.
static TICKETS: ObjectScopes = ObjectScopes {
    read: &["tickets"],
    write: &["tickets"],
    definition_read: &["tickets"],
    definition_write: &["tickets"],
};

/// Gated by the contacts scopes; `crm.objects.notes.write` and its like do not exist. Which scope writes their
/// definitions is not known.
static ACTIVITIES: ObjectScopes = ObjectScopes {
    read: &["crm.objects.contacts.read"],
    write: &["crm.objects.contacts.write"],
    definition_read: &["crm.objects.contacts.read", "crm.objects.contacts.write"],
    definition_write: &[],
};
static EMAILS: ObjectScopes = ObjectScopes {
    read: &["crm.objects.contacts.read", "sales-email-read"],
    write: &["crm.objects.contacts.write"],
    definition_read: &["crm.schemas.emails.read", "crm.objects.contacts.read", "crm.objects.contacts.write"],
    definition_write: &[],
};

/// No `crm.schemas.*.write` for these; commerce writes definitions with its one scope.
static PRODUCTS: ObjectScopes = ObjectScopes {
    read: &["crm.objects.products.read", "e-commerce"],
    write: &["crm.objects.products.write", "e-commerce"],
    definition_read: &["crm.objects.products.read", "crm.objects.products.write", "e-commerce"],
    definition_write: &["e-commerce"],
};
static LINE_ITEMS: ObjectScopes = ObjectScopes {
    read: &["crm.objects.line_items.read", "e-commerce"],
    write: &["crm.objects.line_items.write", "e-commerce"],
    definition_read: &[
        "crm.schemas.line_items.read",
        "crm.objects.line_items.read",
        "crm.objects.line_items.write",
        "e-commerce",
    ],
    definition_write: &["e-commerce"],
};

/// No `crm.schemas.*` for these.
static LEADS: ObjectScopes = ObjectScopes {
    read: &["crm.objects.leads.read"],
    write: &["crm.objects.leads.write"],
    definition_read: &["crm.objects.leads.read", "crm.objects.leads.write"],
    definition_write: &[],
};
static GOALS: ObjectScopes = ObjectScopes {
    read: &["crm.objects.goals.read"],
    write: &["crm.objects.goals.write"],
    definition_read: &["crm.objects.goals.read", "crm.objects.goals.write"],
    definition_write: &[],
};
static USERS: ObjectScopes = ObjectScopes {
    read: &["crm.objects.users.read"],
    write: &["crm.objects.users.write"],
    definition_read: &["crm.objects.users.read"],
    definition_write: &["crm.objects.users.write"],
};

static UNKNOWN: ObjectScopes =
    ObjectScopes { read: &[], write: &[], definition_read: &[], definition_write: &[] };
