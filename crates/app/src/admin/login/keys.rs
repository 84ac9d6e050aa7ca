//! The keys that open the admin listener: whose each is, and what it may do.

use gateway::admit::KeyDigest;
use parking_lot::Mutex;
use std::sync::Arc;

use crate::admin::rights::AdminRole;
use crate::config::AdminSection;
use crate::failure::Failure;
use crate::secret_reference::SecretReference;
use crate::secrets::{Owner, Secrets, Watched};

/// One that can be guessed is none: ours are 74 characters.
const KEY_CHARS_MIN: usize = 20;

/// All of them. Changing one changes it for everybody who holds this.
#[derive(Clone, Default)]
pub(super) struct Keys(Arc<Mutex<Vec<Key>>>);

#[derive(Debug, Clone)]
struct Key {
    digest: KeyDigest,
    holder: Holder,
}

/// Whose a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    /// `None`: that of [admin] key, which is nobody's in particular.
    pub(super) name: Option<Arc<str>>,
    pub(super) role: AdminRole,
}

impl Keys {
    /// # Errors
    /// A key that cannot be had, could be guessed, or is two holders'.
    pub(super) fn open(
        section: &AdminSection,
        secrets: &Secrets,
        changed: impl Fn(&Holder) + Clone + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let keys = Self::default();
        let main = Holder { name: None, role: AdminRole::Admin };
        keys.add(main, section.key.as_ref(), section.key_sha256.as_deref(), secrets, changed.clone())?;
        for section in &section.keys {
            let holder = Holder { name: Some(Arc::from(section.name.as_str())), role: section.role };
            keys.add(holder, section.key.as_ref(), section.key_sha256.as_deref(), secrets, changed.clone())?;
        }
        Ok(keys)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Whose this key is. All are looked at, each in constant time.
    pub(super) fn holder(&self, given: &[u8]) -> Option<Holder> {
        let keys = self.0.lock();
        let mut found = None;
        for key in keys.iter() {
            if key.digest.is_of(given) {
                found = Some(key.holder.clone());
            }
        }
        found
    }

    fn add(
        &self,
        holder: Holder,
        reference: Option<&SecretReference>,
        digest: Option<&str>,
        secrets: &Secrets,
        changed: impl Fn(&Holder) + Send + Sync + 'static,
    ) -> Result<(), Failure> {
        let whose = holder.whose();
        let Some(reference) = reference else {
            return digest.and_then(KeyDigest::parse).map_or(Ok(()), |digest| self.put(digest, holder));
        };
        let key = reference.resolve()?;
        if key.expose().len() < KEY_CHARS_MIN {
            return Err(Failure::usage(format!("{whose} has fewer than {KEY_CHARS_MIN} characters"))
                .hint("`hubkeeper callers new-key` prints one that nobody guesses"));
        }
        self.put(KeyDigest::of(key.expose().as_bytes()), holder.clone())?;
        let known = self.clone();
        let owner = Owner::AdminKey(holder.name.clone());
        secrets.watch(Watched::new(owner, reference.clone(), key, move |key| {
            known.replace(KeyDigest::of(key.expose().as_bytes()), &holder);
            changed(&holder);
        }));
        Ok(())
    }

    fn put(&self, digest: KeyDigest, holder: Holder) -> Result<(), Failure> {
        let mut keys = self.0.lock();
        if let Some(other) = keys.iter().find(|key| key.digest == digest) {
            let (one, other) = (holder.whose(), other.holder.whose());
            return Err(Failure::usage(format!("{other} and {one} are the same"))
                .hint("a key tells who it is: `hubkeeper callers new-key` makes another"));
        }
        keys.push(Key { digest, holder });
        Ok(())
    }

    /// Another's key is nobody else's: the old one stays then, so that nobody is let in as somebody else.
    fn replace(&self, digest: KeyDigest, holder: &Holder) {
        let mut keys = self.0.lock();
        if keys.iter().any(|key| key.digest == digest && key.holder != *holder) {
            tracing::error!("{} is not taken: it is another's already", holder.whose());
            return;
        }
        keys.iter_mut().filter(|key| key.holder == *holder).for_each(|key| key.digest = digest);
    }
}

impl Holder {
    /// What the audit log calls a person who logs in with it under this name of theirs.
    pub(super) fn names(&self, said: &str) -> String {
        match &self.name {
            Some(name) if **name != *said => format!("{said} ({name})"),
            Some(_) | None => said.to_owned(),
        }
    }

    fn whose(&self) -> String {
        match &self.name {
            Some(name) => format!("the admin key of {name}"),
            None => "the key of [admin]".to_owned(),
        }
    }
}
