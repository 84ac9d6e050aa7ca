//! OAuth connections, as the room sees them: whether their tokens are renewed, and what HubSpot says if not.

use std::sync::{Arc, OnceLock};

use gateway::grants::{Asked, Keeper, Standing};
use hubspot::oauth::Trouble;
use incident::facts::grants::{Grants, Install, Refusal};
use incident::signal::{self, Seen, Wellness};

/// Whoever keeps them. It begins after the room, as people come back from HubSpot to a listener that is bound by then.
#[derive(Clone, Default)]
pub(crate) struct Installs(Arc<OnceLock<Arc<Keeper>>>);

impl Installs {
    pub(crate) fn are_kept_by(&self, keeper: &Arc<Keeper>) {
        let _once = self.0.set(keeper.clone());
    }

    /// Those that somebody has authorised.
    fn granted(&self) -> Vec<Asked> {
        let asked = self.0.get().map(|keeper| keeper.report()).unwrap_or_default();
        asked.into_iter().filter(|asked| asked.standing != Standing::NotAuthorised).collect()
    }

    /// `None` where there is no OAuth connection.
    pub(super) fn facts(&self) -> Option<Grants> {
        self.0.get()?;
        Some(Grants { installs: self.granted().iter().map(install).collect() })
    }

    pub(super) fn standings(&self) -> Vec<Seen> {
        let standing = |asked: Asked| Seen::Standing {
            of: signal::Standing::Grant,
            well: if refusal(&asked).is_some() { Wellness::Ill } else { Wellness::Well },
            observed: asked.trouble.map_or(asked.standing.name(), Trouble::name).to_owned(),
            name: asked.connection,
        };
        self.granted().into_iter().map(standing).collect()
    }
}

fn install(asked: &Asked) -> Install {
    let refused = refusal(asked).and(asked.refused_at);
    Install {
        connection: asked.connection.clone(),
        portal_id: asked.portal_id,
        refreshed_at: asked.renewed_at,
        refused_at: refused.map(|(at, _)| at),
        refusal: refusal(asked),
        refusals: refused.map_or(0, |(_, times)| u64::from(times)),
        expires_at: asked.token_ends_at,
        uninstalled_at: refused.map(|(at, _)| at).filter(|_| asked.standing == Standing::Uninstalled),
    }
}

/// Why there is no new token. What was lost before this process began is lost still.
fn refusal(asked: &Asked) -> Option<Refusal> {
    match (asked.trouble, asked.standing) {
        (Some(Trouble::RefreshTokenDead | Trouble::AccountGone), _)
        | (None, Standing::NeedsReauthorisation | Standing::Uninstalled) => Some(Refusal::RefreshToken),
        (Some(Trouble::ClientUnknown), _) => Some(Refusal::Client),
        (Some(Trouble::Throttled { .. } | Trouble::Unavailable), _) => Some(Refusal::NotServed),
        (Some(Trouble::Refused), _) => Some(Refusal::Other),
        (None, Standing::Ok | Standing::Expiring | Standing::Degraded | Standing::NotAuthorised) => None,
    }
}
