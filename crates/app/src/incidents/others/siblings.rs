//! One account that several hubkeepers call: what one of them counts as spent by others was partly spent by the rest of us.

use incident::facts::traffic::Connection;

/// The accounts of all, each once. `ledgers` are one hubkeeper's each.
pub(super) fn together<'a>(ledgers: impl Iterator<Item = &'a Vec<Connection>>) -> Vec<Connection> {
    let mut accounts: Vec<Vec<&Connection>> = Vec::new();
    for (place, line) in
        ledgers.enumerate().flat_map(|(place, ledger)| ledger.iter().map(move |it| (place, it)))
    {
        // Two lines of one ledger are two accounts, whatever they are called.
        let same = |known: &&mut Vec<&Connection>| known.len() <= place && is_one(known[0], line);
        match accounts.iter_mut().find(same) {
            Some(known) => known.push(line),
            None => accounts.push(vec![line]),
        }
    }
    accounts.iter().map(|lines| as_one(lines)).collect()
}

/// Called the same, and nothing says that they are different portals.
fn is_one(one: &Connection, other: &Connection) -> bool {
    let portals =
        (one.portal_id.or(one.configured_portal_id), other.portal_id.or(other.configured_portal_id));
    one.name == other.name && !matches!(portals, (Some(one), Some(other)) if one != other)
}

fn as_one(lines: &[&Connection]) -> Connection {
    let sum = |of: fn(&Connection) -> u64| lines.iter().map(|line| of(line)).sum::<u64>();
    let sent_peak = sum(|line| line.burst_sent_peak);
    // Peaks need not fall together, so that this is the least that others can have spent.
    let outside =
        lines.iter().map(|line| line.burst_outside_peak.saturating_sub(sent_peak - line.burst_sent_peak));
    let first = lines[0];
    let any = |of: fn(&Connection) -> Option<u64>| lines.iter().find_map(|line| of(line));
    Connection {
        portal_id: any(|line| line.portal_id),
        burst_sent_peak: sent_peak,
        burst_outside_peak: outside.clone().max().unwrap_or(0),
        burst_outside_recent: any(|line| line.burst_outside_recent).min(outside.max()),
        daily_sent: sum(|line| line.daily_sent),
        daily_used: lines.iter().filter_map(|line| line.daily_used).max(),
        daily_max: any(|line| line.daily_max),
        burst_max: any(|line| line.burst_max),
        refused_by_us: sum(|line| line.refused_by_us),
        waiting: sum(|line| line.waiting),
        ..first.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str, sent: u64, outside: u64) -> Connection {
        Connection {
            name: name.into(),
            portal_id: Some(7),
            burst_sent_peak: sent,
            burst_outside_peak: outside,
            daily_sent: sent * 10,
            daily_used: Some(900),
            ..Connection::default()
        }
    }

    #[test]
    fn what_the_other_of_us_spent_was_nobody_elses() {
        let all = together([vec![account("crm", 60, 40)], vec![account("crm", 40, 60)]].iter());
        assert_eq!(all.len(), 1);
        let one = &all[0];
        assert_eq!((one.burst_sent_peak, one.burst_outside_peak), (100, 0));
        assert_eq!((one.daily_sent, one.daily_used), (1_000, Some(900)));
    }

    #[test]
    fn what_neither_of_us_spent_stays_somebody_elses() {
        let all = together([vec![account("crm", 60, 90)], vec![account("crm", 40, 100)]].iter());
        assert_eq!(all[0].burst_outside_peak, 50, "the more that one of us can tell");
    }

    #[test]
    fn other_accounts_stay_apart() {
        let mut elsewhere = account("crm", 5, 5);
        elsewhere.portal_id = Some(8);
        let one = vec![account("crm", 60, 40), account("erp", 1, 2)];
        let all = together([one.clone(), vec![elsewhere]].iter());
        assert_eq!(all.len(), 3);
        assert_eq!(all[..2], one[..], "one ledger's lines are as they were");
    }
}
