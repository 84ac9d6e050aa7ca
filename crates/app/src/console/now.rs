//! The first page: how it is now.

use maud::{Markup, html};

use super::headline::headline;
use super::page::{Page, frame};
use super::{budgets, calls, switches};
use crate::admin::Admin;

pub(super) fn page(admin: &Admin) -> Markup {
    let traffic = admin.report();
    let switched = admin.stack.degraded().switches();
    let headline = headline(&traffic, switched.len());
    let content = html! {
        p.headline.(headline.mood.class()) role="status" { strong { (headline.mood.name()) } " " (headline.sentence) }
        (budgets::section(&admin.quota()))
        (calls::section(&traffic))
        (switches::section(&switched))
    };
    frame(Page::Now, menu(admin), &content)
}

/// A drill needs something that may be broken, and incidents a room.
pub(super) fn menu(admin: &Admin) -> &'static [Page] {
    match (&admin.incidents, &admin.drill) {
        (Some(_), Some(_)) => &[Page::Now, Page::Incidents, Page::Drill],
        (Some(_), None) => &[Page::Now, Page::Incidents],
        (None, Some(_)) => &[Page::Now, Page::Drill],
        (None, None) => &[Page::Now],
    }
}
