//! What is different today: what the last hours brought beyond the usual.
//!
//! Three stories are told of it, the simplest that fits wins: it was about equal all along; it grows; it changed at
//! some moment, and what came before says nothing of what comes.

use super::Seen;
use super::usual::Usual;

/// A difference, per bin, as it will go on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Differs {
    now: f64,
    /// More per bin with each bin, for as long as `grows_for` bins.
    growth: f64,
    grows_for: f64,
    /// How far off the mean may be.
    unsure: f64,
    growth_unsure: f64,
    /// It began today: it may end today.
    is_new: bool,
    /// Without days before: the bins it was seen in. What comes after as many again is anybody's guess.
    seen_for: Option<f64>,
}

/// How much a level may change within as many bins as it was seen for, where no day before tells; and in how many times that.
const FIRST_DAY: f64 = 0.5;
const FIRST_DAY_MAX: f64 = 3.0;

/// A change must be this many times what chance would do.
const SURE: f64 = 3.5;

/// What is above this many times what chance would do, is left of a fall.
const SURE_OF_FALL: f64 = 3.0;

/// A smaller change than this share is the day's own.
const CHANGE_MIN: f64 = 0.3;

/// A slope is not seen in fewer bins, and goes on for this many times the bins that it was seen for.
const SLOPE_BINS_MIN: usize = 8;
const SLOPE_LASTS: f64 = 4.0;

/// What differs by less from the usual is left to the day's level.
const BESIDES_LEVEL: f64 = 0.25;

/// What chance does to any hours.
const UNSURE_MIN: f64 = 0.04;

/// The bin of now says something once so much of it has passed.
const PASSED_MIN: f64 = 0.5;

pub(super) fn differs(seen: &Seen<'_>, usual: Option<&Usual>) -> Differs {
    let over = seen.bins.len() - 1;
    let usual_at = |bin: usize| usual.map_or(0.0, |usual| usual.per_bin[bin]);
    let mut rest: Vec<f64> =
        (seen.known_from..over).map(|bin| f64::from(seen.bins[bin]) - usual_at(bin)).collect();
    if seen.passed >= PASSED_MIN && seen.known_from <= over {
        rest.push(f64::from(seen.bins[over]) / seen.passed - usual_at(over));
    }
    if rest.is_empty() {
        return Differs::default();
    }
    let lately = (over - over.min(8))..=over;
    let level = lately.clone().map(usual_at).sum::<f64>() / lately.count() as f64;
    let found = story(&rest, level);
    if usual.is_none() {
        return Differs { seen_for: Some(rest.len() as f64), ..found };
    }
    let counts = rest.len() > 1 && found.now.abs() > (BESIDES_LEVEL * level).max(2.0 * found.unsure);
    if counts { Differs { is_new: true, ..found } } else { Differs::default() }
}

/// `level` is what is usual: a change is small or large against the whole.
fn story(rest: &[f64], level: f64) -> Differs {
    let count = rest.len() as f64;
    let flat = Line::flat(rest);
    let line = Line::through(rest);
    let step = best_step(rest);
    let grows = rest.len() >= SLOPE_BINS_MIN && line.slope.abs() > SURE * line.slope_error(rest);
    if let Some(at) = step {
        let (before, after) = rest.split_at(at);
        let (one, two) = (Line::flat(before), Line::flat(after));
        let left_over = one.squares(before) + two.squares(after);
        let noise = (left_over / (count - 2.0).max(1.0)).sqrt().max(two.mean.abs().max(1.0).sqrt());
        let off: Vec<f64> = one.left_over(before).chain(two.left_over(after)).collect();
        let chance = repeats(&off) * noise * (1.0 / before.len() as f64 + 1.0 / after.len() as f64).sqrt();
        let change = (one.mean - two.mean).abs();
        let whole = level + one.mean.abs().max(two.mean.abs());
        let changed = change > SURE * chance && change > CHANGE_MIN * whole;
        if changed && !(grows && line.squares(rest) < left_over) {
            return Differs { is_new: true, ..story(after, level) };
        }
    }
    if grows {
        let line = line.doubted(rest);
        Differs {
            now: line.at(count),
            growth: line.slope,
            grows_for: SLOPE_LASTS * count,
            unsure: line.mean_error(rest),
            growth_unsure: line.slope_error(rest),
            is_new: false,
            seen_for: None,
        }
    } else {
        Differs { now: flat.mean, unsure: flat.mean_error(rest), ..Differs::default() }
    }
}

