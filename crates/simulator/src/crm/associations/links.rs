//! Which records are associated with which, and under which types. Both ends are always written together.

use std::collections::{BTreeMap, BTreeSet};

use super::super::kind::Kind;
use super::super::record::RecordId;
use super::link_type::{LinkTypes, Nature, TypeKey};

/// One record, wherever it lives.
pub(in crate::crm) type End = (Kind, RecordId);

type Types = BTreeSet<TypeKey>;

#[derive(Debug, Default)]
pub(in crate::crm) struct Links {
    /// `(from type, from id, to type)` → to id → types.
    from: BTreeMap<(Kind, RecordId, Kind), BTreeMap<RecordId, Types>>,
}

impl Links {
    /// Neighbours of one type, by id.
    pub(in crate::crm) fn of(&self, end: End, to: Kind) -> impl Iterator<Item = (RecordId, &Types)> {
        let neighbours = self.from.get(&(end.0, end.1, to));
        neighbours.into_iter().flatten().map(|(id, types)| (*id, types))
    }

    pub(in crate::crm) fn between(&self, from: End, to: End) -> Option<&Types> {
        self.from.get(&(from.0, from.1, to.0))?.get(&to.1)
    }

    /// Adds a pair's types to what is there; a labelled type brings the unlabelled one, a primary one takes
    /// the place of the primary before it (facts §4.1 [DOC associate-records]).
    pub(in crate::crm) fn add(&mut self, known: &LinkTypes, from: End, to: End, keys: &[TypeKey]) {
        let plain = known.plain(from.0, to.0).map(|plain| plain.key);
        for key in keys.iter().copied().chain(plain) {
            let Some(link_type) = known.get(key) else { continue };
            match link_type.nature {
                Nature::PrimaryOfHolder => self.dethrone(known, from, to.0, key),
                Nature::PrimaryOfTarget => {
                    if let Some(back) = link_type.back {
                        self.dethrone(known, to, from.0, back);
                    }
                }
                Nature::Plain | Nature::Labelled => {}
            }
            self.insert(from, to, key);
            if let Some(back) = link_type.back {
                self.insert(to, from, back);
            }
        }
    }

    /// The pair has exactly these types afterwards: writing labels replaces those before.
    pub(in crate::crm) fn replace(&mut self, known: &LinkTypes, from: End, to: End, keys: &[TypeKey]) {
        self.cut(from, to);
        self.add(known, from, to, keys);
    }

    /// Takes single types away; the unlabelled one takes the whole association with it (facts §4.1).
    pub(in crate::crm) fn remove_types(&mut self, known: &LinkTypes, from: End, to: End, keys: &[TypeKey]) {
        for key in keys {
            let Some(link_type) = known.get(*key) else { continue };
            match link_type.nature {
                Nature::Plain => {
                    self.cut(from, to);
                }
                Nature::PrimaryOfHolder | Nature::PrimaryOfTarget | Nature::Labelled => {
                    self.take(from, to, *key);
                    if let Some(back) = link_type.back {
                        self.take(to, from, back);
                    }
                }
            }
        }
    }

    /// Ends an association; answers whether there was one.
    pub(in crate::crm) fn cut(&mut self, from: End, to: End) -> bool {
        let there = self.detach(from, to);
        let back = self.detach(to, from);
        there || back
    }

    /// Ends all of a record's associations.
    pub(in crate::crm) fn forget(&mut self, end: End) {
        for (neighbour, _) in self.all_of(end) {
            self.cut(end, neighbour);
        }
    }

    /// Everything a record is associated with.
    pub(in crate::crm) fn all_of(&self, end: End) -> Vec<(End, Vec<TypeKey>)> {
        let range = self.from.range((end.0, end.1, Kind(0))..=(end.0, end.1, Kind(usize::MAX)));
        range
            .flat_map(|((_, _, to), neighbours)| {
                neighbours.iter().map(|(id, types)| ((*to, *id), types.iter().copied().collect()))
            })
            .collect()
    }

    /// A type that no longer exists leaves every pair.
    pub(in crate::crm) fn forget_type(&mut self, key: TypeKey) {
        for neighbours in self.from.values_mut() {
            neighbours.values_mut().for_each(|types| {
                types.remove(&key);
            });
        }
    }

    fn dethrone(&mut self, known: &LinkTypes, holder: End, target: Kind, primary: TypeKey) {
        let back = known.get(primary).and_then(|link_type| link_type.back);
        let before: Vec<RecordId> =
            self.of(holder, target).filter(|(_, types)| types.contains(&primary)).map(|(id, _)| id).collect();
        for id in before {
            self.take(holder, (target, id), primary);
            if let Some(back) = back {
                self.take((target, id), holder, back);
            }
        }
    }

