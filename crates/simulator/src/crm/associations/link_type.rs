//! Which association types exist between which object types: HubSpot's, and the portal's own labels.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::super::kind::{Kind, Kinds};
use super::stock;

/// First id given to a portal's own types; the real ones are per account, facts §4.1.
const PORTAL_ID_FIRST: u32 = 1;

/// `associationCategory`, facts §4.1 [SPEC `AssociationSpec`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::crm) enum Category {
    #[serde(rename = "HUBSPOT_DEFINED")]
    HubSpotDefined,
    UserDefined,
    IntegratorDefined,
    Work,
}

/// One direction of one association type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::crm) struct TypeKey {
    pub(in crate::crm) category: Category,
    pub(in crate::crm) id: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::crm) enum Nature {
    /// The unlabelled type of a pair.
    Plain,
    /// The record at the `from` end has at most one of these.
    PrimaryOfHolder,
    /// The other direction of the above.
    PrimaryOfTarget,
    Labelled,
}

#[derive(Debug, Clone)]
pub(in crate::crm) struct LinkType {
    pub(in crate::crm) key: TypeKey,
    pub(in crate::crm) from: Kind,
    pub(in crate::crm) to: Kind,
    pub(in crate::crm) label: Option<String>,
    /// `contact_to_company`, the text `type` of v3.
    pub(in crate::crm) name: String,
    pub(in crate::crm) back: Option<TypeKey>,
    pub(in crate::crm) nature: Nature,
}

/// Every association type of the portal.
#[derive(Debug)]
pub(in crate::crm) struct LinkTypes {
    by_key: HashMap<TypeKey, LinkType>,
    by_pair: BTreeMap<(Kind, Kind), Vec<TypeKey>>,
    next_id: u32,
}

/// One direction of a type about to be added.
struct Way {
    from: Kind,
    to: Kind,
    key: TypeKey,
    label: Option<String>,
    name: String,
    nature: Nature,
}

impl Category {
    pub(in crate::crm) fn wire(self) -> &'static str {
        match self {
            Self::HubSpotDefined => "HUBSPOT_DEFINED",
            Self::UserDefined => "USER_DEFINED",
            Self::IntegratorDefined => "INTEGRATOR_DEFINED",
            Self::Work => "WORK",
        }
    }
}

impl LinkTypes {
    pub(in crate::crm) fn stock(kinds: &Kinds) -> Self {
        let mut types = Self { by_key: HashMap::new(), by_pair: BTreeMap::new(), next_id: PORTAL_ID_FIRST };
        let find = |word: &str| kinds.find(word).expect("the tables name stock types");
        for (from, to, there, back) in stock::UNLABELLED {
            types.add_stock(kinds, (find(from), find(to)), (*there, *back), (None, None), Nature::Plain);
        }
        for (from, to, there) in stock::ONE_WAY {
            types.add_stock(kinds, (find(from), find(to)), (*there, 0), (None, None), Nature::Plain);
        }
        for (from, to, there, back) in stock::PRIMARY {
            let label = Some("Primary");
            types.add_stock(
                kinds,
                (find(from), find(to)),
                (*there, *back),
                (label, label),
                Nature::PrimaryOfHolder,
            );
        }
        for (from, to, there, label, back, back_label) in stock::LABELLED {
            let labels = (Some(*label), Some(*back_label));
            types.add_stock(kinds, (find(from), find(to)), (*there, *back), labels, Nature::Labelled);
        }
        types
    }

    pub(in crate::crm) fn get(&self, key: TypeKey) -> Option<&LinkType> {
        self.by_key.get(&key)
    }

    /// Every type from one object type to another, the unlabelled one first.
    pub(in crate::crm) fn between(&self, from: Kind, to: Kind) -> impl Iterator<Item = &LinkType> {
        let keys = self.by_pair.get(&(from, to)).map_or(&[] as &[TypeKey], Vec::as_slice);
        keys.iter().filter_map(|key| self.by_key.get(key))
    }

    pub(in crate::crm) fn plain(&self, from: Kind, to: Kind) -> Option<&LinkType> {
        self.between(from, to).find(|link_type| link_type.nature == Nature::Plain)
    }

