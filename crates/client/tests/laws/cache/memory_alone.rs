//! `Cache-Control: only-if-cached` (RFC 9111 §5.2.1.7): what is kept, with its label, or nothing; HubSpot never hears of it.

use client::call::{Call, Failure, Source};
use client::stack::Feature;
use rstest::rstest;

use super::super::program::{PATIENT, Program, Question, READ, SEARCH, call_with, stack};
use super::{LIVE, PROPERTIES, SECOND, ask, cached, old, program, prompt, saying, told, with_cache};

static PATCH: Question = Question::patch("/crm/v3/objects/contacts/1");
static UNREAD: Question = Question::get("/crm/v3/objects/contacts/99");

#[rstest]
#[case::fresh(&PROPERTIES, "only-if-cached", 10, Some(cached(10)))]
#[case::old(&READ, "only-if-cached", 10, Some(old(10)))]
#[case::past_its_time(&PROPERTIES, "only-if-cached", 400, Some(old(400)))]
#[case::older_than_the_house_allows(&READ, "only-if-cached", 4 * 3600 + 1, None)]
#[case::as_old_as_its_caller_says(&READ, "only-if-cached, max-stale=20000", 4 * 3600 + 1, Some(old(4 * 3600 + 1)))]
#[case::no_older_than_its_caller_says(&READ, "only-if-cached, max-stale=9", 10, None)]
#[case::nor_than_this(&READ, "only-if-cached, max-age=9", 10, None)]
#[case::fresh_for_longer(&PROPERTIES, "only-if-cached, min-fresh=295", 10, None)]
#[case::a_contradiction(&PROPERTIES, "only-if-cached, no-cache", 10, None)]
#[case::another(&PROPERTIES, "only-if-cached, no-store", 10, None)]
#[case::never_read(&UNREAD, "only-if-cached", 10, None)]
#[case::a_search(&SEARCH, "only-if-cached", 10, None)]
#[case::a_write(&PATCH, "only-if-cached", 10, None)]
#[tokio::test(start_paused = true)]
async fn hubspot_is_not_asked(
    #[case] question: &Question,
    #[case] said: &'static str,
    #[case] age_s: u64,
    #[case] expected: Option<Option<Source>>,
) {
    let server = prompt();
    let program = program(&server).await;
    for known in [&READ, &PROPERTIES] {
        assert_eq!(told(program.call(known, PATIENT).await), (200, LIVE));
    }
    tokio::time::sleep(SECOND * u32::try_from(age_s).unwrap()).await;
    let sent = server.sent(|_| true);
    match (ask(&program.stack, question, saying(said)).await, expected) {
        (Ok(answer), Some(source)) => assert_eq!(Some(answer.source), source),
        (Err(failed), None) => {
            assert!(matches!(failed.why, Failure::NotKept), "{:?}", failed.why);
            assert!(!failed.why.may_have_been_applied());
        }
        (outcome, expected) => panic!("{:?} where {expected:?} was due", told(outcome)),
    }
    assert_eq!(server.sent(|_| true), sent);
}

/// Not even to learn whose the credential is.
#[tokio::test(start_paused = true)]
async fn nor_about_a_credential_that_is_new() {
    let server = prompt();
    let program = program(&server).await;
    let sent = server.sent(|_| true);
    let outcome = call_with(&program.stack, "Bearer new", &READ, PATIENT, "", saying("only-if-cached")).await;
    assert!(matches!(outcome.map_err(|failed| failed.why), Err(Failure::NotKept)));
    tokio::time::sleep(SECOND * 60).await;
    assert_eq!(server.sent(|_| true), sent);
}

#[tokio::test(start_paused = true)]
async fn a_route_where_an_error_is_better_than_an_old_answer_has_none() {
    let server = prompt();
    let program = program(&server).await;
    let alone = |call: &mut Call| {
        saying("only-if-cached")(call);
        call.handling.stale_max = Some(std::time::Duration::ZERO);
    };
    assert_eq!(told(ask(&program.stack, &READ, alone).await), (0, None));
}

/// The control: without the cache nobody is there to understand it, and the gateway is transparent.
#[tokio::test(start_paused = true)]
async fn without_the_cache_it_is_hubspots_to_understand() {
    let server = prompt();
    let stack = stack(&server, |settings| {
        with_cache(settings);
        settings.cache.feature = Feature::Off;
    });
    let _warm = Program::warm(&stack, "Bearer a").await;
    assert_eq!(told(ask(&stack, &READ, saying("only-if-cached")).await), (200, LIVE));
}
