//! How many connections there is room for, with the files that the process may have open.

/// Files that are no connection of a caller's: logs, listeners, the admin API's connections, DNS.
const OTHER_FILES: u64 = 64;

/// Three files for two callers: each has a connection, and one to HubSpot while its call is there. Where many are
/// connected at once, most of their calls wait for slots, here.
const CONNECTIONS: u64 = 2;
const FILES: u64 = 3;

/// `configured`, or as many as `open_files_max` leaves room for; one at least.
pub(super) fn connections_max(configured: usize, open_files_max: Option<u64>) -> usize {
    let Some(files) = open_files_max else { return configured };
    let room = files.saturating_sub(OTHER_FILES) / FILES * CONNECTIONS;
    configured.min(usize::try_from(room).unwrap_or(usize::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::no_limit(None, 4096)]
    #[case::plenty(Some(1_048_576), 4096)]
    #[case::just_enough(Some(64 + 3 * 2048), 4096)]
    #[case::usual_soft_limit(Some(1024), 640)]
    #[case::next_to_nothing(Some(10), 1)]
    fn connections_leave_room(#[case] open_files_max: Option<u64>, #[case] expected: usize) {
        assert_eq!(connections_max(4096, open_files_max), expected);
    }
}
