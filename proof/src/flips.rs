//! Single bytes of the store's file changed, one at a time: each change is told, or makes no difference.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use store::Store;
use store::deliveries::{EventKey, NewDelivery};
use store::outbox::{Filter, NewOperation};
use uuid::Uuid;

use crate::random::Random;
use crate::report::Report;
use crate::{Rig, scratch};

/// Deliveries and operations that look like those of every day.
const RECORDS: u64 = 150;

/// Large deliveries behind them, as most of a file is bodies.
const LARGE: u64 = 300;
const LARGE_BYTES: usize = 60_000;

/// Where the file's own structure and the small records lie. Half of the changes are made there.
const FRONT_BYTES: u64 = 256 * 1024;

/// What a store says of everything in it.
type Everything = (Vec<store::deliveries::Delivery>, Vec<store::outbox::Operation>);
type Said = Result<Everything, String>;

pub(crate) fn run(rig: &Rig) -> io::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let places = scratch::Places::new("flips")?;
    // In memory: ten thousand copies and openings are nothing for a disk.
    let whole = places.histories.join("whole");
    std::fs::create_dir_all(&whole)?;
    runtime.block_on(fill(&whole)).map_err(io::Error::other)?;
    let file = whole.join("hubkeeper.db");
    fold(&file).map_err(io::Error::other)?;
    let content = std::fs::read(file)?;
    let directory = places.histories.join("truth");
    std::fs::create_dir_all(&directory)?;
    std::fs::write(directory.join("hubkeeper.db"), &content)?;
    let truth = runtime.block_on(read(&directory)).map_err(io::Error::other)?;
    let mut random = Random::new(rig.seed, 4_000);
    let (mut told, mut harmless, mut missed) = (0_u64, 0_u64, Vec::new());
    for _ in 0..rig.n {
        let reach = if random.chance(0.5) { FRONT_BYTES } else { content.len() as u64 };
        let place = usize::try_from(random.below(reach.min(content.len() as u64))).unwrap_or(0);
        let by = 1 + u8::try_from(random.below(255)).unwrap_or(0);
        let mut flipped = content.clone();
        flipped[place] = flipped[place].wrapping_add(by);
        let directory = places.histories.join("flipped");
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join("hubkeeper.db"), flipped)?;
        match runtime.block_on(read(&directory)) {
            Err(_) => told += 1,
            Ok(said) if said == truth => harmless += 1,
            Ok(said) => missed.push(format!("{place}: {}", difference(&truth, &said))),
        }
        std::fs::remove_dir_all(&directory)?;
    }
    let damaged = records_damaged(&content, &places.histories, &runtime)?;
    Ok(Report::new("flips")
        .with("flips", rig.n)
        .with("file_bytes", content.len())
        .with("deliveries", truth.0.len())
        .with("operations", truth.1.len())
        .with("told", told)
        .with("harmless", harmless)
        .with("missed", missed.clone())
        .must(
            "the file holds all records",
            truth.0.len() as u64 == RECORDS + LARGE && truth.1.len() as u64 == RECORDS,
        )
        .must("no change is missed", missed.is_empty())
        .must("some were told and some harmless", told > 0 && harmless > 0)
        .must("the control, a change inside a body, is told", damaged))
}

async fn fill(directory: &Path) -> Result<(), String> {
    let store = open(directory).await?;
    let at: Timestamp = "2026-10-01T12:00:00Z".parse().expect("a literal timestamp");
    for number in 0..RECORDS {
        let body = format!("[{{\"eventId\":{number},\"propertyValue\":\"{}\"}}]", "needle".repeat(20));
        let mut digest = [0; 10];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        let keys = vec![EventKey::new(at, digest)];
        let delivery =
            NewDelivery { received_at: at, connection: "default".into(), body: body.into_bytes(), keys };
        store.receive(delivery).await.map_err(|error| error.to_string())?;
        store.accept(operation(number, at)).await.map_err(|error| error.to_string())?;
    }
    for number in RECORDS..RECORDS + LARGE {
        let mut digest = [0; 10];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        let keys = vec![EventKey::new(at, digest)];
        let body = vec![b'x'; LARGE_BYTES];
        let delivery = NewDelivery { received_at: at, connection: "default".into(), body, keys };
        store.receive(delivery).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What was written is in the log yet, and it is the file that is to be damaged.
fn fold(file: &Path) -> rusqlite::Result<()> {
    rusqlite::Connection::open(file)?.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()))
}

fn operation(number: u64, at: Timestamp) -> NewOperation {
    NewOperation {
        id: Uuid::from_u128(u128::from(number) + 1),
        accepted_at: at,
        connection: "default".into(),
        caller: "-".into(),
        family: "objects".into(),
        lane: "bulk".into(),
        method: "PATCH".into(),
        target: format!("/crm/v3/objects/contacts/{number}"),
        headers: vec![("content-type".into(), "application/json".into())],
        body: b"{\"properties\":{\"firstname\":\"A\"}}".to_vec(),
        record: Some(format!("contacts/{number}")),
        stamp: None,
    }
}

async fn open(directory: &Path) -> Result<Store, String> {
    let url = format!("sqlite:{}", directory.join("hubkeeper.db").display());
    Store::open(&url).await.map_err(|error| error.to_string())
}

async fn read(directory: &Path) -> Said {
    let store = open(directory).await?;
    let deliveries = store.deliveries(0, usize::MAX).await.map_err(|error| error.to_string())?;
    let found =
        store.operations(Filter::default(), 0, usize::MAX).await.map_err(|error| error.to_string())?;
    match found.damaged.first() {
        Some(damaged) => Err(damaged.to_string()),
        None => Ok((deliveries, found.operations)),
    }
}

/// In what the two differ, first.
fn difference(truth: &Everything, said: &Everything) -> String {
    let (deliveries, operations) = truth;
    if deliveries.len() != said.0.len() || operations.len() != said.1.len() {
        let (there, were) = (said.0.len() + said.1.len(), deliveries.len() + operations.len());
        return format!("{there} records of {were}");
    }
    let delivery = deliveries.iter().zip(&said.0).find(|(a, b)| a != b);
    if let Some((a, b)) = delivery {
        return format!("delivery {} became {}, body {}", a.seq, b.seq, a.body == b.body);
    }
    let operation = operations.iter().zip(&said.1).find(|(a, b)| a != b);
    operation.map_or_else(String::new, |(a, b)| format!("operation {} became {}, {b:?}", a.seq, b.seq))
}

/// A change where it surely matters. Some copies are left over from when pages were split, and matter to nobody.
fn records_damaged(content: &[u8], scratch: &Path, runtime: &tokio::runtime::Runtime) -> io::Result<bool> {
    let needle = b"needleneedle";
    let places = content.windows(needle.len()).enumerate().filter(|(_, window)| window == needle);
    let directory = scratch.join("control");
    for (place, _) in places.step_by(400).take(40) {
        let mut flipped = content.to_vec();
        flipped[place] = b'N';
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join("hubkeeper.db"), flipped)?;
        let told = runtime.block_on(read(&directory)).is_err();
        std::fs::remove_dir_all(&directory)?;
        if told {
            return Ok(true);
        }
    }
    Ok(false)
}
