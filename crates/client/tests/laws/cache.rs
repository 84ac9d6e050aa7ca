//! What is kept, shared and served again: never to whom it does not belong, never past a write, always with a label.

use std::sync::Arc;
use std::time::Duration;

use client::cache::CacheSettings;
use client::call::{Call, Source};
use client::stack::{Stack, StackSettings};
use http::{HeaderValue, header};

use super::program::{Outcome, PATIENT, Program, Question, call_with, stack};
use super::server::{Reply, Server};

mod flights;
mod kept;
mod last_good;
mod memory_alone;
mod stale;

const SECOND: Duration = Duration::from_secs(1);

static PROPERTIES: Question = Question::get("/crm/v3/properties/contacts");

fn with_cache(settings: &mut StackSettings) {
    settings.cache = CacheSettings::default();
}

/// A program on a stack with a cache, whose account is known.
async fn program(server: &Arc<Server>) -> Program {
    Program::warm(&stack(server, with_cache), "Bearer a").await
}

async fn ask(stack: &Arc<Stack>, question: &Question, adjust: impl FnOnce(&mut Call)) -> Outcome {
    call_with(stack, "Bearer a", question, PATIENT, "", adjust).await
}

fn saying(cache_control: &'static str) -> impl FnOnce(&mut Call) {
    move |call| {
        call.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
    }
}

/// The route keeps records for a minute.
fn keeping(call: &mut Call) {
    call.handling.keep = Duration::from_secs(60);
}

/// Status and source of an answer, for tables.
fn told(outcome: Outcome) -> (u16, Option<Source>) {
    match outcome {
        Ok(answer) => (answer.response.status().as_u16(), Some(answer.source)),
        Err(_) => (0, None),
    }
}

fn cached(seconds: u64) -> Option<Source> {
    Some(Source::Cache { age: Duration::from_secs(seconds) })
}

fn old(seconds: u64) -> Option<Source> {
    Some(Source::Stale { age: Duration::from_secs(seconds) })
}

const LIVE: Option<Source> = Some(Source::Live);

/// A server whose good answers come at once, so that ages are whole seconds.
fn prompt() -> Arc<Server> {
    Server::new(100, |entry| {
        Some(Reply::ordinary(entry).counted_after(Duration::ZERO).answered_after(Duration::ZERO))
    })
}

fn fails(server: &Server) {
    server.becomes(|_| Some(Reply::status(503, "").answered_after(Duration::ZERO)));
}
