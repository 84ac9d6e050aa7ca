//! Degraded mode by hand: what is on, and the two buttons.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use client::degraded::{Scope, Switch, Turned};
use hubspot::endpoint::ApiFamily;
use maud::{Markup, html};
use serde::Deserialize;

use super::words::clock;
use crate::admin::{Admin, Right, csrf_field, may};

/// A reason is a line, and callers are told it.
const REASON_BYTES_MAX: usize = 300;

/// What a form says. An empty family or connection stands for all.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    turn: Turn,
    #[serde(default)]
    connection: String,
    #[serde(default)]
    family: String,
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Turn {
    On,
    Off,
}

pub(super) fn section(switches: &[Switch]) -> Markup {
    html! {
        section {
            h2 { "Degraded mode" }
            p {
                "HubSpot is not asked: reads are answered from what is kept, with their age; everything else is refused "
                "at once. It is reversible, and each change leaves a line in the log."
            }
            @if !switches.is_empty() {
                table {
                    thead { tr { th { "Holds for" } th { "Why" } th { "Since" } th { "" } } }
                    tbody { @for switch in switches { (row(switch)) } }
                }
            }
            @if may(Right::Act) { form method="post" action="/switches" {
                (csrf_field())
                label { "Family " select name="family" {
                    option value="" { "all" }
                    @for family in ApiFamily::ALL { option { (family.name()) } }
                } }
                label { "Why " input name="reason" required maxlength=(REASON_BYTES_MAX) size="40"; }
                button name="turn" value="on" { "Turn on" }
            } }
        }
    }
}

fn row(switch: &Switch) -> Markup {
    let connection = switch.scope.connection.as_deref();
    let family = switch.scope.family.map(ApiFamily::name);
    html! {
        tr {
            td { (connection.unwrap_or("every connection")) ", " (family.unwrap_or("every family")) }
            td { (switch.reason) }
            td { (clock(switch.since)) }
            td {
                @if may(Right::Act) { form method="post" action="/switches" {
                    (csrf_field())
                    input type="hidden" name="connection" value=(connection.unwrap_or_default());
                    input type="hidden" name="family" value=(family.unwrap_or_default());
                    button name="turn" value="off" { "Turn off" }
                } }
            }
        }
    }
}

/// Turns a switch, and shows the result.
pub(super) async fn turn(State(admin): State<Admin>, Form(wish): Form<Wish>) -> Response {
    let turned = match wish.scope() {
        Ok((scope, turned)) => {
            let switched = admin.degrade("console", scope, turned, wish.reason.trim()).await;
            switched.map_err(|error| error.to_string())
        }
        Err(why) => Err(why),
    };
    match turned {
        Ok(()) => Redirect::to("/").into_response(),
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

impl Wish {
    fn scope(&self) -> Result<(Scope, Turned), String> {
        let turned = match self.turn {
            Turn::On if self.reason.trim().is_empty() => return Err("say why, in a line".into()),
            Turn::On => Turned::On,
            Turn::Off => Turned::Off,
        };
        if self.reason.len() > REASON_BYTES_MAX {
            return Err(format!("the reason has more than {REASON_BYTES_MAX} bytes; write a line"));
        }
        let named = |name: &'_ str| (!name.is_empty()).then(|| name.to_owned());
        let family = named(&self.family)
            .map(|name| ApiFamily::parse(&name).ok_or_else(|| format!("`{name}` is no API family")))
            .transpose()?;
        Ok((Scope { connection: named(&self.connection).map(Arc::from), family }, turned))
    }
}
