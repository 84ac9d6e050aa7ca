//! Numbers and times as a person reads them.

use jiff::{SignedDuration, Timestamp};

/// `1 234 567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// `0.4 %`; `–` of nothing.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".into();
    }
    #[expect(clippy::cast_precision_loss, reason = "a share for the eye")]
    let share = part as f64 * 100.0 / whole as f64;
    if share > 0.0 && share < 0.1 { "< 0.1 %".into() } else { format!("{share:.1} %") }
}

/// `14:03:59`.
pub(super) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// `2026-10-01 14:03:59`.
pub(super) fn date_and_clock(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `3 min ago`, in the largest unit that fits.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at).max(SignedDuration::ZERO);
    let seconds = passed.as_secs();
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let shown = [0, 999, 1_000, 1_234_567].map(|number| grouped(number).replace('\u{202f}', " "));
        assert_eq!(shown, ["0", "999", "1 000", "1 234 567"]);
    }

    #[test]
    fn shares_never_hide_the_one_in_ten_thousand() {
        assert_eq!(
            [percent(0, 0), percent(0, 9), percent(1, 10_000), percent(1, 3)],
            ["–", "0.0 %", "< 0.1 %", "33.3 %"]
        );
    }

    #[test]
    fn ages_are_told_in_one_unit() {
        let now: Timestamp = "2026-10-01T12:00:00Z".parse().unwrap();
        let aged = |seconds| ago(now - SignedDuration::from_secs(seconds), now);
        assert_eq!(
            [aged(-5), aged(59), aged(61), aged(7_300), aged(200_000)],
            ["0 s ago", "59 s ago", "1 min ago", "2 h ago", "2 d ago"]
        );
    }
}
