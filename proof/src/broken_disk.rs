//! A disk that fails: fsync number n gives EIO, write number n gives ENOSPC, a real file system that is full.
//!
//! The first two by a library loaded before the C library (`proof/preload`), since SQLite is C and asks it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use simulator::webhooks::sign;

use crate::http::Client;
use crate::process::Start;
use crate::random::Random;
use crate::report::Report;
use crate::town::{Plan, Town};
use crate::{Rig, scratch};

/// Deliveries sent in hope of reaching the failing call.
const DELIVERIES_MAX: u64 = 3_000;
/// After it, that many must be refused.
const AFTERWARDS: u64 = 3;
/// Deliveries while there is room.
const BETWEEN: u64 = 300;
/// Once there is room again, deliveries must be taken again after at most this.
const RECOVERY_MAX: Duration = Duration::from_secs(5);

/// HubSpot's side, one delivery after the other.
struct Sender<'a> {
    town: &'a Town,
    client: Client,
    number: u64,
}

impl<'a> Sender<'a> {
    fn new(town: &'a Town) -> Self {
        Self { town, client: Client::new(town.gateway), number: 0 }
    }

    /// The status; 0 where none came. With a 2xx there is a receipt.
    fn deliver(&mut self, filling: usize) -> u16 {
        self.number += 1;
        let id = self.number;
        let object = 9_007_199_254_740_993_u64 + id % 7;
        let event = json!([{
            "eventId": id, "subscriptionId": 1, "portalId": 1, "appId": 1, "occurredAt": Timestamp::now().as_millisecond(),
            "subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": object,
            "propertyName": "firstname", "propertyValue": "v".repeat(filling),
        }]);
        let body = event.to_string();
        let hook = &self.town.load.hook;
        let signed = sign::headers(&hook.secret, &hook.signed_url, body.as_bytes(), Timestamp::now());
        let headers: Vec<(&str, &str)> =
            signed.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default())).collect();
        let answer = self.client.ask("POST", &hook.target, &headers, body.as_bytes());
        let status = answer.map_or(0, |answer| answer.status());
        if status == 200 {
            let receipt = json!({"what": "event", "id": id, "object": object, "place": id});
            self.town.load.receipts.write(&[receipt]);
        }
        status
    }
}

struct Shim {
    library: PathBuf,
    data: PathBuf,
    mark: PathBuf,
}

impl Shim {
    fn new(rig: &Rig, places: &scratch::Places) -> io::Result<Self> {
        let library = rig.preload.canonicalize().map_err(|error| {
            io::Error::other(format!(
                "{}: {error}; build it with cargo build -p proof-preload",
                rig.preload.display()
            ))
        })?;
        Ok(Self { library, data: places.data.clone(), mark: places.histories.join("failed") })
    }

    fn load_into(&self, start: Start, fault: &str) -> Start {
        let _was_not_there = std::fs::remove_file(&self.mark);
        let text = |path: &Path| path.display().to_string();
        start
            .env("LD_PRELOAD", &text(&self.library))
            .env("PROOF_FAULT", fault)
            .env("PROOF_FAULT_BELOW", &text(&self.data))
            .env("PROOF_FAULT_MARK", &text(&self.mark))
    }

    /// The file whose call failed.
    fn failed(&self) -> String {
        std::fs::read_to_string(&self.mark).unwrap_or_default()
    }

    fn has_failed(&self) -> bool {
        self.mark.exists()
    }
}

fn town(rig: &Rig, places: &scratch::Places) -> io::Result<Town> {
    Town::found(&Plan::quiet(rig, &rig.binary, places))
}

/// EIO at fsync 1 to n, each in a life of its own.
pub(crate) fn eio(rig: &Rig) -> io::Result<Report> {
    let places = scratch::Places::new("eio")?;
    let town = town(rig, &places)?;
    let shim = Shim::new(rig, &places)?;
    // The file is made without faults: what fails then fails a store that has something to lose.
    town.up().ready()?.kill()?;
    let mut sender = Sender::new(&town);
    let (mut reached, mut not_started, mut late) = (0_u64, 0_u64, Vec::new());
    for nth in 1..=rig.n {
        let Ok(program) = shim.load_into(town.up(), &format!("fsync:{nth}")).ready() else {
            not_started += 1;
            continue;
        };
        for _ in 0..DELIVERIES_MAX {
            sender.deliver(10);
            if shim.has_failed() {
                break;
            }
        }
        reached += u64::from(shim.has_failed());
        for _ in 0..AFTERWARDS {
            if sender.deliver(10) == 200 {
                late.push(format!("{nth}, of {}", shim.failed()));
            }
        }
        program.kill()?;
    }
    let _last = town.up().ready()?;
    let found = town.judge()?;
    Ok(Report::new("eio")
        .with("fsyncs", rig.n)
        .with("reached", reached)
        .with("not_started", not_started)
        .with("acknowledged_after", late.clone())
        .verdict(&found)
        .must("every fsync was reached, in service or at the start", reached + not_started == rig.n)
        .must("nothing is acknowledged after an fsync has failed", late.is_empty())
        .must("nothing acknowledged is lost", found.is_good())
        .must("something was acknowledged", found.events > 0))
}

/// ENOSPC from write n on, until there is room again.
pub(crate) fn enospc(rig: &Rig) -> io::Result<Report> {
    let places = scratch::Places::new("enospc")?;
    let town = town(rig, &places)?;
    let shim = Shim::new(rig, &places)?;
    town.up().ready()?.kill()?;
    let mut sender = Sender::new(&town);
    let mut random = Random::new(rig.seed, 3_000);
    let (mut reached, mut not_started, mut late, mut stuck) = (0_u64, 0_u64, Vec::new(), Vec::new());
    for number in 1..=rig.n {
        let nth = if number <= rig.n / 2 { number } else { random.below(1_500) };
        let Ok(program) = shim.load_into(town.up(), &format!("write:{nth}")).ready() else {
            not_started += 1;
            continue;
        };
        for _ in 0..DELIVERIES_MAX {
            sender.deliver(10);
            if shim.has_failed() {
                break;
            }
        }
        reached += u64::from(shim.has_failed());
        for _ in 0..AFTERWARDS {
            if sender.deliver(10) == 200 {
                late.push(nth);
            }
        }
        std::fs::remove_file(&shim.mark)?;
        if !recovers(&mut sender) {
            stuck.push(nth);
        }
        program.kill()?;
    }
    let _last = town.up().ready()?;
    let found = town.judge()?;
    Ok(Report::new("enospc")
        .with("writes_failed", rig.n)
        .with("reached", reached)
        .with("not_started", not_started)
        .with("acknowledged_while_full", late.clone())
        .with("stuck", stuck.clone())
        .verdict(&found)
        .must("every write was reached, in service or at the start", reached + not_started == rig.n)
        .must("nothing is acknowledged while there is no room", late.is_empty())
        .must("it takes deliveries again when there is room", stuck.is_empty())
        .must("nothing acknowledged is lost", found.is_good())
        .must("something was acknowledged", found.events > 0))
}

fn recovers(sender: &mut Sender<'_>) -> bool {
    let until = Instant::now() + RECOVERY_MAX;
    while Instant::now() < until {
        if sender.deliver(10) == 200 {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

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
        stuck += u64::from(!recovers(&mut sender));
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
