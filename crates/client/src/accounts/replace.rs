//! A connection's token becomes another.

use std::sync::Arc;

use tokio::time::Instant;

use super::registry::{Entry, token};
use super::{Accounts, Connection, Lack, Signer, Token};

impl Accounts {
    /// A connection has another token from now on. Its account goes on: its gate, its breakers, what it keeps. The new token
    /// is of this account; who still comes with the old one spends from the same gate, and shares nothing that a token opens.
    pub(crate) fn replace(&self, connection: &Arc<Connection>, now: Result<Token, Lack>) {
        let (old, older) = connection.headers();
        let new = now.as_ref().ok().map(|token| token.authorization().clone());
        connection.set(now);
        let Some(new) = new.filter(|new| old.as_ref().is_none_or(|old| token(old) != token(new))) else {
            return;
        };
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get(&connection.key).cloned() else { return };
        if let Some(account) = entry.account(Instant::now()) {
            account.signer.store(Arc::new(Signer::Connection(connection.clone())));
        }
        let mut before = self.before.lock();
        if let Some(older) = older {
            before.remove(token(&older));
        }
        if let Some(old) = old {
            entries.remove(token(&old));
            before.insert(token(&old).into(), entry.clone());
        }
        before.remove(token(&new));
        let other = entries.insert(token(&new).into(), entry.clone());
        drop((entries, before));
        if let Some(other) = other.filter(|other| !Arc::ptr_eq(other, &entry)) {
            join(&entry, &other);
        }
    }
}

/// Somebody called with the new token before us. What they spent is unknown at the connection's gate, so that everybody there
/// sits out for as long as it may count; who waits at the other gate comes over.
fn join(entry: &Entry, other: &Entry) {
    let now = Instant::now();
    let (Some(account), Some(other)) = (entry.account(now), other.account(now)) else { return };
    if Arc::ptr_eq(&account.gate.load(), &other.gate.load()) {
        return;
    }
    let (Some(to), Some(from)) = (account.gate(), other.gate()) else { return };
    other.gate.store(account.gate.load_full());
    to.governor.sit_out(to.app);
    from.governor.move_away(from.app);
}
