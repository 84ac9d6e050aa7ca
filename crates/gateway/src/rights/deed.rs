//! What a call does, read from its method and path: which part of HubSpot it touches, with which verb, on which objects.

use std::borrow::Cow;

use http::Method;
use hubspot::endpoint::Path;
use hubspot::object_type::ObjectType;
use serde::{Deserialize, Serialize};

/// The parts that roles tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    /// Records, their associations, lists, consent and events.
    Records,
    /// Properties, pipelines, schemas, association labels.
    Definitions,
    /// Imports and exports.
    Transfers,
    Webhooks,
    /// Owners and what the account says of itself.
    Account,
    /// OAuth and installs.
    Credentials,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    Read,
    Create,
    Update,
    /// What the recycle bin gives back, and merges.
    Archive,
    /// For good.
    Erase,
}

/// What a call does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deed<'a> {
    pub(crate) area: Area,
    pub(crate) verb: Verb,
    /// As the path spells them; none where it names none.
    pub(crate) objects: Vec<&'a str>,
    pub(crate) of_associations: bool,
}

impl<'a> Deed<'a> {
    pub(crate) fn of(method: &Method, path: &'a str) -> Self {
        let path = Path::read(path);
        let words = path.words();
        let (area, count) = area(words);
        let mut objects: Vec<&'a str> = words.iter().copied().skip(2).take(count).collect();
        let mut of_associations = words.get(1) == Some(&"associations");
        if let ["crm", "objects", _, _, "associations", rest @ ..] = words {
            of_associations = true;
            objects.extend(rest.iter().find(|word| **word != "default"));
        }
        Self { area, verb: verb(method, words), objects, of_associations }
    }

    /// Its name in our 403.
    pub(crate) fn right(&self) -> String {
        format!("{}.{}", self.area.name(), self.verb.name())
    }
}

/// The part, and how many of the words after the second name objects.
fn area(words: &[&str]) -> (Area, usize) {
    match words {
        ["crm", "objects", _, ..] => (Area::Records, 1),
        ["crm", "associations", _, _, "labels", ..] | ["crm", "associations", "definitions", ..] => {
            (Area::Definitions, 0)
        }
        ["crm", "associations", _, _, ..] => (Area::Records, 2),
        ["crm", "lists", ..] | ["communication-preferences", ..] | ["events", ..] => (Area::Records, 0),
        ["crm", "properties" | "pipelines" | "property-validations", _, ..] => (Area::Definitions, 1),
        ["crm", "schemas" | "limits", ..] | ["crm-object-schemas", ..] => (Area::Definitions, 0),
        ["crm", "imports" | "exports", ..] => (Area::Transfers, 0),
        ["crm", "owners", ..] | ["account-info", ..] | ["owners", ..] => (Area::Account, 0),
        ["webhooks" | "app-webhooks" | "webhooks-journal", ..] => (Area::Webhooks, 0),
        ["oauth" | "appinstalls", ..] => (Area::Credentials, 0),
        _ => (Area::Other, 0),
    }
}

fn verb(method: &Method, words: &[&str]) -> Verb {
    let last = words.last().copied().unwrap_or_default();
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => Verb::Read,
        Method::DELETE => Verb::Archive,
        Method::PUT | Method::PATCH => Verb::Update,
        _ => match last {
            "search" | "read" => Verb::Read,
            "update" | "upsert" => Verb::Update,
            "archive" | "merge" | "purge" => Verb::Archive,
            "gdpr-delete" => Verb::Erase,
            _ => Verb::Create,
        },
    }
}

/// `contacts`, `contact`, `0-1`: all are contacts.
pub(crate) fn is_same_object(one: &str, other: &str) -> bool {
    match (ObjectType::parse(one), ObjectType::parse(other)) {
        (Some(one), Some(other)) => one.id() == other.id(),
        (Some(_), None) | (None, Some(_)) => false,
        (None, None) => one.eq_ignore_ascii_case(other),
    }
}

/// The path without escapes. `None` where a server could read it in another way than we do: then nobody knows what was asked.
pub(crate) fn plain(path: &str) -> Option<Cow<'_, str>> {
    let decoded = if path.contains('%') { Cow::Owned(unescaped(path)?) } else { Cow::Borrowed(path) };
    let hidden = |segment: &str| matches!(segment, "." | "..") || segment.contains([';', '\\', '\0']);
    let same_shape = decoded.matches('/').count() == path.matches('/').count();
    (same_shape && !decoded.contains('%') && !decoded.split('/').any(hidden)).then_some(decoded)
}

pub(super) fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

impl Area {
    const fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Definitions => "definitions",
            Self::Transfers => "transfers",
            Self::Webhooks => "webhooks",
            Self::Account => "account",
            Self::Credentials => "credentials",
            Self::Other => "other",
        }
    }
}

impl Verb {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Archive => "archive",
            Self::Erase => "erase",
        }
    }
}
