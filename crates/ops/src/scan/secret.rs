//! What is a secret and what only looks like one, and how one is shown.

/// Values that nobody's system uses: all alike, counted up, or written in letters that say so.
pub(super) fn is_placeholder(value: &str) -> bool {
    let digits: Vec<u8> =
        value.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase()).collect();
    let mut distinct = digits.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let uniform_groups =
        value.split(['-', '_']).filter(|group| group.len() >= 4 && is_uniform(group)).count();
    distinct.len() < DISTINCT_MIN
        || uniform_groups >= UNIFORM_GROUPS
        || longest_count(&digits) >= COUNT_LENGTH
}

/// A random UUID has 13 or 14 of the 16 digits; one in a million has fewer than this.
const DISTINCT_MIN: usize = 7;
/// `0000-1111`: one in eight million random ones has two such groups.
const UNIFORM_GROUPS: usize = 2;
/// `1234567` or `abcdefg` somewhere: one in a million.
const COUNT_LENGTH: usize = 7;

fn is_uniform(group: &str) -> bool {
    let bytes = group.as_bytes();
    bytes.iter().all(|byte| *byte == bytes[0])
}

fn longest_count(digits: &[u8]) -> usize {
    let (mut longest, mut run) = (1, 1);
    for pair in digits.windows(2) {
        run = if pair[1] == pair[0] + 1 { run + 1 } else { 1 };
        longest = longest.max(run);
    }
    longest
}

/// Stands for what is not shown.
pub(super) const MASK: &str = "****";

/// Its kind and its last four characters, which tell a person which one it is and open nothing.
pub(super) fn masked(value: &str) -> String {
    const SHOWN: usize = 4;
    let prefix = prefix_of(value);
    // Shorter ones would be given away.
    let tail = if value.len() - prefix.len() >= 8 * SHOWN && value.is_ascii() {
        &value[value.len() - SHOWN..]
    } else {
        ""
    };
    format!("{prefix}{MASK}{tail}")
}

fn prefix_of(value: &str) -> &str {
    let known = ["hubkeeper_", "whsec_"];
    if let Some(prefix) = known.into_iter().find(|prefix| value.starts_with(prefix)) {
        return prefix;
    }
    let hublet = |at: usize| {
        value.as_bytes().get(at..at + 4).is_some_and(|part| {
            part[0].is_ascii_alphabetic()
                && part[1].is_ascii_alphabetic()
                && part[2].is_ascii_digit()
                && part[3] == b'-'
        })
    };
    if value.starts_with("pat-") && hublet(4) {
        &value[..8]
    } else if hublet(0) {
        &value[..4]
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("00000000-0000-0000-0000-000000000000", true)]
    #[case("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", true)]
    #[case("12345678-1234-1234-1234-123456789012", true)]
    #[case("1a2b3c4d-0000-1111-2222-333344445555", true)]
    #[case("abcdefab-1234-5678-9012-abcdefabcdef", true)]
    #[case("8b2f6d1e-90c3-4a7d-b5e4-c1f07a39d268", false)]
    #[case("8b2f6d1e-0000-4a7d-b5e4-c1f07a39d268", false)]
    fn a_placeholder_is_told_from_a_secret(#[case] value: &str, #[case] placeholder: bool) {
        assert_eq!(is_placeholder(value), placeholder);
    }

    #[rstest]
    // hubkeeper:ignore (made up)
    #[case("pat-na1-8b2f6d1e-90c3-4a7d-b5e4-c1f07a39d268", "pat-na1-****d268")]
    // hubkeeper:ignore (made up)
    #[case("eu1-8b2f6d1e-90c3-4a7d-b5e4-c1f07a39d268", "eu1-****d268")]
    #[case("8b2f6d1e-90c3-4a7d-b5e4-c1f07a39d268", "****d268")]
    #[case("hunter2", "****")]
    #[case("pat-", "****")]
    #[case("", "****")]
    fn a_mask_tells_the_kind(#[case] value: &str, #[case] mask: &str) {
        assert_eq!(masked(value), mask);
    }

    proptest! {
        #[test]
        fn a_mask_shows_four_characters_at_most(value in ".{0,80}") {
            let mask = masked(&value);
            let (prefix, tail) = mask.split_once("****").unwrap();
            prop_assert!(tail.len() <= 4 && prefix.len() <= 10);
        }
    }
}
