//! What we build on: one crypto provider, no system TLS, and not more packages than we can answer for.

use std::process::Command;

use super::{assert_none, root};

const LOCKED_PACKAGES_MAX: usize = 320;

/// rustls with aws-lc-rs is the only TLS and the only crypto.
const REFUSED: [&str; 4] = ["ring", "native-tls", "openssl-sys", "openssl"];

fn count_complaint(lock: &str) -> Option<String> {
    let count = lock.lines().filter(|line| *line == "[[package]]").count();
    (count > LOCKED_PACKAGES_MAX)
        .then(|| format!("Cargo.lock has {count} packages; {LOCKED_PACKAGES_MAX} is the limit"))
}

/// `graph` is one built package per line, `name version …`. The lock file would not do: it also lists optional
/// packages that nobody switched on.
fn refused_packages(graph: &str) -> Vec<String> {
    let names = graph.lines().filter_map(|line| line.split(' ').next());
    names
        .filter(|name| REFUSED.contains(name))
        .map(|name| format!("{name} is built; it must not be"))
        .collect()
}

#[test]
fn the_lock_file_stays_small() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock file is committed");
    assert_none(&count_complaint(&lock).into_iter().collect::<Vec<_>>());
}

#[test]
fn one_crypto_provider_is_built() {
    let tree = [
        "tree",
        "--workspace",
        "--locked",
        "--offline",
        "--edges",
        "all",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let output = Command::new(env!("CARGO")).args(tree).current_dir(root()).output().expect("cargo runs");
    let graph = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    assert!(
        graph.lines().any(|line| line.starts_with("aws-lc-rs ")),
        "the graph shows the provider we do use"
    );
    assert_none(&refused_packages(&graph));
}

#[test]
fn control_refused_packages_are_seen() {
    assert_eq!(refused_packages("rustls v0.23.46\nring v0.17.14 (*)\n"), ["ring is built; it must not be"]);
    assert_eq!(refused_packages("string v1.0.0\nopenssl-probe v0.1.6\n"), Vec::<String>::new());
}

#[test]
fn control_a_large_lock_file_is_seen() {
    assert!(count_complaint(&"[[package]]\n".repeat(LOCKED_PACKAGES_MAX)).is_none());
    assert!(count_complaint(&"[[package]]\n".repeat(LOCKED_PACKAGES_MAX + 1)).is_some());
}
