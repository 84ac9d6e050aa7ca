//! The diagnosis for a tired person: 80 columns, no colour needed, the first action before the reasons.

use std::fmt::Write;

use incident::code::{Blame, Code, Severity};
use incident::triage::{PROBABLE_BELOW, PathStep, Triage};

const WIDTH: usize = 80;

/// Texts below a heading start in this column.
const INDENT: usize = 2;

/// HubSpot's support asks for a few; `--json` has them all.
const CORRELATION_IDS_MAX: usize = 5;

/// The whole text, ending in a line break.
pub(crate) fn for_people(triage: &Triage) -> String {
    let mut text = String::new();
    headline(triage, &mut text);
    if !matches!(triage.diagnosis.code, Code::Healthy) {
        section("Do this first", &mut text);
        paragraph(&triage.diagnosis.remedy, INDENT, &mut text);
        section("Whom to call", &mut text);
        paragraph(&triage.diagnosis.escalation, INDENT, &mut text);
    }
    locked(triage, &mut text);
    evidence(triage, &mut text);
    also(triage, &mut text);
    layers(triage, &mut text);
    path(triage, &mut text);
    correlation_ids(triage, &mut text);
    text.push('\n');
    line(&format!("Runbook {}.md. Took {} ms.", triage.diagnosis.runbook, triage.duration_ms), &mut text);
    text
}

fn headline(triage: &Triage, text: &mut String) {
    let diagnosis = &triage.diagnosis;
    let verdict = triage.verdict.name().to_uppercase();
    if diagnosis.code == Code::Healthy {
        line(&format!("{verdict}: {}", diagnosis.title), text);
        return;
    }
    paragraph(&format!("{verdict}: {}", diagnosis.title), 0, text);
    let sure = if diagnosis.code == Code::Unknown {
        String::new()
    } else if diagnosis.confidence < PROBABLE_BELOW {
        format!(", probable ({:.0} %)", diagnosis.confidence * 100.0)
    } else {
        format!(", {:.0} % sure", diagnosis.confidence * 100.0)
    };
    line(
        &format!(
            "{}{sure}, {}, {}",
            diagnosis.code.id(),
            severity(diagnosis.severity),
            blame(diagnosis.blame)
        ),
        text,
    );
}

/// A gateway that would tell more, were it asked with its key.
fn locked(triage: &Triage, text: &mut String) {
    if let Some(step) = triage.path.iter().find(|step| step.question == super::LOCKED) {
        section("Not looked at: the gateway that runs here", text);
        paragraph(step.answer.trim_start_matches("could not tell: "), INDENT, text);
    }
}

fn evidence(triage: &Triage, text: &mut String) {
    if triage.diagnosis.evidence.is_empty() {
        return;
    }
    section("Why", text);
    for evidence in &triage.diagnosis.evidence {
        let sign = if evidence.supports { '+' } else { '-' };
        row(&format!("  {sign} {:<13} ", evidence.probe), &evidence.observed, text);
    }
    if triage.diagnosis.evidence.iter().any(|evidence| !evidence.supports) {
        line("  (+ speaks for it, - does not)", text);
    }
}

fn also(triage: &Triage, text: &mut String) {
    if triage.also.is_empty() {
        return;
    }
    section("Also possible", text);
    for suspicion in &triage.also {
        line(&format!("  {:<26} {:.0} %", suspicion.code.id(), suspicion.confidence * 100.0), text);
    }
}

fn layers(triage: &Triage, text: &mut String) {
    section("Layers", text);
    for layer in &triage.layers {
        let state = match layer.ok {
            Some(true) => "ok",
            Some(false) => "FAILS",
            None => "-",
        };
        let ms = layer.ms.map(|ms| format!("{ms} ms")).unwrap_or_default();
        row(&format!("  {:<11} {state:<5} {ms:>8}  ", layer.layer), &layer.detail, text);
    }
}

/// The way to the cause, and what could not be told on it. What was asked after the last yes only excludes the rest.
fn path(triage: &Triage, text: &mut String) {
    section("The path taken", text);
    let told = triage.path.iter().rposition(|step| answer(step).0 == "yes").map_or(1, |last| last + 1);
    let (told, rest) = triage.path.split_at(told.min(triage.path.len()));
    for step in told {
        let (mark, seen) = answer(step);
        row(&format!("  {mark:<4}"), &step.question, text);
        if mark != "no" {
            row("        ", seen, text);
        }
    }
    let open = rest.iter().filter(|step| answer(step).0 == "?").count();
    if !rest.is_empty() {
        let rest = rest.len();
        let open = if open == 0 { String::new() } else { format!(", {open} of them could not be told") };
        row("  no  ", &format!("to {rest} more questions{open} (--json lists them)"), text);
    }
}

/// How a question ended, in a word, and what was seen.
fn answer(step: &PathStep) -> (&'static str, &str) {
    let (answer, seen) = step.answer.split_once(": ").unwrap_or((&step.answer, ""));
    match answer {
        "yes" => ("yes", seen),
        "no" => ("no", seen),
        _ => ("?", seen),
    }
}

fn correlation_ids(triage: &Triage, text: &mut String) {
    let ids = &triage.correlation_ids;
    if ids.is_empty() || triage.diagnosis.code == Code::Healthy {
        return;
    }
    section("Correlation ids, for HubSpot support", text);
    for id in ids.iter().take(CORRELATION_IDS_MAX) {
        line(&format!("  {id}"), text);
    }
    if let Some(more @ 1..) = ids.len().checked_sub(CORRELATION_IDS_MAX) {
        line(&format!("  and {more} more (--json lists them)"), text);
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::P1 => "P1",
        Severity::P2 => "P2",
        Severity::P3 => "P3",
        Severity::P4 => "P4",
        Severity::None => "no severity",
    }
}

const fn blame(blame: Blame) -> &'static str {
    match blame {
        Blame::Credentials => "our credentials",
        Blame::Quota => "a limit",
        Blame::Hubspot => "HubSpot's fault",
        Blame::Network => "the network",
        Blame::Caller => "a caller",
        Blame::Account => "the HubSpot account",
        Blame::Ours => "our own fault",
        Blame::Dependency => "something we depend on",
        Blame::None => "whose move is not known",
    }
}

fn section(title: &str, text: &mut String) {
    text.push('\n');
    line(title, text);
}

fn line(content: &str, text: &mut String) {
    let _infallible = writeln!(text, "{}", content.trim_end());
}

fn paragraph(content: &str, indent: usize, text: &mut String) {
    row(&" ".repeat(indent), content, text);
}

/// A label and a text beside it, wrapped under itself.
fn row(label: &str, content: &str, text: &mut String) {
    let room = WIDTH - label.chars().count();
    let mut current = String::new();
    let mut lead = label.to_owned();
    for word in content.split_whitespace() {
        let needed = current.chars().count() + usize::from(!current.is_empty()) + word.chars().count();
        if needed > room && !current.is_empty() {
            line(&format!("{lead}{current}"), text);
            lead = " ".repeat(label.chars().count());
            current.clear();
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    line(&format!("{lead}{current}"), text);
}

#[cfg(test)]
mod tests;
