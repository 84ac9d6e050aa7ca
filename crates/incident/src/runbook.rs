//! The pages: one per code, built in, each replaceable by a company's own.
//!
//! A page is Markdown with TOML front matter between two lines of `+++`. What a program needs of it (title, severity,
//! blame, remedy, escalation, messages) is in the front matter; the body is for the person.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::code::{Blame, Code, Severity};

/// What a message may leave to be filled in, written `{name}`.
pub const PLACEHOLDERS: &[&str] =
    &["portal", "since", "impact", "correlation_id", "caller", "route", "until"];

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub front: Front,
    /// Markdown.
    pub body: String,
}

/// The part of a page that programs read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Front {
    pub title: String,
    pub severity: Severity,
    pub blame: Blame,
    /// The first action, in a sentence or two.
    pub remedy: String,
    /// Whom to call, and with what in hand.
    pub escalation: String,
    pub messages: Messages,
}

/// Texts to send, with [`PLACEHOLDERS`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// For colleagues.
    pub internal: String,
    /// For the company's own status page: no names, no internals.
    pub public: String,
}

/// All pages, a company's own in place of the built-in ones.
#[derive(Debug, Clone)]
pub struct Runbooks {
    pages: BTreeMap<Code, Page>,
}

/// Why a page cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error(
        "runbook page `{0}` names no diagnosis code; call it `<code>.md`, for example `auth.token_revoked.md`"
    )]
    UnknownCode(String),
    #[error(
        "runbook page `{0}` has no front matter; begin it with a line `+++`, the settings, and another `+++`"
    )]
    NoFrontMatter(String),
    #[error("the front matter of runbook page `{page}` cannot be read")]
    BadFrontMatter { page: String, source: Box<toml::de::Error> },
    #[error("runbook page `{page}` uses the unknown placeholder {{{placeholder}}}; there are: {}", PLACEHOLDERS.join(", "))]
    UnknownPlaceholder { page: String, placeholder: String },
}

impl Runbooks {
    /// The built-in pages.
    pub fn embedded() -> Self {
        let pages = Code::ALL.iter().map(|code| {
            let page = parse(code.id(), code.embedded_page()).expect("a test reads every built-in page");
            (*code, page)
        });
        Self { pages: pages.collect() }
    }

    /// Puts a company's page in place of the built-in one. `name` is its file name without `.md`.
    pub fn replace(&mut self, name: &str, text: &str) -> Result<(), PageError> {
        let code = Code::parse(name).ok_or_else(|| PageError::UnknownCode(name.to_owned()))?;
        self.pages.insert(code, parse(name, text)?);
        Ok(())
    }

    pub fn page(&self, code: Code) -> &Page {
        self.pages.get(&code).expect("every code has a page")
    }
}

/// Reads a page. `name` is for the error.
pub fn parse(name: &str, text: &str) -> Result<Page, PageError> {
    let no_front = || PageError::NoFrontMatter(name.to_owned());
    let text = text.replace("\r\n", "\n");
    let rest = text.trim_start_matches('\u{feff}').strip_prefix("+++\n").ok_or_else(no_front)?;
    let (front, body) = rest.split_once("\n+++\n").ok_or_else(no_front)?;
    let front: Front = toml::from_str(front)
        .map_err(|source| PageError::BadFrontMatter { page: name.to_owned(), source: Box::new(source) })?;
    for message in [&front.messages.internal, &front.messages.public] {
        if let Some(placeholder) = placeholders(message).find(|found| !PLACEHOLDERS.contains(found)) {
            return Err(PageError::UnknownPlaceholder {
                page: name.to_owned(),
                placeholder: placeholder.to_owned(),
            });
        }
    }
    Ok(Page { front, body: body.trim().to_owned() })
}

/// Fills `{name}`s in; what is not given stays visible as it is.
pub fn fill(message: &str, values: &BTreeMap<&str, String>) -> String {
    let mut filled = message.to_owned();
    for (name, value) in values {
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    filled
}

fn placeholders(message: &str) -> impl Iterator<Item = &str> {
    message.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"+++
title = "T"
severity = "P2"
blame = "ours"
remedy = "R"
escalation = "E"
[messages]
internal = "since {since}"
public = "p"
+++

## Body
"#;

    #[test]
    fn every_code_has_a_page_that_agrees_with_its_defaults() {
        let runbooks = Runbooks::embedded();
        for code in Code::ALL {
            let Page { front, body } = runbooks.page(*code);
            assert_eq!((front.severity, front.blame), (code.severity(), code.blame()), "{code:?}");
            assert!(front.title.len() <= 70, "{code:?}: the title fits a line");
            assert!(front.remedy.len() <= 400, "{code:?}: the remedy is a sentence or two");
            for heading in ["## What you see", "## What tells it apart", "## What to do", "## Afterwards"] {
                assert!(body.contains(heading), "{code:?} lacks {heading}");
            }
        }
    }

    #[test]
    fn a_page_of_ones_own_takes_the_place_of_the_built_in_one() {
        let mut runbooks = Runbooks::embedded();
        runbooks.replace("net.dns", PAGE).unwrap();
        assert_eq!(runbooks.page(Code::Dns).front.title, "T");
        assert_eq!(runbooks.page(Code::Dns).body, "## Body");
    }

    #[rstest::rstest]
    #[case(
        "net.dnss",
        PAGE,
        "runbook page `net.dnss` names no diagnosis code; call it `<code>.md`, for example `auth.token_revoked.md`"
    )]
    #[case(
        "net.dns",
        "# no front",
        "runbook page `net.dns` has no front matter; begin it with a line `+++`, the settings, and another `+++`"
    )]
    #[case("net.dns", "+++\ntitle = 1\n+++\n", "the front matter of runbook page `net.dns` cannot be read")]
    #[case("net.dns", &PAGE.replace("{since}", "{token}"), "runbook page `net.dns` uses the unknown placeholder {token}; there are: portal, since, impact, correlation_id, caller, route, until")]
    fn a_bad_page_says_what_is_wrong(#[case] name: &str, #[case] text: &str, #[case] message: &str) {
        assert_eq!(Runbooks::embedded().replace(name, text).unwrap_err().to_string(), message);
    }

    #[test]
    fn messages_are_filled_in() {
        let values = BTreeMap::from([("since", "09:00".to_owned())]);
        assert_eq!(fill("since {since} on {portal}", &values), "since 09:00 on {portal}");
    }
}
