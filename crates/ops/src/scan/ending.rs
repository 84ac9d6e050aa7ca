//! When what a line calls ends, and how much that matters today.

use hubspot::sunset;
use hubspot::version::ApiVersion;
use jiff::civil::Date;

use super::rules::{Ends, Level};

/// An end nearer than this is worth a warning: time for a release or two.
const WARNING_DAYS: i32 = 180;

/// One call's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) date: Date,
    pub(super) level: Level,
    pub(super) words: String,
}

/// `text` is the path or the version that was found. `None`: this one does not end, or nobody knows when.
pub(super) fn of(ends: Ends, text: Option<&str>, today: Date) -> Option<Ending> {
    match ends {
        Ends::Call(call) => {
            // A path that survives its neighbours.
            if text.is_some_and(|path| sunset::sunset_of(path).is_none()) {
                return None;
            }
            Some(told(call.what, call.date, today))
        }
        Ends::Version(version) => version_end(version, today),
        Ends::VersionInPath => version_end(ApiVersion::parse(text?)?, today),
        Ends::Day(date) => Some(told("it", date, today)),
    }
}

fn version_end(version: ApiVersion, today: Date) -> Option<Ending> {
    let end = version.unsupported_from()?;
    let supported_for_long = days(end, today) > WARNING_DAYS && matches!(version, ApiVersion::Dated { .. });
    let gone = end <= today;
    (!supported_for_long).then(|| Ending {
        date: end,
        // Unsupported is not gone.
        level: if days(end, today) > WARNING_DAYS { Level::Note } else { Level::Warning },
        words: format!("support for {version} {} {end}", if gone { "ended on" } else { "ends on" }),
    })
}

fn told(what: &str, date: Date, today: Date) -> Ending {
    let left = days(date, today);
    let words = match left {
        ..=0 => format!("{what} ended on {date}"),
        1 => format!("{what} ends tomorrow, {date}"),
        _ => format!("{what} ends on {date}, in {left} days"),
    };
    let level = match left {
        ..=0 => Level::Error,
        1..=WARNING_DAYS => Level::Warning,
        _ => Level::Note,
    };
    Ending { date, level, words }
}

fn days(date: Date, today: Date) -> i32 {
    (date - today).get_days()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("v3", date(2026, 11, 29), Some((Level::Note, "support for v3 ends on 2027-09-01")))]
    #[case("v4", date(2026, 11, 29), Some((Level::Warning, "support for v4 ends on 2027-03-30")))]
    #[case("v4", date(2027, 4, 1), Some((Level::Warning, "support for v4 ended on 2027-03-30")))]
    #[case("2026-09", date(2026, 11, 29), None)]
    #[case("2025-09", date(2026, 11, 29), Some((Level::Warning, "support for 2025-09 ends on 2027-03-01")))]
    #[case("v9", date(2026, 11, 29), None)]
    fn a_version_matters_the_nearer_its_end(
        #[case] version: &str,
        #[case] today: Date,
        #[case] expected: Option<(Level, &str)>,
    ) {
        let ending = of(Ends::VersionInPath, Some(version), today);
        assert_eq!(ending.as_ref().map(|ending| (ending.level, &*ending.words)), expected);
    }

    #[test]
    fn a_call_matters_the_nearer_its_end_and_survivors_do_not() {
        let lists = sunset::sunset_of("/contacts/v1/lists").unwrap();
        let of = |path: &str, today| of(Ends::Call(lists), Some(path), today);
        let gone = of("/contacts/v1/lists/7", date(2026, 11, 29)).unwrap();
        assert_eq!((gone.level, &*gone.words), (Level::Error, "contact lists v1 ended on 2026-04-30"));
        let soon = of("/contacts/v1/lists/7", date(2026, 4, 1)).unwrap();
        assert_eq!(
            (soon.level, &*soon.words),
            (Level::Warning, "contact lists v1 ends on 2026-04-30, in 29 days")
        );
        assert_eq!(of("/contacts/v1/lists/7", date(2025, 4, 1)).unwrap().level, Level::Note);
        assert_eq!(of("/contacts/v1/lists/all/contacts/all", date(2026, 11, 29)), None);
    }
}
