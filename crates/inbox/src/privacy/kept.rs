//! All that is kept of events, a page at a time, for whoever looks through it.

use store::Store;
use store::deliveries::Delivery;
use store::dispatch::{Letter, LetterFilter};
use store::failure::StoreError;
use store::privacy::PurgeCounts;
use store::quarantine::Suspect;

/// Records looked at between two breaths.
pub(super) const PAGE: usize = 200;

/// Where bodies of events lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Log,
    Quarantine,
    Letters,
}

/// A record with a body.
pub(super) enum Kept {
    Delivery(Delivery),
    Suspect(Suspect),
    Letter(Letter),
}

impl Place {
    pub(super) const ALL: [Self; 3] = [Self::Log, Self::Quarantine, Self::Letters];

    /// What stands there behind `after`, which moves on; `None` at the end.
    pub(super) async fn page(self, store: &Store, after: &mut i64) -> Result<Option<Vec<Kept>>, StoreError> {
        let page: Vec<Kept> = match self {
            Self::Log => store.deliveries(*after, PAGE).await?.into_iter().map(Kept::Delivery).collect(),
            Self::Quarantine => store.suspects(*after, PAGE).await?.into_iter().map(Kept::Suspect).collect(),
            Self::Letters => {
                let letters = store.letters(&LetterFilter::default(), *after, PAGE).await?;
                letters.into_iter().map(Kept::Letter).collect()
            }
        };
        let Some(last) = page.last() else { return Ok(None) };
        *after = last.number();
        Ok(Some(page))
    }
}

impl Kept {
    pub(super) fn body(&self) -> &[u8] {
        match self {
            Self::Delivery(delivery) => &delivery.body,
            Self::Suspect(suspect) => &suspect.body,
            Self::Letter(letter) => &letter.content.body,
        }
    }

    /// One more of its kind.
    pub(super) fn count(&self, counts: &mut PurgeCounts) {
        let of_its_kind = match self {
            Self::Delivery(_) => &mut counts.deliveries,
            Self::Suspect(_) => &mut counts.suspects,
            Self::Letter(_) => &mut counts.letters,
        };
        *of_its_kind += 1;
    }

    /// Only this is left of its body. In quarantine nothing is: changed, it would never verify.
    pub(super) async fn rewrite(self, store: &Store, left: Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Delivery(mut delivery) => {
                delivery.body = left;
                store.rewrite_delivery(&delivery).await
            }
            Self::Suspect(suspect) => store.release(suspect.id).await.map(drop),
            Self::Letter(mut letter) => {
                letter.content.body = left;
                store.rewrite_letter(&letter).await
            }
        }
    }

    const fn number(&self) -> i64 {
        match self {
            Self::Delivery(delivery) => delivery.seq,
            Self::Suspect(suspect) => suspect.id,
            Self::Letter(letter) => letter.id,
        }
    }
}
