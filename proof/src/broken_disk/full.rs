//! A real file system that is full.

use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::sender::Sender;
use super::town;
use crate::report::Report;
use crate::{Rig, scratch};

/// Deliveries while there is room.
const BETWEEN: u64 = 300;

/// A file system of 48 MiB, filled by somebody else and emptied again, n times.
pub(crate) fn full(rig: &Rig) -> io::Result<Report> {
    if !rustix::process::geteuid().is_root() {
        return Ok(Report::skipped("full", "only root may mount a small file system"));
    }
    let places = scratch::Places::new("full")?;
    std::fs::create_dir_all(&places.data)?;
    let at = places.data.display().to_string();
    run("mount", &["-t", "tmpfs", "-o", "size=48m", "proof-small", &at])?;
    let report = fill_and_empty(rig, &places);
    run("umount", &["--lazy", &at])?;
    report
}

fn fill_and_empty(rig: &Rig, places: &scratch::Places) -> io::Result<Report> {
    let town = town(rig, places)?;
    let mut sender = Sender::new(&town);
    let filler = places.data.join("somebody-else");
    let program = town.up().ready()?;
    let (mut refused, mut stuck) = (0_u64, 0_u64);
    for _ in 0..rig.n {
        fill(&filler)?;
        for _ in 0..200 {
            refused += u64::from(sender.deliver(2_000) != 200);
        }
        std::fs::remove_file(&filler)?;
        stuck += u64::from(!sender.recovers());
        for _ in 0..BETWEEN {
            sender.deliver(2_000);
        }
    }
    let found = town.judge()?;
    program.kill()?;
    let _last = town.up().ready()?;
    let again = town.judge()?;
    Ok(Report::new("full")
        .with("times", rig.n)
        .with("refused", refused)
        .with("stuck", stuck)
        .verdict(&again)
        .must("a full disk refuses", refused > 0)
        .must("it takes deliveries again when there is room", stuck == 0)
        .must("what was accepted is delivered while the program lives", found.is_good())
        .must("nothing acknowledged is lost", again.is_good())
        .must("something was acknowledged", again.events > 0))
}

/// Until nothing more fits.
fn fill(path: &Path) -> io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path)?;
    let block = vec![7; 64 * 1024];
    while file.write_all(&block).is_ok() {}
    while file.write_all(&block[..1]).is_ok() {}
    Ok(())
}

fn run(program: &str, arguments: &[&str]) -> io::Result<()> {
    let output = Command::new(program).args(arguments).output()?;
    let said = Value::from(String::from_utf8_lossy(&output.stderr).into_owned());
    if output.status.success() { Ok(()) } else { Err(io::Error::other(format!("{program}: {said}"))) }
}
