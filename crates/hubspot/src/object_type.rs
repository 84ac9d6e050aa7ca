//! What kinds of record exist, and under which ids.
//!
//! HubSpot accepts a type in a path by name (`contacts`) or by id (`0-1`); custom types are per account
//! and are `2-<number>`. Source: facts §3.2 [DOC api-reference/latest/crm/using-object-apis].

use std::fmt;

/// A kind of CRM record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectType {
    Contact,
    Company,
    Deal,
    Ticket,
    Product,
    LineItem,
    Quote,
    Communication,
    FeedbackSubmission,
    Task,
    Note,
    Meeting,
    Call,
    Email,
    Invoice,
    MarketingEvent,
    Subscription,
    Goal,
    Discount,
    Fee,
    Tax,
    Payment,
    User,
    PostalMail,
    Order,
    Lead,
    Cart,
    Service,
    Course,
    Listing,
    Appointment,
    Project,
    /// `2-<number>`: defined by the account.
    Custom(u64),
}

/// One standard type: the number behind `0-`, the plural used in paths, the singular.
struct Standard {
    kind: ObjectType,
    number: u32,
    name: &'static str,
    singular: &'static str,
}

impl ObjectType {
    /// Reads an id (`0-1`, `2-123`), a plural (`contacts`) or a singular (`contact`), in any letter case.
    /// `None` for everything else, such as the name of a custom type, which only its account knows.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('-') {
            Some(("0", number)) => {
                let number: u32 = digits(number)?.try_into().ok()?;
                STANDARD.iter().find(|standard| standard.number == number).map(|standard| standard.kind)
            }
            Some(("2", number)) => digits(number).map(Self::Custom),
            Some(_) => None,
            None => by_name(text),
        }
    }

    /// The name used in paths: `contacts`, `line_items`; `None` for a custom type.
    pub fn name(self) -> Option<&'static str> {
        self.standard().map(|standard| standard.name)
    }

    /// `contact`, `line_item`; `None` for a custom type.
    pub fn singular(self) -> Option<&'static str> {
        self.standard().map(|standard| standard.singular)
    }

    /// The type id: `0-1`, `2-123`.
    pub fn id(self) -> String {
        match (self, self.standard()) {
            (Self::Custom(number), _) => format!("2-{number}"),
            (_, Some(standard)) => format!("0-{}", standard.number),
            (_, None) => unreachable!("every type but the custom ones is in STANDARD; a test holds it"),
        }
    }

    /// Every standard type, in the order of their ids.
    pub fn standard_types() -> impl Iterator<Item = Self> {
        STANDARD.iter().map(|standard| standard.kind)
    }

    fn standard(self) -> Option<&'static Standard> {
        STANDARD.iter().find(|standard| standard.kind == self)
    }
}

/// The path name of a standard type, the id of a custom one.
impl fmt::Display for ObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => f.write_str(&self.id()),
        }
    }
}

fn by_name(text: &str) -> Option<ObjectType> {
    let same = |name: &str| name.eq_ignore_ascii_case(text);
    let standard = STANDARD.iter().find(|standard| same(standard.name) || same(standard.singular));
    standard
        .map(|standard| standard.kind)
        .or_else(|| LOOSE_NAMES.iter().find(|(name, _)| same(name)).map(|(_, kind)| *kind))
}

/// A whole number written with digits alone; `parse` would also take a sign.
fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

const fn standard(number: u32, name: &'static str, singular: &'static str, kind: ObjectType) -> Standard {
    Standard { kind, number, name, singular }
}

/// What HubSpot's pages call them in prose, where paths say `goal_targets` and `commerce_payments`.
const LOOSE_NAMES: [(&str, ObjectType); 2] = [("goals", ObjectType::Goal), ("payments", ObjectType::Payment)];

