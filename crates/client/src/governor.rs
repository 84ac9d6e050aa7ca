//! The central gate of one portal: who may send one request now.
//!
//! The decisions are pure and lie in [`slots`], [`daily`], [`turn`] and [`fair`]; this file waits. A request takes a slot of
//! every budget it draws on, all at once or not at all. When none is free it stands in line, and a pump task, alive
//! only while somebody waits, hands out slots as they come free.

use std::sync::Arc;
use std::time::Duration;

use hubspot::endpoint::{Budget, BudgetSet};
use hubspot::error::ErrorKind;
use hubspot::limits::Limits;
use hubspot::rate_headers::RateHeaders;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock::WallClock;
use crate::lane::Lane;
use crate::stack::Feature;

mod books;
mod daily;
mod days;
mod demand;
mod desk;
mod exhaustion;
mod expect;
mod fair;
mod forecast;
pub(crate) mod handover;
mod lanes;
mod ledger;
mod level;
mod outlook;
mod pace;
mod peak;
mod permit;
mod queue;
mod refusal;
mod shed;
mod slots;
mod state;
mod turn;
mod usage;
mod waiting;

use daily::DailyMark;
pub use daily::{DailySettings, DailyStanding};
pub use exhaustion::{Forecast, Likely};
use fair::{Stand, Who};
pub use lanes::{BadFloors, Floors, LaneSettings};
use ledger::EntryIndex;
pub(crate) use ledger::Ledger;
pub use ledger::{Entry, Errand, Spender};
pub use level::Level;
pub use permit::Permit;
use permit::Wait;
use queue::Place;
pub use refusal::{Refusal, RefusalReason};
pub use shed::Reserves;
use slots::Mark;
use state::State;
pub(crate) use usage::{DAILY_USAGE, Usage};

/// How much waiting is allowed.
#[derive(Debug, Clone, Copy)]
pub struct QueueSettings {
    /// Waiting requests per portal and lane; the next one is refused.
    pub waiting_max: usize,
    pub lanes: LaneSettings,
}

/// The owner's own ceilings, each at most what HubSpot allows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ceilings {
    pub burst: Option<u32>,
    pub search: Option<u32>,
    pub associations: Option<u32>,
}

/// Whether HubSpot was asked about a credential before it had a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Asked {
    #[default]
    No,
    Answered,
    /// It may be counted yet.
    Unanswered,
}

/// Who asks for the right to send one request.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    pub app: AppIndex,
    pub budgets: BudgetSet,
    pub lane: Lane,
    pub caller: &'a Arc<str>,
    /// Tells apart those who go by the same name.
    pub kin: u16,
    /// The caller's share of its lane.
    pub weight: u16,
    /// When the caller stops waiting.
    pub deadline: Instant,
}

impl Asking<'_> {
    fn who(&self) -> Who {
        Who { caller: self.caller.clone(), kin: self.kin }
    }
}

/// An app of the portal: its own burst budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AppIndex(usize);

/// What a portal's gate has seen, for people and diagnosis.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spending {
    pub burst_limit: u32,
    pub burst_window_ms: u64,
    /// What HubSpot's headers said before they changed, and how long ago that was.
    pub burst_limit_before: Option<u32>,
    pub burst_limit_changed_ago: Option<Duration>,
    /// Most of our sends in one rolling window of the last minutes.
    pub burst_sent_peak: u32,
    /// Most spending in one window that was not ours, likewise.
    pub burst_outside_peak: u32,
    /// And in this minute or the last.
    pub burst_outside_recent: u32,
    pub daily_sent: u64,
    pub daily_used: Option<u64>,
    pub daily_limit: Option<u64>,
    pub daily_limit_before: Option<u64>,
    pub waiting: usize,
    pub refused: u64,
}

/// The gate of one portal.
pub struct Governor {
    state: Mutex<State>,
    changed: Notify,
    queue: QueueSettings,
    ledger: Mutex<Ledger>,
    /// Somebody wants to call, and the pool is empty as far as we know.
    question: Notify,
    /// Who stands in line where nobody is told apart.
    everybody: Arc<str>,
}

/// Beyond the queue's bound, one in so many places is for callers who have nothing waiting.
const ROOM_FOR_OTHERS_DIVISOR: usize = 8;

