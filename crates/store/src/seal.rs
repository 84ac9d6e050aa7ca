//! What is kept of credentials, unreadable to whoever has the database alone.
//!
//! Each kept credential is sealed with a key of its own, made when it is kept; that key is sealed with the *key-encryption
//! key*, which is never in the store. Both seals hold whose they are, so that a row cannot be put in another's place: it
//! would not open. Changing the key-encryption key wraps the small keys anew and leaves what they seal.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, rand};
use hubspot::secret::Secret;
use zeroize::Zeroizing;

/// The key-encryption key, and the one before while rows may still be wrapped with it. Cheap to clone; it shows nothing.
#[derive(Clone)]
pub struct Sealer(std::sync::Arc<[Kek]>);

struct Kek {
    id: [u8; ID_BYTES],
    key: LessSafeKey,
}

/// Whose a sealed thing is. None of it is secret; all of it has to be the same for it to open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) portal_id: u64,
    pub(crate) record: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) version: i64,
}

/// A key that seals one row, open.
pub(crate) struct DataKey {
    key: LessSafeKey,
    /// As it is kept.
    pub(crate) wrapped: Vec<u8>,
}

/// Why something sealed does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("it is sealed with another key than [store] key")]
    OtherKey,
    #[error("it was changed, or put in another's place")]
    Broken,
}

const FORMAT: u8 = 1;
const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 8;
const TAG_BYTES: usize = 16;

impl Sealer {
    /// From its written form, 64 hexadecimal digits, and that of the key before it.
    pub fn of_text(key: &Secret, before: Option<&Secret>) -> Option<Self> {
        let keys = [Some(key), before].into_iter().flatten();
        Some(Self(keys.map(Kek::of_text).collect::<Option<Vec<_>>>()?.into()))
    }

    /// A new key in its written form. `None`: the system has no randomness.
    pub fn make() -> Option<Secret> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut *bytes).ok()?;
        Some(Secret::new(crate::audit::key::hex(&*bytes)))
    }

    /// A new key for one row. `None`: the system has no randomness.
    pub(crate) fn data_key(&self, place: Place<'_>) -> Option<DataKey> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut *bytes).ok()?;
        let kek = &self.0[0];
        let mut wrapped = vec![FORMAT];
        wrapped.extend(kek.id);
        wrapped.extend(seal(&kek.key, &place.wrap(), &*bytes)?);
        Some(DataKey { key: key(&*bytes)?, wrapped })
    }

    pub(crate) fn open_data_key(&self, wrapped: &[u8], place: Place<'_>) -> Result<DataKey, SealError> {
        let (head, sealed) = wrapped.split_at_checked(1 + ID_BYTES).ok_or(SealError::Broken)?;
        if head[0] != FORMAT {
            return Err(SealError::Broken);
        }
        let kek = self.0.iter().find(|kek| kek.id == head[1..]).ok_or(SealError::OtherKey)?;
        let bytes = open(&kek.key, &place.wrap(), sealed)?;
        Ok(DataKey { key: key(&bytes).ok_or(SealError::Broken)?, wrapped: wrapped.to_owned() })
    }

    /// The same data key, wrapped with the key of now; `None` where it is already.
    pub(crate) fn wrap_anew(&self, wrapped: &[u8], place: Place<'_>) -> Result<Option<Vec<u8>>, SealError> {
        let (head, sealed) = wrapped.split_at_checked(1 + ID_BYTES).ok_or(SealError::Broken)?;
        let kek = self.0.iter().find(|kek| kek.id == head[1..]).ok_or(SealError::OtherKey)?;
        let now = &self.0[0];
        if kek.id == now.id {
            return Ok(None);
        }
        let bytes = open(&kek.key, &place.wrap(), sealed)?;
        let mut anew = vec![FORMAT];
        anew.extend(now.id);
        anew.extend(seal(&now.key, &place.wrap(), &bytes).ok_or(SealError::Broken)?);
        Ok(Some(anew))
    }
}

impl Kek {
    fn of_text(text: &Secret) -> Option<Self> {
        let bytes = Zeroizing::new(crate::audit::key::of_hex(text.expose().trim())?);
        let digest = digest::digest(&digest::SHA256, &[b"hubkeeper key name v1\0", &bytes[..]].concat());
        Some(Self { id: digest.as_ref()[..ID_BYTES].try_into().ok()?, key: key(&bytes)? })
    }
}

