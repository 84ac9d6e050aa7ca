//! A HubSpot that misbehaves on request. See the module docs for the parts.

pub mod call;
pub mod crm;
