//! Every read has a last good answer, whatever part of HubSpot it asks: until something is written there, and never where an
//! old answer would lie.

use std::sync::Arc;
use std::time::Duration;

use client::cache::{Elsewhere, Extent};
use client::call::{Call, Source};
use client::stack::{Feature, Stack};
use http::{HeaderName, HeaderValue};
use rstest::rstest;

use super::super::program::{PATIENT, Program, Question, stack};
use super::super::server::{Reply, Server};
use super::{LIVE, SECOND, ask, fails, old, program, prompt, told, with_cache};

static PAGE: Question = Question::get("/cms/v3/pages/site-pages/1");
static FILE: Question = Question::get("/files/v3/files/1");
static NEW: Question = Question::get("/brand/new/thing");

/// What a read gets when HubSpot is gone 60 s later: retries take up to two of them.
async fn in_an_outage(server: &Server, stack: &Arc<Stack>, question: &Question) -> (u16, Option<Source>) {
    fails(server);
    tokio::time::sleep(SECOND * 60).await;
    match told(ask(stack, question, |_| {}).await) {
        (status, Some(Source::Stale { age })) => {
            assert!(SECOND * 60 <= age && age <= SECOND * 62, "{age:?}");
            (status, old(60))
        }
        other => other,
    }
}

#[rstest]
#[case::pages("/cms/v3/pages/site-pages?limit=5")]
#[case::legacy_pages("/content/api/v2/pages")]
#[case::a_mail("/marketing/v3/emails/1")]
#[case::a_campaign("/marketing/v3/campaigns/1")]
#[case::workflows("/automation/v4/flows")]
#[case::a_file("/files/v3/files/1")]
#[case::threads("/conversations/v3/conversations/threads")]
#[case::people("/settings/v3/users")]
#[case::units("/business-units/v3/business-units/user/1")]
#[case::happenings("/events/v3/events?objectType=contact")]
#[case::activity("/account-info/v3/activity/audit-logs")]
#[case::capacity("/crm/v3/limits/records")]
#[case::submissions("/form-integrations/v1/submissions/forms/1")]
#[case::webhooks("/webhooks/v3/1/subscriptions")]
#[case::before_v3("/contacts/v1/contact/vid/1/profile")]
#[case::a_list("/crm/v3/lists/1/memberships")]
#[case::never_heard_of("/brand/new/thing")]
#[case::never_heard_of_in_the_crm("/crm/v3/brand-new/1")]
#[tokio::test(start_paused = true)]
async fn anything_that_was_read(#[case] path: &str) {
    let server = prompt();
    let program = program(&server).await;
    let question = Question::get_owned(path.to_owned());
    assert_eq!(told(program.call(&question, PATIENT).await), (200, LIVE));
    assert_eq!(
        told(program.call(&question, PATIENT).await),
        (200, LIVE),
        "it is not served while HubSpot is there"
    );
    assert_eq!(in_an_outage(&server, &program.stack, &question).await, (200, old(60)));
}

#[rstest]
#[case::consent("/communication-preferences/v3/status/email/a@b.c")]
#[case::spending("/account-info/v3/api-usage/daily/private-apps")]
#[case::a_token("/oauth/v1/access-tokens/x")]
#[case::a_link_that_expires("/files/v3/files/1/signed-url")]
#[case::an_import("/crm/v3/imports/1")]
#[case::an_export("/crm/v3/exports/export/async/tasks/1/status")]
#[case::the_journal("/webhooks-journal/journal/2026-03/earliest")]
#[case::a_task_of_something_new("/brand/new/tasks/1/status")]
#[tokio::test(start_paused = true)]
async fn but_nothing_that_an_old_answer_would_lie_about(#[case] path: &str) {
    let server = prompt();
    let program = program(&server).await;
    let question = Question::get_owned(path.to_owned());
    assert_eq!(told(program.call(&question, PATIENT).await), (200, LIVE));
    assert_eq!(in_an_outage(&server, &program.stack, &question).await, (503, LIVE));
}

/// The control.
#[tokio::test(start_paused = true)]
async fn without_the_cache_there_is_only_the_error() {
    let server = prompt();
    let stack = stack(&server, |settings| {
        with_cache(settings);
        settings.cache.feature = Feature::Off;
    });
    let program = Program::warm(&stack, "Bearer a").await;
    assert_eq!(told(program.call(&PAGE, PATIENT).await), (200, LIVE));
    assert_eq!(in_an_outage(&server, &stack, &PAGE).await, (503, LIVE));
}

