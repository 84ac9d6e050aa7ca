//! Callers: their keys and their rights.

use std::sync::Arc;

use client::accounts::Connection;
use gateway::admit::{KeyDigest, NewCaller};
use gateway::rights::Rights;

use super::{CallerSection, quote};
use crate::failure::Failure;

impl CallerSection {
    /// Everything that can be seen to be wrong without looking at a secret.
    ///
    /// # Errors
    /// A usage failure.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let name = quote::quoted(&self.name);
        match (&self.key, &self.key_sha256) {
            (Some(_), None) => {}
            (None, Some(digest)) if KeyDigest::parse(digest).is_some() => {}
            (None, Some(_)) => {
                return Err(Failure::usage(format!(
                    "caller {name}: key_sha256 is not 64 hexadecimal digits"
                ))
                .hint("`hubkeeper callers new-key` prints a key and its hash"));
            }
            (None, None) | (Some(_), Some(_)) => {
                return Err(Failure::usage(format!("caller {name}: it needs either key or key_sha256"))
                    .hint("`hubkeeper callers new-key` prints a key and its hash; only the hash is written here"));
            }
        }
        let lists = [("objects", len(self.objects.as_ref())), ("verbs", len(self.verbs.as_ref()))];
        let lists = lists
            .into_iter()
            .chain([("properties", len(self.properties.as_ref())), ("portals", len(self.portals.as_ref()))]);
        if let Some((list, _)) = lists.into_iter().find(|(_, len)| *len == Some(0)) {
            return Err(Failure::usage(format!(
                "caller {name}: {list} is empty, so that it could call nothing"
            ))
            .hint("leave it out where it is no rule"));
        }
        Ok(())
    }

    /// # Errors
    /// A key that cannot be had.
    pub(crate) fn resolve(&self, connections: &[Arc<Connection>]) -> Result<NewCaller, Failure> {
        let from_digest = self.key_sha256.as_deref().and_then(KeyDigest::parse);
        let key = match (&self.key, from_digest) {
            (Some(key), _) => KeyDigest::of(key.resolve()?.expose().as_bytes()),
            (None, Some(digest)) => digest,
            (None, None) => {
                return Err(Failure::usage(format!("caller {} has no key", quote::quoted(&self.name))));
            }
        };
        let rights = Rights {
            role: self.role,
            objects: self.objects.clone(),
            verbs: self.verbs.clone(),
            properties: self.properties.clone(),
            portals: self.portals.clone(),
        };
        let own = self.connection.as_ref();
        let connection =
            own.and_then(|own| connections.iter().find(|connection| connection.name == *own)).cloned();
        Ok(NewCaller { name: self.name.clone(), key, treatment: self.treatment(), rights, connection })
    }
}

fn len<T>(list: Option<&Vec<T>>) -> Option<usize> {
    list.map(Vec::len)
}
