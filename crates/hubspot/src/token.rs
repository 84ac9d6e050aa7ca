//! What a credential looks like, which tells its kind and sometimes its data centre.
//!
//! A shape proves nothing: HubSpot answers a string that is no token at all as if it were an expired one (facts
//! §2.2, trap). It serves diagnosis ("this is a refresh token where an access token belongs") and redaction.

use aws_lc_rs::digest;

use crate::secret::Secret;

/// What a credential looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenShape {
    /// `pat-<hublet>-<uuid>`: a private app's token or a service key, which look alike (facts §5.3).
    Static { hublet: Hublet },
    /// `<hublet>-<uuid>`: an OAuth refresh token or authorisation code (facts §5.2).
    Refresh { hublet: Hublet },
    /// Long base64: an OAuth access token. Its size changes; HubSpot says to allow for 512 characters (facts
    /// §5.2), and nothing else of its form is documented.
    Access,
    /// A bare UUID: a client secret, a client id or a developer API key (facts §5.4, §10 item 40).
    Uuid,
    /// Nothing HubSpot hands out.
    Unknown,
}

/// A HubSpot data centre, as named in a token: `na1`, `eu1`, `na2`, `ap1` have been seen; others (`na3`, `jp1`, `ca1`)
/// are unconfirmed, so any two letters and a digit are taken (facts §5.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hublet([u8; 3]);

impl TokenShape {
    /// Looks at `token`, which should not have spaces around it: with them it is `Unknown`, as it is to HubSpot.
    pub fn of(token: &Secret) -> Self {
        let token = token.expose();
        if let Some(rest) = token.strip_prefix("pat-") {
            return hublet_and_uuid(rest).map_or(Self::Unknown, |hublet| Self::Static { hublet });
        }
        if is_uuid(token) {
            return Self::Uuid;
        }
        match hublet_and_uuid(token) {
            Some(hublet) => Self::Refresh { hublet },
            None if is_access(token) => Self::Access,
            None => Self::Unknown,
        }
    }

    /// The data centre, where the token names one.
    pub const fn hublet(self) -> Option<Hublet> {
        match self {
            Self::Static { hublet } | Self::Refresh { hublet } => Some(hublet),
            Self::Access | Self::Uuid | Self::Unknown => None,
        }
    }

    /// Its name in diagnosis and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Static { .. } => "static",
            Self::Refresh { .. } => "refresh",
            Self::Access => "access",
            Self::Uuid => "uuid",
            Self::Unknown => "unknown",
        }
    }
}

impl Hublet {
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
        let fits =
            bytes[0].is_ascii_lowercase() && bytes[1].is_ascii_lowercase() && bytes[2].is_ascii_digit();
        fits.then_some(Self(bytes))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two letters and a digit")
    }
}

impl std::fmt::Debug for Hublet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Display for Hublet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name for a credential that does not give it away: the first 16 hex digits of SHA-256 over a fixed label and
/// the credential. The same credential has the same name in every instance and after every restart, which metrics
/// and budgets kept between instances need; with 64 bits two credentials of one company do not meet. Tokens hold
/// 122 random bits or more, so the name cannot be turned back by trying.
pub fn fingerprint(token: &Secret) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(FINGERPRINT_LABEL);
    context.update(token.expose().as_bytes());
    let hash = context.finish();
    hash.as_ref()[..FINGERPRINT_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sets these names apart from any other hash of the same credential.
const FINGERPRINT_LABEL: &[u8] = b"hubkeeper credential fingerprint v1\0";
const FINGERPRINT_BYTES: usize = 8;

/// Shorter base64 is more likely a word or a key of something else; samples have 70 characters and more (facts §5.2).
const ACCESS_LENGTH_MIN: usize = 40;
/// Far above the 512 HubSpot asks to allow for.
const ACCESS_LENGTH_MAX: usize = 4096;

fn hublet_and_uuid(text: &str) -> Option<Hublet> {
    let (hublet, uuid) = text.split_once('-')?;
    let hublet = Hublet::parse(hublet)?;
    is_uuid(uuid).then_some(hublet)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_access(text: &str) -> bool {
    (ACCESS_LENGTH_MIN..=ACCESS_LENGTH_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/' | b'='))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const UUID: &str = "1a2b3c4d-0000-1111-2222-333344445555";

    #[rstest]
    #[case(&format!("pat-na1-{UUID}"), "static", Some("na1"))]
    #[case(&format!("pat-eu1-{}", UUID.to_uppercase()), "static", Some("eu1"))]
    #[case(&format!("pat-jp1-{UUID}"), "static", Some("jp1"))]
    #[case(&format!("pat-na-{UUID}"), "unknown", None)]
    #[case(&format!("pat-na1-{}", &UUID[1..]), "unknown", None)]
    #[case(&format!("na1-{UUID}"), "refresh", Some("na1"))]
    #[case(UUID, "uuid", None)]
    #[case(&"CJSP5qf1KhICAQEYs-gDIIGOBii1hQIyGQAf3xBKmlwHjX7OIpuIFEavB2-qYAGQsF4".repeat(2), "access", None)]
    #[case(&format!(" pat-na1-{UUID}"), "unknown", None)]
    #[case(&format!("pat-na1-{UUID}\n"), "unknown", None)]
    #[case("changeme", "unknown", None)]
    #[case("", "unknown", None)]
    fn a_token_is_told_by_its_shape(#[case] token: &str, #[case] name: &str, #[case] hublet: Option<&str>) {
        let shape = TokenShape::of(&Secret::new(token));
        assert_eq!(shape.name(), name);
        assert_eq!(shape.hublet().map(|hublet| hublet.to_string()).as_deref(), hublet);
    }

    #[test]
    fn a_fingerprint_is_stable_short_and_tells_tokens_apart() {
        let one = fingerprint(&Secret::new(format!("pat-na1-{UUID}")));
        // Changing it splits the budgets of instances of different versions.
        assert_eq!(one, "1dbd2695e5890249");
        assert_ne!(one, fingerprint(&Secret::new(format!("pat-na2-{UUID}"))));
    }

    proptest! {
        #[test]
        fn a_fingerprint_never_holds_the_token(token in "[a-f0-9]{8,40}") {
            let name = fingerprint(&Secret::new(token.clone()));
            prop_assert_eq!(name.len(), 16);
            prop_assert!(!name.contains(&token));
        }

        #[test]
        fn nothing_panics(token in ".*") {
            let _ = TokenShape::of(&Secret::new(token));
        }
    }
}
