//! What a caller may do. Whatever is outside of it is refused before it costs HubSpot a request, with the missing right named.
//!
//! A role says what kind of deed is allowed; finer rules say on which objects, with which verbs, on which properties and in
//! which portals. A rule lets through only what it surely covers: an import tells nothing of its objects, so that a caller of
//! contacts alone may not import.

use std::sync::Arc;

use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod deed;
mod properties;

pub use deed::Verb;
use deed::{Area, Deed};
pub(crate) use properties::{BodyRule, unreadable as unreadable_body};

/// Roles as people know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads records, definitions and the account.
    Reader,
    /// Besides, creates, updates and archives records and associations.
    Writer,
    /// Everything.
    Admin,
    /// A writer that imports and exports too.
    Sync,
    /// Reads records, and looks after webhook subscriptions.
    Webhook,
}

/// What one caller may do. Each `None` is no rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    pub role: Option<Role>,
    /// Object types, in any spelling.
    pub objects: Option<Vec<String>>,
    pub verbs: Option<Vec<Verb>>,
    pub properties: Option<Vec<String>>,
    pub portals: Option<Vec<u64>>,
}

/// The right that a call lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// As it stands in our 403, such as `records.archive` or `object:deals`.
    pub right: String,
    /// Who has it, or how to get it.
    pub hint: String,
}

/// Told of each call that is refused for want of a right.
pub trait Witness: Send + Sync {
    /// `route` is without ids; `request_id` is what the caller was told as the correlation id.
    fn denied(&self, caller: &str, right: &str, route: String, request_id: Uuid);
}

/// A call, as far as rights are concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) portal: Option<u64>,
}

impl Rights {
    /// What the body must still be held against.
    ///
    /// # Errors
    /// The right that is missing.
    pub(crate) fn check(self: &Arc<Self>, asked: Asked<'_>) -> Result<Option<BodyRule>, Missing> {
        if self.is_unlimited() {
            return Ok(None);
        }
        let path = deed::plain(asked.path).filter(|_| !asked.headers.contains_key("x-http-method-override"));
        let path = path.ok_or_else(|| Missing {
            right: "unambiguous path".into(),
            hint: "Write the path without escapes that change its meaning, and the method as the method."
                .into(),
        })?;
        let deed = Deed::of(asked.method, &path);
        self.portal(asked.portal)?;
        self.role(&deed)?;
        self.verb(&deed)?;
        self.object(&deed)?;
        self.property(&deed, asked)
    }

    fn is_unlimited(&self) -> bool {
        let Self { role, objects, verbs, properties, portals } = self;
        let free = match role {
            None | Some(Role::Admin) => true,
            Some(Role::Reader | Role::Writer | Role::Sync | Role::Webhook) => false,
        };
        free && objects.is_none() && verbs.is_none() && properties.is_none() && portals.is_none()
    }

    fn portal(&self, portal: Option<u64>) -> Result<(), Missing> {
        let Some(portals) = &self.portals else { return Ok(()) };
        match portal {
            Some(portal) if portals.contains(&portal) => Ok(()),
            Some(portal) => Err(Missing {
                right: format!("portal:{portal}"),
                hint: "The caller's `portals` do not hold it.".into(),
            }),
            None => Err(Missing {
                right: "portal".into(),
                hint: "Which portal the connection belongs to is not configured: set portal_id in [[connections]].".into(),
            }),
        }
    }

    fn role(&self, deed: &Deed<'_>) -> Result<(), Missing> {
        let Some(role) = self.role.filter(|role| !role.allows(deed.area, deed.verb)) else { return Ok(()) };
        let others = Role::ALL.into_iter().filter(|other| other.allows(deed.area, deed.verb));
        let others: Vec<&str> = others.map(Role::name).collect();
        Err(Missing {
            right: deed.right(),
            hint: format!("The role {} does not have it; those with it: {}.", role.name(), others.join(", ")),
        })
    }

    fn verb(&self, deed: &Deed<'_>) -> Result<(), Missing> {
        let allowed = self.verbs.as_ref().is_none_or(|verbs| verbs.contains(&deed.verb));
        let missing = || Missing {
            right: deed.right(),
            hint: format!("The caller's `verbs` do not hold `{}`.", deed.verb.name()),
        };
        if allowed { Ok(()) } else { Err(missing()) }
    }

    fn object(&self, deed: &Deed<'_>) -> Result<(), Missing> {
        let Some(objects) = &self.objects else { return Ok(()) };
        let missing =
            |right: String| Err(Missing { right, hint: "The caller's `objects` do not cover it.".into() });
        match deed.area {
            Area::Account => Ok(()),
            Area::Records | Area::Definitions if !deed.objects.is_empty() => {
                let known = |object: &str| objects.iter().any(|own| deed::is_same_object(own, object));
                let foreign = deed.objects.iter().find(|object| !known(object));
                foreign.map_or(Ok(()), |object| missing(format!("object:{object}")))
            }
            Area::Records
            | Area::Definitions
            | Area::Transfers
            | Area::Webhooks
            | Area::Credentials
            | Area::Other => missing("object:all".into()),
        }
    }

    fn property(self: &Arc<Self>, deed: &Deed<'_>, asked: Asked<'_>) -> Result<Option<BodyRule>, Missing> {
        let Some(own) = &self.properties else { return Ok(None) };
        match deed.area {
            Area::Account | Area::Definitions => return Ok(None),
            Area::Records if !deed.objects.is_empty() => {}
            Area::Records | Area::Transfers | Area::Webhooks | Area::Credentials | Area::Other => {
                let hint = "What it reads or writes cannot be held against the caller's `properties`.";
                return Err(Missing { right: "property:all".into(), hint: hint.into() });
            }
        }
        let must_name = deed.verb == Verb::Read && !deed.of_associations;
        properties::of_query(
            own,
            asked.query.unwrap_or_default(),
            must_name && asked.method != Method::POST,
        )?;
        let has_body =
            asked.method != Method::GET && asked.method != Method::HEAD && asked.method != Method::DELETE;
        Ok(has_body.then(|| BodyRule::new(self.clone(), must_name)))
    }
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Reader, Self::Writer, Self::Admin, Self::Sync, Self::Webhook];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Admin => "admin",
            Self::Sync => "sync",
            Self::Webhook => "webhook",
        }
    }

    /// The table of roles. What erases for good, changes definitions or touches credentials is an admin's.
    const fn allows(self, area: Area, verb: Verb) -> bool {
        let reads = matches!(verb, Verb::Read);
        let erases = matches!(verb, Verb::Erase);
        match (self, area) {
            (Self::Admin, _) => true,
            (_, Area::Credentials) => false,
            (Self::Writer | Self::Sync, Area::Records) => !erases,
            (Self::Sync, Area::Transfers) | (Self::Webhook, Area::Webhooks) => true,
            (Self::Webhook, Area::Transfers | Area::Other) | (_, Area::Webhooks) => false,
            (_, Area::Records | Area::Definitions | Area::Account | Area::Transfers | Area::Other) => reads,
        }
    }
}

#[cfg(test)]
mod tests;
