//! Kinds of record, small enough to be counted and kept in sets.

use hubspot::object_type::ObjectType;

/// A kind of record. All of an account's own kinds are one: in a path they stand by id or by name, and which name
/// belongs to which id only the account knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Kind(u8);

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kinds(u64);

impl Kind {
    /// Every standard kind, and one for the accounts' own.
    pub(crate) const COUNT: usize = 33;
    pub(crate) const CONTACT: Self = Self(1);
    const OWN: Self = Self(0);

    /// The kind that a path names.
    pub(crate) fn parse(word: &str) -> Self {
        match ObjectType::parse(word) {
            None | Some(ObjectType::Custom(_)) => Self::OWN,
            Some(standard) => {
                let place = ObjectType::standard_types().position(|kind| kind == standard);
                place.and_then(|place| u8::try_from(place + 1).ok()).map_or(Self::OWN, Self)
            }
        }
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self((1 << Kind::COUNT) - 1);

    #[must_use]
    pub(crate) const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind.0)
    }

    #[must_use]
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The indices of its kinds.
    pub(crate) fn indices(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let next = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (next < Kind::COUNT).then_some(next)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        assert_eq!(ObjectType::standard_types().count() + 1, Kind::COUNT);
        let all = ObjectType::standard_types().fold(Kinds::NONE.with(Kind::OWN), |all, kind| {
            assert_eq!(Kind::parse(&kind.id()), Kind::parse(&kind.to_string()));
            all.with(Kind::parse(&kind.id()))
        });
        assert_eq!(all, Kinds::ALL);
        assert_eq!(all.indices().collect::<Vec<_>>(), (0..Kind::COUNT).collect::<Vec<_>>());
        assert_eq!(Kind::parse("contact"), Kind::CONTACT);
    }

    #[test]
    fn an_accounts_own_kinds_are_one() {
        assert_eq!(Kind::parse("2-55"), Kind::OWN);
        assert_eq!(Kind::parse("p7_cars"), Kind::OWN);
    }
}
