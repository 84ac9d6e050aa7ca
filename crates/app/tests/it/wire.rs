//! The gateway on the wire: real sockets, raw bytes, and a HubSpot that may answer anything.

mod framing;
mod transparency;
