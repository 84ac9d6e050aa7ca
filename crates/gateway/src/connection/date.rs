//! When an answer was made, as HTTP writes it (RFC 9110 §5.6.7). It reads the same for a second, and to write it takes as long as all
//! the rest of a head.

use std::cell::RefCell;

use jiff::Timestamp;

thread_local! {
    /// The last second, and what it reads.
    static LAST: RefCell<Option<(i64, String)>> = const { RefCell::new(None) };
}

/// Hands it to whoever writes it.
pub(super) fn with(now: Timestamp, write: impl FnOnce(&str)) {
    let second = now.as_second();
    LAST.with_borrow_mut(|last| {
        if last.as_ref().is_none_or(|(known, _)| *known != second) {
            *last = Some((second, now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        }
        if let Some((_, text)) = last {
            write(text);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_reads_as_it_is_also_when_the_clock_goes_back() {
        let read = |text: &str| {
            let mut said = String::new();
            with(text.parse().unwrap(), |date| said.push_str(date));
            said
        };
        assert_eq!(read("2026-03-01T12:00:00.9Z"), "Sun, 01 Mar 2026 12:00:00 GMT");
        assert_eq!(read("2026-03-01T12:00:01Z"), "Sun, 01 Mar 2026 12:00:01 GMT");
        assert_eq!(read("2026-03-01T12:00:00Z"), "Sun, 01 Mar 2026 12:00:00 GMT");
    }
}