    fn insert(&mut self, from: End, to: End, key: TypeKey) {
        self.from.entry((from.0, from.1, to.0)).or_default().entry(to.1).or_default().insert(key);
    }

    fn take(&mut self, from: End, to: End, key: TypeKey) {
        let neighbours = self.from.get_mut(&(from.0, from.1, to.0));
        if let Some(types) = neighbours.and_then(|neighbours| neighbours.get_mut(&to.1)) {
            types.remove(&key);
        }
    }

    fn detach(&mut self, from: End, to: End) -> bool {
        let place = (from.0, from.1, to.0);
        let Some(neighbours) = self.from.get_mut(&place) else { return false };
        let was = neighbours.remove(&to.1).is_some();
        if neighbours.is_empty() {
            self.from.remove(&place);
        }
        was
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{End, LinkTypes, Links, Nature, TypeKey};
    use crate::crm::kind::Kinds;
    use crate::crm::record::RecordId;

    /// What may be done to a pair, with places into the lists of records and types.
    #[derive(Debug, Clone)]
    enum Deed {
        Add(usize, usize, usize),
        Replace(usize, usize, usize),
        RemoveType(usize, usize, usize),
        Cut(usize, usize),
        Forget(usize),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        let place = 0..6_usize;
        prop_oneof![
            3 => (place.clone(), place.clone(), 0..6_usize).prop_map(|(from, to, key)| Deed::Add(from, to, key)),
            2 => (place.clone(), place.clone(), 0..6_usize).prop_map(|(from, to, key)| Deed::Replace(from, to, key)),
            1 => (place.clone(), place.clone(), 0..6_usize).prop_map(|(from, to, key)| Deed::RemoveType(from, to, key)),
            1 => (place.clone(), place.clone()).prop_map(|(from, to)| Deed::Cut(from, to)),
            1 => place.prop_map(Deed::Forget),
        ]
    }

    /// Both ends agree, nobody has two primaries, and no labelled association lacks the unlabelled type.
    fn check(known: &LinkTypes, links: &Links, ends: &[End]) {
        for from in ends {
            for (to, keys) in links.all_of(*from) {
                let there: Vec<TypeKey> = links.between(to, *from).into_iter().flatten().copied().collect();
                for key in &keys {
                    let back = known.get(*key).unwrap().back;
                    assert!(
                        back.is_none_or(|back| there.contains(&back)),
                        "{key:?} of {from:?} is one-sided"
                    );
                }
                let plain = known.plain(from.0, to.0).unwrap().key;
                assert!(keys.contains(&plain), "{from:?} to {to:?} lacks the unlabelled type");
            }
            let mut primaries: Vec<TypeKey> =
                links.all_of(*from).into_iter().flat_map(|(_, keys)| keys).collect();
            primaries.retain(|key| known.get(*key).unwrap().nature == Nature::PrimaryOfHolder);
            let count = primaries.len();
            primaries.dedup();
            assert_eq!(primaries.len(), count, "{from:?} has two primaries of one type");
        }
    }

    proptest! {
        #[test]
        fn both_ends_stay_in_step(deeds in prop::collection::vec(deed(), 1..40)) {
            let kinds = Kinds::stock();
            let known = LinkTypes::stock(&kinds);
            let ends: Vec<End> = ["contacts", "contacts", "companies", "companies", "deals", "tickets"]
                .iter()
                .zip(1..)
                .map(|(word, id)| (kinds.find(word).unwrap(), RecordId(id)))
                .collect();
            let key = |from: usize, to: usize, place: usize| {
                let keys: Vec<TypeKey> = known.between(ends[from].0, ends[to].0).map(|known| known.key).collect();
                [keys[place % keys.len()]]
            };
            let mut links = Links::default();
            for deed in deeds {
                match deed {
                    Deed::Add(from, to, _) | Deed::Replace(from, to, _) | Deed::RemoveType(from, to, _) | Deed::Cut(from, to)
                        if from == to => {}
                    Deed::Add(from, to, place) => links.add(&known, ends[from], ends[to], &key(from, to, place)),
                    Deed::Replace(from, to, place) => links.replace(&known, ends[from], ends[to], &key(from, to, place)),
                    Deed::RemoveType(from, to, place) => {
                        links.remove_types(&known, ends[from], ends[to], &key(from, to, place));
                    }
                    Deed::Cut(from, to) => {
                        links.cut(ends[from], ends[to]);
                    }
                    Deed::Forget(place) => links.forget(ends[place]),
                }
                check(&known, &links, &ends);
            }
        }
    }
}
