//! Git's history: every version of every file that a commit ever held, read through the `git` program.
//!
//! Only secrets are looked for, and only those that are no longer in the files: they still open the door, while everything
//! else of the past can no longer be changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Plan;
use super::files::{repository_of, text};
use super::look::{Scope, look};
use super::report::{Finding, History};
use super::rules::RuleSet;

/// Finding the commit of a secret walks the history once each.
const COMMITS_LOOKED_UP_MAX: usize = 50;

pub(super) fn scan(plan: &Plan, rules: &RuleSet, known: &HashSet<String>) -> (Vec<Finding>, History) {
    let mut repositories: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in &plan.paths {
        if let Some(repository) = repository_of(path) {
            repositories.entry(repository).or_default().extend(path.canonicalize());
        }
    }
    if repositories.is_empty() {
        return (Vec::new(), History::NoRepository);
    }
    let (mut findings, mut blobs, mut too_large) = (Vec::new(), 0, 0);
    for (repository, paths) in &repositories {
        let mut past = Past { plan, rules, repository, seen: known.clone(), findings: Vec::new() };
        match past.read(paths) {
            Ok(counts) => {
                blobs += counts.0;
                too_large += counts.1;
                findings.append(&mut past.findings);
            }
            Err(why) => return (findings, History::Failed { why }),
        }
    }
    (findings, History::Read { blobs, too_large })
}

struct Past<'a> {
    plan: &'a Plan,
    rules: &'a RuleSet,
    repository: &'a Path,
    /// Fingerprints of secrets that have been told of.
    seen: HashSet<String>,
    findings: Vec<Finding>,
}

impl Past<'_> {
    /// How many versions were read, and how many were too large.
    fn read(&mut self, paths: &[PathBuf]) -> Result<(u64, u64), String> {
        let names = self.names(paths)?;
        let wanted = self.sizes(&names)?;
        let (small, large): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|(_, size)| *size <= self.plan.file_bytes_max);
        let mut objects: Vec<(String, Finding)> = Vec::new();
        self.contents(&small, |past, object, bytes| {
            let path = names.get(object).map_or("", String::as_str);
            for finding in look(past.rules, path, bytes, Scope::Secrets, past.plan.today) {
                if finding.secret.as_ref().is_some_and(|secret| past.seen.insert(secret.clone())) {
                    objects.push((object.to_owned(), finding));
                }
            }
        })?;
        for (index, (object, mut finding)) in objects.into_iter().enumerate() {
            let commit = if index < COMMITS_LOOKED_UP_MAX { self.commit_of(&object) } else { None };
            finding.commit = Some(commit.unwrap_or(object));
            self.findings.push(finding);
        }
        Ok((small.len() as u64, large.len() as u64))
    }

    /// Every object that a commit reaches below the paths, by its name, with the path it was first met under.
    fn names(&self, paths: &[PathBuf]) -> Result<HashMap<String, String>, String> {
        let mut git = self.git();
        git.args(["rev-list", "--objects", "--all", "--"]);
        git.args(paths.iter().filter(|path| *path != self.repository));
        let output = run(&mut git, &[])?;
        let text = String::from_utf8_lossy(&output);
        let named = text.lines().filter_map(|line| line.split_once(' '));
        Ok(named.map(|(object, path)| (object.to_owned(), path.to_owned())).collect())
    }

    /// The files among them, with their sizes, in one order.
    fn sizes(&self, names: &HashMap<String, String>) -> Result<Vec<(String, u64)>, String> {
        let mut objects: Vec<&str> = names.keys().map(String::as_str).collect();
        objects.sort_unstable();
        let mut git = self.git();
        git.args(["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"]);
        let output = run(&mut git, (objects.join("\n") + "\n").as_bytes())?;
        let text = String::from_utf8_lossy(&output).into_owned();
        let blobs = text.lines().filter_map(|line| {
            let (object, rest) = line.split_once(' ')?;
            let size = rest.strip_prefix("blob ")?.parse().ok()?;
            Some((object.to_owned(), size))
        });
        Ok(blobs.collect())
    }

    /// Hands over one file after the other; none is kept.
    fn contents(
        &mut self,
        objects: &[(String, u64)],
        mut see: impl FnMut(&mut Self, &str, &[u8]),
    ) -> Result<(), String> {
        let mut git = self.git();
        let mut child = git.args(["cat-file", "--batch"]).spawn().map_err(|error| cannot(&error))?;
        let (mut input, output) = (child.stdin.take(), child.stdout.take());
        let asked: String = objects.iter().map(|(object, _)| format!("{object}\n")).collect();
        let asking =
            std::thread::spawn(move || input.as_mut().map(|input| input.write_all(asked.as_bytes())));
        let mut output = BufReader::new(output.ok_or("git says nothing")?);
        let broken = |error: std::io::Error| format!("git's answer cannot be read: {error}");
        for (object, size) in objects {
            output.skip_until(b'\n').map_err(broken)?;
            let mut bytes = vec![0; usize::try_from(*size).map_err(|_| "a file is too large")?];
            output.read_exact(&mut bytes).and_then(|()| output.skip_until(b'\n')).map_err(broken)?;
            if let Some(text) = text(bytes) {
                see(self, object, &text);
            }
        }
        let _asked = asking.join();
        child.wait().map(drop).map_err(|error| cannot(&error))
    }

    /// The commit that brought a file's version, the earliest one.
    fn commit_of(&self, object: &str) -> Option<String> {
        let mut git = self.git();
        git.args(["log", "--all", "--format=%h", "--no-ext-diff", &format!("--find-object={object}")]);
        let output = run(&mut git, &[]).ok()?;
        String::from_utf8_lossy(&output).lines().last().map(str::to_owned)
    }

    /// Nothing that a repository's own settings name is run.
    fn git(&self) -> Command {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.repository).args([
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.hooksPath=/dev/null",
        ]);
        git.env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        git
    }
}

/// Runs it to its end.
fn run(git: &mut Command, input: &[u8]) -> Result<Vec<u8>, String> {
    let mut child = git.spawn().map_err(|error| cannot(&error))?;
    let (mut stdin, input) = (child.stdin.take(), input.to_vec());
    let asking = std::thread::spawn(move || stdin.as_mut().map(|stdin| stdin.write_all(&input)));
    let output = child.wait_with_output().map_err(|error| cannot(&error))?;
    let _asked = asking.join();
    if output.status.success() {
        return Ok(output.stdout);
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(format!("git refused: {}", why.lines().next().unwrap_or("without a word")))
}

fn cannot(error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::NotFound {
        return "the program `git` is not there; the history was not looked at".to_owned();
    }
    format!("git cannot be run: {error}")
}
