//! A disk that fails: fsync number n gives EIO, write number n gives ENOSPC, a real file system that is full.
//!
//! The first two by a library loaded before the C library (`proof/preload`), since SQLite is C and asks it.

use std::io;

use crate::process::Program;
use crate::random::Random;
use crate::report::Report;
use crate::town::{Plan, Town};
use crate::{Rig, scratch};

mod full;
mod sender;
mod shim;

pub(crate) use full::full;
use sender::Sender;
use shim::Shim;

/// Deliveries sent in hope of reaching the failing call.
const DELIVERIES_MAX: u64 = 3_000;
/// After it, that many must be refused.
const AFTERWARDS: u64 = 3;

/// A town whose hubkeeper is started again and again, each time with another call that fails.
struct Lives<'a> {
    town: &'a Town,
    shim: Shim,
    sender: Sender<'a>,
    reached: u64,
    not_started: u64,
    /// Acknowledged after the call had failed.
    late: Vec<String>,
}

impl<'a> Lives<'a> {
    fn new(rig: &Rig, places: &scratch::Places, town: &'a Town) -> io::Result<Self> {
        let shim = Shim::new(rig, places)?;
        // The file is made without faults: what fails then fails a store that has something to lose.
        town.up().ready()?.kill()?;
        Ok(Self { town, shim, sender: Sender::new(town), reached: 0, not_started: 0, late: Vec::new() })
    }

    /// A life until the call has failed, and some deliveries more. `None`: it failed at the start already.
    fn live(&mut self, fault: &str) -> Option<Program> {
        let Ok(program) = self.shim.load_into(self.town.up(), fault).ready() else {
            self.not_started += 1;
            return None;
        };
        for _ in 0..DELIVERIES_MAX {
            self.sender.deliver(10);
            if self.shim.has_failed() {
                break;
            }
        }
        self.reached += u64::from(self.shim.has_failed());
        for _ in 0..AFTERWARDS {
            if self.sender.deliver(10) == 200 {
                self.late.push(format!("{fault}, of {}", self.shim.failed()));
            }
        }
        Some(program)
    }

    /// What the histories say after a last life without faults.
    fn report(self, name: &'static str, calls: u64) -> io::Result<Report> {
        let _last = self.town.up().ready()?;
        let found = self.town.judge()?;
        Ok(Report::new(name)
            .with("calls", calls)
            .with("reached", self.reached)
            .with("not_started", self.not_started)
            .with("acknowledged_after", self.late.clone())
            .verdict(&found)
            .must(
                "every call was reached, in service or at the start",
                self.reached + self.not_started == calls,
            )
            .must("nothing is acknowledged after a call has failed", self.late.is_empty())
            .must("nothing acknowledged is lost", found.is_good())
            .must("something was acknowledged", found.events > 0))
    }
}

fn town(rig: &Rig, places: &scratch::Places) -> io::Result<Town> {
    Town::found(&Plan::quiet(rig, &rig.binary, places))
}

/// EIO at fsync 1 to n, each in a life of its own.
pub(crate) fn eio(rig: &Rig) -> io::Result<Report> {
    let places = scratch::Places::new("eio")?;
    let town = town(rig, &places)?;
    let mut lives = Lives::new(rig, &places, &town)?;
    for nth in 1..=rig.n {
        if let Some(program) = lives.live(&format!("fsync:{nth}")) {
            program.kill()?;
        }
    }
    lives.report("eio", rig.n)
}

/// ENOSPC from write n on, until there is room again.
pub(crate) fn enospc(rig: &Rig) -> io::Result<Report> {
    let places = scratch::Places::new("enospc")?;
    let town = town(rig, &places)?;
    let mut lives = Lives::new(rig, &places, &town)?;
    let (mut random, mut stuck) = (Random::new(rig.seed, 3_000), Vec::new());
    for number in 1..=rig.n {
        let nth = if number <= rig.n / 2 { number } else { random.below(1_500) };
        let Some(program) = lives.live(&format!("write:{nth}")) else { continue };
        lives.shim.mend()?;
        if !lives.sender.recovers() {
            stuck.push(nth);
        }
        program.kill()?;
    }
    let report = lives.report("enospc", rig.n)?;
    let goes_on = stuck.is_empty();
    Ok(report.with("stuck", stuck).must("it takes deliveries again when there is room", goes_on))
}
