//! A HubSpot that misbehaves on request: everyone's test double.
//!
//! It shares no limit, signature or error code with the client, so that a bug cannot hide on both sides. Everything
//! follows from a seed: the same seed and the same calls give the same bytes.
//!
//! | module | is |
//! |---|---|
//! | [`server`], [`shell`], [`clock`] | two entrances over one function: sockets, and in process under virtual time |
//! | [`simulator`] | the core: the order in which one call is treated |
//! | [`arrival`], [`route`], [`outcome`] | a call on its way, what its path means, what becomes of it |
//! | [`registry`], [`auth`], [`scope`], [`oauth`] | apps and tokens, who is calling, what it may do |
//! | [`limits`] | rolling windows, the daily pool, headers and 429s |
//! | [`crm`] | records, associations, properties, pipelines, owners |
//! | [`account`], [`capacity`], [`sunset`], [`status`] | account details, CRM limits, what is switched off, status page |
//! | [`fault`], [`locks`], [`half_done`], [`backlog`] | what is broken at the moment |
//! | [`webhooks`] | changes as signed deliveries, and the journal of them |
//! | [`forms`] | submissions of forms |
//! | [`history`] | what happened, to a file |
//! | [`scenario`] | a story of faults with its true cause |
//! | [`control`] | the control API below `/_sim/` |
//! | [`dns`] | a DNS stub, for what breaks before a connection exists |
//!
//! A call goes: control and status paths · the line and what stands on it · HubSpot's front door · auth · limits ·
//! scopes · content · records · headers.

pub mod account;
pub mod arrival;
pub mod auth;
pub mod backlog;
pub mod call;
pub mod capacity;
pub mod clock;
pub mod config;
pub mod control;
pub mod crm;
pub mod dns;
pub mod fault;
pub mod form;
pub mod forms;
pub mod half_done;
pub mod history;
pub mod limits;
pub mod locks;
pub mod oauth;
pub mod outcome;
pub mod portal;
pub mod refusal;
pub mod registry;
pub mod route;
pub mod scenario;
pub mod scope;
pub mod seed;
mod sender;
pub mod server;
pub mod shell;
pub mod simulator;
pub mod status;
pub mod sunset;
pub mod tally;
pub mod webhooks;

pub use config::Config;
pub use server::serve;
pub use shell::{Shell, TransportFault};
pub use simulator::Simulator;
