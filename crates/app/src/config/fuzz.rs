//! What a fuzzer calls; `fuzz/` at the top of the repository has the seeds.

use super::{Config, load};

/// A configuration is told apart from a mistake, and as it is shown it is the same configuration.
///
/// # Panics
/// When it is not.
pub(crate) fn fuzz(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match load::parse(text, "hubkeeper.toml", &[]).and_then(Config::checked) {
        Ok(config) => {
            let shown = toml::to_string_pretty(&config).expect("a configuration can be shown");
            let again = load::parse(&shown, "hubkeeper.toml", &[]).and_then(Config::checked);
            assert_eq!(again.ok().as_ref(), Some(&config), "{shown}");
        }
        Err(failure) => assert!(!failure.to_string().is_empty(), "a mistake is told"),
    }
}

#[test]
fn the_seeds_hold() {
    let seeds = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/config")).unwrap();
    let seeds: Vec<_> = seeds.map(|seed| seed.unwrap().path()).collect();
    assert!(seeds.len() >= 3);
    for seed in seeds {
        fuzz(&std::fs::read(seed).unwrap());
    }
    fuzz(super::DEFAULT_FILE.as_bytes());
}