    /// The portal's own labels of a pair.
    pub(in crate::crm) fn own_labels(&self, from: Kind, to: Kind) -> impl Iterator<Item = &LinkType> {
        self.between(from, to).filter(|link_type| {
            link_type.key.category == Category::UserDefined && link_type.nature == Nature::Labelled
        })
    }

    /// A label of the portal's own, with both directions; the keys there and back.
    pub(in crate::crm) fn add_label(
        &mut self,
        pair: (Kind, Kind),
        name: &str,
        label: &str,
        inverse: &str,
    ) -> [TypeKey; 2] {
        let (there, back) = (self.next_key(), self.next_key());
        self.add_ways(
            Way {
                from: pair.0,
                to: pair.1,
                key: there,
                label: Some(label.to_owned()),
                name: name.to_owned(),
                nature: Nature::Labelled,
            },
            Way {
                from: pair.1,
                to: pair.0,
                key: back,
                label: Some(inverse.to_owned()),
                name: name.to_owned(),
                nature: Nature::Labelled,
            },
        );
        [there, back]
    }

    /// The unlabelled type between a custom object and another type.
    pub(in crate::crm) fn add_plain(&mut self, kinds: &Kinds, from: Kind, to: Kind) -> TypeKey {
        if let Some(existing) = self.plain(from, to) {
            return existing.key;
        }
        let (there, back) = (self.next_key(), self.next_key());
        self.add_ways(
            Way {
                from,
                to,
                key: there,
                label: None,
                name: pair_name(kinds, from, to),
                nature: Nature::Plain,
            },
            Way {
                from: to,
                to: from,
                key: back,
                label: None,
                name: pair_name(kinds, to, from),
                nature: Nature::Plain,
            },
        );
        there
    }

    /// Renames one direction.
    pub(in crate::crm) fn relabel(&mut self, key: TypeKey, label: &str) {
        if let Some(link_type) = self.by_key.get_mut(&key) {
            link_type.label = Some(label.to_owned());
        }
    }

    /// Takes a type away in both directions.
    pub(in crate::crm) fn remove(&mut self, key: TypeKey) {
        let back = self.by_key.get(&key).and_then(|link_type| link_type.back);
        for key in [Some(key), back].into_iter().flatten() {
            self.by_key.remove(&key);
            self.by_pair.values_mut().for_each(|keys| keys.retain(|kept| *kept != key));
        }
    }

    fn next_key(&mut self) -> TypeKey {
        let id = self.next_id;
        self.next_id += 1;
        TypeKey { category: Category::UserDefined, id }
    }

    fn add_stock(
        &mut self,
        kinds: &Kinds,
        (from, to): (Kind, Kind),
        (there, back): (u32, u32),
        (label, back_label): (Option<&str>, Option<&str>),
        nature: Nature,
    ) {
        let key = |id: u32| TypeKey { category: Category::HubSpotDefined, id };
        let name = |from: Kind, to: Kind, label: Option<&str>| stock_name(kinds, (from, to), label, nature);
        let forward = Way {
            from,
            to,
            key: key(there),
            label: label.map(str::to_owned),
            name: name(from, to, label),
            nature,
        };
        let backward_nature =
            if nature == Nature::PrimaryOfHolder { Nature::PrimaryOfTarget } else { nature };
        let backward = Way {
            from: to,
            to: from,
            key: key(back),
            label: back_label.map(str::to_owned),
            name: name(to, from, back_label),
            nature: backward_nature,
        };
        if back == 0 {
            self.add_way(forward, None);
        } else {
            self.add_ways(forward, backward);
        }
    }

    fn add_ways(&mut self, there: Way, back: Way) {
        let (there_key, back_key) = (there.key, back.key);
        self.add_way(there, Some(back_key));
        if there_key != back_key {
            self.add_way(back, Some(there_key));
        }
    }

    fn add_way(&mut self, way: Way, back: Option<TypeKey>) {
        let Way { from, to, key, label, name, nature } = way;
        self.by_pair.entry((from, to)).or_default().push(key);
        self.by_key.insert(key, LinkType { key, from, to, label, name, back, nature });
    }
}

