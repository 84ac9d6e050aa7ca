//! Those of one lane who wait at one desk, each caller with its share.
//!
//! Fair queueing by virtual time: each call of a caller costs it 1/weight, the caller that has had least is next, and
//! the clock goes on by one call's part of the whole, or to the caller furthest behind. Who comes new, or comes back,
//! starts at the clock and not before: what was not used is gone, and no stream of newcomers keeps an old one
//! waiting. A call with p of its caller's before it goes within (p + 1) × (weight of all / its caller's weight)
//! turns of the lane, and some for those who are due already.
//!
//! Calls that draw on other budgets as well stand in a row of their own, so that they hold up nobody while those are
//! spent; a caller's calls count together whatever the row.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use hubspot::endpoint::BudgetSet;
use tokio::time::{Duration, Instant};

use super::AppIndex;
use super::queue::Waiter;

/// One call, in virtual time, of a caller of weight 1.
const CALL: u64 = 1 << 24;

#[derive(Default)]
pub(super) struct Fair {
    clock: u64,
    /// Of all callers who wait.
    weight: u64,
    waiting: usize,
    numbers: HashMap<Who, usize>,
    callers: Vec<Caller>,
    vacant: Vec<usize>,
    /// Callers who do not wait, but have had more than their share: remembered until the clock has passed them.
    rested: BTreeSet<(u64, usize)>,
    rows: Vec<Row>,
}

struct Caller {
    who: Who,
    weight: u64,
    /// When its next call's turn is, in virtual time.
    turn: u64,
    since: Instant,
    habit: Habit,
    waiting: usize,
    /// By the row's number.
    calls: Vec<(usize, VecDeque<Waiter>)>,
}

/// What a caller has shown of whether more will come than waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Nothing yet: it may have asked for everything at once.
    New,
    /// A call of its has gone.
    Served,
    /// It called again after that.
    Returns,
}

/// Calls that draw on the same budgets.
struct Row {
    app: AppIndex,
    budgets: BudgetSet,
    waiting: usize,
    /// The callers, by whose turn it is and then who came first.
    heads: BTreeMap<(u64, u64), usize>,
}

/// The first of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) row: usize,
    pub(super) app: AppIndex,
    pub(super) budgets: BudgetSet,
    pub(super) turn: u64,
    pub(super) arrival: u64,
    pub(super) since: Instant,
}

/// Whose call it is and what it draws on.
#[derive(Debug, Clone)]
pub(super) struct Stand {
    pub(super) app: AppIndex,
    pub(super) budgets: BudgetSet,
    pub(super) who: Who,
    pub(super) weight: u16,
}

/// Who takes turns: a caller, or one of those who go by its name and can be told apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Who {
    pub(super) caller: Arc<str>,
    pub(super) kin: u16,
}

impl Fair {
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn waiting_of(&self, who: &Who) -> usize {
        self.numbers.get(who).map_or(0, |number| self.callers[*number].waiting)
    }

    /// How many wait in the rows picked.
    pub(super) fn waiting_in(&self, pick: impl Fn(AppIndex, BudgetSet) -> bool) -> usize {
        self.rows.iter().filter(|row| pick(row.app, row.budgets)).map(|row| row.waiting).sum()
    }

    pub(super) fn push(&mut self, stand: &Stand, waiter: Waiter) {
        let row = self.row(stand.app, stand.budgets);
        let number = self.number(&stand.who, waiter.since);
        let caller = &mut self.callers[number];
        if caller.waiting == 0 {
            self.rested.remove(&(caller.turn, number));
            caller.turn = caller.turn.max(self.clock);
        } else {
            self.weight -= caller.weight;
        }
        caller.weight = u64::from(stand.weight.max(1));
        self.weight += caller.weight;
        caller.waiting += 1;
        if caller.habit == Habit::Served {
            caller.habit = Habit::Returns;
        }
        let turn = caller.turn;
        let calls = caller.calls_in(row);
        if calls.is_empty() {
            self.rows[row].heads.insert((turn, waiter.arrival), number);
        }
        calls.push_back(waiter);
        self.rows[row].waiting += 1;
        self.waiting += 1;
    }

