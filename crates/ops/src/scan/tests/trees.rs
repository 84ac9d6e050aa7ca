//! Whole trees: what git ignores, what is binary or too large, comments that leave, the baseline, and the past.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Inventor, TODAY};
use crate::scan::baseline::Baseline;
use crate::scan::report::{Finding, History, ScanReport};
use crate::scan::{FILE_BYTES_MAX, Past, Plan, ScanError, run};

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn repository() -> Self {
        let tree = Self::new();
        tree.git(&["init", "--quiet", "--initial-branch=main"]);
        tree
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn git(&self, arguments: &[&str]) {
        let identity =
            ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"];
        let done =
            Command::new("git").arg("-C").arg(self.path()).args(identity).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
    }

    fn scan(&self, past: Past) -> ScanReport {
        self.scan_path(self.path().to_path_buf(), past)
    }

    fn scan_path(&self, path: PathBuf, past: Past) -> ScanReport {
        let plan = Plan { paths: vec![path], past, file_bytes_max: FILE_BYTES_MAX, today: TODAY, threads: 2 };
        run(&plan).unwrap()
    }
}

fn token(seed: u64) -> String {
    Inventor(seed).fill("token = 'pat-na1-{uuid}'\n")
}

fn seen(report: &ScanReport) -> Vec<(&str, &str)> {
    let name = |finding: &'_ Finding| finding.path.rsplit('/').next().map(str::len).unwrap();
    report.findings.iter().map(|it| (&it.path[it.path.len() - name(it)..], &*it.rule)).collect()
}

#[test]
fn ignored_foreign_binary_and_large_files_are_left() {
    let tree = Tree::repository();
    tree.file(".gitignore", "secrets.py\n")
        .file("secrets.py", token(1))
        .file("node_modules/x/a.js", token(2));
    tree.file("a.py", token(3)).file("b.bin", [token(4).as_bytes(), b"\0"].concat());
    tree.file("large.txt", token(5).repeat(100_000))
        .file("sub/.hubkeeperignore", "b.py\n")
        .file("sub/b.py", token(6));
    let report = tree.scan(Past::Left);
    assert_eq!(seen(&report), [("a.py", "secret.access_token")]);
    assert_eq!((report.looked_at.binary, report.looked_at.too_large, report.looked_at.unreadable), (1, 1, 0));
    assert!(report.has_problem() && report.history == History::Left);
}

#[test]
fn what_windows_writes_as_utf_16_is_text() {
    let tree = Tree::repository();
    let wide = |token: String, unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xfeff).chain(format!("T={token}\r\n").encode_utf16()).flat_map(unit).collect()
    };
    tree.file("little.txt", wide(token(1), u16::to_le_bytes))
        .file("big.txt", wide(token(2), u16::to_be_bytes));
    let report = tree.scan(Past::Left);
    assert_eq!(seen(&report), [("big.txt", "secret.access_token"), ("little.txt", "secret.access_token")]);
    assert_eq!(report.looked_at.binary, 0);
}

#[test]
fn an_environment_file_must_be_ignored() {
    let tree = Tree::repository();
    tree.file(".env", "HUBSPOT_ACCESS_TOKEN=\n").file("a/.env.production", "export HUBSPOT_CLIENT_ID=1\n");
    tree.file(".env.example", "HUBSPOT_ACCESS_TOKEN=\n").file("b/.env", "PORT=1\n");
    let rule = "secret.env_not_ignored";
    assert_eq!(seen(&tree.scan(Past::Left)), [(".env", rule), (".env.production", rule)]);
    tree.file(".gitignore", ".env\n.env.*\n");
    assert_eq!(seen(&tree.scan(Past::Left)), []);
    let no_repository = Tree::new();
    no_repository.file(".env", "HUBSPOT_ACCESS_TOKEN=\n");
    assert_eq!(seen(&no_repository.scan(Past::Left)), []);
}

