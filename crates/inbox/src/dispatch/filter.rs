//! Whether a subscriber wants an event.

use crate::event::Event;

/// What a subscriber wants. A list that is empty lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// HubSpot's names with `*` for any run of characters, such as `contact.*`.
    pub events: Vec<String>,
    pub portals: Vec<u64>,
    /// Of changes of properties, those of these. Other events have no property and pass.
    pub properties: Vec<String>,
}

impl Filter {
    pub fn wants(&self, event: &Event<'_>) -> bool {
        let portal = event.portal_id().and_then(|portal| portal.parse().ok());
        let any = |list: &[String], word: &str| list.iter().any(|pattern| fits(pattern, word));
        (self.events.is_empty() || any(&self.events, &event.subscription_type))
            && (self.portals.is_empty() || portal.is_some_and(|portal| self.portals.contains(&portal)))
            && event
                .property_name
                .as_deref()
                .is_none_or(|name| self.properties.is_empty() || any(&self.properties, name))
    }
}

/// `*` stands for any run of characters, everything else for itself.
pub fn fits(pattern: &str, word: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = word.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::event;

    #[rstest]
    #[case("contact.*", "contact.creation", true)]
    #[case("contact.*", "company.creation", false)]
    #[case("*", "", true)]
    #[case("*.propertyChange", "deal.propertyChange", true)]
    #[case("c*.*on", "contact.creation", true)]
    #[case("contact.creation", "contact.creation", true)]
    #[case("contact.creation", "contact.creations", false)]
    #[case("a*a", "a", false)]
    #[case("", "a", false)]
    fn globs(#[case] pattern: &str, #[case] word: &str, #[case] expected: bool) {
        assert_eq!(fits(pattern, word), expected);
    }

    #[rstest]
    #[case(Filter::default(), true)]
    #[case(Filter { portals: vec![1], ..Filter::default() }, true)]
    #[case(Filter { portals: vec![2], ..Filter::default() }, false)]
    #[case(Filter { properties: vec!["em*".into()], ..Filter::default() }, true)]
    #[case(Filter { properties: vec!["phone".into()], ..Filter::default() }, false)]
    #[case(Filter { events: vec!["deal.*".into(), "contact.*".into()], ..Filter::default() }, true)]
    fn what_is_wanted(#[case] filter: Filter, #[case] expected: bool) {
        let body = br#"[{"portalId":1,"occurredAt":5,"subscriptionType":"contact.propertyChange","propertyName":"email"}]"#;
        assert_eq!(filter.wants(&event::read(body).unwrap()[0]), expected);
    }
}