    /// The first of each row.
    pub(super) fn heads(&self) -> impl Iterator<Item = Head> {
        self.rows.iter().enumerate().filter_map(|(number, row)| {
            let ((turn, arrival), caller) = row.heads.first_key_value()?;
            let since = self.callers[*caller].first_in(number)?.since;
            Some(Head {
                row: number,
                app: row.app,
                budgets: row.budgets,
                turn: *turn,
                arrival: *arrival,
                since,
            })
        })
    }

    /// The first of a row goes.
    pub(super) fn pop(&mut self, row: usize) -> Option<Waiter> {
        let (_, &number) = self.rows[row].heads.first_key_value()?;
        self.unlist(number);
        let waiter = self.callers[number].calls_in(row).pop_front();
        self.clock += (CALL / self.weight.max(1)).max(1);
        let caller = &mut self.callers[number];
        // Waiting for other budgets is no reason to have more than a round at once afterwards.
        caller.turn = (caller.turn + CALL / caller.weight).max(self.clock.saturating_sub(CALL));
        if caller.habit == Habit::New {
            caller.habit = Habit::Served;
        }
        self.list(number);
        self.one_less(row, number);
        if let Some(behind) = self.rows.iter().filter_map(|row| row.heads.keys().next()).min() {
            self.clock = self.clock.max(behind.0);
        }
        self.forget_rested();
        waiter
    }

    /// One leaves before its turn. `false` when it is not here any more.
    pub(super) fn leave(&mut self, stand: &Stand, arrival: u64) -> bool {
        let at = |row: &Row| row.app == stand.app && row.budgets == stand.budgets;
        let (Some(row), Some(&number)) = (self.rows.iter().position(at), self.numbers.get(&stand.who)) else {
            return false;
        };
        let calls = self.callers[number].calls_in(row);
        let Ok(place) = calls.binary_search_by_key(&arrival, |waiter| waiter.arrival) else { return false };
        self.unlist(number);
        self.callers[number].calls_in(row).remove(place);
        self.list(number);
        self.one_less(row, number);
        true
    }

    /// Everybody of one app leaves.
    pub(super) fn drain(&mut self, pick: impl Fn(AppIndex) -> bool) -> Vec<Waiter> {
        let mut drained = Vec::new();
        for row in 0..self.rows.len() {
            while pick(self.rows[row].app)
                && let Some(waiter) = self.pop(row)
            {
                drained.push(waiter);
                if self.rows.is_empty() {
                    return drained;
                }
            }
        }
        drained
    }

    /// How many go before a new call of this caller, if those who have been calling again and again for `lasting` go on and
    /// the others have no more than what waits.
    pub(super) fn ahead(&self, who: &Who, weight: u16, lasting: Duration, now: Instant) -> u32 {
        let own = self.numbers.get(who).map(|number| &self.callers[*number]);
        let turn = own.map_or(self.clock, |own| own.turn.max(self.clock));
        let waiting = own.map_or(0, |own| own.waiting) as u64;
        let turn = turn + waiting * CALL / u64::from(weight.max(1));
        let others = self.callers.iter().filter(|other| other.waiting > 0 && other.who != *who);
        let before = others.map(|other| {
            let by_share = if other.turn > turn { 0 } else { (turn - other.turn) * other.weight / CALL + 1 };
            let goes_on =
                other.habit == Habit::Returns && now.saturating_duration_since(other.since) >= lasting;
            if goes_on { by_share } else { by_share.min(other.waiting as u64) }
        });
        u32::try_from(before.sum::<u64>() + waiting).unwrap_or(u32::MAX)
    }

    fn row(&mut self, app: AppIndex, budgets: BudgetSet) -> usize {
        let here = self.rows.iter().position(|row| row.app == app && row.budgets == budgets);
        here.unwrap_or_else(|| {
            self.rows.push(Row { app, budgets, waiting: 0, heads: BTreeMap::new() });
            self.rows.len() - 1
        })
    }