/// Values that hang together tell less than as many that do not: how much less, at least 1. Of few values they seem to hang
/// together less than they do (Marriott and Pope, "Bias in the Estimation of Autocorrelations", Biometrika 1954).
fn repeats(off: &[f64]) -> f64 {
    let squares: f64 = off.iter().map(|off| off * off).sum();
    if squares <= 0.0 {
        return 1.0;
    }
    let seems = off.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / squares;
    let alike = (seems + (1.0 + 4.0 * seems) / off.len() as f64).clamp(0.0, 0.9);
    ((1.0 + alike) / (1.0 - alike)).sqrt()
}

/// Where the values are best told apart by two means.
fn best_step(values: &[f64]) -> Option<usize> {
    let total: f64 = values.iter().sum();
    let count = values.len() as f64;
    let mut sum = 0.0;
    let gains = (1..values.len()).map(|at| {
        sum += values[at - 1];
        let (one, two) = (at as f64, count - at as f64);
        // The larger, the less is left over.
        (at, sum * sum / one + (total - sum) * (total - sum) / two)
    });
    gains.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
}

/// A line through equally spaced values.
#[derive(Clone, Copy)]
struct Line {
    mean: f64,
    middle: f64,
    slope: f64,
}

impl Line {
    fn flat(values: &[f64]) -> Self {
        let count = values.len() as f64;
        Self { mean: values.iter().sum::<f64>() / count, middle: (count - 1.0) / 2.0, slope: 0.0 }
    }

    fn through(values: &[f64]) -> Self {
        let flat = Self::flat(values);
        let mut across = 0.0;
        let mut along = 0.0;
        for (at, value) in values.iter().enumerate() {
            let off = at as f64 - flat.middle;
            across += off * (value - flat.mean);
            along += off * off;
        }
        Self { slope: if along > 0.0 { across / along } else { 0.0 }, ..flat }
    }

    fn at(self, position: f64) -> f64 {
        self.mean + self.slope * (position - self.middle)
    }

    fn left_over(self, values: &[f64]) -> impl Iterator<Item = f64> {
        values.iter().enumerate().map(move |(at, value)| value - self.at(at as f64))
    }

    fn squares(self, values: &[f64]) -> f64 {
        self.left_over(values).map(|off| off * off).sum()
    }

    fn noise(self, values: &[f64]) -> f64 {
        (self.squares(values) / (values.len() as f64 - 1.0).max(1.0)).sqrt()
    }

    fn repeats(self, values: &[f64]) -> f64 {
        let off: Vec<f64> = self.left_over(values).collect();
        repeats(&off)
    }

    /// A fall is believed less than a rise: it cannot go on for as long, and to be told too late costs more than too early.
    fn doubted(self, values: &[f64]) -> Self {
        if self.slope >= 0.0 {
            return self;
        }
        let chance = SURE_OF_FALL * self.slope_error(values) / -self.slope;
        Self { slope: self.slope * (1.0 - chance * chance).max(0.0), ..self }
    }

    fn mean_error(self, values: &[f64]) -> f64 {
        self.repeats(values) * self.noise(values) / (values.len() as f64).sqrt()
    }

    fn slope_error(self, values: &[f64]) -> f64 {
        let count = values.len() as f64;
        let wide = ((count * count - 1.0) * count / 12.0).sqrt();
        self.repeats(values) * self.noise(values) / wide.max(1.0)
    }
}

impl Differs {
    pub(super) fn at(&self, ahead: f64) -> f64 {
        let ahead = ahead.min(self.grows_for);
        // What falls becomes less and less, and never less than nothing.
        if self.growth < 0.0 && self.now > 0.0 {
            return self.now * (self.growth * ahead / self.now).exp();
        }
        self.now + self.growth * ahead
    }

    pub(super) fn low(&self, ahead: f64) -> f64 {
        let stays = if self.is_new && self.now > 0.0 { 0.5 } else { 1.0 };
        stays * self.at(ahead) - self.off(ahead)
    }

    fn off(&self, ahead: f64) -> f64 {
        let unknown = self.seen_for.map_or(0.0, |bins| FIRST_DAY * (ahead / bins).min(FIRST_DAY_MAX));
        unknown * self.at(ahead).abs()
            + 2.0 * (self.unsure + self.growth_unsure * ahead.min(self.grows_for))
            + UNSURE_MIN * self.now.abs()
    }

    pub(super) fn high(&self, ahead: f64) -> f64 {
        self.at(ahead) + self.off(ahead) + if self.is_new { 0.25 * self.now.max(0.0) } else { 0.0 }
    }
}
