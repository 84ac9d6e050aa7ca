//! HubSpot's request limits, counted the moment a call arrives (facts §1, [USAGE]).
//!
//! Burst is kept per app and portal, search and associations per portal, the daily pool per portal. A call that is
//! refused consumes nothing unless the configuration says so.

pub mod allowance;
pub mod daily;
pub mod headers;
pub mod meter;
pub mod others;
pub mod refusal;
pub mod window;

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};

use crate::route::Draws;
use allowance::{ASSOCIATIONS_SPAN, Allowance, AppKind, BURST_SPAN, SEARCH_SPAN};
use daily::DailyPool;
use meter::{Meter, RefusalFills};
use others::{Pressure, Spent};

/// One limit being spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    Burst,
    Search,
    Associations,
    Daily,
}

/// Who pays for a call.
#[derive(Debug, Clone, Copy)]
pub struct Payer<'a> {
    pub app_id: u64,
    pub portal_id: u64,
    pub kind: AppKind,
    pub allowance: Allowance,
    /// The portal's time zone.
    pub zone: &'a TimeZone,
}

/// A budget as its headers show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    pub max: u64,
    pub remaining: u64,
}

/// What the limit headers of one answer say; `None` where HubSpot sends no such header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    pub burst: Option<Level>,
    pub daily: Option<Level>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accepted(Standing),
    Refused(Budget, Standing),
}

/// Every count of every app and portal.
#[derive(Debug)]
pub struct Ledger {
    fills: RefusalFills,
    burst: BTreeMap<(u64, u64), Meter>,
    search: BTreeMap<u64, Meter>,
    associations: BTreeMap<u64, Meter>,
    daily: BTreeMap<u64, DailyPool>,
}

impl Ledger {
    pub fn new(fills: RefusalFills) -> Self {
        Self {
            fills,
            burst: BTreeMap::new(),
            search: BTreeMap::new(),
            associations: BTreeMap::new(),
            daily: BTreeMap::new(),
        }
    }

    /// Counts one call, or refuses it. All budgets are looked at before any is spent.
    pub fn admit(&mut self, payer: &Payer<'_>, draws: Draws, pressure: &Pressure, now: Timestamp) -> Verdict {
        let fills = self.fills;
        let allowance = payer.allowance;
        let pool =
            self.daily.entry(payer.portal_id).or_insert_with(|| DailyPool::new(payer.zone.clone(), now));
        let pool_limit = allowance.daily.filter(|_| draws != Draws::Nothing);
        let pool_drawn = pool_limit.filter(|_| draws != Draws::BurstOnly);
        let window = match draws {
            Draws::Ordinary | Draws::BurstOnly => {
                let key = (payer.app_id, payer.portal_id);
                let meter = self.burst.entry(key).or_insert_with(|| Meter::new(BURST_SPAN));
                Some((Budget::Burst, meter, allowance.burst, pressure.burst))
            }
            Draws::Search => {
                let meter = self.search.entry(payer.portal_id).or_insert_with(|| Meter::new(SEARCH_SPAN));
                Some((Budget::Search, meter, allowance.search, pressure.search))
            }
            Draws::Associations => {
                let meter =
                    self.associations.entry(payer.portal_id).or_insert_with(|| Meter::new(ASSOCIATIONS_SPAN));
                Some((Budget::Associations, meter, allowance.associations, Spent::default()))
            }
            Draws::DailyOnly | Draws::Nothing => None,
        };

        let pool_full = pool_drawn.is_some_and(|limit| is_full(pool.used(now), limit, pressure.daily));
        let mut refused = pool_full.then_some(Budget::Daily);
        let mut burst = None;
        if let Some((budget, meter, limit, spent)) = window {
            if refused.is_none() && is_full(meter.used(now), limit, spent) {
                refused = Some(budget);
                meter.reject(now, fills);
            } else if refused.is_none() {
                meter.accept(now);
            }
            if budget == Budget::Burst {
                burst = Some(level(meter.used(now), limit, spent));
            }
        }
        match refused {
            Some(Budget::Daily) => pool.rejected += 1,
            Some(Budget::Burst | Budget::Search | Budget::Associations) => {}
            None if pool_drawn.is_some() => pool.accept(now),
            None => {}
        }
        // Search answers carry no limit header at all, OAuth answers no daily one (facts §1.3).
        let daily = pool_limit
            .filter(|_| draws != Draws::Search && !payer.kind.is_oauth())
            .map(|limit| level(pool.used(now), limit, pressure.daily));
        let standing = Standing { burst, daily };
        refused.map_or(Verdict::Accepted(standing), |budget| Verdict::Refused(budget, standing))
    }

    /// Share of the burst window this app has filled, 0.0 to 1.0.
    pub fn burst_load(&mut self, payer: &Payer<'_>, now: Timestamp) -> f64 {
        let used = self.burst.get_mut(&(payer.app_id, payer.portal_id)).map_or(0, |meter| meter.used(now));
        used as f64 / payer.allowance.burst.max(1) as f64
    }

    /// Calls the portal's daily pool has counted, and the midnights around now.
    pub fn day(&mut self, portal_id: u64, zone: &TimeZone, now: Timestamp) -> (u64, Timestamp, Timestamp) {
        let pool = self.daily.entry(portal_id).or_insert_with(|| DailyPool::new(zone.clone(), now));
        let (starts_at, resets_at) = pool.day(now);
        (pool.used(now), starts_at, resets_at)
    }

    pub fn burst_meters(&mut self) -> impl Iterator<Item = (&(u64, u64), &mut Meter)> {
        self.burst.iter_mut()
    }

    pub fn search_meters(&mut self) -> impl Iterator<Item = (&u64, &mut Meter)> {
        self.search.iter_mut()
    }

