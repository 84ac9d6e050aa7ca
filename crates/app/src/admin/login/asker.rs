//! Who asks, for as long as the answer is made: the audit log names them, and a page's forms are theirs.

use std::sync::Arc;

use maud::{Markup, html};

use crate::admin::rights::{AdminRole, Right};

/// Who shows the key of `[admin]` itself, as the audit log calls them.
const KEYHOLDER: &str = "admin_key";

tokio::task_local! {
    static ASKER: Asker;
}

#[derive(Clone)]
pub(super) enum Asker {
    /// A program, by its key's name.
    Keyholder { name: Option<Arc<str>>, role: AdminRole },
    /// A person, by the name they logged in with; their forms must send this back.
    Person { name: String, csrf: String, role: AdminRole },
}

impl Asker {
    /// As the audit log calls them.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Keyholder { name, .. } => name.as_deref().unwrap_or(KEYHOLDER).to_owned(),
            Self::Person { name, .. } => name.clone(),
        }
    }

    pub(super) const fn role(&self) -> AdminRole {
        match self {
            Self::Keyholder { role, .. } | Self::Person { role, .. } => *role,
        }
    }

    pub(super) async fn scope<T>(self, answering: impl Future<Output = T>) -> T {
        ASKER.scope(self, answering).await
    }
}

/// Who acts. `otherwise` is who it is where nobody had to say.
pub(crate) fn actor(otherwise: &str) -> String {
    ASKER.try_with(Asker::name).unwrap_or_else(|_| otherwise.to_owned())
}

/// Whether whoever looks at a page may do what a form of it does. Where nobody had to say who they are, everybody may.
pub(crate) fn may(right: Right) -> bool {
    ASKER.try_with(|asker| asker.role().has(right)).unwrap_or(true)
}

/// The person who is logged in.
pub(crate) fn person() -> Option<String> {
    let name = ASKER.try_with(|asker| match asker {
        Asker::Keyholder { .. } => None,
        Asker::Person { name, .. } => Some(name.clone()),
    });
    name.ok().flatten()
}

fn role() -> Option<AdminRole> {
    ASKER.try_with(Asker::role).ok()
}

/// What a form of ours sends along.
pub(crate) fn csrf_field() -> Markup {
    let token = ASKER.try_with(|asker| match asker {
        Asker::Keyholder { .. } => None,
        Asker::Person { csrf, .. } => Some(csrf.clone()),
    });
    html! { @if let Some(token) = token.ok().flatten() { input type="hidden" name="csrf" value=(token); } }
}

/// The way out, for a page that was asked for by a person.
pub(crate) fn log_out_form() -> Markup {
    html! {
        @if let Some(name) = person() {
            form method="post" action="/logout" { (csrf_field()) button { "Log out " (name) } @if let Some(role) = role() { " " small { (role.name()) } } }
        }
    }
}
