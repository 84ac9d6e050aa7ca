//! Files of the working tree, read by several threads. What git ignores is nobody's source.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder, WalkState};
use parking_lot::Mutex;

use super::Plan;
use super::look::{Scope, look, unignored_environment};
use super::report::{Finding, LookedAt};
use super::rules::RuleSet;

/// Where a NUL is looked for; git does the same.
const BINARY_BYTES: usize = 8_000;

/// What is not written here, even where nothing tells git to ignore it.
const FOREIGN: [&str; 7] =
    [".git", "node_modules", ".venv", "venv", "site-packages", "__pycache__", "vendor"];

/// Beside .gitignore and .ignore.
const IGNORE_FILE: &str = ".hubkeeperignore";

pub(super) fn scan(plan: &Plan, rules: &RuleSet) -> (Vec<Finding>, LookedAt) {
    let found = Mutex::new((Vec::new(), LookedAt::default()));
    for root in &plan.paths {
        walk(plan, root).run(|| {
            Box::new(|entry| {
                let (findings, looked_at) =
                    entry.map_or_else(|_| unreadable(), |entry| file(plan, rules, &entry));
                let mut found = found.lock();
                found.0.extend(findings);
                found.1 = found.1.and(looked_at);
                WalkState::Continue
            })
        });
    }
    found.into_inner()
}

fn walk(plan: &Plan, root: &Path) -> ignore::WalkParallel {
    let mut walk = WalkBuilder::new(root);
    walk.hidden(false)
        .follow_links(false)
        .threads(plan.threads.max(1))
        .add_custom_ignore_filename(IGNORE_FILE);
    walk.filter_entry(|entry| {
        entry.depth() == 0 || !FOREIGN.iter().any(|foreign| entry.file_name() == *foreign)
    });
    walk.build_parallel()
}

fn unreadable() -> (Vec<Finding>, LookedAt) {
    (Vec::new(), LookedAt { unreadable: 1, ..LookedAt::default() })
}

fn file(plan: &Plan, rules: &RuleSet, entry: &DirEntry) -> (Vec<Finding>, LookedAt) {
    if !entry.file_type().is_some_and(|kind| kind.is_file()) {
        return (Vec::new(), LookedAt::default());
    }
    let path = shown(entry.path());
    match read(entry.path(), plan.file_bytes_max) {
        Contents::Text(bytes) => {
            let mut findings = look(rules, &path, &bytes, Scope::All, plan.today);
            if is_in_repository(entry.path()) {
                findings.extend(unignored_environment(&path, &bytes));
            }
            (findings, LookedAt { files: 1, bytes: bytes.len() as u64, ..LookedAt::default() })
        }
        Contents::Binary => (Vec::new(), LookedAt { binary: 1, ..LookedAt::default() }),
        Contents::TooLarge => (Vec::new(), LookedAt { too_large: 1, ..LookedAt::default() }),
        Contents::Failed => unreadable(),
    }
}

enum Contents {
    Text(Vec<u8>),
    Binary,
    TooLarge,
    Failed,
}

fn read(path: &Path, bytes_max: u64) -> Contents {
    let Ok(file) = File::open(path) else { return Contents::Failed };
    // It may grow while it is read.
    let mut bytes = Vec::new();
    if file.take(bytes_max + 1).read_to_end(&mut bytes).is_err() {
        return Contents::Failed;
    }
    let is_too_large = bytes.len() as u64 > bytes_max;
    match text(bytes) {
        None => Contents::Binary,
        Some(_) if is_too_large => Contents::TooLarge,
        Some(text) => Contents::Text(text),
    }
}

/// `None`: it is no text. What Windows writes as UTF-16, a mark of the order of bytes before it, is.
pub(super) fn text(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        let letters = char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER));
        Some(letters.collect::<String>().into_bytes())
    };
    match bytes[..] {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => (!bytes[..bytes.len().min(BINARY_BYTES)].contains(&0)).then_some(bytes),
    }
}

/// With slashes, and without `./` before it.
fn shown(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    path.strip_prefix("./").map_or(path.clone(), str::to_owned)
}

/// Only `.env` files are asked, so this need not be quick.
fn is_in_repository(path: &Path) -> bool {
    let is_environment = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".env"));
    is_environment && repository_of(path).is_some()
}

/// The nearest directory above that git keeps.
pub(super) fn repository_of(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok()?;
    path.ancestors().find(|directory| directory.join(".git").exists()).map(Path::to_path_buf)
}
