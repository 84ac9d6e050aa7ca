//! What a caller says about kept answers, in HTTP's own words: RFC 9111 §5.2.1, RFC 5861 §4.
//!
//! | directive | means here |
//! |---|---|
//! | `no-store` | nothing is kept, served or shared for this call |
//! | `no-cache`, `max-age=0`, `Pragma: no-cache` | HubSpot's own word, now; an error stays an error |
//! | `max-age=N` | nothing older than N seconds |
//! | `min-fresh=N` | only what stays fresh for N seconds more |
//! | `max-stale[=N]`, `stale-if-error=N` | while HubSpot does not answer, what is past its time by up to N seconds |
//! | `only-if-cached` | HubSpot is not asked: what is kept, as old as it may be while HubSpot does not answer, or a 504 |

use std::time::Duration;

/// The caller's wishes. None, for nearly every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wishes {
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) only_if_cached: bool,
    pub(crate) age_max: Option<Duration>,
    pub(crate) fresh_for_min: Duration,
    /// How far past its time an answer may be; said outright.
    pub(crate) stale_by_max: Option<Duration>,
}

impl Wishes {
    /// Takes in one `Cache-Control` header. What cannot be read is as if it were not there.
    pub(crate) fn read(&mut self, cache_control: &[u8]) {
        let Ok(text) = std::str::from_utf8(cache_control) else { return };
        for directive in text.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let seconds = || value.trim().trim_matches('"').parse().map(Duration::from_secs).ok();
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => self.no_store = true,
                "no-cache" => self.no_cache = true,
                "only-if-cached" => self.only_if_cached = true,
                "max-age" => self.age_max = seconds().or(self.age_max),
                "min-fresh" => self.fresh_for_min = seconds().unwrap_or(self.fresh_for_min),
                "max-stale" if value.is_empty() => self.stale_by_max = Some(Duration::MAX),
                "max-stale" | "stale-if-error" => self.stale_by_max = seconds().or(self.stale_by_max),
                _ => {}
            }
        }
        self.no_cache |= self.age_max == Some(Duration::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn wishes(text: &str) -> Wishes {
        let mut wishes = Wishes::default();
        wishes.read(text.as_bytes());
        wishes
    }

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[rstest]
    #[case("", Wishes::default())]
    #[case("no-store", Wishes { no_store: true, ..Wishes::default() })]
    #[case("only-if-cached, max-stale=9", Wishes {
        only_if_cached: true,
        stale_by_max: Some(S(9)),
        ..Wishes::default()
    })]
    #[case("No-Cache", Wishes { no_cache: true, ..Wishes::default() })]
    #[case("max-age=0", Wishes { no_cache: true, age_max: Some(S(0)), ..Wishes::default() })]
    #[case("max-age=60, max-stale=5", Wishes { age_max: Some(S(60)), stale_by_max: Some(S(5)), ..Wishes::default() })]
    #[case("max-stale", Wishes { stale_by_max: Some(Duration::MAX), ..Wishes::default() })]
    #[case(" stale-if-error = \"7\" ", Wishes { stale_by_max: Some(S(7)), ..Wishes::default() })]
    #[case("min-fresh=3,x=y,max-age=z", Wishes { fresh_for_min: S(3), ..Wishes::default() })]
    #[case("max-stale=soon", Wishes::default())]
    fn directives(#[case] text: &str, #[case] expected: Wishes) {
        assert_eq!(wishes(text), expected);
    }
}
