//! Pages whose cursor is the id of the next item, facts §3.3, and the full links that lead there.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde_json::{Map, Value, json};

use super::ask::Ask;

/// What a query value must escape: everything but RFC 3986's unreserved characters.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One page, and where the next one begins.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<u64>,
}

/// The first `limit` items; one more is looked at, to know whether there is a next page.
pub(super) fn cut<T>(items: impl Iterator<Item = T>, limit: usize, id: impl Fn(&T) -> u64) -> Page<T> {
    let mut items: Vec<T> = items.take(limit + 1).collect();
    let next = if items.len() > limit { items.pop().map(|item| id(&item)) } else { None };
    Page { items, next }
}

impl<T> Page<T> {
    /// `{results, paging?}`; no `paging` means the last page.
    pub(super) fn answer(&self, ask: &Ask<'_>, results: Vec<Value>) -> Value {
        let mut body = Map::new();
        body.insert("results".into(), Value::Array(results));
        if let Some(next) = self.next {
            body.insert("paging".into(), next_page(ask, next));
        }
        Value::Object(body)
    }
}

fn next_page(ask: &Ask<'_>, after: u64) -> Value {
    let mut query: Vec<String> = ask
        .call
        .query
        .iter()
        .filter(|(key, _)| key != "after")
        .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
        .collect();
    query.push(format!("after={after}"));
    let link = format!("{}{}?{}", ask.call.origin(), ask.call.path, query.join("&"));
    json!({"next": {"after": after.to_string(), "link": link}})
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, QUERY).to_string()
}
