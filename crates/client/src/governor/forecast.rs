//! What a day will still bring, from the day so far and from the days before it. Pure.
//!
//! Two voices are added up. *The days before* say what usually comes: each past day is scaled to how much today has
//! brought so far, and counts the more the better it fits. *The last hours* say what is different today: a neighbour
//! who was never there, a load that grows. Without days before, the second voice speaks alone.

mod recent;
mod usual;

pub(crate) use usual::Past;

/// Calls of one kind today, by bin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// The last one is the bin of now, not over yet.
    pub(crate) bins: &'a [u32],
    /// Nothing is known of the bins before.
    pub(crate) known_from: usize,
    /// How much of the last bin has passed, up to 1.
    pub(crate) passed: f64,
    /// Bins of the whole day.
    pub(crate) day: usize,
}

/// Calls to come per bin, from the bin of now on; how sure that is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expected {
    pub(crate) per_bin: Vec<f64>,
    /// The same, if little comes and if much does.
    pub(crate) low: Vec<f64>,
    pub(crate) high: Vec<f64>,
}

/// What comes of one kind, given the days before, each with its bins laid beside today's.
pub(crate) fn expect(seen: &Seen<'_>, past: &[Past]) -> Expected {
    let usual = usual::usual(seen, past);
    let now = seen.bins.len() - 1;
    let differs = recent::differs(seen, usual.as_ref());
    let mut expected = Expected { per_bin: Vec::new(), low: Vec::new(), high: Vec::new() };
    for bin in now..seen.day {
        let ahead = (bin - now) as f64;
        let (rate, unsure) = match &usual {
            Some(usual) => (usual.per_bin[bin], usual.unsure),
            None => (0.0, 0.0),
        };
        let middle = (rate + differs.at(ahead)).max(0.0);
        expected.per_bin.push(middle);
        expected.low.push((rate * (1.0 - unsure) + differs.low(ahead)).clamp(0.0, middle));
        expected.high.push((rate * (1.0 + unsure) + differs.high(ahead)).max(middle));
    }
    expected
}

/// When `left` calls are used up, in bins from the start of the bin of now; `None` when the day ends first.
pub(crate) fn used_up_after(left: f64, per_bin: &[f64], passed: f64) -> Option<f64> {
    let mut left = left;
    for (index, rate) in per_bin.iter().enumerate() {
        let from = if index == 0 { passed } else { 0.0 };
        let comes = rate * (1.0 - from);
        if comes >= left && comes > 0.0 {
            return Some(index as f64 + from + left / rate);
        }
        left -= comes;
    }
    None
}

/// All that comes until the day ends.
pub(crate) fn until_the_end(per_bin: &[f64], passed: f64) -> f64 {
    per_bin.iter().sum::<f64>() - per_bin.first().map_or(0.0, |first| first * passed)
}
