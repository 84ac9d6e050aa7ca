//! What is noted beside the answers while calls are under way: calls made, limits seen, clocks read.

use std::sync::atomic::{AtomicU32, Ordering};

use hubspot::endpoint::{Budget, classify};
use hubspot::rate_headers::RateHeaders;
use parking_lot::Mutex;

use super::exchange::{Question, Raw};
use super::pace::Pace;
use super::report::api::LimitReading;
use super::report::surroundings::ClockSource;

/// Shared by all calls of one run.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Towards HubSpot, credential or not.
    sent: AtomicU32,
    answered: AtomicU32,
    readings: Mutex<Vec<LimitReading>>,
    clocks: Mutex<Vec<ClockSource>>,
}

/// A call under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Departure {
    answered_before: u32,
}

impl Notes {
    /// To be said when a call leaves.
    pub(super) fn leaving(&self) -> Departure {
        self.sent.fetch_add(1, Ordering::Relaxed);
        Departure { answered_before: self.answered.load(Ordering::Relaxed) }
    }

    /// To be said as soon as its answer is there: the order of the readings is the order of the answers.
    pub(super) fn arrived(&self, departure: Departure, question: &Question, raw: &Raw, pace: &Pace) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        let limits = RateHeaders::read(&raw.headers);
        if limits == RateHeaders::default() {
            return;
        }
        self.readings.lock().push(LimitReading {
            path: question.path.clone(),
            budget: window_of(question).map(|budget| budget.name().to_owned()),
            at_ms: pace.elapsed_ms(),
            sent: self.sent.load(Ordering::Relaxed),
            answered_before: departure.answered_before,
            max: limits.max,
            remaining: limits.remaining,
            window_ms: limits.window.and_then(|window| u64::try_from(window.as_millis()).ok()),
            daily: limits.daily,
            daily_remaining: limits.daily_remaining,
        });
    }

    pub(super) fn clock(&self, source: Option<ClockSource>) {
        self.clocks.lock().extend(source);
    }

    pub(super) fn calls_made(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn readings(&self) -> Vec<LimitReading> {
        self.readings.lock().clone()
    }

    /// What is left of the day, and the whole of it, by the last answer that told.
    pub(super) fn daily(&self) -> Option<(u64, u64)> {
        self.readings.lock().iter().rev().find_map(|reading| reading.daily_remaining.zip(reading.daily))
    }

    pub(super) fn clocks(&self) -> Vec<ClockSource> {
        self.clocks.lock().clone()
    }
}

/// The window whose state the limit headers of this question's answer tell.
fn window_of(question: &Question) -> Option<Budget> {
    classify(&question.method, question.bare_path()).budgets.iter().find(|budget| match budget {
        Budget::Burst | Budget::Search | Budget::Associations => true,
        Budget::Journal | Budget::Daily => false,
    })
}
