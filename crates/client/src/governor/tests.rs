//! The gate in virtual time.

use super::*;
use hubspot::limits::{AppKind, Plan, RollingLimit};

fn limits(burst: u32) -> Limits {
    let window = Duration::from_secs(10);
    Limits {
        burst: RollingLimit { count: burst, window },
        ..hubspot::limits::limits(Plan::Professional, AppKind::PrivateApp, 0)
    }
}

/// A warm gate with an empty window: what ran before is known, and has passed.
async fn gate(burst: u32) -> (Arc<Governor>, AppIndex) {
    let clock = WallClock::from("2026-03-01T12:00:00Z".parse().unwrap());
    let limits = limits(burst);
    let governor = Governor::new(
        &limits,
        Ceilings::default(),
        None,
        QueueSettings { waiting_max: 100, lanes: LaneSettings::default() },
        DailySettings::default(),
        clock,
    );
    let seen = RateHeaders { max: Some(burst), remaining: Some(burst), ..RateHeaders::default() };
    let app = governor.add_app(&limits, Ceilings::default(), Some(&seen));
    tokio::time::advance(Duration::from_secs(11)).await;
    (governor, app)
}

fn reads() -> BudgetSet {
    BudgetSet::default().with(Budget::Burst).with(Budget::Daily)
}

fn searches() -> BudgetSet {
    BudgetSet::default().with(Budget::Search).with(Budget::Daily)
}

fn nobody() -> Arc<str> {
    Arc::from("-")
}

fn asking(caller: &Arc<str>, app: AppIndex, budgets: BudgetSet, within_seconds: u64) -> Asking<'_> {
    let deadline = Instant::now() + Duration::from_secs(within_seconds);
    Asking { app, budgets, lane: Lane::Interactive, caller, kin: 0, weight: 1, deadline }
}

async fn send(governor: &Arc<Governor>, app: AppIndex, budgets: BudgetSet) {
    let mut permit = governor
        .acquire(asking(&nobody(), app, budgets, 60), Instant::now())
        .await
        .expect("a slot within the minute");
    permit.sent();
    permit.answered(Instant::now(), &RateHeaders::default(), None);
}

#[tokio::test(start_paused = true)]
async fn the_window_is_used_whole_and_then_waited_for() {
    let (governor, app) = gate(3).await;
    let start = Instant::now();
    for _ in 0..3 {
        send(&governor, app, reads()).await;
    }
    assert_eq!(start.elapsed(), Duration::ZERO, "a whole window at once is allowed");
    send(&governor, app, reads()).await;
    assert!(start.elapsed() >= Duration::from_secs(10));
    assert!(start.elapsed() < Duration::from_millis(10_010));
}

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_deadline_is_refused_at_once_with_the_time_to_come_back() {
    let (governor, app) = gate(1).await;
    send(&governor, app, reads()).await;
    let start = Instant::now();
    let refusal = governor
        .acquire(asking(&nobody(), app, reads(), 5), Instant::now())
        .await
        .err()
        .expect("ten seconds do not fit into five");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((refusal.budget, refusal.reason), (Budget::Burst, RefusalReason::Deadline));
    assert!(
        refusal.retry_after >= Duration::from_secs(10) && refusal.retry_after < Duration::from_millis(10_010)
    );
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_go_in_order() {
    let (governor, app) = gate(1).await;
    send(&governor, app, reads()).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let waiting = (0..3).map(|number| {
        let (governor, order) = (governor.clone(), order.clone());
        tokio::spawn(async move {
            send(&governor, app, reads()).await;
            order.lock().push(number);
        })
    });
    for task in waiting.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(*order.lock(), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_search_that_waits_does_not_hold_up_a_read() {
    let (governor, app) = gate(10).await;
    tokio::time::advance(Duration::from_secs(2)).await;
    for _ in 0..5 {
        send(&governor, app, searches()).await;
    }
    let start = Instant::now();
    let search = {
        let governor = governor.clone();
        tokio::spawn(async move { send(&governor, app, searches()).await })
    };
    tokio::task::yield_now().await;
    send(&governor, app, reads()).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    search.await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_hangs_up_leaves_no_slot_behind() {
    let (governor, app) = gate(1).await;
    send(&governor, app, reads()).await;
    let waiting = {
        let governor = governor.clone();
        tokio::spawn(async move { send(&governor, app, reads()).await })
    };
    tokio::task::yield_now().await;
    waiting.abort();
    let _aborted = waiting.await;
    let start = Instant::now();
    send(&governor, app, reads()).await;
    assert!(start.elapsed() < Duration::from_millis(10_010), "the one who hung up must not cost a window");
    assert_eq!(governor.spending(app).waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_permit_not_used_is_free_at_once() {
    let (governor, app) = gate(1).await;
    drop(governor.acquire(asking(&nobody(), app, reads(), 60), Instant::now()).await.ok().unwrap());
    let start = Instant::now();
    send(&governor, app, reads()).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(governor.spending(app).daily_sent, 2, "the call that introduced the app, and this one");
}

#[tokio::test(start_paused = true)]
async fn daily_said_by_hubspot_refuses_until_the_reset() {
    let clock = WallClock::from("2026-03-01T22:00:00Z".parse().unwrap());
    let limits = limits(100);
    let zone = jiff::tz::TimeZone::UTC;
    let queue = QueueSettings { waiting_max: 10, lanes: LaneSettings::default() };
    let governor =
        Governor::new(&limits, Ceilings::default(), Some(zone), queue, DailySettings::default(), clock);
    let app = governor.add_app(&limits, Ceilings::default(), None);
    let mut permit =
        governor.acquire(asking(&nobody(), app, reads(), 60), Instant::now()).await.ok().unwrap();
    permit.sent();
    permit.answered(
        Instant::now(),
        &RateHeaders::default(),
        Some(Hit { kind: ErrorKind::DailyLimit, retry_after: None }),
    );
    let refusal = governor.acquire(asking(&nobody(), app, reads(), 60), Instant::now()).await.err().unwrap();
    assert_eq!(refusal.reason, RefusalReason::DailyPoolEmpty);
    assert_eq!(refusal.retry_after, Duration::from_secs(2 * 3600));
    tokio::time::advance(Duration::from_secs(2 * 3600)).await;
    assert!(governor.acquire(asking(&nobody(), app, reads(), 60), Instant::now()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded() {
    let (governor, app) = gate(1).await;
    send(&governor, app, reads()).await;
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let governor = governor.clone();
            tokio::spawn(async move {
                governor.acquire(asking(&nobody(), app, reads(), 5000), Instant::now()).await.is_ok()
            })
        })
        .collect();
    while governor.spending(app).waiting < 100 {
        tokio::task::yield_now().await;
    }
    let refusal =
        governor.acquire(asking(&nobody(), app, reads(), 5000), Instant::now()).await.err().unwrap();
    assert_eq!(refusal.reason, RefusalReason::QueueFull);
    drop(waiting);
}
