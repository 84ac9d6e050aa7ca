//! Who asks, for as long as the answer is made: the audit log names them, and a page's forms are theirs.

use maud::{Markup, html};

/// Who shows the key itself, as the audit log calls them.
const KEYHOLDER: &str = "admin_key";

tokio::task_local! {
    static ASKER: Asker;
}

#[derive(Clone)]
pub(super) enum Asker {
    /// A program.
    Keyholder,
    /// A person, by the name they logged in with; their forms must send this back.
    Person { name: String, csrf: String },
}

impl Asker {
    pub(super) async fn scope<T>(self, answering: impl Future<Output = T>) -> T {
        ASKER.scope(self, answering).await
    }
}

/// Who acts. `otherwise` is who it is where nobody had to say.
pub(crate) fn actor(otherwise: &str) -> String {
    let name = ASKER.try_with(|asker| match asker {
        Asker::Keyholder => KEYHOLDER.to_owned(),
        Asker::Person { name, .. } => name.clone(),
    });
    name.unwrap_or_else(|_| otherwise.to_owned())
}

/// The person who is logged in.
pub(crate) fn person() -> Option<String> {
    let name = ASKER.try_with(|asker| match asker {
        Asker::Keyholder => None,
        Asker::Person { name, .. } => Some(name.clone()),
    });
    name.ok().flatten()
}

/// What a form of ours sends along.
pub(crate) fn csrf_field() -> Markup {
    let token = ASKER.try_with(|asker| match asker {
        Asker::Keyholder => None,
        Asker::Person { csrf, .. } => Some(csrf.clone()),
    });
    html! { @if let Some(token) = token.ok().flatten() { input type="hidden" name="csrf" value=(token); } }
}

/// The way out, for a page that was asked for by a person.
pub(crate) fn log_out_form() -> Markup {
    html! {
        @if let Some(name) = person() {
            form method="post" action="/logout" { (csrf_field()) button { "Log out " (name) } }
        }
    }
}
