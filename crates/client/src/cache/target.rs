//! A target cut into what the cache compares: its path, the properties it asks for, and the rest of its query.

/// The values of a query's parameter, as they were written. Empty ones do not count.
pub(crate) fn parameters<'a>(query: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    // Most reads have none, and even to find that out by looking for a character costs.
    let pairs = (!query.is_empty()).then(|| query.split('&'));
    pairs
        .into_iter()
        .flatten()
        .filter_map(|pair| pair.split_once('='))
        .filter_map(move |(found, value)| (found == name && !value.is_empty()).then_some(value))
}

/// The first of them.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    parameters(query, name).next()
}

/// The target without the properties it asks for: its path, then every other parameter in order. Two reads of one
/// record that differ only in properties have the same.
pub(crate) fn base(target: &str) -> impl Iterator<Item = &str> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let others = query.split('&').filter(|pair| !pair.is_empty() && !is_properties(pair));
    std::iter::once(path).chain(others)
}

/// The properties that a target asks for by name, sorted. `None` where it names none, or not plainly.
pub(crate) fn properties(target: &str) -> Option<Vec<&str>> {
    let (_, query) = target.split_once('?')?;
    let lists = query.split('&').filter(|pair| is_properties(pair)).map(|pair| &pair[PROPERTIES.len()..]);
    let mut names: Vec<&str> = lists.flat_map(split_names).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty() && names.iter().all(|name| is_plain(name))).then_some(names)
}

const PROPERTIES: &str = "properties=";

fn is_properties(pair: &str) -> bool {
    pair.starts_with(PROPERTIES)
}

/// Names stand between commas, which clients may write as `%2C`.
fn split_names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').flat_map(|part| part.split("%2C")).flat_map(|part| part.split("%2c"))
}

/// An internal name as HubSpot gives them out. In another letter case HubSpot may or may not know it: then only HubSpot
/// can say what comes back.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/a/1?properties=b,a", Some(&["a", "b"][..]))]
    #[case("/a/1?properties=b%2Ca%2cc&archived=false", Some(&["a", "b", "c"][..]))]
    #[case("/a/1?properties=b&x=1&properties=a,b", Some(&["a", "b"][..]))]
    #[case("/a/1?properties=", None)]
    #[case("/a/1?properties=Email", None)]
    #[case("/a/1?properties=e%20mail", None)]
    #[case("/a/1?propertiesWithHistory=a", None)]
    #[case("/a/1", None)]
    fn names(#[case] target: &str, #[case] expected: Option<&[&str]>) {
        assert_eq!(properties(target).as_deref(), expected);
    }

    #[test]
    fn the_base_leaves_out_properties_alone() {
        let parts: Vec<&str> = base("/a/1?x=1&properties=a&propertiesWithHistory=b&y=2&").collect();
        assert_eq!(parts, ["/a/1", "x=1", "propertiesWithHistory=b", "y=2"]);
        assert_eq!(base("/a/1").collect::<Vec<_>>(), ["/a/1"]);
    }
}
