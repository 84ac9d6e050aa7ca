//! The three histories that are believed, each written by another process than hubkeeper: what the caller was answered, what
//! HubSpot did, what the subscriber got. One JSON line for each thing, in order.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use serde_json::Value;

/// A file that is written line by line.
pub(crate) struct Pen(Mutex<File>);

/// What was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// A write, accepted or applied. `record` and `place` where its order matters.
    Write { key: String, record: Option<String>, place: u64 },
    /// An event, by a 2xx to the delivery that held it.
    Event { id: u64, object: u64, place: u64 },
    /// What hubkeeper itself says of an accepted write, asked at the end: its declaration.
    Declared { key: String, state: String, attempts: u64 },
}

/// A write as it took effect, by the key in one of its properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) key: String,
    pub(crate) record: String,
    pub(crate) created: bool,
}

/// An event as the subscriber got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) id: u64,
    pub(crate) object: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Histories {
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) applied: Vec<Applied>,
    pub(crate) heard: Vec<Heard>,
}

/// The property that carries a write's key.
pub(crate) const KEY: &str = "jobtitle";

impl Pen {
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        File::options().create(true).append(true).open(path).map(Mutex::new).map(Self)
    }

    /// Panics where it cannot write: without its history a rig proves nothing.
    pub(crate) fn write(&self, lines: &[Value]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut file = self.0.lock().expect("nobody panics while writing");
        file.write_all(text.as_bytes()).expect("a history can be written");
    }

    /// Onto the disk.
    pub(crate) fn sync(&self) {
        self.0.lock().expect("nobody panics while writing").sync_data().expect("a history can be kept");
    }
}

impl Histories {
    /// Reads what the three wrote.
    pub(crate) fn read(receipts: &Path, applied: &Path, heard: &Path) -> io::Result<Self> {
        Ok(Self {
            receipts: lines(receipts)?.iter().filter_map(receipt).collect(),
            applied: lines(applied)?.iter().filter_map(applied_of).collect(),
            heard: lines(heard)?.iter().filter_map(heard_of).collect(),
        })
    }
}

fn lines(path: &Path) -> io::Result<Vec<Value>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let parse = |line: &str| serde_json::from_str(line).map_err(io::Error::other);
    text.lines().map(parse).collect()
}

fn receipt(line: &Value) -> Option<Receipt> {
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    let number = |name: &str| line[name].as_u64();
    Some(match line["what"].as_str()? {
        "write" => Receipt::Write { key: text("key")?, record: text("record"), place: number("place")? },
        "event" => Receipt::Event { id: number("id")?, object: number("object")?, place: number("place")? },
        "declared" => {
            Receipt::Declared { key: text("key")?, state: text("state")?, attempts: number("attempts")? }
        }
        _ => return None,
    })
}

fn applied_of(line: &Value) -> Option<Applied> {
    let key = line["properties"][KEY].as_str().filter(|_| line["what"] == "applied")?;
    let created = line["action"] == "create";
    Some(Applied { key: key.to_owned(), record: line["id"].as_str()?.to_owned(), created })
}

fn heard_of(line: &Value) -> Option<Heard> {
    Some(Heard { id: line["id"].as_u64()?, object: line["object"].as_u64()? })
}
