//! What a command could not do, told to a person: message, cause, one hint; and the exit code.

use std::fmt::Display;
use std::process::ExitCode;

use anstream::eprintln;
use anstyle::{AnsiColor, Style};

/// How a command ends. The numbers are a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Fine = 0,
    /// A problem was found, or the work failed.
    Problem = 1,
    /// Wrong usage or configuration; nothing was started.
    Usage = 2,
    /// Could not tell.
    Unsure = 3,
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// The command line or the configuration is wrong.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string(), hint: None }
    }

    /// The work failed.
    pub(crate) fn work(message: impl Display) -> Self {
        Self { exit: Exit::Problem, message: message.to_string(), hint: None }
    }

    /// There is nothing to tell from.
    pub(crate) fn unsure(message: impl Display) -> Self {
        Self { exit: Exit::Unsure, message: message.to_string(), hint: None }
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn hint(self, hint: impl Display) -> Self {
        Self { hint: Some(hint.to_string()), ..self }
    }

    /// What went wrong, without the hint.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn tell(&self) -> ExitCode {
        const RED: Style = AnsiColor::Red.on_default().bold();
        const CYAN: Style = AnsiColor::Cyan.on_default().bold();
        eprintln!("{RED}error:{RED:#} {}", self.message);
        if let Some(hint) = &self.hint {
            eprintln!("{CYAN}hint:{CYAN:#} {hint}");
        }
        self.exit.into()
    }
}

/// In one line, for whoever asked over the admin API.
impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
