//! A workflow's action "send a webhook": one request for each enrolled record, with an object of the user's own shape or, as a
//! GET, with none. Facts §6.1, §6.5 [DOC methods/workflows/webhook_information].

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::Method;
use jiff::{SignedDuration, Timestamp};

/// Up to 20 requests a second: facts §6.5.
const PACE: SignedDuration = SignedDuration::from_millis(50);

/// Repeated after a minute, then less and less often, at most eight hours apart, for about three days: facts §6.5.
const RETRY_MINUTES: [i64; 13] = [1, 5, 15, 60, 180, 480, 480, 480, 480, 480, 480, 480, 480];

/// Requests remembered for `/_sim/webhooks/workflows`.
const LOG_MAX: usize = 10_000;

/// One request of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The same for all its tries.
    pub number: u64,
    pub app_id: u64,
    pub method: Method,
    pub url: String,
    pub body: Bytes,
    /// From 0.
    pub attempt: usize,
}

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Answer {
    pub status: u16,
    /// Read as milliseconds, and only of a 429: facts §6.5.
    pub retry_after_ms: Option<u64>,
}

/// What became of a try.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Tried {
    pub number: u64,
    pub at: Timestamp,
    pub attempt: usize,
    /// `None` where none came in time.
    pub answer: Option<Answer>,
    /// Not tried again.
    pub given_up: bool,
}

#[derive(Default)]
pub struct Workflows {
    actions: u64,
    waiting: BTreeMap<(Timestamp, u64), Action>,
    last_due: Option<Timestamp>,
    log: VecDeque<Tried>,
}

impl Workflows {
    /// A record is enrolled.
    pub fn act(&mut self, app_id: u64, method: Method, url: String, body: Bytes, now: Timestamp) -> u64 {
        self.actions += 1;
        let number = self.actions;
        let due = self.last_due.map_or(now, |last| now.max(last + PACE));
        self.last_due = Some(due);
        self.waiting.insert((due, number), Action { number, app_id, method, url, body, attempt: 0 });
        number
    }

    /// What leaves now.
    pub fn due(&mut self, now: Timestamp) -> Vec<Action> {
        let mut due = Vec::new();
        while let Some(first) = self.waiting.first_entry()
            && first.key().0 <= now
        {
            due.push(first.remove());
        }
        due
    }

    pub fn next_due(&self) -> Option<Timestamp> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }

    /// How a try went. After a 4xx other than 429 there is no other.
    pub fn ended(&mut self, action: Action, answer: Option<Answer>, now: Timestamp) {
        let taken = answer.is_some_and(|answer| (200..400).contains(&answer.status));
        let refused =
            answer.is_some_and(|answer| (400..500).contains(&answer.status) && answer.status != 429);
        let minutes = RETRY_MINUTES.get(action.attempt).filter(|_| !taken && !refused);
        if self.log.len() == LOG_MAX {
            self.log.pop_front();
        }
        let Action { number, attempt, .. } = action;
        self.log.push_back(Tried { number, at: now, attempt, answer, given_up: !taken && minutes.is_none() });
        if let Some(minutes) = minutes {
            let asked = answer.filter(|answer| answer.status == 429).and_then(|answer| answer.retry_after_ms);
            let asked = asked.map(|ms| SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX)));
            let wait = asked.unwrap_or(SignedDuration::from_mins(*minutes));
            let due = now.checked_add(wait).unwrap_or(Timestamp::MAX);
            self.waiting.insert((due, number), Action { attempt: attempt + 1, ..action });
        }
    }

    /// Tries, oldest first.
    pub fn log(&self) -> impl Iterator<Item = &Tried> {
        self.log.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + seconds).unwrap()
    }

    fn acting() -> (Workflows, Action) {
        let mut workflows = Workflows::default();
        workflows.act(1, Method::POST, "http://127.0.0.1:9/".into(), Bytes::new(), at(0));
        let action = workflows.due(at(0)).remove(0);
        (workflows, action)
    }

    fn answer(status: u16, retry_after_ms: Option<u64>) -> Option<Answer> {
        Some(Answer { status, retry_after_ms })
    }

    #[test]
    fn after_a_4xx_it_is_over_and_a_429_says_how_many_milliseconds_to_wait() {
        let (mut workflows, action) = acting();
        workflows.ended(action.clone(), answer(429, Some(1_500)), at(0));
        assert_eq!(workflows.next_due(), Some(at(0) + SignedDuration::from_millis(1_500)));
        let again = workflows.due(at(2)).remove(0);
        assert_eq!((again.number, again.attempt), (action.number, 1));
        workflows.ended(again, answer(401, Some(1)), at(2));
        assert_eq!(workflows.next_due(), None);
        assert!(workflows.log().last().unwrap().given_up);
    }

    #[test]
    fn a_5xx_or_no_answer_is_tried_again_for_about_three_days() {
        let (mut workflows, mut action) = acting();
        let (mut now, mut tries) = (at(0), 1);
        loop {
            let answered = (tries % 2 == 0).then_some(Answer { status: 503, retry_after_ms: Some(1) });
            workflows.ended(action, answered, now);
            let Some(due) = workflows.next_due() else { break };
            (now, tries) = (due, tries + 1);
            action = workflows.due(now).remove(0);
        }
        let hours = now.duration_since(at(0)).as_hours();
        assert!((60..=72).contains(&hours) && tries == 14, "{tries} tries in {hours} h");
    }

    #[test]
    fn twenty_a_second_leave() {
        let mut workflows = Workflows::default();
        for _ in 0..40 {
            workflows.act(1, Method::GET, "http://127.0.0.1:9/".into(), Bytes::new(), at(0));
        }
        assert_eq!(workflows.due(at(0) + SignedDuration::from_millis(999)).len(), 20);
    }
}