/// Ids and singulars: facts §3.2, §4.3 [DOC api-reference/latest/crm/using-object-apis]. Names as in paths [DOC
/// api/crm/goals, and the specs' paths].
const STANDARD: [Standard; 32] = [
    standard(1, "contacts", "contact", ObjectType::Contact),
    standard(2, "companies", "company", ObjectType::Company),
    standard(3, "deals", "deal", ObjectType::Deal),
    standard(5, "tickets", "ticket", ObjectType::Ticket),
    standard(7, "products", "product", ObjectType::Product),
    standard(8, "line_items", "line_item", ObjectType::LineItem),
    standard(14, "quotes", "quote", ObjectType::Quote),
    standard(18, "communications", "communication", ObjectType::Communication),
    standard(19, "feedback_submissions", "feedback_submission", ObjectType::FeedbackSubmission),
    standard(27, "tasks", "task", ObjectType::Task),
    standard(46, "notes", "note", ObjectType::Note),
    standard(47, "meetings", "meeting", ObjectType::Meeting),
    standard(48, "calls", "call", ObjectType::Call),
    standard(49, "emails", "email", ObjectType::Email),
    standard(53, "invoices", "invoice", ObjectType::Invoice),
    standard(54, "marketing_events", "marketing_event", ObjectType::MarketingEvent),
    standard(69, "subscriptions", "subscription", ObjectType::Subscription),
    standard(74, "goal_targets", "goal", ObjectType::Goal),
    standard(84, "discounts", "discount", ObjectType::Discount),
    standard(85, "fees", "fee", ObjectType::Fee),
    standard(86, "taxes", "tax", ObjectType::Tax),
    standard(101, "commerce_payments", "payment", ObjectType::Payment),
    standard(115, "users", "user", ObjectType::User),
    standard(116, "postal_mail", "postal_mail", ObjectType::PostalMail),
    standard(123, "orders", "order", ObjectType::Order),
    standard(136, "leads", "lead", ObjectType::Lead),
    standard(142, "carts", "cart", ObjectType::Cart),
    standard(162, "services", "service", ObjectType::Service),
    standard(410, "courses", "course", ObjectType::Course),
    standard(420, "listings", "listing", ObjectType::Listing),
    standard(421, "appointments", "appointment", ObjectType::Appointment),
    standard(970, "projects", "project", ObjectType::Project),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("contacts", Some(ObjectType::Contact))]
    #[case("contact", Some(ObjectType::Contact))]
    #[case("CONTACT", Some(ObjectType::Contact))]
    #[case("0-1", Some(ObjectType::Contact))]
    #[case("0-3", Some(ObjectType::Deal))]
    #[case("line_items", Some(ObjectType::LineItem))]
    #[case("0-970", Some(ObjectType::Project))]
    #[case("goals", Some(ObjectType::Goal))]
    #[case("goal_targets", Some(ObjectType::Goal))]
    #[case("payments", Some(ObjectType::Payment))]
    #[case("2-123", Some(ObjectType::Custom(123)))]
    #[case("2-", None)]
    #[case("2-+5", None)]
    #[case("2-99999999999999999999999", None)]
    #[case("0-4", None)]
    #[case("1-1", None)]
    #[case("p123_cars", None)]
    #[case("", None)]
    fn a_type_is_read_by_id_plural_or_singular(#[case] text: &str, #[case] kind: Option<ObjectType>) {
        assert_eq!(ObjectType::parse(text), kind);
    }

    #[test]
    fn every_standard_type_reads_back_from_each_of_its_spellings() {
        for kind in ObjectType::standard_types() {
            for text in [kind.id(), kind.to_string(), kind.singular().unwrap().to_owned()] {
                assert_eq!(ObjectType::parse(&text), Some(kind), "{text}");
            }
        }
    }

    #[test]
    fn the_table_is_whole_and_in_order() {
        let ids: Vec<u32> = STANDARD.iter().map(|standard| standard.number).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        assert_eq!(STANDARD.last().unwrap().kind, ObjectType::Project);
    }

    proptest! {
        #[test]
        fn a_custom_type_reads_back(number in 0u64..u64::MAX) {
            let kind = ObjectType::Custom(number);
            prop_assert_eq!(ObjectType::parse(&kind.to_string()), Some(kind));
        }

        #[test]
        fn nothing_panics(text in ".*") {
            let _ = ObjectType::parse(&text);
        }
    }
}
