//! What packing saved.

use std::sync::atomic::{AtomicU64, Ordering};

/// Packs by size: up to these, and the largest above the last.
const SIZES: [usize; 6] = [5, 10, 20, 50, 80, 99];

/// What packing has done for one account since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackingCounts {
    /// Batch calls made of several callers' calls.
    pub packs: u64,
    /// Calls that travelled in them.
    pub items: u64,
    /// Of these, calls that had to go by themselves all the same.
    pub alone_after_all: u64,
    /// Packs of up to 5, 10, 20, 50, 80, 99 calls, and of 100 or more.
    pub sizes: [u64; 7],
}

impl PackingCounts {
    /// Upper bounds of [`Self::sizes`]; the last has none.
    pub const SIZES: [usize; 6] = SIZES;

    /// Upstream calls that did not have to be made.
    pub fn saved(&self) -> u64 {
        self.items.saturating_sub(self.packs + self.alone_after_all)
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    packs: AtomicU64,
    items: AtomicU64,
    alone_after_all: AtomicU64,
    sizes: [AtomicU64; 7],
}

impl Counters {
    pub(super) fn packed(&self, items: usize) {
        self.packs.fetch_add(1, Ordering::Relaxed);
        self.items.fetch_add(items as u64, Ordering::Relaxed);
        let size = SIZES.partition_point(|bound| *bound < items);
        self.sizes[size].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn alone_after_all(&self) {
        self.alone_after_all.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> PackingCounts {
        PackingCounts {
            packs: self.packs.load(Ordering::Relaxed),
            items: self.items.load(Ordering::Relaxed),
            alone_after_all: self.alone_after_all.load(Ordering::Relaxed),
            sizes: std::array::from_fn(|size| self.sizes[size].load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_are_counted_by_size_and_what_went_alone_saved_nothing() {
        let counters = Counters::default();
        for items in [2, 5, 6, 99, 100, 3000] {
            counters.packed(items);
        }
        counters.alone_after_all();
        let counts = counters.read();
        assert_eq!(counts.sizes, [2, 1, 0, 0, 0, 1, 2]);
        assert_eq!(counts.saved(), 3212 - 6 - 1);
    }
}
