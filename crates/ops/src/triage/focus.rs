//! What traffic points at is worth one of the few probe calls.

use client::probe::target::Focus;
use hubspot::error::ErrorKind;
use incident::facts::traffic::{ErrorCount, Group, Traffic};

/// A failing route takes two calls, itself and its counterpart in another version; the usual ones need room, too.
const FOCUS_MAX: usize = 2;

/// The worst failing routes, and what their errors speak of.
pub(super) fn from(traffic: &Traffic) -> Vec<Focus> {
    let mut failing: Vec<(&Group, &ErrorCount)> = traffic
        .groups
        .iter()
        .flat_map(|group| group.errors.iter().map(move |error| (group, error)))
        .filter(|(_, error)| error.recent > 0 && is_worth_asking(error))
        .collect();
    failing.sort_by_key(|(_, error)| std::cmp::Reverse(error.recent));
    let mut focus: Vec<Focus> = Vec::new();
    for (group, error) in failing {
        let wanted = wanted(group, error);
        if focus.len() < FOCUS_MAX && !focus.contains(&wanted) {
            focus.push(wanted);
        }
    }
    focus
}

/// What a single read can tell more about.
fn is_worth_asking(error: &ErrorCount) -> bool {
    matches!(
        error.kind,
        Some(
            ErrorKind::Validation
                | ErrorKind::MissingScopes
                | ErrorKind::UserPermissions
                | ErrorKind::Forbidden
                | ErrorKind::NoSuchEndpoint
                | ErrorKind::Internal
                | ErrorKind::Processing
                | ErrorKind::Unavailable
                | ErrorKind::OtherServer
        )
    )
}

fn wanted(group: &Group, error: &ErrorCount) -> Focus {
    let code = error.code.as_deref().unwrap_or_default();
    if error.kind != Some(ErrorKind::Validation) {
        let focus = if group.method == "GET" { Focus::Read } else { Focus::Route };
        focus(error.route.clone())
    } else if code.contains("PROPERTY") {
        Focus::Properties(object_type(&error.route).unwrap_or("contacts").to_owned())
    } else if group.family == "associations" {
        Focus::AssociationLimits
    } else {
        Focus::RecordLimits
    }
}

/// The object type a route names, where it names one.
fn object_type(route: &str) -> Option<&str> {
    let after = route.split("/objects/").nth(1)?;
    let name = after.split('/').find(|segment| !segment.starts_with("20"))?;
    (!name.starts_with('{')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(route: &str, kind: ErrorKind, code: Option<&str>, recent: u64) -> Group {
        let error = ErrorCount {
            kind: Some(kind),
            code: code.map(Into::into),
            route: route.into(),
            recent,
            count: recent,
            ..ErrorCount::default()
        };
        Group { errors: vec![error], ..Group::default() }
    }

    #[test]
    fn only_what_fails_as_a_read_is_read_itself() {
        let of = |method: &str| {
            let mut failing = group("/events/v3/send", ErrorKind::Internal, None, 5);
            failing.method = method.into();
            from(&Traffic { groups: vec![failing], ..Traffic::default() })
        };
        assert_eq!(of("POST"), [Focus::Route("/events/v3/send".into())]);
        assert_eq!(of("GET"), [Focus::Read("/events/v3/send".into())]);
    }

    #[test]
    fn the_worst_go_first_and_everyday_answers_not_at_all() {
        let groups = vec![
            group("/crm/v3/objects/{type}", ErrorKind::Conflict, None, 900),
            group("/crm/v3/objects/deals", ErrorKind::Validation, Some("PROPERTY_DOESNT_EXIST"), 5),
            group("/crm/v3/objects/{type}/search", ErrorKind::Internal, None, 50),
            group("/crm/v3/owners", ErrorKind::Internal, None, 0),
        ];
        let focus = from(&Traffic { groups, ..Traffic::default() });
        assert_eq!(
            focus,
            [Focus::Route("/crm/v3/objects/{type}/search".into()), Focus::Properties("deals".into())]
        );
    }
}
