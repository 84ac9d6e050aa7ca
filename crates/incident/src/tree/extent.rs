//! How far it reaches: one token, one family, one region, or everything. Told for the reader; the trees look closer.

use std::collections::BTreeSet;

use super::{Question, Reply};

/// Put after the ladder, before credentials.
pub(crate) fn extent() -> &'static Question {
    &EXTENT
}

static EXTENT: Question = Question {
    asks: "How far does it reach?",
    answer: |facts| {
        let (mut good, mut bad) = (BTreeSet::new(), BTreeSet::new());
        for (family, exchange) in facts.authenticated() {
            if exchange.is_ok() {
                good.insert(family)
            } else {
                bad.insert(family)
            };
        }
        let mixed: Vec<&str> = bad.difference(&good).copied().collect();
        let observed = match (good.is_empty(), bad.is_empty()) {
            (true, true) => return Reply::could_not_tell("families", "no authenticated call was made"),
            (false, true) => "every API family we asked answers".to_owned(),
            (true, false) => "no API family we asked answers".to_owned(),
            (false, false) if mixed.is_empty() => "single calls of a family, not the whole of it".to_owned(),
            (false, false) => format!("only {}; {} other families answer", mixed.join(", "), good.len()),
        };
        Reply::is(!bad.is_empty(), "families", observed)
    },
};
