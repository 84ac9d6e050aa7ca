//! `hubkeeper`: the one binary. This file only starts what the command line names.

#![cfg_attr(fuzzing, no_main)]

#[cfg(not(fuzzing))]
use std::process::ExitCode;

mod admin;
mod admin_api;
mod allocator;
mod audit;
mod cli;
mod commands;
mod config;
mod connections;
mod console;
mod durable;
mod failure;
mod handover;
mod incidents;
mod ledgers;
mod logs;
mod metrics;
mod otel;
mod own_version;
mod process;
mod scopes;
mod secret_reference;
mod secrets;
mod succession;
mod triage;
mod webhooks;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| config::fuzz(bytes));

#[cfg(not(fuzzing))]
fn main() -> ExitCode {
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("nothing installed one before");
    let cli = cli::parse();
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.tell(),
    }
}
