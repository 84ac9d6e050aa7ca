//! Every fault on the wire: what is seen, and what tells it apart.

mod auth;
mod content;
mod hubspot;
mod network;
mod quota;

/// A cheap call that touches no records.
const DETAILS: &str = "/account-info/v3/details";
const CONTACTS: &str = "/crm/v3/objects/contacts";
