//! A file is named after its idea. These names have none, and attract everything that has no home.

use super::{SourceFile, assert_none, tree};

const BANNED: [&str; 9] = [
    "util.rs",
    "utils.rs",
    "types.rs",
    "helper.rs",
    "helpers.rs",
    "common.rs",
    "misc.rs",
    "shared.rs",
    "mod.rs",
];

fn complaint(file: &SourceFile) -> Option<String> {
    let mut parts = file.path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let banned =
        |part: &str| BANNED.iter().any(|banned| *banned == part || banned.strip_suffix(".rs") == Some(part));
    (file.is_rust() && (banned(name) || parts.any(banned)))
        .then(|| format!("{}: name it after the idea it holds", file.path))
}

#[test]
fn no_file_has_a_name_without_an_idea() {
    assert_none(&tree().iter().filter_map(complaint).collect::<Vec<_>>());
}

#[test]
fn control_bad_names_are_seen() {
    let refused = |path: &str| complaint(&SourceFile::made_up(path, "")).is_some();
    assert!(refused("crates/x/src/utils.rs"));
    assert!(refused("crates/x/src/a/mod.rs"));
    assert!(refused("crates/x/src/common/clock.rs"));
    assert!(!refused("crates/x/src/object_type.rs"));
    assert!(!refused("docs/types.md"));
}
