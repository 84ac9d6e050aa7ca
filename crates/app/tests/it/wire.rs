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
mod framing;
mod limit;
mod login;
mod logs;
mod managed;
mod metrics;
mod own_headers;
mod patience;
mod privacy;
mod quota;
mod rights;
mod scopes;
mod smuggling;
mod tls;
mod transparency;
