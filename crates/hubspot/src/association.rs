//! HubSpot's own association type ids, in both directions.
//!
//! An association has a direction, and its id belongs to that direction: contact → deal is 4, deal → contact is 3.
//! Writing one with the other's id fails, or worse, changes the primary company (facts §10, items 9 to 12). Ids
//! of custom objects and custom labels are per account and are not here; they come from `/labels`. The v1 API
//! numbers its associations differently (facts §4.2) and is not covered.
//!
//! Types are given in any spelling of [`ObjectType::parse`], or by the singular HubSpot's list uses
//! (`payment_link`, `discount_code`, …).

use crate::object_type::ObjectType;

mod table;

/// One `HUBSPOT_DEFINED` association type. It prints as `contact → company 1 (primary)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssociationType {
    /// Singular, as in HubSpot's list.
    pub from: &'static str,
    pub to: &'static str,
    pub id: u32,
    pub label: Label,
}

/// What an association says beyond that the two records belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// The default. Exactly one id of each direction of a pair.
    Unlabelled,
    /// One of the two is the primary company (or contact, or deal) of the other. Only one can be.
    Primary,
    Billing,
    Signer,
    ParentToChild,
    ChildToParent,
    /// A line item of a coming billing period.
    Upcoming,
}

/// The unlabelled type from `from` to `to`.
pub fn default_type(from: &str, to: &str) -> Option<&'static AssociationType> {
    labelled_type(from, to, Label::Unlabelled)
}

/// The type from `from` to `to` with `label`.
pub fn labelled_type(from: &str, to: &str, label: Label) -> Option<&'static AssociationType> {
    types(from, to).find(|known| known.label == label)
}

/// Every type from `from` to `to`, the unlabelled one first.
pub fn types(from: &str, to: &str) -> impl Iterator<Item = &'static AssociationType> {
    let (from, to) = (Kind::read(from), Kind::read(to));
    all().iter().filter(move |known| from.is(known.from) && to.is(known.to))
}

/// What an id stands for.
pub fn describe(id: u32) -> Option<&'static AssociationType> {
    all().iter().find(|known| known.id == id)
}

/// The classic mistake: `id` belongs to `to` → `from`. Gives the id that was meant, the one with the same label
/// in the right direction, else the unlabelled one. `None` if `id` is right, unknown, or of another pair.
pub fn is_reversed(from: &str, to: &str, id: u32) -> Option<u32> {
    if types(from, to).any(|known| known.id == id) {
        return None;
    }
    let reversed = types(to, from).find(|known| known.id == id)?;
    let meant = labelled_type(from, to, reversed.label).or_else(|| default_type(from, to))?;
    Some(meant.id)
}

/// The complete documented list, 410 types, grouped by `from`.
pub fn all() -> &'static [AssociationType] {
    &table::TYPES
}

impl Label {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unlabelled => "unlabelled",
            Self::Primary => "primary",
            Self::Billing => "billing",
            Self::Signer => "signer",
            Self::ParentToChild => "parent to child",
            Self::ChildToParent => "child to parent",
            Self::Upcoming => "upcoming",
        }
    }
}

impl std::fmt::Display for AssociationType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {} {} ({})", self.from, self.to, self.id, self.label.name())
    }
}

/// A type as a caller spells it, read once per look-up.
enum Kind<'a> {
    Standard(ObjectType),
    /// Not a type of [`ObjectType`], but perhaps a singular of the list.
    Named(&'a str),
}

impl<'a> Kind<'a> {
    fn read(text: &'a str) -> Self {
        ObjectType::parse(text).map_or(Self::Named(text), Self::Standard)
    }

