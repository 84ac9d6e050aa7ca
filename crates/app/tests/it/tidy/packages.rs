//! What we build on: one crypto provider, no system TLS, and not more packages than we can answer for.

use std::collections::BTreeSet;
use std::process::Command;

use super::{assert_none, root};

/// Of the binary as it is built here; what only tests need is not counted.
const PACKAGES_MAX: usize = 320;

/// rustls with aws-lc-rs is the only TLS and the only crypto.
const REFUSED: [&str; 4] = ["ring", "native-tls", "openssl-sys", "openssl"];

fn count_complaint(graph: &str) -> Option<String> {
    let packages: BTreeSet<_> = graph.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    let count = packages.len();
    (count > PACKAGES_MAX)
        .then(|| format!("the default build has {count} packages; {PACKAGES_MAX} is the limit"))
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

/// What cargo would build, one package per line.
fn graph(options: &[&str]) -> String {
    let fixed = ["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p}"];
    let output = Command::new(env!("CARGO"))
        .args(fixed)
        .args(options)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("names of packages")
}

#[test]
fn the_default_build_stays_small() {
    let graph = graph(&["--package", "app", "--edges", "no-dev"]);
    assert!(graph.lines().count() > 100, "the graph shows what is built");
    assert_none(&count_complaint(&graph).into_iter().collect::<Vec<_>>());
}

#[test]
fn one_crypto_provider_is_built() {
    let graph = graph(&["--workspace", "--edges", "all"]);
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
fn control_a_large_build_is_seen() {
    let graph = |count| {
        (0..count).map(|number| format!("p{number} v1.0.0\np{number} v1.0.0 (*)\n")).collect::<String>()
    };
    assert!(count_complaint(&graph(PACKAGES_MAX)).is_none());
    assert!(count_complaint(&graph(PACKAGES_MAX + 1)).is_some());
}
