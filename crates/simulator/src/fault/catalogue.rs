//! Every kind of fault, by the code and id of the fault catalogue, with what it takes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::aim::{self, DefaultAim};
use super::params::{BadParam, Params};
use super::{Effect, auth, content, generic, grants, hook, hubspot, network, quota};

/// A parameter, as `GET /_sim/faults/kinds` explains it.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Param {
    pub name: &'static str,
    pub meaning: &'static str,
    pub default: &'static str,
}

/// One kind of fault: what is seen, and how its parameters become effects.
#[derive(Debug)]
pub struct Kind {
    /// The diagnosis that is right for it, `auth.token_revoked`; a bare word for the generic kinds.
    pub code: &'static str,
    /// `F01`; generic kinds have none.
    pub id: Option<&'static str>,
    /// What a caller sees.
    pub seen: &'static str,
    pub aims_at: DefaultAim,
    /// The family or object type struck when none is named.
    pub family: Option<&'static str>,
    pub params: &'static [Param],
    pub build: fn(Params<'_>, &Scene<'_>) -> Result<Vec<Effect>, BadParam>,
}

/// What a fault may lean on when it is made.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub now: Timestamp,
    /// Where the default portal is hosted.
    pub hosting: &'a str,
    pub portal_id: u64,
    /// How many tokens had been handed out: those with a higher serial are younger than the fault.
    pub tokens_issued: u64,
}

/// The kinds, family by family.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    [
        auth::KINDS,
        grants::KINDS,
        quota::KINDS,
        hubspot::KINDS,
        network::KINDS,
        content::KINDS,
        hook::KINDS,
        generic::KINDS,
    ]
    .into_iter()
    .flatten()
}

/// Finds a kind by code or id.
pub fn find(name: &str) -> Option<&'static Kind> {
    kinds().find(|kind| kind.code == name || kind.id.is_some_and(|id| id.eq_ignore_ascii_case(name)))
}

/// The codes most like what was asked for, nearest first.
pub fn near(name: &str) -> Vec<&'static str> {
    let wanted = name.to_ascii_lowercase();
    let mut scored: Vec<(usize, &str)> =
        kinds().map(|kind| (distance(&wanted, kind.code), kind.code)).collect();
    scored.sort_unstable();
    scored.into_iter().take(3).map(|(_, code)| code).collect()
}

/// What `GET /_sim/faults/kinds` answers.
pub fn documentation() -> Value {
    let kinds: Vec<Value> = kinds()
        .map(|kind| {
            json!({"kind": kind.code, "id": kind.id, "seen": kind.seen, "family": kind.family, "params": kind.params})
        })
        .collect();
    json!({"kinds": kinds, "params_of_every_kind": aim::PARAMS})
}

impl Kind {
    /// The first parameter given that this kind does not take.
    pub fn unknown_param<'a>(&self, params: Params<'a>) -> Option<&'a str> {
        let known = |name: &str| {
            name == "kind" || self.params.iter().chain(aim::PARAMS).any(|param| param.name == name)
        };
        params.0.keys().map(String::as_str).find(|name| !known(name))
    }
}

/// Levenshtein's distance, with words that contain each other counted as near.
fn distance(a: &str, b: &str) -> usize {
    if b.contains(a) || a.contains(b) {
        return a.len().abs_diff(b.len()) / 4;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.bytes().enumerate() {
            let replace = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_ids_are_unique() {
        let mut names: Vec<&str> = kinds().flat_map(|kind| [Some(kind.code), kind.id]).flatten().collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn a_kind_is_found_by_code_and_by_id() {
        assert_eq!(find("auth.token_revoked").map(|kind| kind.id), Some(Some("F01")));
        assert_eq!(find("f01").map(|kind| kind.code), Some("auth.token_revoked"));
        assert!(find("auth.revoked").is_none());
    }

    #[test]
    fn a_misspelling_finds_its_neighbours() {
        assert_eq!(near("auth.token_revokd")[0], "auth.token_revoked");
        assert_eq!(near("hubspot.outage")[0], "hubspot.outage_known");
        assert_eq!(near("laten")[0], "latency");
    }
}
