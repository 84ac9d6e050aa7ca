//! Rules of the house that no compiler checks. Each rule is a pure function from text to complaints, applied to the
//! tree by one test and shown to bite by another.

mod house;
mod names;
mod packages;
mod places;
mod runbooks;
mod size;
mod steps;
mod unfinished;

use std::fs;
use std::path::Path;

/// A text file of the tree, its path relative to the root and written with slashes.
struct SourceFile {
    path: String,
    text: String,
}

impl SourceFile {
    /// A made-up file, for the tests that show a rule at work.
    fn made_up(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// What tools make, not what people write; in a worktree, `.git` is a file.
const NOT_OURS: [&str; 6] = ["target", ".git", ".cache", ".venv", "node_modules", "__pycache__"];

/// Every text file that people wrote.
fn tree() -> Vec<SourceFile> {
    let mut files = Vec::new();
    walk(root(), &mut files);
    assert!(
        files.iter().any(|file| file.path == "Cargo.toml"),
        "the walk starts at the root of the workspace"
    );
    files
}

fn root() -> &'static Path {
    let app = Path::new(env!("CARGO_MANIFEST_DIR"));
    app.ancestors().nth(2).expect("this crate is crates/app")
}

fn walk(directory: &Path, files: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(directory).expect("a directory of the tree can be read") {
        let entry = entry.expect("an entry of the tree can be read");
        let kind = entry.file_type().expect("an entry has a kind");
        let name = entry.file_name();
        if NOT_OURS.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), files);
        } else if kind.is_file()
            // What is not text, or vanished under an editor's hands, has no rules to keep.
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            let relative = entry.path();
            let relative = relative.strip_prefix(root()).expect("the walk starts at the root");
            files.push(SourceFile { path: relative.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

/// Fails with every complaint at once.
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "the house is untidy:\n  {}\n", complaints.join("\n  "));
}

#[test]
fn the_tree_is_seen_and_the_tools_are_not() {
    let files = tree();
    let seen = |path: &str| files.iter().any(|file| file.path == path);
    assert!(seen("crates/app/tests/it/tidy.rs"));
    assert!(seen("Cargo.lock"));
    assert!(
        !files.iter().any(|file| file.path.contains("node_modules/") || file.path.starts_with("target/"))
    );
}
