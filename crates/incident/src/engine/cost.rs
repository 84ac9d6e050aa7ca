//! Whose cost it is that a call failed. Where several incidents go on at once, it counts for the one whose cause shows like that,
//! the narrowest of them; and for several, said to be shared, where nothing tells them apart.

use jiff::Timestamp;

use super::{Engine, correlation};
use crate::blast::Blast;
use crate::code::Code;
use crate::incident::{Impact, Incident, Stage};
use crate::signal::{Calls, Place, Seen, Signal};

/// How well a call that failed fits an incident; the best have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    /// Calls fail of it, and still do.
    costs_calls: bool,
    shows_so: bool,
    /// Of connection and family, how many it is limited to.
    narrow: usize,
}

impl Fit {
    fn of(incident: &Incident, calls: &Calls) -> Self {
        let goes_on = incident.stage != Stage::Recovering;
        Self::new(goes_on && correlation::costs_calls(incident), incident.code(), &incident.blast, calls)
    }

    fn new(costs_calls: bool, code: Option<Code>, blast: &Blast, calls: &Calls) -> Self {
        let Place { connection, family, .. } = blast.place();
        let narrow = usize::from(connection.is_some()) + usize::from(family.is_some());
        Self { costs_calls, shows_so: code.is_some_and(|code| shows_so(code, calls)), narrow }
    }
}

impl Engine {
    /// What passes while an incident goes on, where it reaches, is its cost.
    pub(super) fn count_impact(&mut self, signal: &Signal) {
        let Seen::Calls(calls) = signal.seen else {
            let open = self.incidents.iter_mut().filter(|incident| !incident.stage.is_over());
            return open.for_each(|incident| incident.impact.note(&signal.seen));
        };
        let told = |it: &Incident| correlation::costs_calls(it) && concerns(it, &signal.place);
        let expected = self.maintenance.iter().any(|(_, place)| place.meets(&signal.place));
        if expected || self.incidents.iter().any(told) {
            self.memory.slo.told(signal.at, calls);
        }
        let best = self.best(&signal.place, &calls);
        let owners = self.incidents.iter().filter(|it| concerns(it, &signal.place));
        let owners = owners.filter(|it| Some(Fit::of(it, &calls)) == best).count();
        for incident in self.incidents.iter_mut().filter(|it| concerns(it, &signal.place)) {
            let is_its = Some(Fit::of(incident, &calls)) == best;
            incident.impact.count(&signal.place, calls, Share::of(is_its, owners));
        }
    }

    /// What it has cost before anybody noticed. What was counted for another incident meanwhile is shared with it.
    pub(super) fn cost_since(&mut self, began: Timestamp, code: Option<Code>, blast: &Blast) -> Impact {
        let mut impact = Impact::default();
        for (place, calls) in self.books.since(began) {
            // Of what has no name yet it is not known that it costs nothing.
            let costs_calls =
                code.is_none_or(|code| correlation::brings_about(code, crate::detector::RuleId::BurnSlow));
            let own = Fit::new(costs_calls, code, blast, &calls);
            let best = self.best(&place, &calls);
            let is_its = best.is_none_or(|best| own >= best);
            impact.count(&place, calls, Share::of(is_its, 1 + usize::from(best.is_some())));
            if is_its {
                let counted = self.incidents.iter_mut().filter(|it| concerns(it, &place));
                counted
                    .filter(|it| Some(Fit::of(it, &calls)) == best)
                    .for_each(|it| it.impact.shared += calls.failures());
            }
        }
        impact
    }

    fn best(&self, place: &Place, calls: &Calls) -> Option<Fit> {
        self.incidents.iter().filter(|it| concerns(it, place)).map(|it| Fit::of(it, calls)).max()
    }
}

/// What of a call that failed an incident counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    Whole,
    WithOthers,
    Nothing,
}

impl Share {
    const fn of(is_its: bool, owners: usize) -> Self {
        match (is_its, owners) {
            (false, _) => Self::Nothing,
            (true, 0 | 1) => Self::Whole,
            (true, 2..) => Self::WithOthers,
        }
    }
}

impl Impact {
    fn count(&mut self, place: &Place, calls: Calls, share: Share) {
        let (caller, family) = (place.caller.as_deref(), place.family.as_deref());
        match share {
            Share::Whole => self.add(caller, family, calls),
            Share::WithOthers => {
                self.add(caller, family, calls);
                self.shared += calls.failures();
            }
            Share::Nothing => self.add(caller, family, calls.without_failures()),
        }
    }
}

fn concerns(incident: &Incident, place: &Place) -> bool {
    !incident.stage.is_over() && incident.blast.place().meets(place)
}

/// Do calls fail of this cause in a way that these did?
fn shows_so(code: Code, calls: &Calls) -> bool {
    const DENIED: &[Code] = &[Code::AuthOutage, Code::EdgeBlock, Code::Tier];
    const REJECTED: &[Code] = &[
        Code::Locked,
        Code::Sunset,
        Code::ValidationChange,
        Code::BaseUrl,
        Code::Schema,
        Code::RecordLimit,
        Code::BadPayload,
    ];
    let shown = if DENIED.contains(&code) {
        calls.denied
    } else if REJECTED.contains(&code) {
        calls.rejected
    } else if code == Code::Processing {
        calls.broken
    } else {
        match code.part() {
            "auth" => calls.denied,
            "quota" => calls.limited + calls.refused,
            "data" => calls.rejected,
            _ => calls.broken,
        }
    };
    shown > 0
}
