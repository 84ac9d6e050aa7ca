//! What is told of one connection: its budgets, who waits, and how each part of the API is.

use client::accounts::{Account, Gate};
use client::governor::Governor;
use client::lane::Lane;
use client::packing::PackingCounts;
use hubspot::endpoint::Budget;

use super::Readings;
use crate::metrics::{Metric, Spread, Value};

impl Readings {
    pub(super) fn account(&mut self, label: &str, account: &Account) {
        if let Some(gate) = account.gate() {
            self.budgets(label, &gate);
        }
        let packing = account.packing();
        let ends = PackingCounts::SIZES.map(|end| end as f64);
        let spread = Spread::new(ends, packing.sizes, packing.items as f64);
        self.push(Metric::PackedCalls, &[label], Value::Spread(Box::new(spread)));
        self.count(Metric::PackedAlone, &[label], packing.alone_after_all);
        for state in account.families() {
            let labels = [label, state.family.name()];
            self.level(Metric::BreakerOpen, &labels, f64::from(u8::from(state.open_for.is_some())));
            self.level(Metric::InFlight, &labels, state.under_way.into());
            self.level(Metric::WaitingForRoom, &labels, state.waiting_for_room as f64);
            if let Some(cap) = state.under_way_max {
                self.level(Metric::InFlightCap, &labels, cap.into());
            }
        }
    }

    fn budgets(&mut self, label: &str, gate: &Gate) {
        for level in gate.governor.levels(gate.app) {
            let budget = level.budget.name();
            let used = level.in_flight + level.cooling + level.outside;
            self.level(Metric::BudgetLimit, &[label, budget], level.limit.into());
            self.level(Metric::BudgetUsed, &[label, budget], used.into());
            self.level(Metric::BudgetLeft, &[label, budget], level.free.into());
            for (state, slots) in
                [("in_flight", level.in_flight), ("cooling", level.cooling), ("outside", level.outside)]
            {
                self.level(Metric::Slots, &[label, budget, state], slots.into());
            }
        }
        for (lane, waiting) in Lane::ALL.iter().zip(gate.governor.waiting(gate.app)) {
            self.level(Metric::Waiting, &[label, lane.name()], waiting as f64);
        }
        let spending = gate.governor.spending(gate.app);
        self.level(Metric::OutsidePeak, &[label], spending.burst_outside_peak.into());
        self.level(Metric::OwnPeak, &[label], spending.burst_sent_peak.into());
        self.daily(label, &gate.governor);
    }

    fn daily(&mut self, label: &str, governor: &Governor) {
        let day = governor.daily();
        let Some(limit) = day.limit else { return };
        let budget = [label, Budget::Daily.name()];
        self.level(Metric::BudgetLimit, &budget, limit as f64);
        self.level(Metric::BudgetUsed, &budget, day.used as f64);
        self.level(Metric::BudgetLeft, &budget, limit.saturating_sub(day.used) as f64);
        self.level(Metric::DailySent, &[label], day.ours as f64);
        self.level(Metric::DailyOutside, &[label], day.others as f64);
        for lane in Lane::ALL.into_iter().filter(|lane| *lane != Lane::Probe) {
            let stopped = day.parked || day.stopped.contains(&lane);
            self.level(Metric::DailyStopped, &[label, lane.name()], f64::from(u8::from(stopped)));
        }
        if let Some(forecast) = &day.forecast {
            let to_come = forecast.to_come;
            for (bound, calls) in [("low", to_come.low), ("middle", to_come.middle), ("high", to_come.high)] {
                self.level(Metric::DailyForecast, &[label, bound], calls);
            }
            if let Some(at) = forecast.exhausted_at {
                self.level(Metric::DailyExhausted, &[label], at.as_second() as f64);
            }
        }
    }
}
