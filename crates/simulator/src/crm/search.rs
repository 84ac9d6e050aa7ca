//! Search, facts §3.4: `parse` judges the request, `matches` holds a record against it, this file runs it over
//! the store as the index knew it a moment ago.

mod matches;
mod parse;
mod words;

use std::cmp::Ordering;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Crm;
use super::ask::Ask;
use super::kind::Kind;
use super::objects::Selection;
use super::record::{Record, Seen};
use super::refusal::Refusal;
use crate::call::Reply;
use parse::{Direction, Query, Sort};

/// Longest request body, in characters, facts §3.4 [DOC search-the-crm].
const BODY_CHARS_MAX: usize = 3_000;

pub(super) fn answer(crm: &Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let chars = String::from_utf8_lossy(&ask.call.body).chars().count();
    if chars > BODY_CHARS_MAX {
        let message =
            format!("The request body is {chars} characters long; at most {BODY_CHARS_MAX} are allowed");
        return Err(Refusal::invalid(message));
    }
    let query = parse::query(crm, kind, ask.body()?)?;
    // Before the clock has run for as long as the lag, the index knows nothing.
    let horizon = ask.moment.now.checked_sub(crm.search_lag).unwrap_or(Timestamp::MIN);
    let found = crm.found(kind, &query, horizon);
    let mut selection = Selection::of(query.properties.clone());
    selection.horizon = horizon;
    let page = found.iter().skip(query.after).take(query.limit);
    let results: Vec<Value> = page.map(|record| crm.shown(kind, record, &selection)).collect();
    let mut body = Map::new();
    body.insert("total".into(), json!(found.len()));
    let next = query.after + results.len();
    body.insert("results".into(), Value::Array(results));
    if next < found.len() {
        body.insert("paging".into(), json!({"next": {"after": next.to_string()}}));
    }
    Ok(Reply::json(StatusCode::OK, &Value::Object(body)))
}

impl Crm {
    /// Every match, in order.
    fn found(&self, kind: Kind, query: &Query, horizon: Timestamp) -> Vec<&Record> {
        let info = self.kinds.info(kind);
        let known = self.store(kind).all().filter(|record| record.known_at(horizon));
        let matching = known.filter(|record| query.takes(self, kind, record, horizon));
        let mut found: Vec<(&Record, Option<Seen<'_>>)> = matching
            .map(|record| {
                let key = query.sort.as_ref().and_then(|sort| record.see(info, &sort.property, horizon));
                (record, key)
            })
            .collect();
        found.sort_by(|(left, left_key), (right, right_key)| {
            let by_key =
                query.sort.as_ref().map_or(Ordering::Equal, |sort| order(sort, *left_key, *right_key));
            by_key.then_with(|| left.created.cmp(&right.created)).then_with(|| left.id.cmp(&right.id))
        });
        found.into_iter().map(|(record, _)| record).collect()
    }
}

/// Records without a value come last either way.
fn order(sort: &Sort, left: Option<Seen<'_>>, right: Option<Seen<'_>>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => {
            let ascending = matches::order(sort.value_type, left, right);
            match sort.direction {
                Direction::Ascending => ascending,
                Direction::Descending => ascending.reverse(),
            }
        }
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}
