//! The power goes, again and again, while deliveries of up to a hundred events come as fast as they are taken.

use std::io;
use std::time::Duration;

use crate::disk::machine::{self, Machine};
use crate::load::Load;
use crate::random::Random;
use crate::report::Report;
use crate::town::{Plan, Town};
use crate::{Rig, check::Verdict, scratch};

/// Cuts of one disk; then what was acknowledged is counted and the next begins empty.
const CUTS_OF_ROUND: u64 = 10;

/// How long the power stays, in milliseconds.
const LIFE_MS: (u64, u64) = (100, 900);

/// Without waiting for the disk, this many cuts must lose something.
const CONTROL_CUTS: u64 = 5;

pub(crate) fn run(rig: &Rig) -> io::Result<Report> {
    if let Some(why) = machine::missing() {
        return Ok(Report::skipped("power", &why));
    }
    let mut all = Verdict::default();
    let rounds = rig.n.div_ceil(CUTS_OF_ROUND);
    for number in 0..rounds {
        let cuts = CUTS_OF_ROUND.min(rig.n - number * CUTS_OF_ROUND);
        let found = round(rig, number, cuts, None)?;
        eprintln!(
            "proof: power, round {} of {rounds}: {} events, {} writes, {} lost",
            number + 1,
            found.events,
            found.writes,
            found.lost()
        );
        all.add(found);
    }
    let control = round(rig, 1_000, CONTROL_CUTS, Some("normal"))?;
    Ok(Report::new("power")
        .with("cuts", rig.n)
        .verdict(&all)
        .with("control_events", control.events)
        .with("control_lost", control.lost())
        .must("nothing acknowledged is lost, applied twice without a word, or out of order", all.is_good())
        .must("something was acknowledged", all.events > 0)
        .must("the control with synchronous = NORMAL loses something", control.lost() > 0))
}

fn round(rig: &Rig, number: u64, cuts: u64, weakness: Option<&str>) -> io::Result<Verdict> {
    let places = scratch::Places::new("power")?;
    let binary = if weakness.is_some() { &rig.weakened } else { &rig.binary };
    let town = Town::found(&Plan {
        seed: rig.seed + number,
        writes_per_s: 100,
        events_per_s: 40_000,
        events_of_delivery_max: 100,
        ..Plan::quiet(rig, binary, &places)
    })?;
    let mut random = Random::new(rig.seed + number, 2_000);
    let mut content = machine::formatted(&places.histories)?;
    let load = Load::start(&town.load);
    for cut in 0..cuts {
        let machine = Machine::boot(content, cut, &places.histories, &places.data)?;
        let mut up = town.up();
        if let Some(weakness) = weakness {
            up = up.env("HUBKEEPER_PROOF_WEAKNESS", weakness);
        }
        let program = up.ready()?;
        std::thread::sleep(Duration::from_millis(LIFE_MS.0 + random.below(LIFE_MS.1)));
        content = machine.cut(program, &mut random)?;
        town.load.receipts.sync();
    }
    let _machine = Machine::boot(content, cuts, &places.histories, &places.data)?;
    let program = town.up().ready()?;
    load.end();
    let found = town.judge();
    program.kill()?;
    found
}