    fn number(&mut self, who: &Who, now: Instant) -> usize {
        if let Some(number) = self.numbers.get(who) {
            return *number;
        }
        let caller = Caller {
            who: who.clone(),
            weight: 1,
            turn: 0,
            since: now,
            habit: Habit::New,
            waiting: 0,
            calls: Vec::new(),
        };
        let number = self.vacant.pop().unwrap_or(self.callers.len());
        if number == self.callers.len() {
            self.callers.push(caller);
        } else {
            self.callers[number] = caller;
        }
        self.numbers.insert(who.clone(), number);
        number
    }

    /// Takes a caller's calls off the rows' lists, to change its turn.
    fn unlist(&mut self, number: usize) {
        let caller = &self.callers[number];
        for (row, calls) in &caller.calls {
            if let Some(first) = calls.front() {
                self.rows[*row].heads.remove(&(caller.turn, first.arrival));
            }
        }
    }

    fn list(&mut self, number: usize) {
        let caller = &self.callers[number];
        for (row, calls) in &caller.calls {
            if let Some(first) = calls.front() {
                self.rows[*row].heads.insert((caller.turn, first.arrival), number);
            }
        }
    }

    fn one_less(&mut self, row: usize, number: usize) {
        self.rows[row].waiting -= 1;
        self.waiting -= 1;
        let caller = &mut self.callers[number];
        caller.waiting -= 1;
        if caller.waiting == 0 {
            self.weight -= caller.weight;
            self.rested.insert((caller.turn, number));
        }
        if self.waiting == 0 {
            *self = Self::default();
        }
    }

    fn forget_rested(&mut self) {
        while let Some(&(turn, number)) = self.rested.first()
            && turn <= self.clock
        {
            self.rested.pop_first();
            self.numbers.remove(&self.callers[number].who);
            self.callers[number].calls = Vec::new();
            self.vacant.push(number);
        }
    }
}

impl Caller {
    fn calls_in(&mut self, row: usize) -> &mut VecDeque<Waiter> {
        let place = self.calls.iter().position(|(number, _)| *number == row).unwrap_or_else(|| {
            self.calls.push((row, VecDeque::new()));
            self.calls.len() - 1
        });
        &mut self.calls[place].1
    }

