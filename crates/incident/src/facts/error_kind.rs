//! [`ErrorKind`] by name, tolerantly: a name we do not know reads as nothing instead of failing the whole document.

use hubspot::error::ErrorKind;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NAMES: &[(&str, ErrorKind)] = &[
    ("validation", ErrorKind::Validation),
    ("invalid_authentication", ErrorKind::InvalidAuthentication),
    ("expired_authentication", ErrorKind::ExpiredAuthentication),
    ("missing_scopes", ErrorKind::MissingScopes),
    ("user_permissions", ErrorKind::UserPermissions),
    ("forbidden", ErrorKind::Forbidden),
    ("not_found", ErrorKind::NotFound),
    ("no_such_endpoint", ErrorKind::NoSuchEndpoint),
    ("method_not_allowed", ErrorKind::MethodNotAllowed),
    ("conflict", ErrorKind::Conflict),
    ("too_long", ErrorKind::TooLong),
    ("locked", ErrorKind::Locked),
    ("burst_limit", ErrorKind::BurstLimit),
    ("search_limit", ErrorKind::SearchLimit),
    ("daily_limit", ErrorKind::DailyLimit),
    ("other_limit", ErrorKind::OtherLimit),
    ("migrating", ErrorKind::Migrating),
    ("internal", ErrorKind::Internal),
    ("processing", ErrorKind::Processing),
    ("unavailable", ErrorKind::Unavailable),
    ("origin_unreachable", ErrorKind::OriginUnreachable),
    ("edge_timeout", ErrorKind::EdgeTimeout),
    ("edge_block", ErrorKind::EdgeBlock),
    ("proxy", ErrorKind::Proxy),
    ("bad_refresh_token", ErrorKind::BadRefreshToken),
    ("bad_client", ErrorKind::BadClient),
    ("other_oauth", ErrorKind::OtherOauth),
    ("partial", ErrorKind::Partial),
    ("other_client", ErrorKind::OtherClient),
    ("other_server", ErrorKind::OtherServer),
];

/// The kind of that name.
pub fn parse(name: &str) -> Option<ErrorKind> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

pub(super) fn serialize<S: Serializer>(kind: &Option<ErrorKind>, serializer: S) -> Result<S::Ok, S::Error> {
    kind.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ErrorKind>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|name| parse(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_the_kinds_serialise_to() {
        for (name, kind) in NAMES {
            assert_eq!(serde_json::to_value(kind).unwrap(), *name);
        }
    }
}
