//! The incidents: which there are, and everything about one, with what a person may do about it.

use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use incident::incident::Incident;
use jiff::Timestamp;
use maud::{Markup, html};

use super::now::menu;
use super::page::{Page, frame};
use super::words::{ago, date_and_clock, percent};
use super::{html as answer, one_incident};
use crate::admin::Admin;
use crate::admin::incidents::{Unwished, Wish, wished};
use crate::incidents::{NotDone, listed, shown};

pub(super) async fn list(State(admin): State<Admin>) -> Response {
    let Some(incidents) = &admin.incidents else { return switched_off() };
    match listed(incidents).await {
        Ok(incidents) => answer(page(&admin, &incidents)).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

pub(super) async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Response {
    let Some(incidents) = &admin.incidents else { return switched_off() };
    match shown(incidents, &id).await {
        Ok(Some(shown)) => {
            let content = one_incident::content(&shown, admin.clock.now());
            answer(frame(Page::Incidents, menu(&admin), &content)).into_response()
        }
        Ok(None) => (StatusCode::NOT_FOUND, "There is no such incident.").into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

/// Does what a form says, and shows the result.
pub(super) async fn act(
    State(admin): State<Admin>,
    Path((id, verb)): Path<(String, String)>,
    Form(wish): Form<Wish>,
) -> Response {
    let Some(incidents) = &admin.incidents else { return switched_off() };
    match wished(&admin, incidents, &id, &verb, wish).await {
        Ok(()) => Redirect::to(&format!("/incidents/{id}")).into_response(),
        Err(Unwished::Unclear(why)) => (StatusCode::BAD_REQUEST, why).into_response(),
        Err(Unwished::NotDone(NotDone::Refused(why))) => {
            (StatusCode::CONFLICT, why.to_string()).into_response()
        }
        Err(Unwished::NotDone(error)) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

fn switched_off() -> Response {
    (StatusCode::NOT_FOUND, "The incident room is switched off ([incidents] enabled).").into_response()
}

fn page(admin: &Admin, incidents: &[Incident]) -> Markup {
    let now = admin.clock.now();
    let (open, over): (Vec<&Incident>, Vec<&Incident>) =
        incidents.iter().partition(|incident| !incident.stage.is_over());
    let content = html! {
        section {
            h2 { "Open" }
            @if open.is_empty() { p { "None." } } @else { (table(&open, now)) }
        }
        @if !over.is_empty() {
            section { h2 { "Over" } (table(&over, now)) }
        }
    };
    frame(Page::Incidents, menu(admin), &content)
}

fn table(incidents: &[&Incident], now: Timestamp) -> Markup {
    html! {
        table {
            thead { tr { th { "" } th { "What" } th { "Stage" } th { "Began" } th { "Failed calls" } th { "Taken by" } } }
            tbody {
                @for incident in incidents {
                    tr {
                        td { strong { (incident.severity.name()) } }
                        td {
                            a href={ "/incidents/" (incident.id) } { (incident.title) }
                            @if let Some(code) = incident.code() { " " code { (code.id()) } }
                        }
                        td { (incident.stage.name()) }
                        td title=(date_and_clock(incident.began_at)) { (ago(incident.began_at, now)) }
                        td {
                            (incident.impact.total.failed) " ("
                            (percent(incident.impact.total.failed, incident.impact.total.calls)) ")"
                        }
                        td { (incident.acknowledged_by.as_deref().unwrap_or("nobody")) }
                    }
                }
            }
        }
    }
}
