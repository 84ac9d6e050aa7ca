//! The simulated HubSpot as callers see it, through its in-process entrance under paused time.

mod account;
mod bench;
mod control;
mod determinism;
mod faults;
mod latency;
mod limits;
mod oauth;
mod robust;
mod scenario;
mod server;
