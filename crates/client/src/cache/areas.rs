//! The parts of HubSpot's API beside the CRM's records and definitions, each of which is written as a whole: what is kept of
//! one ends with any write to it. Finer would be a guess: a folder that goes takes its files along, a page that is published
//! its draft.

use hubspot::endpoint::ApiFamily;
use hubspot::object_type::ObjectType;

/// A set of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Areas(u32);

impl Areas {
    pub(crate) const COUNT: usize = ApiFamily::ALL.len();
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self((1 << Self::COUNT) - 1);

    pub(crate) const fn of(family: ApiFamily) -> Self {
        Self(1 << family as u32)
    }

    /// Those that show the CRM's records of a kind as things of their own.
    pub(crate) fn showing(kind: &str) -> Self {
        match (ObjectType::parse(kind), kind) {
            (Some(ObjectType::MarketingEvent), _) => Self::of(ApiFamily::Marketing),
            (Some(ObjectType::User), _) => Self::of(ApiFamily::Settings),
            (_, "conversations") => Self::of(ApiFamily::Conversations),
            _ => Self::NONE,
        }
    }

    #[must_use]
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, family: ApiFamily) -> bool {
        self.0 & Self::of(family).0 != 0
    }

    /// The indices of its parts.
    pub(crate) fn indices(self) -> impl Iterator<Item = usize> {
        (0..Self::COUNT).filter(move |index| self.0 & (1 << index) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_a_place_of_its_own() {
        let all = ApiFamily::ALL.into_iter().fold(Areas::NONE, |all, family| all.or(Areas::of(family)));
        assert_eq!(all, Areas::ALL);
        assert_eq!(all.indices().count(), ApiFamily::ALL.len());
        let one = Areas::of(ApiFamily::Other);
        assert!(one.has(ApiFamily::Other) && !one.has(ApiFamily::Settings));
    }

    #[test]
    fn some_records_are_things_elsewhere() {
        assert_eq!(Areas::showing("0-54"), Areas::of(ApiFamily::Marketing));
        assert_eq!(Areas::showing("conversations"), Areas::of(ApiFamily::Conversations));
        assert_eq!(Areas::showing("contacts"), Areas::NONE);
    }
}