    fn first_in(&self, row: usize) -> Option<&Waiter> {
        self.calls.iter().find(|(number, _)| *number == row)?.1.front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stand(caller: &str, weight: u16) -> Stand {
        let app = AppIndex(0);
        Stand { app, budgets: BudgetSet::default(), who: who(caller), weight }
    }

    /// A number after the name tells kins apart.
    fn who(caller: &str) -> Who {
        let (name, kin) = caller.split_once('#').unwrap_or((caller, "0"));
        Who { caller: Arc::from(name), kin: kin.parse().expect("a number") }
    }

    /// Who is told nothing: only the order counts here.
    struct Line {
        fair: Fair,
        arrivals: u64,
        whose: HashMap<u64, &'static str>,
    }

    impl Line {
        fn new() -> Self {
            Self { fair: Fair::default(), arrivals: 0, whose: HashMap::new() }
        }

        fn comes(&mut self, caller: &'static str, weight: u16) -> u64 {
            self.arrivals += 1;
            self.whose.insert(self.arrivals, caller);
            let (waiter, _nobody_listens) = Waiter::new(self.arrivals, Instant::now());
            self.fair.push(&stand(caller, weight), waiter);
            self.arrivals
        }

        fn goes(&mut self) -> Option<u64> {
            let row = self.fair.heads().min_by_key(|head| (head.turn, head.arrival))?.row;
            self.fair.pop(row).map(|waiter| waiter.arrival)
        }
    }

    #[rstest::rstest]
    #[case::by_name("import", "shop")]
    #[case::by_kin("-#1", "-#2")]
    fn a_crowd_of_one_caller_does_not_keep_another_waiting(
        #[case] crowd: &'static str,
        #[case] one: &'static str,
    ) {
        let mut line = Line::new();
        (0..1_000).for_each(|_| {
            line.comes(crowd, 1);
        });
        let shop = line.comes(one, 1);
        let before = std::iter::from_fn(|| line.goes()).take_while(|went| *went != shop).count();
        assert!(before <= 2, "{before} of the crowd went first");
    }

    /// Whoever asked for everything at once may have waited long: that is no sign that more will come.
    #[test]
    fn only_who_calls_again_after_an_answer_is_expected_to_go_on() {
        let mut line = Line::new();
        for _ in 0..4 {
            line.comes("crowd", 1);
        }
        for _ in 0..50 {
            line.comes("mine", 1);
        }
        let window = Duration::from_secs(10);
        let later = Instant::now() + window * 2;
        let ahead = |line: &Line| line.fair.ahead(&who("mine"), 1, window, later);
        assert_eq!(ahead(&line), 54, "its own, and the four that wait");
        line.goes();
        line.comes("crowd", 1);
        assert!(ahead(&line) > 90, "it takes turns with mine to the end: {}", ahead(&line));
    }

    #[test]
    fn shares_go_by_weight() {
        let mut line = Line::new();
        for _ in 0..1_000 {
            line.comes("one", 1);
            line.comes("two", 2);
            line.comes("seven", 7);
        }
        let mut went: HashMap<&str, u32> = HashMap::new();
        for _ in 0..1_000 {
            let arrival = line.goes().expect("3000 wait");
            *went.entry(line.whose[&arrival]).or_default() += 1;
        }
        for (caller, share) in [("one", 100), ("two", 200), ("seven", 700)] {
            assert!(went[caller].abs_diff(share) <= 2, "{went:?}");
        }
    }

    #[test]
    fn a_stream_of_newcomers_does_not_keep_an_old_one_waiting() {
        let mut line = Line::new();
        let mut last = 0;
        (0..5).for_each(|_| last = line.comes("old", 1));
        let mut turns = 0;
        loop {
            // Two come where one goes, each under a name of its own.
            for _ in 0..2 {
                let name: &'static str = Box::leak(format!("new{}", line.arrivals).into_boxed_str());
                line.comes(name, 1);
            }
            turns += 1;
            if line.goes() == Some(last) || turns > 100_000 {
                break;
            }
        }
        assert!(turns < 1_000, "the old one waited for {turns} turns");
    }

    #[test]
    fn who_leaves_is_not_counted_and_not_remembered() {
        let mut line = Line::new();
        let first = line.comes("a", 1);
        let second = line.comes("a", 1);
        assert!(line.fair.leave(&stand("a", 1), first));
        assert!(!line.fair.leave(&stand("a", 1), first), "it is gone");
        assert_eq!(line.fair.waiting(), 1);
        assert_eq!(line.goes(), Some(second));
        assert_eq!((line.fair.waiting(), line.fair.callers.len()), (0, 0));
    }

    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

    proptest! {
        /// Whatever comes, goes and leaves: everyone is told once, a caller's own go in order, and what is counted is
        /// what waits.
        #[test]
        fn nobody_is_lost_and_nobody_goes_twice(steps in prop::collection::vec((0u8..4, 0usize..5, 1u16..9), 1..300)) {
            let mut line = Line::new();
            let mut waiting: Vec<(u64, &str)> = Vec::new();
            let mut last_of: HashMap<&str, u64> = HashMap::new();
            for (step, caller, weight) in steps {
                let name = NAMES[caller];
                match step {
                    0 | 1 => waiting.push((line.comes(name, weight), name)),
                    2 => {
                        let went = line.goes();
                        prop_assert_eq!(went.is_some(), !waiting.is_empty());
                        if let Some(went) = went {
                            let place = waiting.iter().position(|(arrival, _)| *arrival == went).expect("it waited");
                            let (_, whose) = waiting.remove(place);
                            prop_assert!(last_of.insert(whose, went).is_none_or(|before| before < went));
                        }
                    }
                    _ => {
                        if let Some(place) = waiting.iter().position(|(_, whose)| *whose == name) {
                            let (arrival, _) = waiting.remove(place);
                            prop_assert!(line.fair.leave(&stand(name, 1), arrival));
                        }
                    }
                }
                prop_assert_eq!(line.fair.waiting(), waiting.len());
                for name in NAMES {
                    let own = waiting.iter().filter(|(_, whose)| *whose == name).count();
                    prop_assert_eq!(line.fair.waiting_of(&who(name)), own);
                }
            }
        }
    }
}
