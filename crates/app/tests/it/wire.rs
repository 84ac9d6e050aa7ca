//! The gateway on the wire: real sockets, raw bytes, and a HubSpot that may answer anything.

mod admin;
mod admin_roles;
mod audit;
mod bodies;
mod broken_answers;
mod cached;
mod check;
mod connections;
mod console;
mod degraded;
mod drain;
#[cfg(feature = "proof")]
mod falls;
mod framing;
mod limit;
mod login;
mod logs;
mod managed;
mod metrics;
mod oidc;
mod own_headers;
mod panics;
mod patience;
mod privacy;
mod quota;
mod rights;
mod scopes;
mod smuggling;
mod tls;
mod transparency;
