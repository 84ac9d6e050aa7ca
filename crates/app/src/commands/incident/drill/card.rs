//! The score card: what a drill has shown, in seconds from the moment the fault began.

use serde::Serialize;

use super::work::Done;
use crate::failure::Failure;
use crate::process;

/// `None` is never.
#[derive(Debug, Default, Serialize)]
pub(super) struct Card {
    pub(super) fault: String,
    pub(super) incident: Option<String>,
    pub(super) named: Option<String>,
    pub(super) right: bool,
    pub(super) detected_s: Option<i64>,
    pub(super) diagnosed_s: Option<i64>,
    /// When the first message had arrived; nobody is told where no channel is configured.
    pub(super) first_told_s: Option<i64>,
    /// From the mending on.
    pub(super) recovered_s: Option<i64>,
    /// By the incident's own count.
    pub(super) calls_failed: u64,
    /// The drill's own calls, where it had a token to make them with.
    pub(super) work: Option<Done>,
}

impl Card {
    /// Named rightly, over by itself, and nothing lost.
    pub(super) fn is_passed(&self) -> bool {
        let kept = self.work.as_ref().is_none_or(|work| work.writes_lost == 0 && work.writes_twice == 0);
        self.right && self.recovered_s.is_some() && kept
    }

    pub(super) fn show(&self, json: bool) -> Result<(), Failure> {
        if json {
            process::print_line(&serde_json::to_string(self).map_err(Failure::work)?);
            return Ok(());
        }
        for (name, value) in self.lines() {
            process::print_line(&format!("{name:<24} {value}"));
        }
        Ok(())
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let seconds =
            |value: Option<i64>| value.map_or_else(|| "never".to_owned(), |value| format!("{value} s"));
        let named = self.named.as_deref().unwrap_or("nothing");
        let verdict = if self.right { "right" } else { "wrong" };
        let told = match self.first_told_s {
            None if self.incident.is_some() => "nobody: no channel took a message".to_owned(),
            told => seconds(told),
        };
        let loss = self.work.as_ref().map_or_else(
            || "not measured: without HUBSPOT_ACCESS_TOKEN it makes no calls of its own".to_owned(),
            |work| {
                format!(
                    "{} of {} accepted writes lost, {} applied twice",
                    work.writes_lost, work.writes_accepted, work.writes_twice
                )
            },
        );
        let own = self.work.as_ref().map(|work| {
            let met = if work.failed == 0 && self.incident.is_none() {
                ": none of them meets this fault"
            } else {
                ""
            };
            format!("{} of {} failed{met}", work.failed, work.calls)
        });
        let mut lines = vec![
            ("Fault", self.fault.clone()),
            ("Incident", self.incident.clone().unwrap_or_else(|| "none".into())),
            ("Detected after", seconds(self.detected_s)),
            ("Named after", seconds(self.diagnosed_s)),
            ("Named as", format!("{named} ({verdict})")),
            ("First told after", told),
            ("Recovered after mending", seconds(self.recovered_s)),
            ("Calls failed", self.calls_failed.to_string()),
        ];
        lines.extend(own.map(|own| ("Calls of the drill", own)));
        lines.push(("Loss", loss));
        lines.push(("Passed", if self.is_passed() { "yes" } else { "no" }.to_owned()));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_loses_a_write_has_not_passed() {
        let card = |writes_lost| Card {
            right: true,
            recovered_s: Some(9),
            work: Some(Done { writes_lost, ..Done::default() }),
            ..Card::default()
        };
        assert!(card(0).is_passed() && !card(1).is_passed());
        assert!(!Card { recovered_s: None, ..card(0) }.is_passed());
    }
}