#[rstest]
#[case::good(200, "x", "y", true)]
#[case::by_another(203, "x", "y", true)]
#[case::nothing_there(204, "x", "y", true)]
#[case::a_promise(202, "x", "y", false)]
#[case::a_part(206, "x", "y", false)]
#[case::not_to_be_stored(200, "cache-control", "private, no-store", false)]
#[case::of_a_session(200, "set-cookie", "session=1", false)]
#[case::of_the_edge(200, "set-cookie", "__cf_bm=1; path=/", true)]
#[case::of_more_than_the_request(200, "vary", "*", false)]
#[case::of_the_encoding(200, "vary", "Accept-Encoding", true)]
#[tokio::test(start_paused = true)]
async fn only_whole_answers_that_may_be_kept(
    #[case] status: u16,
    #[case] name: &'static str,
    #[case] value: &'static str,
    #[case] kept: bool,
) {
    let server = prompt();
    let program = program(&server).await;
    let body = if status == 204 { "" } else { "{}" };
    server.becomes(move |_| {
        Some(Reply::status(status, body).header(name, value).answered_after(Duration::ZERO))
    });
    assert_eq!(told(program.call(&PAGE, PATIENT).await), (status, LIVE));
    let expected = if kept { (status, old(60)) } else { (503, LIVE) };
    assert_eq!(in_an_outage(&server, &program.stack, &PAGE).await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_passed_on_and_not_kept() {
    let server = prompt();
    let stack = stack(&server, |settings| {
        with_cache(settings);
        settings.cache.answer_bytes_max = 1;
    });
    let program = Program::warm(&stack, "Bearer a").await;
    assert_eq!(told(program.call(&PAGE, PATIENT).await), (200, LIVE));
    assert_eq!(stack.cache_report().entries, 0);
    assert_eq!(in_an_outage(&server, &stack, &PAGE).await, (503, LIVE));
}

#[rstest]
#[case::a_page("PATCH", "/cms/v3/pages/site-pages/2", [false, true, true])]
#[case::a_table("POST", "/cms/v3/hubdb/tables/1/rows", [false, true, true])]
#[case::a_folder("DELETE", "/files/v3/folders/1", [true, false, true])]
#[case::a_mail("POST", "/marketing/v3/emails", [true, true, true])]
#[case::a_contact("PATCH", "/crm/v3/objects/contacts/1", [true, true, true])]
#[case::only_asks("POST", "/cms/v3/hubdb/tables/1/rows/batch/read", [true, true, true])]
#[case::nobody_knows("POST", "/brand/newer/thing", [false, false, false])]
#[tokio::test(start_paused = true)]
async fn until_something_is_written_there(
    #[case] method: &str,
    #[case] path: &str,
    #[case] stand: [bool; 3],
) {
    let server = prompt();
    let program = program(&server).await;
    for question in [&PAGE, &FILE, &NEW] {
        assert_eq!(told(program.call(question, PATIENT).await), (200, LIVE));
    }
    let write = Question { method: method.parse().unwrap(), path: path.to_owned().into() };
    assert_eq!(told(program.call(&write, PATIENT).await), (200, LIVE));
    fails(&server);
    for (question, stands) in [&PAGE, &FILE, &NEW].into_iter().zip(stand) {
        let (_, source) = told(program.call(question, PATIENT).await);
        assert_eq!(matches!(source, Some(Source::Stale { .. })), stands, "{}: {source:?}", question.path);
    }
}

/// A write that HubSpot gave no answer to may have been made.
#[tokio::test(start_paused = true)]
async fn nobody_reads_what_he_may_have_overwritten() {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(program.call(&PAGE, PATIENT).await), (200, LIVE));
    fails(&server);
    let publish = Question::post("/cms/v3/pages/site-pages/1/draft/push-live");
    assert_eq!(told(program.call(&publish, PATIENT).await), (503, LIVE));
    assert_eq!(told(program.call(&PAGE, PATIENT).await), (503, LIVE));
}

/// What is kept for one who asked for another language, format or part is another's.
#[rstest]
#[case::the_same("accept-language", "de", "de", true)]
#[case::another_language("accept-language", "de", "fr", false)]
#[case::another_format("accept", "text/csv", "application/json", false)]
#[case::another_origin("origin", "https://a.example", "https://b.example", false)]
#[case::a_part("range", "bytes=0-9", "bytes=0-9", false)]
#[case::only_what_changed("if-none-match", "\"1\"", "\"1\"", false)]
#[case::another_trace("traceparent", "00-1", "00-2", true)]
#[tokio::test(start_paused = true)]
async fn by_what_the_answer_follows_from(
    #[case] name: &'static str,
    #[case] before: &'static str,
    #[case] after: &'static str,
    #[case] served: bool,
) {
    let server = prompt();
    let program = program(&server).await;
    let with = |value: &'static str| {
        move |call: &mut Call| {
            call.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    };
    assert_eq!(told(ask(&program.stack, &PAGE, with(before)).await), (200, LIVE));
    fails(&server);
    let (_, source) = told(ask(&program.stack, &PAGE, with(after)).await);
    assert_eq!(matches!(source, Some(Source::Stale { .. })), served, "{source:?}");
}

#[tokio::test(start_paused = true)]
async fn a_route_may_say_that_an_error_is_better_or_that_it_is_served_again() {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(ask(&program.stack, &PAGE, super::keeping).await), (200, LIVE));
    assert_eq!(told(ask(&program.stack, &PAGE, super::keeping).await), (200, super::cached(0)));
    fails(&server);
    let fail_fast = |call: &mut Call| call.handling.stale_max = Some(Duration::ZERO);
    assert_eq!(told(ask(&program.stack, &PAGE, fail_fast).await), (503, LIVE));
}

