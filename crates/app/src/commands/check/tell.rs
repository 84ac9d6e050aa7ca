//! The checklist for people: what needs work first.

use std::fmt::Write;

use ops::check::{CheckReport, Standing};

/// The whole text, ending in a line break.
pub(super) fn for_people(report: &CheckReport) -> String {
    let mut text = format!("{}\n", headline(report));
    for standing in Standing::ALL {
        let points: Vec<_> = report.points.iter().filter(|point| point.standing == standing).collect();
        if points.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{} ({})", title(standing), points.len());
        for point in points {
            let _ = writeln!(text, "  {}: {}", point.item, point.title);
            let _ = writeln!(text, "      seen: {}", point.evidence);
            if let Some(remedy) = point.remedy {
                let _ = writeln!(text, "      do:   {remedy}");
            }
        }
    }
    text
}

/// A table, for a pull request or a wiki.
pub(super) fn markdown(report: &CheckReport) -> String {
    let mut text = format!("# Production check, {}\n\n{}\n\n", report.today, headline(report));
    text.push_str("| point | stands | seen | do |\n|---|---|---|---|\n");
    for point in &report.points {
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            point.title,
            point.standing.name(),
            cell(&point.evidence),
            cell(point.remedy.unwrap_or_default())
        );
    }
    text
}

fn headline(report: &CheckReport) -> String {
    let counts: Vec<String> = Standing::ALL
        .into_iter()
        .map(|standing| (standing, report.count(standing)))
        .filter(|(_, count)| *count > 0)
        .map(|(standing, count)| format!("{count} {}", standing.name()))
        .collect();
    let verdict = if report.has_problem() { "Not fit for production" } else { "Nothing that fails" };
    format!("{verdict}: {}.", counts.join(", "))
}

const fn title(standing: Standing) -> &'static str {
    match standing {
        Standing::Fails => "Fails",
        Standing::Warns => "Warns",
        Standing::Unknown => "Could not tell",
        Standing::Waived => "Waived",
        Standing::Passes => "Passes",
        Standing::NotApplicable => "Does not apply",
    }
}
