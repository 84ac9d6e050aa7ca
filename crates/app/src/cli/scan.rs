//! The options of `hubkeeper scan`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "A comment `hubkeeper:ignore` (or `hubkeeper:ignore RULE`) on the line or the one above leaves a finding; files \
                        that git or .hubkeeperignore ignores are not looked at.\nExit codes: 0 nothing, or notes only; 1 errors \
                        or warnings; 2 wrong usage."
)]
pub(crate) struct ScanOptions {
    /// Files and directories [default: the current directory]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Print the findings as JSON
    #[arg(long, conflicts_with = "sarif")]
    pub(crate) json: bool,
    /// Print the findings as SARIF 2.1.0, which code hosts take
    #[arg(long)]
    pub(crate) sarif: bool,
    /// Leave out the findings that this file knows
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write all findings into a baseline file instead of printing them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "sarif"])]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Look at the files only, not at git's history
    #[arg(long)]
    pub(crate) no_history: bool,
    /// Leave larger files [default: 4194304]
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_file_bytes: Option<u64>,
}
