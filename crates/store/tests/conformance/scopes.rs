//! Which scopes calls needed.

use jiff::{Timestamp, ToSpan};
use store::scopes::ScopeUse;

use crate::Ground;

fn day(text: &str) -> Timestamp {
    format!("{text}T00:00:00Z").parse().unwrap()
}

fn needed(on: &str, need: &str, calls: u64, refused: u64) -> ScopeUse {
    let (connection, day) = ("crm".to_owned(), day(on));
    ScopeUse { connection, day, need: need.into(), calls, refused, last_at: day + 10.hours() }
}

pub(crate) async fn days_are_added_up_and_forgotten(ground: &Ground) {
    let store = ground.open().await;
    let first = [needed("2026-03-01", "a|b", 3, 1), needed("2026-03-02", "a|b", 1, 0)];
    store.add_scope_uses(&first, day("2026-03-02")).await.unwrap();
    let earlier = ScopeUse { last_at: day("2026-03-01") + 1.hours(), ..needed("2026-03-01", "a|b", 2, 2) };
    store.add_scope_uses(&[earlier, needed("2026-03-02", "?other", 5, 0)], day("2026-03-02")).await.unwrap();
    let kept = store.scope_uses(day("2026-03-01")).await.unwrap();
    assert_eq!(
        kept,
        [
            needed("2026-03-01", "a|b", 5, 3),
            needed("2026-03-02", "?other", 5, 0),
            needed("2026-03-02", "a|b", 1, 0)
        ]
    );
    assert_eq!(store.scope_uses(day("2026-03-02")).await.unwrap().len(), 2);
    store.add_scope_uses(&[], day("2026-04-06")).await.unwrap();
    assert_eq!(store.scope_uses(day("2026-03-01")).await.unwrap().len(), 2, "the first day is gone");
}
