//! The key of the audit log: it signs, and it names people without telling who they are.

use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// 32 random bytes, from which both keys are derived. Cheap to clone; it shows nothing of itself.
#[derive(Clone)]
pub struct AuditKey(Arc<Keys>);

struct Keys {
    signing: Ed25519KeyPair,
    naming: hmac::Key,
}

/// A name is as long as two people of one log need not to share it.
const NAME_BYTES: usize = 16;

impl AuditKey {
    /// From its written form, 64 hexadecimal digits.
    pub fn of_text(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = of_hex(text.trim())?.try_into().ok()?;
        let root = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let derived = |label: &[u8]| hmac::sign(&root, label);
        let signing =
            Ed25519KeyPair::from_seed_unchecked(derived(b"hubkeeper audit signing v1").as_ref()).ok()?;
        let naming = hmac::Key::new(hmac::HMAC_SHA256, derived(b"hubkeeper audit naming v1").as_ref());
        Some(Self(Arc::new(Keys { signing, naming })))
    }

    /// A new key in its written form. `None`: the system has no randomness.
    pub fn make() -> Option<String> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).ok()?;
        Some(hex(&bytes))
    }

    /// The same for the same person, in this log only.
    pub fn name_of(&self, person: &str) -> String {
        let hash = hmac::sign(&self.0.naming, person.as_bytes());
        format!("person:{}", hex(&hash.as_ref()[..NAME_BYTES]))
    }

    pub fn public(&self) -> String {
        hex(self.0.signing.public_key().as_ref())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> String {
        hex(self.0.signing.sign(message).as_ref())
    }
}

/// Whether the holder of the key signed it.
pub(crate) fn is_signed(public: &str, message: &[u8], signature: &str) -> bool {
    let (Some(public), Some(signature)) = (of_hex(public), of_hex(signature)) else { return false };
    UnparsedPublicKey::new(&ED25519, public).verify(message, &signature).is_ok()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn of_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|it| it.len() == 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_and_names_and_another_does_not() {
        let one = AuditKey::of_text(&"1".repeat(64)).unwrap();
        let other = AuditKey::of_text(&"2".repeat(64)).unwrap();
        let signature = one.sign(b"message");
        assert!(is_signed(&one.public(), b"message", &signature));
        assert!(!is_signed(&one.public(), b"massage", &signature));
        assert!(!is_signed(&other.public(), b"message", &signature));
        assert!(!is_signed("", b"message", &signature) && !is_signed(&one.public(), b"message", "zz"));
        assert_eq!(one.name_of("ada@example.com"), one.name_of("ada@example.com"));
        assert_ne!(one.name_of("ada@example.com"), other.name_of("ada@example.com"));
        assert!(!one.name_of("ada@example.com").contains("ada"));
    }

    #[test]
    fn what_is_made_is_a_key_of_its_own() {
        let (one, other) = (AuditKey::make().unwrap(), AuditKey::make().unwrap());
        assert!(AuditKey::of_text(&one).is_some() && one != other);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "abc", &"0".repeat(63), &"g".repeat(64), &"0".repeat(66), &"é".repeat(32)] {
            assert!(AuditKey::of_text(text).is_none(), "{text}");
        }
    }
}
