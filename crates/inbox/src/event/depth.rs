//! How deep a body nests, found before anything is made of it.

use memchr::memchr2;

/// What a byte does to the depth, outside of strings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Nothing,
    Opens,
    Closes,
    /// Up to the next quotation mark nothing counts.
    Quotes,
}

const MARKS: [Mark; 256] = marks();

const fn marks() -> [Mark; 256] {
    let mut marks = [Mark::Nothing; 256];
    marks[b'[' as usize] = Mark::Opens;
    marks[b'{' as usize] = Mark::Opens;
    marks[b']' as usize] = Mark::Closes;
    marks[b'}' as usize] = Mark::Closes;
    marks[b'"' as usize] = Mark::Quotes;
    marks
}

/// How deep brackets nest, strings aside.
pub(super) fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let mut rest = body.iter();
    while let Some(byte) = rest.next() {
        match MARKS[usize::from(*byte)] {
            Mark::Nothing => {}
            Mark::Opens => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            Mark::Closes => depth = depth.saturating_sub(1),
            Mark::Quotes => rest = after_string(rest.as_slice()).iter(),
        }
    }
    deepest
}

/// What follows a string of which `rest` is the inside.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(place) = memchr2(b'"', b'\\', rest) {
        if rest[place] == b'"' {
            return &rest[place + 1..];
        }
        // What follows a backslash is never the end.
        rest = rest.get(place + 2..).unwrap_or_default();
    }
    &[]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same byte by byte, so simple that it is right.
    fn plainly(body: &[u8]) -> usize {
        let (mut depth, mut deepest) = (0usize, 0);
        let (mut in_string, mut escaped) = (false, false);
        for byte in body {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                b'[' | b'{' if !in_string => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        deepest
    }

    proptest! {
        #[test]
        fn it_is_what_a_plain_count_finds(body in prop::collection::vec(prop::sample::select(&br#"[]{}"\ax"#[..]), 0..60)) {
            prop_assert_eq!(depth(&body), plainly(&body));
        }
    }
}
