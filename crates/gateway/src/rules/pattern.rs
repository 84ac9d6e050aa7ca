//! A path with places left open: `/crm/v3/objects/{}/batch/*`, `/crm/v3/objects/**`.

/// Which paths a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
    /// It ended in `**`: whatever follows.
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Exactly(String),
    Any,
}

/// No path can match this, or it does not say what it seems to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    #[error("it does not begin with /")]
    NoSlash,
    #[error("it goes on after the path, with ? or #")]
    NotOnlyPath,
    #[error("** stands before its end")]
    OpenBeforeEnd,
    #[error("a segment is partly * or {{}}; a segment is open as a whole or not at all")]
    PartlyOpen,
    #[error("a segment is empty")]
    Empty,
}

impl Pattern {
    /// `{}`, `{name}` and `*` each stand for one segment, `**` at the end for any number of them.
    ///
    /// # Errors
    /// [`BadPattern`] says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, BadPattern> {
        let path = text.strip_prefix('/').ok_or(BadPattern::NoSlash)?;
        if path.contains(['?', '#']) {
            return Err(BadPattern::NotOnlyPath);
        }
        let (path, open) = match path.strip_suffix("**") {
            Some("") => return Ok(Self { segments: Vec::new(), open: true }),
            Some(before) => (before.strip_suffix('/').ok_or(BadPattern::PartlyOpen)?, true),
            None => (path, false),
        };
        let segments = path.split('/').map(Segment::new).collect::<Result<_, _>>()?;
        Ok(Self { segments, open })
    }

    /// Whether a path, without its query, is one of these.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut given = path.strip_prefix('/').unwrap_or(path).split('/');
        let all =
            self.segments.iter().all(|segment| given.next().is_some_and(|given| segment.matches(given)));
        all && (self.open || given.next().is_none())
    }
}

impl Segment {
    fn new(text: &str) -> Result<Self, BadPattern> {
        match text {
            "" => Err(BadPattern::Empty),
            "*" => Ok(Self::Any),
            "**" => Err(BadPattern::OpenBeforeEnd),
            _ if text.starts_with('{') && text.ends_with('}') => Ok(Self::Any),
            _ if text.contains(['*', '{', '}']) => Err(BadPattern::PartlyOpen),
            _ => Ok(Self::Exactly(text.to_owned())),
        }
    }

    fn matches(&self, given: &str) -> bool {
        match self {
            Self::Exactly(text) => text == given,
            Self::Any => !given.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/crm/v3/owners", "/crm/v3/owners", true)]
    #[case("/crm/v3/owners", "/crm/v3/owners/1", false)]
    #[case("/crm/v3/objects/{}", "/crm/v3/objects/contacts", true)]
    #[case("/crm/v3/objects/{type}/*", "/crm/v3/objects/contacts/1", true)]
    #[case("/crm/v3/objects/{type}/*", "/crm/v3/objects/contacts/", false)]
    #[case("/crm/v3/objects/*", "/crm/v3/objects/contacts/1", false)]
    #[case("/crm/v3/objects/**", "/crm/v3/objects/contacts/batch/read", true)]
    #[case("/crm/v3/objects/**", "/crm/v3/objects", true)]
    #[case("/crm/v3/objects/**", "/crm/v3/objectsx", false)]
    #[case("/**", "/anything/at/all", true)]
    fn segments_match_one_by_one(#[case] pattern: &str, #[case] path: &str, #[case] matches: bool) {
        assert_eq!(Pattern::new(pattern).expect("a good pattern").matches(path), matches);
    }

    #[rstest]
    #[case("crm/v3", BadPattern::NoSlash)]
    #[case("/crm/v3?x=1", BadPattern::NotOnlyPath)]
    #[case("/crm/**/x", BadPattern::OpenBeforeEnd)]
    #[case("/crm/v*", BadPattern::PartlyOpen)]
    #[case("/crm/v**", BadPattern::PartlyOpen)]
    #[case("/crm/{id", BadPattern::PartlyOpen)]
    #[case("/crm//x", BadPattern::Empty)]
    #[case("/crm/", BadPattern::Empty)]
    fn what_cannot_be_meant_is_refused(#[case] pattern: &str, #[case] why: BadPattern) {
        assert_eq!(Pattern::new(pattern), Err(why));
    }
}
