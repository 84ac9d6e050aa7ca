//! Whether it is one connection that is refused, or all of them.
//!
//! Accounts revoke one by one. When most of those that were asked about lately are refused together, it is HubSpot, or us: then
//! nobody is taken out of service for it.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Climate {
    Calm,
    /// Most are refused.
    Storm,
}

/// The latest results, one for each connection.
#[derive(Debug, Default)]
pub(super) struct Weather(VecDeque<Result>);

#[derive(Debug)]
struct Result {
    connection: usize,
    at: Timestamp,
    heard: Heard,
}

/// What HubSpot said to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Good,
    /// That its token is dead, or refused.
    Dead,
}

/// So many of the latest are looked at.
const LATEST: usize = 10;
/// Fewer may be chance.
const DEAD_MIN: usize = 3;
const MEMORY: SignedDuration = SignedDuration::from_mins(30);

impl Weather {
    pub(super) fn note(&mut self, connection: usize, heard: Heard, now: Timestamp) {
        self.0.retain(|result| result.connection != connection && now.duration_since(result.at) < MEMORY);
        self.0.push_back(Result { connection, at: now, heard });
        if self.0.len() > LATEST {
            self.0.pop_front();
        }
    }

    pub(super) fn climate(&self, now: Timestamp) -> Climate {
        let lately = self.0.iter().filter(|result| now.duration_since(result.at) < MEMORY);
        let (dead, all) = lately
            .fold((0, 0), |(dead, all), result| (dead + usize::from(result.heard == Heard::Dead), all + 1));
        if dead >= DEAD_MIN && dead * 2 >= all { Climate::Storm } else { Climate::Calm }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weather(heard: &[(usize, Heard)]) -> Climate {
        let now = Timestamp::UNIX_EPOCH;
        let mut weather = Weather::default();
        heard.iter().for_each(|(connection, heard)| weather.note(*connection, *heard, now));
        weather.climate(now)
    }

    #[test]
    fn one_that_is_dead_is_no_storm_however_often_it_says_so() {
        assert_eq!(weather(&[(1, Heard::Dead); 20]), Climate::Calm);
        assert_eq!(weather(&[(1, Heard::Dead), (2, Heard::Dead), (3, Heard::Good)]), Climate::Calm);
    }

    #[test]
    fn most_of_the_latest_are_one() {
        let dead: Vec<_> = (0..3).map(|connection| (connection, Heard::Dead)).collect();
        assert_eq!(weather(&dead), Climate::Storm);
        let good = |many: usize| (100..100 + many).map(|connection| (connection, Heard::Good));
        let mixed = |good_ones, dead_ones: usize| {
            weather(&good(good_ones).chain((0..dead_ones).map(|one| (one, Heard::Dead))).collect::<Vec<_>>())
        };
        assert_eq!(mixed(7, 3), Climate::Calm);
        assert_eq!(mixed(500, 5), Climate::Storm, "only the latest count");
        assert_eq!(mixed(500, 4), Climate::Calm);
    }

    #[test]
    fn it_passes() {
        let mut weather = Weather::default();
        (0..5).for_each(|connection| weather.note(connection, Heard::Dead, Timestamp::UNIX_EPOCH));
        assert_eq!(weather.climate(Timestamp::UNIX_EPOCH + MEMORY), Climate::Calm);
    }
}
