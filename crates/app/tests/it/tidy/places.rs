//! The tree belongs to no machine: no path of somebody's workplace, no mirror that somebody happened to use.

use super::{SourceFile, assert_none, tree};

/// Spelled in halves, or this file would complain about itself.
const PLACES: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/.lib", "rary"),
    concat!("../sha", "red"),
    concat!("/opt/wh", "eels"),
    concat!("/ho", "me/"),
];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn complaints(file: &SourceFile) -> Vec<String> {
    let places = PLACES.iter().filter(|place| file.text.contains(**place));
    places
        .map(|place| format!("{}: names a place of one machine: {place}", file.path))
        .chain(mirrors(file))
        .collect()
}

/// Lock files pin versions and digests; where from is the reader's business.
fn mirrors(file: &SourceFile) -> Vec<String> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let foreign: fn(&str) -> bool = match name {
        "Cargo.lock" => |line| line.starts_with("source = ") && !line.contains(CRATES_IO),
        "package-lock.json" => |line| line.contains("\"resolved\""),
        "requirements.txt" => {
            |line| !line.starts_with('#') && (line.contains("://") || line.starts_with('-'))
        }
        ".npmrc" | "pip.conf" => |line| line.contains("://"),
        _ => return Vec::new(),
    };
    file.text
        .lines()
        .filter(|line| foreign(line))
        .map(|line| format!("{}: {}", file.path, line.trim()))
        .collect()
}

#[test]
fn the_tree_names_no_workplace_and_no_mirror() {
    assert_none(&tree().iter().flat_map(complaints).collect::<Vec<_>>());
}

#[test]
fn control_places_and_mirrors_are_seen() {
    let refused = |path: &str, text: &str| !complaints(&SourceFile::made_up(path, text)).is_empty();
    for place in PLACES {
        assert!(refused("README.md", &format!("see {place}notes")), "{place}");
    }
    assert!(!refused("README.md", "a network/path, shared by all"));
    assert!(refused("Cargo.lock", "source = \"registry+https://mirror.example/index\""));
    assert!(!refused("Cargo.lock", &format!("source = \"{CRATES_IO}\"")));
    assert!(refused("a/package-lock.json", "      \"resolved\": \"https://mirror.example/x.tgz\","));
    assert!(refused("a/requirements.txt", "--index-url https://mirror.example/simple"));
    assert!(!refused("a/requirements.txt", "# why\nsix==1.17.0"));
    assert!(refused("a/.npmrc", "registry=https://mirror.example/"));
}
