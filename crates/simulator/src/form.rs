//! `application/x-www-form-urlencoded`: queries and OAuth bodies.

use percent_encoding::percent_decode_str;

/// The pairs of a form, decoded, in the order sent.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn decodes_percent_and_plus() {
        let pairs = super::pairs("a=1+2&b=%C3%A9%2B&c&&d=");
        let text: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        assert_eq!(text, ["a:1 2", "b:é+", "c:", "d:"]);
    }
}