impl DataKey {
    pub(crate) fn seal(&self, place: Place<'_>, secret: &Secret) -> Option<Vec<u8>> {
        let mut sealed = vec![FORMAT];
        sealed.extend(seal(&self.key, &place.whole(), secret.expose().as_bytes())?);
        Some(sealed)
    }

    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Secret, SealError> {
        let (format, sealed) = sealed.split_first().ok_or(SealError::Broken)?;
        if *format != FORMAT {
            return Err(SealError::Broken);
        }
        let bytes = open(&self.key, &place.whole(), sealed)?;
        std::str::from_utf8(&bytes).map(Secret::new).map_err(|_| SealError::Broken)
    }
}

impl Place<'_> {
    fn whole(&self) -> Vec<u8> {
        self.bound_to(b"hubkeeper sealed v1", self.kind, self.version)
    }

    /// A data key is for all of a row, and outlives none of its versions.
    fn wrap(&self) -> Vec<u8> {
        self.bound_to(b"hubkeeper data key v1", "data_key", self.version)
    }

    /// Each part with its length before it, so that bytes do not move between them.
    fn bound_to(&self, label: &[u8], kind: &str, version: i64) -> Vec<u8> {
        let parts = [
            label,
            &self.portal_id.to_le_bytes(),
            kind.as_bytes(),
            self.record.as_bytes(),
            &version.to_le_bytes(),
        ];
        let sized = parts.iter().flat_map(|part| [&(part.len() as u64).to_le_bytes()[..], part].concat());
        sized.collect()
    }
}

fn key(bytes: &[u8]) -> Option<LessSafeKey> {
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?))
}

/// A random nonce, and what is sealed with it. Each key seals a handful of things, so that none comes twice.
fn seal(key: &LessSafeKey, bound_to: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).ok()?;
    let mut sealed = Vec::with_capacity(plain.len() + TAG_BYTES);
    sealed.extend(plain);
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound_to), &mut sealed)
        .ok()?;
    Some([&nonce[..], &sealed].concat())
}

fn open(key: &LessSafeKey, bound_to: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Broken)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Broken)?;
    let mut plain = Zeroizing::new(sealed.to_owned());
    let length =
        key.open_in_place(nonce, Aad::from(bound_to), &mut plain).map_err(|_| SealError::Broken)?.len();
    plain.truncate(length);
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place<'_> = Place { portal_id: 7, record: "sales", kind: "refresh_token", version: 3 };

    #[test]
    fn it_opens_in_its_place_and_in_no_other() {
        let sealer = Sealer::of_text(&Sealer::make().unwrap(), None).unwrap();
        let key = sealer.data_key(PLACE).unwrap();
        let sealed = key.seal(PLACE, &Secret::new("na1-token")).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("token"));
        let key = sealer.open_data_key(&key.wrapped, PLACE).unwrap();
        assert_eq!(key.open(PLACE, &sealed).unwrap().expose(), "na1-token");
        for other in [
            Place { portal_id: 8, ..PLACE },
            Place { record: "service", ..PLACE },
            Place { kind: "access_token", ..PLACE },
            Place { version: 4, ..PLACE },
        ] {
            assert_eq!(key.open(other, &sealed).unwrap_err(), SealError::Broken, "{other:?}");
        }
    }

    #[test]
    fn another_key_is_told_and_the_one_before_still_opens() {
        let (old, new) = (Sealer::make().unwrap(), Sealer::make().unwrap());
        let before = Sealer::of_text(&old, None).unwrap();
        let wrapped = before.data_key(PLACE).unwrap().wrapped;
        let alone = Sealer::of_text(&new, None).unwrap();
        assert_eq!(alone.open_data_key(&wrapped, PLACE).err(), Some(SealError::OtherKey));
        let both = Sealer::of_text(&new, Some(&old)).unwrap();
        assert!(both.open_data_key(&wrapped, PLACE).is_ok());
        let anew = both.wrap_anew(&wrapped, PLACE).unwrap().unwrap();
        assert!(alone.open_data_key(&anew, PLACE).is_ok());
        assert_eq!(both.wrap_anew(&anew, PLACE), Ok(None));
        for text in ["", "abc", &"0".repeat(63), &"g".repeat(64)] {
            assert!(Sealer::of_text(&Secret::new(text), None).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_bit_never_opens(place in 0_usize..200, bit in 0_u8..8) {
            let sealer = Sealer::of_text(&Sealer::make().unwrap(), None).unwrap();
            let key = sealer.data_key(PLACE).unwrap();
            let mut sealed = key.seal(PLACE, &Secret::new("na1-token")).unwrap();
            let mut wrapped = key.wrapped.clone();
            let at = place % sealed.len();
            sealed[at] ^= 1 << bit;
            prop_assert!(key.open(PLACE, &sealed).is_err());
            let at = place % wrapped.len();
            wrapped[at] ^= 1 << bit;
            prop_assert!(sealer.open_data_key(&wrapped, PLACE).is_err());
        }
    }
}