#[test]
fn a_comment_leaves_a_finding() {
    let tree = Tree::new();
    let line = |seed| token(seed).trim_end().to_owned();
    tree.file("same.py", format!("{} # hubkeeper:ignore\n", line(1)));
    tree.file("above.py", format!("# hubkeeper:ignore secret.access_token (revoked)\n{}\n", line(2)));
    tree.file("other.py", format!("{} # hubkeeper:ignore secret.refresh_token\n", line(3)));
    tree.file("far.py", format!("# hubkeeper:ignore\n\n{}\n", line(4)));
    tree.file("file.py", format!("# hubkeeper:ignore-file\n\n\n{}\n", line(5)));
    let report = tree.scan(Past::Left);
    assert_eq!(seen(&report), [("far.py", "secret.access_token"), ("other.py", "secret.access_token")]);
}

#[test]
fn a_baseline_knows_findings_again_and_tells_new_ones() {
    let tree = Tree::new();
    tree.file("a.py", token(1));
    let first = tree.scan(Past::Left);
    let baseline = Baseline::of(&first);
    assert!(!baseline.written().contains(&Inventor(1).uuid()[..20]));
    let baseline = Baseline::read(&baseline.written()).unwrap();

    tree.file("a.py", format!("\n\n\n{}{}", token(1), token(2)));
    let mut second = tree.scan(Past::Left);
    assert_eq!(second.findings.len(), 2);
    baseline.apply(&mut second);
    assert_eq!((second.findings.len(), second.known), (1, 1));
    assert_eq!(second.findings[0].line, 5, "the lines moved, the new one is told");

    assert!(Baseline::read("{}").is_err());
    assert!(Baseline::read(r#"{"schema":9,"findings":[]}"#).unwrap_err().contains("schema 9"));
}

#[test]
fn the_past_tells_what_is_gone_from_the_files_once() {
    let tree = Tree::repository();
    tree.file("a.py", token(1)).file("kept.py", token(2));
    tree.commit();
    tree.file("a.py", "print()\n").file("b/c.py", token(1) + &token(3));
    tree.commit();
    tree.file("b/c.py", "print()\n");
    tree.commit();
    let report = tree.scan(Past::Read);
    let past: Vec<(bool, &str)> = report.findings.iter().map(|it| (it.commit.is_some(), &*it.rule)).collect();
    let rule = "secret.access_token";
    assert_eq!(past.len(), 3, "{:#?}", report.findings);
    assert_eq!(past.iter().filter(|(past, _)| *past).count(), 2, "what is still there is told there");
    assert!(past.iter().all(|(_, seen)| *seen == rule));
    assert!(report.findings.iter().filter_map(|it| it.commit.as_ref()).all(|commit| commit.len() >= 7));
    assert!(matches!(report.history, History::Read { blobs: 4, .. }), "{:?}", report.history);

    // Only what lies below the path.
    let below = tree.scan_path(tree.path().join("b"), Past::Read);
    assert_eq!(below.findings.len(), 2, "{:#?}", below.findings);
}

#[test]
fn without_a_repository_there_is_no_past() {
    let tree = Tree::new();
    tree.file("a.py", "print()\n");
    let report = tree.scan(Past::Read);
    assert_eq!((report.history, report.findings.len()), (History::NoRepository, 0));
}

#[test]
fn a_broken_repository_is_told() {
    let tree = Tree::new();
    tree.file(".git", "nonsense").file("a.py", token(1));
    let report = tree.scan(Past::Read);
    assert_eq!(report.findings.len(), 1, "the files are looked at all the same");
    assert!(matches!(report.history, History::Failed { .. }), "{:?}", report.history);
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let plan = Plan {
        paths: vec!["no/such/place".into()],
        past: Past::Left,
        file_bytes_max: FILE_BYTES_MAX,
        today: TODAY,
        threads: 1,
    };
    let ScanError::Missing(path) = run(&plan).unwrap_err();
    assert_eq!(path, Path::new("no/such/place"));
}
