//! The escapes HubSpot undoes before it signs with v3.

use std::borrow::Cow;

/// Undoes the twelve escapes, in the spelling of HubSpot's table and once: `%253A` becomes no colon. Everything
/// else stays as it is, `%20`, `%26`, `%3D` and `%25` among it; full decoding breaks genuine signatures. Facts §6.6
/// [DOC request-validation].
pub(super) fn decoded(uri: &str) -> Cow<'_, str> {
    if !uri.contains('%') {
        return Cow::Borrowed(uri);
    }
    let mut out = String::with_capacity(uri.len());
    let mut rest = uri;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let escape = rest.get(at..at + 3).and_then(|text| ESCAPES.iter().find(|(escape, _)| *escape == text));
        if let Some((_, character)) = escape {
            out.push(*character);
            rest = &rest[at + 3..];
        } else {
            out.push('%');
            rest = &rest[at + 1..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

const ESCAPES: [(&str, char); 12] = [
    ("%3A", ':'),
    ("%2F", '/'),
    ("%3F", '?'),
    ("%40", '@'),
    ("%21", '!'),
    ("%24", '$'),
    ("%27", '\''),
    ("%28", '('),
    ("%29", ')'),
    ("%2A", '*'),
    ("%2C", ','),
    ("%3B", ';'),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://a.b/c?d=e", "https://a.b/c?d=e")]
    #[case("/c?u=https%3A%2F%2Fx%3Fy%40z", "/c?u=https://x?y@z")]
    #[case("%21%24%27%28%29%2A%2C%3B", "!$'()*,;")]
    #[case("a%20b%26c%3Dd%25e%23", "a%20b%26c%3Dd%25e%23")]
    #[case("%253A", "%253A")]
    #[case("%3a", "%3a")]
    #[case("%", "%")]
    #[case("%3", "%3")]
    #[case("%%3A", "%:")]
    #[case("%ü", "%ü")]
    fn only_the_twelve_are_undone(#[case] uri: &str, #[case] expected: &str) {
        assert_eq!(decoded(uri), expected);
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_else_changes(uri in ".*") {
            let expected = ESCAPES.iter().fold(uri.clone(), |text, (escape, character)| {
                text.replace(escape, &character.to_string())
            });
            // Replacing one by one is the same as long as no escape's result can begin another.
            prop_assert_eq!(decoded(&uri), expected);
        }
    }
}
