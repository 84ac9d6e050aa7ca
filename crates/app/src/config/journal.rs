//! `journal = true` in `[[connections]]`: whose webhooks journal is read.

use std::collections::HashSet;

use super::{Config, quote};
use crate::failure::Failure;

/// Reading it takes an app's id and secret, and somewhere for the events to go.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    let mut apps = HashSet::new();
    for connection in config.connections.iter().filter(|connection| connection.journal) {
        let bad = |what: &str, hint: &str| {
            let name = quote::quoted(&connection.name);
            Err(Failure::usage(format!("connection {name}: journal is true, and {what}"))
                .hint(hint.to_owned()))
        };
        let (Some(client_id), Some(_)) = (&connection.client_id, &connection.client_secret) else {
            return bad(
                "the app's id or its secret is missing",
                "set client_id and client_secret: HubSpot gives the journal to the app and not to its tokens",
            );
        };
        if config.webhooks.public_url.is_none() {
            return bad(
                "webhooks.public_url is not set",
                "write what HubSpot calls: the journal fills what no webhook brought",
            );
        }
        if !apps.insert(client_id) {
            return bad(
                "another connection reads the same app's",
                "one is enough: an app's journal holds the events of all its accounts",
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const WHOLE: &str = "[webhooks]\npublic_url = 'https://h.example'\n[[connections]]\nname = 'a'\ntoken = 'env:T'\n\
                         client_id = 'i'\nclient_secret = 'env:S'\njournal = true\n";

    #[rstest]
    #[case(WHOLE.to_owned(), "")]
    #[case(WHOLE.replace("client_id = 'i'\n", ""), "is missing")]
    #[case(WHOLE.replace("client_secret = 'env:S'\n", ""), "is missing")]
    #[case(WHOLE.replace("public_url = 'https://h.example'\n", ""), "public_url")]
    #[case(format!("{WHOLE}{}", WHOLE.split_once("\n[[").unwrap().1.replace("connections]]", "[[connections]]").replace("'a'", "'b'")), "one is enough")]
    fn what_is_accepted(#[case] text: String, #[case] complaint: &str) {
        let checked = check(&toml::from_str(&text).unwrap()).map_err(|failure| format!("{failure:?}"));
        let told = checked.err().unwrap_or_default();
        assert!(told.contains(complaint) && told.is_empty() == complaint.is_empty(), "{told}");
    }
}