    pub fn associations_meters(&mut self) -> impl Iterator<Item = (&u64, &mut Meter)> {
        self.associations.iter_mut()
    }

    pub fn daily_pools(&mut self) -> impl Iterator<Item = (&u64, &mut DailyPool)> {
        self.daily.iter_mut()
    }
}

fn is_full(used: u64, limit: u64, spent: Spent) -> bool {
    spent.full || used.saturating_add(spent.by_others) >= limit
}

fn level(used: u64, max: u64, spent: Spent) -> Level {
    Level { max, remaining: max.saturating_sub(used.saturating_add(spent.by_others)) }
}

impl Budget {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Search => "search",
            Self::Associations => "associations",
            Self::Daily => "daily",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{LimitOverrides, Plan};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + ms).expect("in range")
    }

    fn payer(zone: &TimeZone, burst: u32, daily: u64) -> Payer<'_> {
        let overrides =
            LimitOverrides { burst: Some(burst), daily: Some(daily), ..LimitOverrides::default() };
        let kind = AppKind::PrivateApp;
        let allowance = allowance::allowance(Plan::Free, kind, overrides);
        Payer { app_id: 1, portal_id: 2, kind, allowance, zone }
    }

    fn refused_by(verdict: Verdict) -> Option<Budget> {
        match verdict {
            Verdict::Accepted(_) => None,
            Verdict::Refused(budget, _) => Some(budget),
        }
    }

    /// Remembers every instant that fills a window, and counts by hand.
    #[derive(Default)]
    struct Oracle {
        burst: Vec<i64>,
        search: Vec<i64>,
        associations: Vec<i64>,
        today: u64,
    }

    impl Oracle {
        /// The budget that refuses a call at `now_ms`; what fills a window is noted.
        fn judge(
            &mut self,
            draws: Draws,
            limits: [u64; 4],
            fills: RefusalFills,
            now_ms: i64,
        ) -> Option<Budget> {
            let [burst, search, associations, daily] = limits;
            let (budget, window, limit, span_ms) = match draws {
                Draws::Search => (Budget::Search, &mut self.search, search, 1_000),
                Draws::Associations => (Budget::Associations, &mut self.associations, associations, 10_000),
                Draws::Ordinary | Draws::BurstOnly | Draws::DailyOnly | Draws::Nothing => {
                    (Budget::Burst, &mut self.burst, burst, 10_000)
                }
            };
            if self.today >= daily {
                return Some(Budget::Daily);
            }
            let used = window.iter().filter(|ms| now_ms - **ms < span_ms).count() as u64;
            let refused = used >= limit;
            if !refused || fills == RefusalFills::TheWindow {
                window.push(now_ms);
            }
            self.today += u64::from(!refused);
            refused.then_some(budget)
        }
    }

    proptest! {
        #[test]
        fn admits_exactly_what_counting_by_hand_admits(
            calls in prop::collection::vec((0_i64..700, 0_usize..3), 1..300),
            limits in [1_u64..25, 1_u64..6, 1_u64..15, 20_u64..200],
            fills in prop::sample::select(vec![RefusalFills::Nothing, RefusalFills::TheWindow]),
        ) {
            let zone = TimeZone::UTC;
            let mut payer = payer(&zone, 1, 1);
            let [burst, search, associations, daily] = limits;
            payer.allowance = Allowance { burst, search, associations, daily: Some(daily) };
            let (mut ledger, mut oracle, mut now_ms) = (Ledger::new(fills), Oracle::default(), 0);
            for (gap_ms, kind) in calls {
                now_ms += gap_ms;
                let draws = [Draws::Ordinary, Draws::Search, Draws::Associations][kind];
                let verdict = ledger.admit(&payer, draws, &Pressure::default(), at(now_ms));
                prop_assert_eq!(refused_by(verdict), oracle.judge(draws, limits, fills, now_ms));
            }
            let worst = ledger.burst_meters().map(|(_, meter)| meter.record.worst_window).max().unwrap_or(0);
            prop_assert!(worst <= burst, "{worst} accepted in a window of {burst}");
        }
    }

    #[test]
    fn budgets_are_apart() {
        let zone = TimeZone::UTC;
        let mut ledger = Ledger::new(RefusalFills::Nothing);
        let mut admit =
            |draws, ms| refused_by(ledger.admit(&payer(&zone, 2, 100), draws, &Pressure::default(), at(ms)));
        assert_eq!([admit(Draws::Ordinary, 0), admit(Draws::Ordinary, 1)], [None, None]);
        assert_eq!(admit(Draws::Ordinary, 2), Some(Budget::Burst));
        for ms in 3..8 {
            assert_eq!(admit(Draws::Search, ms), None);
        }
        assert_eq!(admit(Draws::Search, 9), Some(Budget::Search));
        assert_eq!(admit(Draws::Search, 1_003), None);
        assert_eq!(admit(Draws::Associations, 10), None);
        assert_eq!(admit(Draws::Ordinary, 10_000), None);
    }

    #[test]
    fn a_spent_day_refuses_everything_that_is_not_exempt() {
        let zone = TimeZone::UTC;
        let mut ledger = Ledger::new(RefusalFills::Nothing);
        let payer = payer(&zone, 100, 1);
        let open = Pressure::default();
        let first = ledger.admit(&payer, Draws::Ordinary, &open, at(0));
        let (burst, daily) = (Level { max: 100, remaining: 99 }, Level { max: 1, remaining: 0 });
        assert_eq!(first, Verdict::Accepted(Standing { burst: Some(burst), daily: Some(daily) }));
        assert_eq!(refused_by(ledger.admit(&payer, Draws::Search, &open, at(1))), Some(Budget::Daily));
        assert_eq!(refused_by(ledger.admit(&payer, Draws::Nothing, &open, at(2))), None);
    }
}
