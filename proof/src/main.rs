//! The proof that nothing is lost: rigs that drive the real binary as a process and judge by what others wrote down.
//!
//! ```text
//! proof commit                       every rig, at the size of its tier
//! proof kill --n 50 --seed 7         one rig
//! ```
//!
//! | module | is |
//! |---|---|
//! | [`check`] | the verdict over three histories: a pure function |
//! | [`histories`] | receipts, HubSpot's log, the subscriber's log |
//! | [`load`] | callers, and HubSpot's side of webhooks |
//! | [`town`] | simulator, subscriber and hubkeeper |
//! | [`kill`] | kill -9, at random and at every step |
//! | [`power`], [`disk`] | power cuts, and the disk that suffers them |
//! | [`broken_disk`] | EIO, ENOSPC, and a disk that is full |
//! | [`flips`] | single bytes changed |
//! | [`lost_answers`] | creates whose answers are lost |
//! | [`proxies`] | nginx and haproxy in front |
//! | [`shuffled`] | events many times and in any order |
//! | [`forgeries`] | a million forgeries and a million genuine deliveries |
//!
//! docs/PROOF.md says what each shows, and how it could fail.

#![expect(clippy::disallowed_methods, reason = "real processes in real time")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own; stdout is data, stderr is talk"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use report::{End, Report};

mod broken_disk;
mod check;
mod disk;
mod flips;
mod forgeries;
mod histories;
mod http;
mod kill;
mod load;
mod lost_answers;
mod power;
mod process;
mod proxies;
mod random;
mod report;
mod scratch;
mod shuffled;
mod town;

/// One rig's share of the command line.
pub(crate) struct Rig {
    pub(crate) seed: u64,
    /// How much: kills, cuts, forgeries. Each rig says of what.
    pub(crate) n: u64,
    /// The binary under test, as it ships.
    pub(crate) binary: PathBuf,
    /// The same with the feature `proof`: it can die at a step, or be weaker than promised.
    pub(crate) weakened: PathBuf,
    /// The C library whose disk fails.
    pub(crate) preload: PathBuf,
}

type Run = fn(&Rig) -> std::io::Result<Report>;

/// Name, size in the tier `commit`, size in the tier `nightly`, and the rig.
const RIGS: &[(&str, u64, u64, Run)] = &[
    ("forgeries", 100_000, 1_000_000, forgeries::run),
    ("flips", 10_000, 10_000, flips::run),
    ("eio", 50, 50, broken_disk::eio),
    ("enospc", 50, 200, broken_disk::enospc),
    ("full", 5, 20, broken_disk::full),
    ("proxies", 200, 2_000, proxies::run),
    ("shuffled", 1_000_000, 1_000_000, shuffled::run),
    ("lost_answers", 20, 120, lost_answers::run),
    ("steps", 5, 5, kill::steps),
    ("kill", 1_000, 10_000, kill::random),
    ("power", 100, 1_000, power::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("proof: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let word = arguments.first().map_or("", String::as_str);
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let number = |name: &str| {
        option(name).map(|text| text.parse::<u64>().map_err(|_| format!("{name} takes a number"))).transpose()
    };
    let seed = number("--seed")?.unwrap_or(1);
    let given = number("--n")?;
    let path = |name: &str, default: &str| PathBuf::from(option(name).unwrap_or(default));
    let binary = path("--binary", "target/proof/hubkeeper");
    let weakened = path("--weakened", "target/proof/hubkeeper-weakened");
    let preload = path("--preload", "target/debug/libproof_preload.so");
    let chosen: Vec<_> =
        RIGS.iter().filter(|(name, ..)| word == *name || matches!(word, "commit" | "nightly")).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = RIGS.iter().map(|(name, ..)| *name).collect();
        return Err(format!("say commit, nightly, or one of {}", names.join(", ")));
    }
    let commit = commit();
    let (mut broken, mut skipped) = (0, 0);
    for (name, commit_n, nightly_n, rig) in chosen {
        let n = given.unwrap_or(if word == "nightly" { *nightly_n } else { *commit_n });
        let began = Instant::now();
        let command = format!("proof {name} --n {n} --seed {seed}");
        eprintln!("proof: {command}");
        let (binary, weakened, preload) = (binary.clone(), weakened.clone(), preload.clone());
        let ran = rig(&Rig { seed, n, binary, weakened, preload });
        let report = ran.unwrap_or_else(|error| {
            Report::new(name).with("error", error.to_string()).must("the rig runs to its end", false)
        });
        report.print(seed, &command, &commit, began);
        match report.end {
            End::Proven => {}
            End::Broken => broken += 1,
            End::Skipped => skipped += 1,
        }
    }
    eprintln!("proof: {broken} broken, {skipped} skipped");
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is proven about.
fn commit() -> String {
    let told =
        std::process::Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    told.map_or_else(|_| String::new(), |told| String::from_utf8_lossy(&told.stdout).trim().to_owned())
}
