//! Showing a person what is wrong in a configuration without repeating its values: a secret pasted into the wrong place
//! is still a secret.

/// Keys are words; a run of this many letters, digits and dashes with a digit in it is more likely a secret.
const SECRET_CHARS_MIN: usize = 16;

const HIDDEN: char = '…';

/// `line 3: token = …`, and what is wrong there.
pub(super) fn mistake(error: &toml::de::Error, text: &str) -> String {
    let message = message(error);
    let Some(span) = error.span() else { return message };
    let before = &text[..span.start.min(text.len())];
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default();
    match line.split_once('=') {
        Some((key, _)) => format!("line {number}: {} = {HIDDEN}\n{message}", quoted(key.trim())),
        None => format!("line {number}: {}\n{message}", quoted(line.trim())),
    }
}

/// What the parser says, without the value it says it about.
pub(super) fn message(error: &toml::de::Error) -> String {
    let mut message = error.message().to_owned();
    for (before, after) in [("string \"", "\", expected"), ("unknown variant `", "`, expected")] {
        let start = message.find(before).map(|at| at + before.len());
        let end = message.rfind(after);
        if let (Some(start), Some(end)) = (start, end)
            && start <= end
        {
            message.replace_range(start..end, &HIDDEN.to_string());
        }
    }
    quoted(&message)
}

/// A person's own text, but for what looks like a secret in it.
pub(super) fn quoted(text: &str) -> String {
    let mut shown = String::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    for piece in text.split_inclusive(|c| !is_word(c)) {
        let word = piece.trim_end_matches(|c| !is_word(c));
        if word.len() >= SECRET_CHARS_MIN && word.bytes().any(|byte| byte.is_ascii_digit()) {
            shown.push(HIDDEN);
            shown.push_str(&piece[word.len()..]);
        } else {
            shown.push_str(piece);
        }
    }
    // A URL may carry a password before its host.
    match (shown.find("//"), shown.rfind('@')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{HIDDEN}{}", &shown[..start + 2], &shown[end..])
        }
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_left_out() {
        assert_eq!(quoted("is pat-na1-11111111-2222-3333, no"), "is …, no");
        assert_eq!(quoted("http://me:pass@host:1/x"), "http://…@host:1/x");
        assert_eq!(quoted("attempt_timeout_milliseconds"), "attempt_timeout_milliseconds");
        assert_eq!(quoted("http://127.0.0.1:8400/crm"), "http://127.0.0.1:8400/crm");
    }

    #[test]
    fn a_line_is_shown_up_to_its_value() {
        let text = "[gateway]\nmode = \"hush\" # hush\n";
        let error = toml::from_str::<super::super::Config>(text).unwrap_err();
        assert_eq!(
            mistake(&error, text),
            "line 2: mode = …\nunknown variant `…`, expected `passthrough` or `managed`"
        );
    }
}
