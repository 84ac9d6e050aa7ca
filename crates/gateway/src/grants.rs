//! OAuth connections: their tokens are renewed ahead of their end, once for all who need them.
//!
//! | module | is |
//! |---|---|
//! | [`life`] | what becomes of one connection's token, as a pure function |
//! | [`climate`] | whether it is one connection that is refused, or all of them |
//! | `trade` | one request for a token |
//! | `keeper` | the shell: looks into the store, claims, asks, keeps, and hands the token over |
//! | `kept` | one connection, and how what the store has of it goes into use |
//! | `people` | what people ask |
//! | `consent` | a person's way to HubSpot and back |
//!
//! A renewed token is kept before anything is called with it. Of several hubkeepers on one store, the one that claims renews,
//! and the others find what it kept.

mod climate;
mod consent;
mod keeper;
mod kept;
mod life;
mod people;
mod trade;

pub use consent::{ConsentError, Granted};
pub use keeper::{Keeper, KeeperSettings};
pub use kept::App;
pub use life::Standing;
pub use people::Asked;
