//! What each lane is promised.
//!
//! A more urgent lane goes first, but a lane that waits gets its floor: of every hundred slots given out while it
//! waits, at least so many. What a lane does not use, the others have.

use crate::lane::Lane;
use crate::stack::Feature;

/// How lanes are kept apart.
#[derive(Debug, Clone, Copy, Default)]
pub struct LaneSettings {
    /// Off: everybody stands in one line, in order of arrival.
    pub lanes: Feature,
    pub floors: Floors,
}

/// The share of each lane, in percent of a budget's slots, while it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floors([u8; 4]);

/// Floors that cannot all be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the floors of the lanes must each be at least 1 percent, and 100 together at most")]
pub struct BadFloors;

/// Our own questions are rare; they go before everything, and this much is more than they need.
const PROBE_PERCENT: u8 = 1;

/// A floor that could not be used, for want of another budget, is remembered for this many slots.
const OWED_MAX: u32 = 2;

impl Floors {
    /// Percent of the slots of each lane that callers may ask for.
    ///
    /// # Errors
    /// [`BadFloors`] when one is nothing, or all are more than everything.
    pub fn new(interactive: u8, sync: u8, bulk: u8) -> Result<Self, BadFloors> {
        let floors = [PROBE_PERCENT, interactive, sync, bulk];
        let sum: u32 = floors.iter().map(|floor| u32::from(*floor)).sum();
        // Of the most urgent one's hundredth nobody need know.
        let too_much = sum > 100 + u32::from(PROBE_PERCENT);
        if floors.contains(&0) || too_much { Err(BadFloors) } else { Ok(Self(floors)) }
    }

    pub(super) fn percent(self, lane: Lane) -> u32 {
        u32::from(self.0[lane as usize])
    }
}

impl Default for Floors {
    fn default() -> Self {
        Self([PROBE_PERCENT, 20, 10, 5])
    }
}

/// What the lanes are owed of one budget, in hundredths of a slot.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Owed([u32; 4]);

impl Owed {
    /// A slot went to `lane`; `waits` tells which lanes have somebody waiting.
    pub(super) fn went(&mut self, lane: Lane, floors: Floors, waits: impl Fn(Lane) -> bool) {
        for each in Lane::ALL {
            let owed = &mut self.0[each as usize];
            *owed = if waits(each) { (*owed + floors.percent(each)).min(OWED_MAX * 100) } else { 0 };
        }
        let owed = &mut self.0[lane as usize];
        *owed = owed.saturating_sub(100);
    }

    /// A whole slot is owed: the lane's turn is now, whoever else waits.
    pub(super) fn is_due(self, lane: Lane) -> bool {
        self.0[lane as usize] >= 100
    }
}

impl Lane {
    /// Sent evenly over the window, so that its slots come free evenly too, and with some left for a person's click.
    pub(super) fn is_paced(self) -> bool {
        match self {
            Self::Probe | Self::Interactive => false,
            Self::Sync | Self::Bulk => true,
        }
    }

    pub(super) fn more_urgent(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |lane| *lane < self)
    }

    pub(super) fn less_urgent(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |lane| *lane > self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_that_waits_is_owed_its_share_and_no_more() {
        let mut owed = Owed::default();
        let mut bulk = 0;
        for _ in 0..1_000 {
            let lane = if owed.is_due(Lane::Bulk) { Lane::Bulk } else { Lane::Interactive };
            bulk += u32::from(lane == Lane::Bulk);
            owed.went(lane, Floors::default(), |_| true);
        }
        assert!((49..=51).contains(&bulk), "{bulk} of 1000 at 5 percent");
    }

    #[test]
    fn nothing_is_owed_to_a_lane_that_did_not_wait() {
        let mut owed = Owed::default();
        for _ in 0..1_000 {
            owed.went(Lane::Interactive, Floors::default(), |lane| lane != Lane::Bulk);
        }
        assert!(!owed.is_due(Lane::Bulk));
    }

    #[test]
    fn floors_are_something_and_not_more_than_everything() {
        assert!(Floors::new(60, 30, 10).is_ok());
        assert_eq!(Floors::new(60, 30, 11), Err(BadFloors));
        assert_eq!(Floors::new(60, 30, 0), Err(BadFloors));
    }
}