    fn is(&self, singular: &str) -> bool {
        match self {
            Self::Standard(kind) => kind.singular() == Some(singular),
            Self::Named(name) => name.eq_ignore_ascii_case(singular),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// The core matrix of facts §4.2, written down apart from the list of §4.3.
    const MATRIX: &str = "
        contact: contact 449, company 279/1/931, deal 4, ticket 15, note 201, task 203, call 193, email 197, meeting 199, communication 82, postal_mail 454, lead 609, quote 70/703/1227
        company: contact 280/2/930, company 450/14/13, deal 342/6, ticket 340/25, note 189, task 191, call 181, email 185, meeting 187, communication 88, postal_mail 460, lead 611, quote 72/1335
        deal: contact 3, company 341/5, deal 451, ticket 27, note 213, task 215, call 205, email 209, meeting 211, communication 86, postal_mail 458, lead 1038/583, line_item 19, quote 63
        ticket: contact 16, company 339/26, deal 28, ticket 452, note 227, task 229, call 219, email 223, meeting 225, communication 84, postal_mail 456
        note: contact 202, company 190, deal 214, ticket 228, lead 855
        task: contact 204, company 192, deal 216, ticket 230, lead 647, quote 218
        call: contact 194, company 182, deal 206, ticket 220, lead 597
        email: contact 198, company 186, deal 210, ticket 224
        meeting: contact 200, company 188, deal 212, ticket 226, lead 601
        communication: contact 81, company 87, deal 85, ticket 83, lead 603
        postal_mail: contact 453, company 459, deal 457, ticket 455
        lead: contact 608/578, company 610/580, deal 1037/582, note 854, task 646, call 596, email 598, meeting 600, communication 602
        line_item: deal 20, quote 68
        quote: contact 69/1226/702, company 71/1334, deal 64, task 217, line_item 67";

    #[test]
    fn the_list_agrees_with_the_matrix() {
        for line in MATRIX.trim().lines() {
            let (from, cells) = line.trim().split_once(": ").unwrap();
            for cell in cells.split(", ") {
                let (to, ids) = cell.split_once(' ').unwrap();
                let expected: BTreeSet<u32> = ids.split('/').map(|id| id.parse().unwrap()).collect();
                let listed: BTreeSet<u32> = types(from, to).map(|known| known.id).collect();
                assert_eq!(listed, expected, "{from} → {to}");
                let default: u32 = ids.split('/').next().unwrap().parse().unwrap();
                assert_eq!(default_type(from, to).map(|known| known.id), Some(default), "{from} → {to}");
            }
        }
    }

    #[test]
    fn every_id_is_there_once_and_every_pair_has_one_default() {
        let ids: BTreeSet<u32> = all().iter().map(|known| known.id).collect();
        assert_eq!((all().len(), ids.len()), (410, 410));
        let mut defaults: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for known in all() {
            *defaults.entry((known.from, known.to)).or_default() +=
                usize::from(known.label == Label::Unlabelled);
        }
        assert_eq!(defaults.len(), 386);
        assert!(defaults.values().all(|count| *count == 1));
    }

    #[test]
    fn the_labelled_ones() {
        let shown: Vec<String> =
            all().iter().filter(|known| known.label != Label::Unlabelled).map(ToString::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        company → company 14 (child to parent)
        company → company 13 (parent to child)
        company → contact 2 (primary)
        company → contact 930 (billing)
        company → deal 6 (primary)
        company → ticket 25 (primary)
        company → order 510 (primary)
        company → quote 1335 (billing)
        contact → company 1 (primary)
        contact → company 931 (billing)
        contact → quote 703 (signer)
        contact → quote 1227 (billing)
        deal → company 5 (primary)
        deal → lead 583 (primary)
        ticket → company 26 (primary)
        lead → contact 578 (primary)
        lead → company 580 (primary)
        lead → deal 582 (primary)
        quote → contact 1226 (billing)
        quote → contact 702 (signer)
        quote → company 1334 (billing)
        line_item → subscription 565 (upcoming)
        order → company 509 (primary)
        project → company 1299 (primary)
        ");
    }

    /// The pairs people reverse most (facts §4.2) and those printed wrongly in guides (facts §10).
    #[rstest]
    #[case("contacts", "deals", 3, Some(4))]
    #[case("deals", "contacts", 4, Some(3))]
    #[case("0-1", "0-5", 16, Some(15))]
    #[case("ticket", "contact", 15, Some(16))]
    #[case("company", "deal", 341, Some(342))]
    #[case("company", "deal", 5, Some(6))]
    #[case("deal", "company", 6, Some(5))]
    #[case("company", "ticket", 26, Some(25))]
    #[case("ticket", "company", 340, Some(339))]
    #[case("contact", "company", 2, Some(1))]
    #[case("contact", "company", 280, Some(279))]
    #[case("contact", "quote", 702, Some(703))]
    #[case("line_items", "subscriptions", 301, Some(302))]
    #[case("contact", "deal", 4, None)]
    #[case("note", "contact", 202, None)]
    #[case("company", "company", 13, None)]
    #[case("contact", "deal", 279, None)]
    #[case("contact", "deal", 99_999, None)]
    #[case("2-1", "contact", 4, None)]
    fn a_reversed_id_is_put_right(
        #[case] from: &str,
        #[case] to: &str,
        #[case] id: u32,
        #[case] meant: Option<u32>,
    ) {
        assert_eq!(is_reversed(from, to, id), meant);
    }

    #[test]
    fn an_id_says_what_it_is() {
        assert_eq!(describe(1).unwrap().to_string(), "contact → company 1 (primary)");
        assert_eq!(describe(13).unwrap().to_string(), "company → company 13 (parent to child)");
        assert_eq!(describe(214).unwrap().to_string(), "note → deal 214 (unlabelled)");
        assert_eq!(describe(0), None);
    }

    #[test]
    fn a_type_outside_the_standard_ones_is_found_by_its_singular() {
        assert_eq!(default_type("orders", "discount_code").unwrap().id, 521);
        assert_eq!(default_type("payment_link", "contacts").unwrap().id, 469);
        assert_eq!(default_type("custom_thing", "contacts"), None);
    }

    proptest! {
        /// Whatever is put right is right: it starts and ends where asked, with the same label or none.
        #[test]
        fn what_is_put_right_is_right(index in 0usize..410) {
            let known = &all()[index];
            prop_assert_eq!(is_reversed(known.from, known.to, known.id), None);
            if let Some(meant) = is_reversed(known.to, known.from, known.id) {
                let meant = describe(meant).unwrap();
                prop_assert_eq!((meant.from, meant.to), (known.to, known.from));
                prop_assert!(meant.label == known.label || meant.label == Label::Unlabelled);
            }
        }
    }
}