impl Governor {
    /// A portal's gate. `limits` are the best guess until headers tell; `zone` says when its day ends.
    pub fn new(
        limits: &Limits,
        ceilings: Ceilings,
        zone: Option<TimeZone>,
        queue: QueueSettings,
        daily: DailySettings,
        clock: WallClock,
    ) -> Arc<Self> {
        let state = State::new(limits, ceilings, zone, daily, queue.lanes.floors, Instant::now(), clock);
        Arc::new(Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            queue,
            everybody: Arc::from("-"),
            ledger: Mutex::default(),
            question: Notify::new(),
        })
    }

    /// Adds an app. `seen` is what an answer just told about its window; without it the first call goes alone.
    pub fn add_app(&self, limits: &Limits, ceilings: Ceilings, seen: Option<&RateHeaders>) -> AppIndex {
        self.state.lock().add_app(limits, ceilings, seen, Instant::now())
    }

    /// Waits for the right to send one request; `now` is the time.
    ///
    /// # Errors
    /// A [`Refusal`] at once when the expected wait passes `deadline`, when too many wait, or when the daily pool
    /// is empty; later only if the expectation was wrong or the process goes down.
    pub fn acquire<'a>(
        self: &'a Arc<Self>,
        asking: Asking<'a>,
        now: Instant,
    ) -> impl Future<Output = Result<Permit, Refusal>> + Send + 'a {
        let asking = self.in_line(asking);
        // A block and no `async fn`: that would keep what it is given twice, for as long as the call waits.
        async move {
            let Asking { app, budgets, lane, deadline, .. } = asking;
            let mut place = {
                let mut state = self.state.lock();
                if state.has_moved(app) {
                    return Err(Refusal {
                        budget: Budget::Burst,
                        reason: RefusalReason::Moved,
                        retry_after: Duration::ZERO,
                    });
                }
                state.grant(now);
                if let Err(refusal) = state.check_daily(budgets, lane, now) {
                    if state.is_question_due(app, now) {
                        self.question.notify_waiters();
                    }
                    return Err(state.refuse(refusal));
                }
                if let Some(marks) = state.try_take(app, budgets, lane, now) {
                    return Ok(Permit::new(self.clone(), app, budgets, lane, marks, Wait::None));
                }
                if let Some(refusal) = self.turned_away(&mut state, &asking, now) {
                    return Err(state.refuse(refusal));
                }
                if !std::mem::replace(&mut state.pump_runs, true) {
                    tokio::spawn(pump(self.clone()));
                }
                let stand = Stand { app, budgets, who: asking.who(), weight: asking.weight };
                let (arrival, granted) = state.wait(lane, &stand, now);
                Place::new(granted, self.clone(), lane, stand, arrival)
            };
            self.changed.notify_one();
            match tokio::time::timeout_at(deadline, place.granted()).await {
                Ok(Ok(marks)) => Ok(Permit::new(self.clone(), app, budgets, lane, marks, Wait::Some)),
                Ok(Err(refusal)) => Err(self.state.lock().refuse(refusal)),
                Err(_late) => {
                    drop(place);
                    let mut state = self.state.lock();
                    let refusal = state.too_late(&asking, Instant::now());
                    Err(state.refuse(refusal))
                }
            }
        }
    }

    /// With lanes off, everybody stands in one line.
    fn in_line<'a>(&'a self, asking: Asking<'a>) -> Asking<'a> {
        match (self.queue.lanes.lanes, asking.lane) {
            (Feature::On, _) | (Feature::Off, Lane::Probe) => asking,
            (Feature::Off, Lane::Interactive | Lane::Sync | Lane::Bulk) => {
                Asking { lane: Lane::Interactive, caller: &self.everybody, kin: 0, weight: 1, ..asking }
            }
        }
    }

    /// Why a request may not even wait.
    fn turned_away(&self, state: &mut State, asking: &Asking<'_>, now: Instant) -> Option<Refusal> {
        let refusal = state.too_late(asking, now);
        if state.closed {
            return Some(Refusal { reason: RefusalReason::ShuttingDown, ..refusal });
        }
        if now + refusal.retry_after > asking.deadline {
            return Some(refusal);
        }
        let (waiting, own) = state.waiting_in_lane(asking);
        // A crowd of one caller leaves a little room for those who have nothing waiting yet.
        let max = self.queue.waiting_max;
        let max = if own == 0 { max.saturating_add(max / ROOM_FOR_OTHERS_DIVISOR) } else { max };
        (waiting >= max).then_some(Refusal { reason: RefusalReason::QueueFull, ..refusal })
    }

    /// Nobody waits and half the window is free: a question of our own is in nobody's way.
    pub(crate) fn is_quiet(&self, app: AppIndex) -> bool {
        self.state.lock().is_quiet(app, Instant::now())
    }

    /// Where the portal's day ends.
    pub(crate) fn set_zone(&self, zone: TimeZone) {
        self.state.lock().set_zone(zone, Instant::now());
    }

    /// Refuses everyone who waits: the process is going down.
    pub fn close(&self) {
        self.state.lock().close();
    }

    /// What one app of the portal has spent.
    pub fn spending(&self, app: AppIndex) -> Spending {
        self.state.lock().spending(app, Instant::now())
    }

    /// How full the rolling budgets are that an app draws on.
    pub fn levels(&self, app: AppIndex) -> [Level; 3] {
        self.state.lock().levels(app, Instant::now())
    }

    /// How many calls of an app wait in each lane.
    pub fn waiting(&self, app: AppIndex) -> [usize; Lane::ALL.len()] {
        self.state.lock().waiting_by_lane(app)
    }

    pub(crate) fn give_back(&self, app: AppIndex, budgets: BudgetSet) {
        self.state.lock().give_back(app, budgets);
        self.changed.notify_one();
    }

    /// `false` when it does not wait any more.
    fn leave(&self, lane: Lane, stand: &Stand, arrival: u64) -> bool {
        let left = self.state.lock().leave(lane, stand, arrival);
        if left {
            // Somebody else may be first now.
            self.changed.notify_one();
        }
        left
    }

    pub(crate) fn abandoned(&self, app: AppIndex, budgets: BudgetSet, lane: Lane) {
        self.state.lock().abandoned(app, budgets, lane, Instant::now());
        // There is a new time to wake up at.
        self.changed.notify_one();
    }

    /// An app joins that has been spending at a gate of its own.
    pub(crate) fn sit_out(&self, app: AppIndex) {
        self.state.lock().sit_out(app, Instant::now());
    }

    /// The app goes to another gate, and those who wait for it with it.
    pub(crate) fn move_away(&self, app: AppIndex) {
        self.state.lock().move_away(app);
    }

    /// Counts the question that was asked before the app had a gate.
    pub(crate) fn count_one(&self, app: AppIndex, asked: Asked) {
        self.state.lock().count_one(app, asked, Instant::now());
    }

    pub(crate) fn answered(&self, app: AppIndex, budgets: BudgetSet, answer: &Answered<'_>) {
        let mut state = self.state.lock();
        state.answered(app, budgets, answer);
        let waiting = state.waiting() > 0;
        drop(state);
        if waiting {
            self.changed.notify_one();
        }
    }
}

/// When a permit's slots were taken, in each budget's own count.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    burst: Mark,
    daily: DailyMark,
}

/// What came back for a permit.
pub(crate) struct Answered<'a> {
    at: Instant,
    lane: Lane,
    marks: Marks,
    /// `None` when nothing did in time.
    seen: Option<&'a RateHeaders>,
    limit: Option<Hit>,
}

/// HubSpot answered that a limit is reached.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    pub kind: ErrorKind,
    /// HubSpot's own word on how long, where it gives one.
    pub retry_after: Option<Duration>,
}

/// Hands out slots as they come free, until nobody waits.
async fn pump(governor: Arc<Governor>) {
    loop {
        let next = {
            let mut state = governor.state.lock();
            let now = Instant::now();
            state.grant(now);
            if state.waiting() == 0 {
                state.pump_runs = false;
                return;
            }
            state.next_change_at(now)
        };
        let changed = governor.changed.notified();
        match next {
            Some(at) => {
                let _either = tokio::time::timeout_at(at, changed).await;
            }
            None => changed.await,
        }
    }
}

#[cfg(test)]
mod tests;