/// Who is forgotten may stand on any page, in any thread: nothing that may show him stays in memory, read or not.
#[rstest]
#[case::through_us(true)]
#[case::elsewhere(false)]
#[tokio::test(start_paused = true)]
async fn whoever_is_forgotten_is_forgotten_here(#[case] through_us: bool) {
    let server = prompt();
    let program = program(&server).await;
    let people = [
        "/crm/v3/objects/deals/1",
        "/conversations/v3/conversations/threads/1",
        "/form-integrations/v1/submissions/forms/1",
        "/crm/v3/lists/1/memberships",
        "/contacts/v1/contact/vid/1/profile",
        "/brand/new/thing",
    ];
    for path in people.iter().chain(&["/crm/v3/properties/contacts"]) {
        let question = Question::get_owned((*path).to_owned());
        assert_eq!(told(program.call(&question, PATIENT).await), (200, LIVE));
    }
    assert_eq!(program.stack.cache_report().entries, people.len() + 2, "one was read to begin with");
    if through_us {
        let forget = Question::post("/crm/v3/objects/contacts/gdpr-delete");
        assert_eq!(told(program.call(&forget, PATIENT).await), (200, LIVE));
    } else {
        let forgotten = Elsewhere { portal_id: 7, kind: "contacts", id: 9, extent: Extent::Forget };
        program.stack.changed_elsewhere(&forgotten);
    }
    assert_eq!(program.stack.cache_report().entries, 1, "a definition names nobody");
}

/// A message in a thread, as a webhook tells of it, ends what is kept of threads.
#[tokio::test(start_paused = true)]
async fn webhooks_end_what_they_tell_of() {
    let server = prompt();
    let program = program(&server).await;
    let threads = Question::get("/conversations/v3/conversations/threads/9");
    for question in [&threads, &PAGE] {
        assert_eq!(told(program.call(question, PATIENT).await), (200, LIVE));
    }
    let said = Elsewhere { portal_id: 7, kind: "conversations", id: 9, extent: Extent::Values };
    program.stack.changed_elsewhere(&said);
    fails(&server);
    assert_eq!(told(program.call(&threads, PATIENT).await), (503, LIVE));
    assert!(matches!(told(program.call(&PAGE, PATIENT).await), (200, Some(Source::Stale { .. }))));
}

/// Large pages, many of them: the budget is one for all that is kept.
#[tokio::test(start_paused = true)]
async fn memory_is_bounded_whatever_is_read() {
    let server = Server::new(100, |entry| {
        let page: &'static str =
            "                                                                                ";
        let good = if entry.asks("/cms/") { Reply::status(200, page) } else { Reply::ordinary(entry) };
        Some(good.counted_after(Duration::ZERO).answered_after(Duration::ZERO))
    });
    let stack = stack(&server, |settings| {
        with_cache(settings);
        settings.cache.bytes_max = 20_000;
    });
    let program = Program::warm(&stack, "Bearer a").await;
    for id in 0..200 {
        let question = Question::get_owned(format!("/cms/v3/pages/site-pages/{id}"));
        assert_eq!(told(program.call(&question, PATIENT).await), (200, LIVE));
        assert!(stack.cache_report().bytes <= 20_000, "{:?}", stack.cache_report());
    }
    assert!(stack.cache_report().entries > 20, "{:?}", stack.cache_report());
}