impl LinkType {
    /// `{category, typeId, label}`
    pub(in crate::crm) fn json(&self) -> Value {
        json!({"category": self.key.category.wire(), "typeId": self.key.id, "label": self.label})
    }
}

fn pair_name(kinds: &Kinds, from: Kind, to: Kind) -> String {
    format!("{}_to_{}", kinds.info(from).singular, kinds.info(to).singular)
}

/// Where a pair has a primary type, that one carries the bare name, as observed on v3 reads.
fn stock_name(kinds: &Kinds, (from, to): (Kind, Kind), label: Option<&str>, nature: Nature) -> String {
    let bare = pair_name(kinds, from, to);
    let singular = |kind: Kind| kinds.info(kind).singular.as_str();
    let is_pair = |(holder, target, ..): &(&str, &str, u32, u32)| {
        [(*holder, *target), (*target, *holder)].contains(&(singular(from), singular(to)))
    };
    match nature {
        Nature::Plain if stock::PRIMARY.iter().any(is_pair) => format!("{bare}_unlabeled"),
        Nature::Plain | Nature::PrimaryOfHolder | Nature::PrimaryOfTarget => bare,
        Nature::Labelled => label.unwrap_or_default().to_lowercase().replace(' ', "_"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Category, LinkTypes, TypeKey};
    use crate::crm::kind::Kinds;

    /// Facts §11, "association ids most used", both directions.
    #[rstest]
    #[case("contacts", "companies", 279, 280)]
    #[case("contacts", "deals", 4, 3)]
    #[case("contacts", "tickets", 15, 16)]
    #[case("companies", "deals", 342, 341)]
    #[case("companies", "tickets", 340, 339)]
    #[case("deals", "tickets", 27, 28)]
    #[case("deals", "line_items", 19, 20)]
    #[case("notes", "contacts", 202, 201)]
    #[case("tasks", "companies", 192, 191)]
    #[case("calls", "deals", 206, 205)]
    #[case("emails", "tickets", 224, 223)]
    #[case("meetings", "contacts", 200, 199)]
    #[case("communications", "contacts", 81, 82)]
    #[case("postal_mail", "deals", 457, 458)]
    #[case("quotes", "line_items", 67, 68)]
    #[case("contacts", "contacts", 449, 449)]
    fn the_unlabelled_ids_are_hubspots(
        #[case] from: &str,
        #[case] to: &str,
        #[case] there: u32,
        #[case] back: u32,
    ) {
        let kinds = Kinds::stock();
        let types = LinkTypes::stock(&kinds);
        let (from, to) = (kinds.find(from).unwrap(), kinds.find(to).unwrap());
        assert_eq!(types.plain(from, to).unwrap().key.id, there);
        assert_eq!(types.plain(to, from).unwrap().key.id, back);
    }

    #[rstest]
    #[case(1, 2)]
    #[case(5, 6)]
    #[case(26, 25)]
    #[case(582, 583)]
    #[case(509, 510)]
    #[case(13, 14)]
    #[case(931, 930)]
    #[case(1334, 1335)]
    #[case(702, 703)]
    #[case(1226, 1227)]
    fn labelled_ids_know_their_way_back(#[case] there: u32, #[case] back: u32) {
        let types = LinkTypes::stock(&Kinds::stock());
        let key = |id| TypeKey { category: Category::HubSpotDefined, id };
        assert_eq!(types.get(key(there)).unwrap().back, Some(key(back)));
        assert_eq!(types.get(key(back)).unwrap().back, Some(key(there)));
    }

    #[test]
    fn no_id_is_used_twice_and_every_way_back_returns() {
        let types = LinkTypes::stock(&Kinds::stock());
        let listed: usize = types.by_pair.values().map(Vec::len).sum();
        assert_eq!(listed, types.by_key.len());
        for link_type in types.by_key.values() {
            let Some(back) = link_type.back else { continue };
            let other = types.get(back).unwrap();
            assert_eq!(
                (other.from, other.to, other.back),
                (link_type.to, link_type.from, Some(link_type.key))
            );
        }
    }
}
