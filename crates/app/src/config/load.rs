//! File first, then the environment over it: `HUBKEEPER__SECTION__KEY=value`.

use std::path::Path;

use toml::{Table, Value};

use super::{Config, quote};
use crate::failure::Failure;
use crate::process;

const FILE: &str = "hubkeeper.toml";
const PREFIX: &str = "HUBKEEPER__";
const MANUAL: &str = "`hubkeeper config default` prints every key with its meaning";

pub(super) fn read(file: Option<&Path>) -> Result<Config, Failure> {
    let path = file.unwrap_or(Path::new(FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => String::new(),
        Err(error) => {
            return Err(Failure::usage(format!(
                "the configuration {} cannot be read: {error}",
                path.display()
            ))
            .hint("name another with --config, or leave it out to use the defaults"));
        }
    };
    parse(&text, &path.display().to_string(), &process::environment_with(PREFIX))
}

pub(super) fn parse(text: &str, name: &str, environment: &[(String, String)]) -> Result<Config, Failure> {
    let in_file = |error: toml::de::Error| {
        Failure::usage(format!("in {name}, {}", quote::mistake(&error, text))).hint(MANUAL)
    };
    // The file alone first: its errors can point at a line.
    let from_file: Config = toml::from_str(text).map_err(in_file)?;
    if environment.is_empty() {
        return Ok(from_file);
    }
    let mut table: Table = toml::from_str(text).map_err(in_file)?;
    for (key, value) in environment {
        set(&mut table, key, value)?;
        let so_far: Result<Config, _> = table.clone().try_into();
        so_far.map_err(|error| {
            Failure::usage(format!("in the environment variable {PREFIX}{key}: {}", quote::message(&error)))
                .hint(MANUAL)
        })?;
    }
    table.try_into().map_err(in_file)
}

/// Sets `SECTION__KEY`; a value that reads as a TOML number, boolean or array is one.
fn set(table: &mut Table, key: &str, value: &str) -> Result<(), Failure> {
    let path: Vec<String> = key.split("__").map(str::to_lowercase).collect();
    let (last, sections) = path.split_last().expect("split gives at least one part");
    if sections.is_empty() {
        return Err(Failure::usage(format!(
            "the environment variable {PREFIX}{key} names no key of a section"
        ))
        .hint(format!("write {PREFIX}SECTION__KEY, such as {PREFIX}GATEWAY__LISTEN")));
    }
    let mut place = table;
    for section in sections {
        let next = place.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
        place = next.as_table_mut().ok_or_else(|| {
            Failure::usage(format!(
                "in the environment variable {PREFIX}{key}: `{section}` is not a section with keys"
            ))
            .hint("lists such as [[connections]] are set in the file")
        })?;
    }
    let parsed = format!("x = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("x"));
    let parsed = parsed.filter(|parsed| {
        matches!(parsed, Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Array(_))
    });
    place.insert(last.clone(), parsed.unwrap_or_else(|| Value::String(value.to_owned())));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{DEFAULT_FILE, Mode};
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_manual_is_the_default() {
        assert_eq!(parse(DEFAULT_FILE, "default", &[]).unwrap(), Config::default());
    }

    /// Every key a person can set stands in the manual.
    #[test]
    fn the_manual_names_every_key() {
        let all = toml::Table::try_from(Config::default()).unwrap();
        for (section, keys) in all {
            for key in keys.as_table().into_iter().flat_map(Table::keys) {
                let stands = [format!("{key} ="), format!("[{section}.{key}]")];
                let named = stands.iter().any(|stand| DEFAULT_FILE.contains(stand));
                assert!(named, "[{section}] {key} is not in the manual");
            }
        }
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let set = environment(&[
            ("GATEWAY__LISTEN", "127.0.0.1:1"),
            ("GATEWAY__DEADLINE_MS", "5"),
            ("GATEWAY__GOVERNOR", "false"),
        ]);
        let config = parse("[gateway]\nlisten = \"127.0.0.1:2\"\nmode = \"managed\"\n", "x", &set).unwrap();
        assert_eq!(config.gateway.listen, "127.0.0.1:1");
        assert_eq!(config.gateway.deadline_ms, 5);
        assert!(!config.gateway.governor);
        assert_eq!(config.gateway.mode, Mode::Managed);
    }

    #[test]
    fn an_unknown_key_points_at_its_line() {
        let failure = parse("[gateway]\nlisen = \"x\"\n", "hubkeeper.toml", &[]).unwrap_err();
        let told = format!("{failure:?}");
        assert!(told.contains("line 2") && told.contains("lisen") && told.contains("listen"), "{told}");
    }

    #[test]
    fn an_unknown_variable_is_named() {
        let failure = parse("", "x", &environment(&[("GATEWAY__LISEN", "x")])).unwrap_err();
        assert!(format!("{failure:?}").contains("HUBKEEPER__GATEWAY__LISEN"));
    }
}
