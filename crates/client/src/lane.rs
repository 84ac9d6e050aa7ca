//! How urgent a call is.

use std::fmt;

/// The priority class of a call, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Lane {
    /// Our own rare questions, on which others depend.
    Probe,
    /// Somebody waits for the answer.
    #[default]
    Interactive,
    /// A program keeps two systems equal.
    Sync,
    /// As much as there is room for.
    Bulk,
}

impl Lane {
    pub const ALL: [Self; 4] = [Self::Probe, Self::Interactive, Self::Sync, Self::Bulk];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Interactive => "interactive",
            Self::Sync => "sync",
            Self::Bulk => "bulk",
        }
    }

    /// The lane of a name that a caller may ask for; `probe` is ours.
    pub fn of_caller(name: &str) -> Option<Self> {
        [Self::Interactive, Self::Sync, Self::Bulk]
            .into_iter()
            .find(|lane| name.eq_ignore_ascii_case(lane.name()))
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
