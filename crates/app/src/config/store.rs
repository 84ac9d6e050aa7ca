//! Where accepted writes and webhooks are kept.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::failure::Failure;
use crate::secret_reference::SecretReference;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreSection {
    pub(crate) url: Option<StoreAddress>,
    pub(crate) key: Option<SecretReference>,
    pub(crate) key_before: Option<SecretReference>,
}

/// An address that may hold a database's password: written out, or a reference. Shown without the password.
#[derive(Clone, PartialEq)]
pub(crate) enum StoreAddress {
    Plain(String),
    Kept(SecretReference),
}

/// What is read as an address and not as the name of a place where one is kept.
const SCHEMES: [&str; 3] = ["sqlite:", "postgres:", "postgresql:"];

impl StoreAddress {
    /// # Errors
    /// A usage failure that names the reference, never the address.
    pub(crate) fn resolve(&self) -> Result<String, Failure> {
        match self {
            Self::Plain(url) => Ok(url.clone()),
            Self::Kept(reference) => Ok(reference.resolve_text()?.expose().to_owned()),
        }
    }

    /// The embedded store's file, where it is one.
    pub(crate) fn file(&self) -> Option<&str> {
        match self {
            Self::Plain(url) => url.strip_prefix("sqlite:"),
            Self::Kept(_) => None,
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(url) => f.write_str(&without_password(url)),
            Self::Kept(reference) => write!(f, "{reference}"),
        }
    }
}

/// `postgres://USER:PASSWORD@HOST/DATABASE?password=…`
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let shown = match rest.rsplit_once('@') {
        Some((who, place)) => format!("{}@{place}", who.split(':').next().unwrap_or_default()),
        None => rest.to_owned(),
    };
    let is_secret = |pair: &&str| pair.starts_with("password=");
    let pairs: Vec<&str> =
        query.iter().flat_map(|query| query.split('&')).filter(|pair| !is_secret(pair)).collect();
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    format!("{scheme}://{shown}{query}")
}

impl<'de> Deserialize<'de> for StoreAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            return Ok(Self::Plain(text));
        }
        let reference = serde::de::value::StringDeserializer::<serde::de::value::Error>::new(text);
        SecretReference::deserialize(reference).map(Self::Kept).map_err(|_| {
            serde::de::Error::custom(
                "a store is `sqlite:PATH` or `postgres://USER@HOST/DATABASE`, or a reference to such an address, as `env:DATABASE_URL`",
            )
        })
    }
}

impl Serialize for StoreAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("postgres://me:p%40ss@db.example/hub", "postgres://me@db.example/hub")]
    #[case("postgres://me:p@ss/word@db.example/hub", "postgres://me@db.example/hub")]
    #[case("postgres://me@db/hub?password=x&sslmode=require", "postgres://me@db/hub?sslmode=require")]
    #[case("postgres://db/hub?password=x", "postgres://db/hub")]
    #[case("sqlite:/var/lib/hubkeeper.db", "sqlite:/var/lib/hubkeeper.db")]
    fn a_password_is_not_shown(#[case] url: &str, #[case] shown: &str) {
        assert_eq!(format!("{:?}", StoreAddress::Plain(url.into())), shown);
    }

    #[rstest]
    #[case("\"env:DATABASE_URL\"", Some("env:DATABASE_URL"))]
    #[case("\"postgresql://db/hub\"", Some("postgresql://db/hub"))]
    #[case("\"mysql://me:secret@db/hub\"", None)]
    fn an_address_or_where_it_is_kept(#[case] text: &str, #[case] expected: Option<&str>) {
        let read = serde_json::from_str::<StoreAddress>(text);
        match expected {
            Some(expected) => assert_eq!(format!("{:?}", read.unwrap()), expected),
            None => assert!(!read.unwrap_err().to_string().contains("secret@")),
        }
    }
}
