//! The client secrets of an app that are in use. They change while we run: a rotation brings a second one.

use hubspot::secret::Secret;
use parking_lot::{RwLock, RwLockReadGuard};

/// All that are in use; during a rotation two.
#[derive(Debug, Default)]
pub struct Secrets(RwLock<Vec<Secret>>);

impl Secrets {
    pub fn read(&self) -> RwLockReadGuard<'_, Vec<Secret>> {
        self.0.read()
    }

    /// Takes one more into use. `false` where it was already.
    pub fn add(&self, secret: Secret) -> bool {
        let mut secrets = self.0.write();
        let is_new = !secrets.contains(&secret);
        if is_new {
            secrets.push(secret);
        }
        is_new
    }

    /// Takes one out of use again.
    pub fn remove(&self, secret: &Secret) {
        self.0.write().retain(|known| known != secret);
    }
}

impl From<Vec<Secret>> for Secrets {
    fn from(secrets: Vec<Secret>) -> Self {
        Self(RwLock::new(secrets))
    }
}
