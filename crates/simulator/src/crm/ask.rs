//! A call as the CRM's parts see it: with its version, its moment, and its query and body already typed.

use http::Method;
use serde::de::DeserializeOwned;

use super::Moment;
use super::refusal::Refusal;
use crate::call::Call;

/// The API versions whose success codes differ, facts §2.3 and §4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V3,
    V4,
    Dated2025September,
    Dated2026March,
    Dated2026September,
}

impl Version {
    /// Reads a path segment: `v3`, `2026-03`.
    pub(super) fn parse(segment: &str) -> Option<Self> {
        match segment {
            "v3" => Some(Self::V3),
            "v4" => Some(Self::V4),
            "2025-09" => Some(Self::Dated2025September),
            "2026-03" => Some(Self::Dated2026March),
            "2026-09" | "2026-09-beta" => Some(Self::Dated2026September),
            _ => None,
        }
    }
}

/// One call on its way through the CRM.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) call: &'a Call,
    pub(super) moment: &'a Moment,
    pub(super) version: Version,
}

impl<'a> Ask<'a> {
    pub(super) fn method(&self) -> &'a Method {
        &self.call.method
    }

    /// The body as `T`; a refusal in HubSpot's words when it is not one.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.call.body).map_err(|error| Refusal::bad_json(&error))
    }

    /// A list given as `a,b`, as repeated parameters, or both.
    pub(super) fn names(&self, parameter: &str) -> Vec<String> {
        let given = self.call.query.iter().filter(|(key, _)| key == parameter);
        let parts = given.flat_map(|(_, value)| value.split(','));
        parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// `?archived=true`; absent means live.
    pub(super) fn shelf(&self) -> Shelf {
        if self.is_set("archived") { Shelf::Archived } else { Shelf::Live }
    }

    /// Whether a parameter says `true`, in any case: HubSpot's Python client writes `True`.
    pub(super) fn is_set(&self, parameter: &str) -> bool {
        self.call.query(parameter).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// `?limit=`, between 1 and `max`.
    pub(super) fn limit(&self, default: usize, max: usize) -> Result<usize, Refusal> {
        let Some(text) = self.call.query("limit").filter(|text| !text.is_empty()) else {
            return Ok(default);
        };
        match text.parse::<usize>() {
            Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
            Ok(_) | Err(_) => {
                Err(Refusal::invalid(format!("limit must be between 1 and {max}, but was {text}")))
            }
        }
    }

    /// `?after=` of the id-based paging; nothing means the first page.
    pub(super) fn after(&self) -> Result<u64, Refusal> {
        let Some(text) = self.call.query("after").filter(|text| !text.is_empty()) else {
            return Ok(0);
        };
        text.parse().map_err(|_| Refusal::invalid(format!("The paging cursor 'after' is not valid: {text}")))
    }
}

/// Which of the two piles a read looks at: never both at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    Live,
    Archived,
}
