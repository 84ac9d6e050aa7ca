//! What still happens. A quarter of an hour of traffic tells best what is wrong, and for as long after that it was: whether it is
//! over, this minute and the last tell.

use hubspot::error::ErrorKind;

use super::Facts;
use super::traffic::{Connection, ErrorCount, Group, RefusedCount, Traffic, TransportCount};

impl Facts {
    /// The same, with the traffic of this minute and the last alone.
    pub(crate) fn of_late(&self) -> Self {
        Self { traffic: self.traffic.as_ref().map(of_late), ..self.clone() }
    }
}

fn of_late(traffic: &Traffic) -> Traffic {
    let groups: Vec<Group> = traffic.groups.iter().map(group).collect();
    let errors = groups.iter().flat_map(|group| &group.errors);
    let missing = errors.filter(|error| error.kind == Some(ErrorKind::NotFound)).map(|error| error.count);
    let known_ids_gone = traffic.known_ids_gone.min(missing.sum());
    let connections = traffic.connections.iter().map(connection).collect();
    Traffic { known_ids_gone, groups, connections, ..traffic.clone() }
}

fn connection(connection: &Connection) -> Connection {
    let burst_outside_peak = connection.burst_outside_recent.unwrap_or(connection.burst_outside_peak);
    Connection { burst_outside_peak, ..connection.clone() }
}

fn group(group: &Group) -> Group {
    // Where nobody has called since, nothing says that it is over.
    let unanswered =
        |error: &ErrorCount| group.last_ok_at.is_none_or(|ok| error.last_at.is_some_and(|at| at >= ok));
    let errors = group.errors.iter().filter(|error| error.recent > 0 || unanswered(error));
    let transport = group.transport.iter().filter(|lost| lost.recent > 0);
    Group {
        calls: group.calls_recent,
        ok: group.ok_recent,
        retries: group.retries_recent,
        // How many of them were of late is not told.
        failed_items: 0,
        errors: errors.map(error).collect(),
        transport: transport.map(|lost| TransportCount { count: lost.recent, ..lost.clone() }).collect(),
        refused: group.refused.iter().map(|it| RefusedCount { count: it.recent, ..it.clone() }).collect(),
        ..group.clone()
    }
}

fn error(error: &ErrorCount) -> ErrorCount {
    let count = if error.recent > 0 { error.recent } else { error.count };
    let (subjects, most_of_one) = (error.subjects.min(count), error.most_of_one.min(count));
    ErrorCount { count, subjects, most_of_one, ..error.clone() }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn what_has_stopped_is_not_there_any_more_and_what_nobody_has_tried_since_is() {
        let at = |second: i64| Some(Timestamp::from_second(1_800_000_000 + second).unwrap());
        let of = |recent: u64, last_ok_at: Option<Timestamp>| {
            let kind = Some(ErrorKind::NotFound);
            let error = ErrorCount { kind, count: 40, recent, last_at: at(0), ..ErrorCount::default() };
            let group =
                Group { calls: 100, calls_recent: 7, errors: vec![error], last_ok_at, ..Group::default() };
            let traffic = Traffic { groups: vec![group], known_ids_gone: 9, ..Traffic::default() };
            let late = Facts { traffic: Some(traffic), ..Facts::default() }.of_late().traffic.unwrap();
            let errors: Vec<u64> = late.groups[0].errors.iter().map(|error| error.count).collect();
            (late.groups[0].calls, errors, late.known_ids_gone)
        };
        assert_eq!(of(0, at(9)), (7, vec![], 0));
        assert_eq!(of(2, at(9)), (7, vec![2], 2));
        assert_eq!(of(0, at(-9)), (7, vec![40], 9));
    }
}
