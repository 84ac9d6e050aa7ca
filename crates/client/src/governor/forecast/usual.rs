//! What the days before say about the rest of today.

use super::Seen;

/// A past day, its bins laid beside today's by the clock on the wall. Not a number where nothing is known.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    pub(crate) bins: Vec<f64>,
    /// How much like today it should be, before anything of today is known.
    pub(crate) likeness: f64,
}

/// The usual day, made to measure for today.
#[derive(Debug, Clone)]
pub(super) struct Usual {
    /// The whole day.
    pub(super) per_bin: Vec<f64>,
    /// How far off the rest of the day may be, as a share.
    pub(super) unsure: f64,
}

/// Bins compared at once: an hour of quarters shrugs off what a quarter does by chance.
const TOGETHER: usize = 4;

/// Today's level counts as much as this share of a day when the same share of a day has been seen.
const LEVEL_PRIOR: f64 = 0.08;

/// A past day that differs by so much of its calls counts a third.
const MISFIT: f64 = 0.15;

/// A day of which less than one part in so many is known says nothing.
const KNOWN_PART: usize = 4;

/// What chance and the weather do to any day.
const UNSURE_MIN: f64 = 0.04;

pub(super) fn usual(seen: &Seen<'_>, past: &[Past]) -> Option<Usual> {
    let measured: Vec<Measured> = past.iter().filter_map(|day| measure(seen, day)).collect();
    let weight: f64 = measured.iter().map(|day| day.weight).sum();
    if weight <= 0.0 {
        return None;
    }
    let mut last = 0.0;
    let mean = |bin: usize| {
        let known = || measured.iter().filter(|day| day.bins[bin].is_finite());
        let weight: f64 = known().map(|day| day.weight).sum();
        if weight > 0.0 {
            last = known().map(|day| day.weight * day.level * day.bins[bin]).sum::<f64>() / weight;
        }
        // Where nothing is known, as after the pool was empty, it goes on as before.
        last
    };
    let per_bin: Vec<f64> = (0..seen.day).map(mean).collect();
    let rest = |bins: &[f64]| bins[seen.bins.len() - 1..].iter().filter(|bin| bin.is_finite()).sum::<f64>();
    let middle = rest(&per_bin).max(1.0);
    let variance = measured.iter().map(|day| {
        let off = day.level * rest(day.bins) / middle - 1.0;
        day.weight * off * off
    });
    let spread = (variance.sum::<f64>() / weight).sqrt();
    Some(Usual { per_bin, unsure: (1.5 * spread + UNSURE_MIN).min(1.0) })
}

struct Measured<'a> {
    bins: &'a [f64],
    /// Today's calls for one of that day's.
    level: f64,
    weight: f64,
}

fn measure<'a>(seen: &Seen<'_>, day: &'a Past) -> Option<Measured<'a>> {
    let total: f64 = day.bins.iter().filter(|bin| bin.is_finite()).sum();
    let over = seen.bins.len() - 1;
    let hours = (seen.known_from..over).step_by(TOGETHER).map(|from| {
        let together = from..(from + TOGETHER).min(over);
        let then: f64 = day.bins[together.clone()].iter().sum();
        (seen.bins[together].iter().map(|calls| f64::from(*calls)).sum::<f64>(), then)
    });
    let hours: Vec<(f64, f64)> = hours.filter(|(_, then)| then.is_finite()).collect();
    if day.bins.iter().filter(|bin| bin.is_finite()).count() * KNOWN_PART < seen.day {
        return None;
    }
    let then_so_far: f64 = hours.iter().map(|(_, then)| then).sum();
    let prior = LEVEL_PRIOR * total;
    let level = match middle_ratio(&hours) {
        Some(ratio) if then_so_far + prior > 0.0 => (ratio * then_so_far + prior) / (then_so_far + prior),
        Some(_) | None => 1.0,
    };
    let off: f64 = hours.iter().map(|(now, then)| (now - level * then).abs()).sum();
    let of: f64 = hours.iter().map(|(now, then)| now + level * then).sum::<f64>() + 2.0 * prior;
    let misfit = if of > 0.0 { off / of / MISFIT } else { 0.0 };
    let weight = day.likeness * (-misfit * misfit).exp().max(1e-6);
    Some(Measured { bins: &day.bins, level, weight })
}

/// The ratio that half of the calls lie above: one hour out of the ordinary does not move it.
fn middle_ratio(hours: &[(f64, f64)]) -> Option<f64> {
    let mut ratios: Vec<(f64, f64)> =
        hours.iter().filter(|(_, then)| *then > 0.0).map(|(now, then)| (now / then, *then)).collect();
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = ratios.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut before = 0.0;
    let (mut last, mut last_mid) = (None::<f64>, 0.0);
    for (ratio, weight) in ratios {
        let mid = before + weight / 2.0;
        if mid >= half {
            // Between the two around the middle.
            return Some(match last {
                Some(last) => last + (ratio - last) * (half - last_mid) / (mid - last_mid),
                None => ratio,
            });
        }
        (last, last_mid) = (Some(ratio), mid);
        before += weight;
    }
    last
}
