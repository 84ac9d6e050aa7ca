//! Words in text: the tokens of CONTAINS_TOKEN, its `*`, and the free `query`.

/// The value of a CONTAINS_TOKEN filter, lowercase.
#[derive(Debug)]
pub(super) enum Pattern {
    /// Words that must follow one another.
    Words(Vec<String>),
    /// Pieces between the `*`s.
    Wildcard(Vec<String>),
}

impl Pattern {
    pub(super) fn new(lower: &str) -> Self {
        if lower.contains('*') {
            Self::Wildcard(lower.split('*').map(str::to_owned).collect())
        } else {
            Self::Words(tokens(lower).map(str::to_owned).collect())
        }
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        match self {
            Self::Words(words) if words.is_empty() => false,
            Self::Words(words) => {
                let own: Vec<&str> = tokens(&lower).collect();
                own.windows(words.len()).any(|run| run.iter().zip(words).all(|(own, word)| own == word))
            }
            Self::Wildcard(pieces) => {
                lower.split_whitespace().chain(tokens(&lower)).any(|word| fits(pieces, word))
            }
        }
    }
}

/// Whether some word of `text` begins with `word` (lowercase), or the whole of it is in there.
pub(super) fn text_has(text: &str, word: &str) -> bool {
    let lower = text.to_lowercase();
    tokens(&lower).any(|token| token.starts_with(word))
        || lower.split_whitespace().any(|part| part.starts_with(word))
        || (word.contains(|letter: char| !letter.is_alphanumeric()) && lower.contains(word))
}

/// Phone searches ignore punctuation and the country code, facts §3.4.
pub(super) fn phone_has(phone: &str, word: &str) -> bool {
    /// Fewer digits say too little to find a number by.
    const DIGITS_MIN: usize = 3;
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let (own, wanted) = (digits(phone), digits(word));
    let is_number = !word.contains(char::is_alphabetic);
    is_number
        && wanted.len() >= DIGITS_MIN
        && own.len() >= DIGITS_MIN
        && (own.contains(&wanted) || wanted.ends_with(&own))
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|token| !token.is_empty())
}

/// `pieces` in this order, the first at the start and the last at the end.
fn fits(pieces: &[String], word: &str) -> bool {
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return false };
    let Some(mut rest) = word.strip_prefix(first.as_str()) else { return false };
    for piece in &pieces[1..pieces.len() - 1] {
        let Some(at) = rest.find(piece.as_str()) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Pattern, phone_has, text_has};

    #[rstest]
    #[case("ada@example.com", "example", true)]
    #[case("ada@example.com", "exam", false)]
    #[case("ada@example.com", "example.com", true)]
    #[case("ada@example.com", "com.example", false)]
    #[case("ada@example.com", "*@example.com", true)]
    #[case("ada@example.com", "exam*", true)]
    #[case("ada@example.com", "*xamp*", true)]
    #[case("ada@example.com", "e*a*e", true)]
    #[case("ab", "ab*b", false)]
    #[case("Ada Lovelace", "lovelace", true)]
    #[case("Ada Lovelace", "", false)]
    fn a_token_is_found(#[case] text: &str, #[case] pattern: &str, #[case] expected: bool) {
        assert_eq!(Pattern::new(pattern).is_in(text), expected);
    }

    #[rstest]
    #[case("+49 (030) 123-456", "030123456", true)]
    #[case("030123456", "+49030123456", true)]
    #[case("030123456", "12", false)]
    #[case("", "123", false)]
    fn a_phone_is_found(#[case] phone: &str, #[case] word: &str, #[case] expected: bool) {
        assert_eq!(phone_has(phone, word), expected);
    }

    #[rstest]
    #[case("Ada Lovelace", "love", true)]
    #[case("Ada Lovelace", "lace", false)]
    #[case("ada@example.com", "a@exam", true)]
    fn a_word_is_found(#[case] text: &str, #[case] word: &str, #[case] expected: bool) {
        assert_eq!(text_has(text, word), expected);
    }
}
