//! One incident: its cause and what it rests on, what it cost, what is done about it, its history, and the forms.

use incident::incident::Incident;
use incident::mitigation::{Measure, Turn};
use incident::timeline::Entry;
use jiff::Timestamp;
use maud::{Markup, html};

use super::words::{ago, date_and_clock, grouped};
use crate::admin::{Right, csrf_field, may, person};
use crate::incidents::Shown;

pub(super) fn content(shown: &Shown, now: Timestamp) -> Markup {
    let incident = &shown.incident;
    html! {
        section {
            h2 { (incident.severity.name()) ": " (incident.title) }
            p role="status" {
                strong { (incident.stage.name()) }
                ", began " (ago(incident.began_at, now)) " (" (date_and_clock(incident.began_at)) "), "
                @match &incident.acknowledged_by {
                    Some(name) => { "taken by " (name) "." }
                    None => { "taken by nobody." }
                }
                @if let Some(waits_for) = &incident.waits_for { " It still waits: " (waits_for) "." }
            }
            @if !incident.stage.is_over() && may(Right::Act) { (taking(incident)) }
        }
        (cause(incident))
        (cost(incident))
        (measures(incident))
        (history(&shown.timeline))
        @if may(Right::Act) { section {
            h2 { "Write something down" }
            form method="post" action={ "/incidents/" (incident.id) "/note" } {
                (name_field())
                label { "Note " input name="text" required maxlength="2000" size="60"; }
                button { "Add" }
            }
            p { "The report: " code { "hubkeeper incident postmortem " (incident.id) } }
        } }
    }
}

/// What every form here holds.
fn name_field() -> Markup {
    html! {
        (csrf_field())
        // Who is logged in has said it.
        @if person().is_none() {
            label { "Your name " input name="by" required maxlength="100" size="16" autocomplete="username"; }
        }
    }
}

fn taking(incident: &Incident) -> Markup {
    html! {
        form method="post" action={ "/incidents/" (incident.id) "/ack" } {
            (name_field())
            @if incident.acknowledged_by.is_none() { button { "Acknowledge" } " " }
            button formaction={ "/incidents/" (incident.id) "/resolve" } { "It is over" }
        }
    }
}

fn cause(incident: &Incident) -> Markup {
    let Some(diagnosis) = &incident.diagnosis else {
        return html! { section { h2 { "Cause" } p { "No cause is known." } } };
    };
    html! {
        section {
            h2 { "Cause" }
            p { code { (diagnosis.code.id()) } ", confidence " (diagnosis.confidence) ". " (diagnosis.remedy) }
            p { "If that does not help: " (diagnosis.escalation) }
            table {
                thead { tr { th { "Looked at" } th { "Observed" } th { "Speaks" } } }
                tbody {
                    @for evidence in &diagnosis.evidence {
                        tr {
                            td { (evidence.probe) }
                            td { (evidence.observed) }
                            td { @if evidence.supports { "for it" } @else { "against it" } }
                        }
                    }
                }
            }
            @if !incident.also.is_empty() {
                p { "Otherwise: " @for also in &incident.also { code { (also.code.id()) } " " } }
            }
            @if !incident.correlation_ids.is_empty() {
                p { "For HubSpot's support: " @for id in &incident.correlation_ids { code { (id) } " " } }
            }
        }
    }
}

fn cost(incident: &Incident) -> Markup {
    let total = incident.impact.total;
    html! {
        section {
            h2 { "What it has cost" }
            p {
                (grouped(total.calls)) " calls, " (grouped(total.failed)) " failed, "
                (grouped(total.stale)) " answered from what was kept, " (grouped(total.refused)) " refused by us."
            }
            ul {
                @for symptom in &incident.symptoms {
                    li {
                        (symptom.rule.title()) " (" (symptom.place.tell()) "): " (symptom.observed)
                        @if symptom.until.is_some() { " — no longer" }
                    }
                }
            }
        }
    }
}

fn measures(incident: &Incident) -> Markup {
    if incident.measures.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Measures" }
            table {
                thead { tr { th { "What" } th { "Where" } th { "Stands" } th { "" } } }
                tbody { @for measure in &incident.measures { (one_measure(incident, measure)) } }
            }
        }
    }
}

fn one_measure(incident: &Incident, measure: &Measure) -> Markup {
    let (to, does) = match measure.turn {
        Turn::On => (Turn::Off, "Turn off"),
        Turn::Off | Turn::Offered => (Turn::On, "Turn on"),
    };
    html! {
        tr {
            td { code { (measure.mitigation.name()) } }
            td { (measure.place.tell()) }
            td { (measure.turn.name()) }
            td {
                @if !incident.stage.is_over() && may(Right::Act) {
                    form method="post" action={ "/incidents/" (incident.id) "/measure" } {
                        input type="hidden" name="mitigation" value=(measure.mitigation.name());
                        (name_field())
                        button name="turn" value=(to.name()) { (does) }
                    }
                }
            }
        }
    }
}

fn history(timeline: &[Entry]) -> Markup {
    html! {
        section {
            h2 { "Timeline" }
            table {
                thead { tr { th { "When" } th { "Who" } th { "What" } } }
                tbody {
                    @for entry in timeline {
                        tr { td { (date_and_clock(entry.at)) } td { (entry.by.name()) } td { (entry.tell()) } }
                    }
                }
            }
        }
    }
}
