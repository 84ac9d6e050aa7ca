//! What callers see, and how often HubSpot is asked, when its answers are cut, malformed, late or missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::house::{Act, Heard, Start, Upstream, ask, json_answer};

const CREATE: &str = r#"{"properties":{"email":"a@example.com"}}"#;
const CONTACTS: &str = "/crm/v3/objects/contacts";

/// Answers the account's details properly and everything else as `script` says.
async fn hubspot(script: impl Fn(&Heard) -> Vec<Act> + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |heard| {
        if heard.head.contains(" /account-info/v3/details ") {
            vec![json_answer("200 OK", r#"{"portalId":1,"timeZone":"UTC"}"#)]
        } else {
            script(heard)
        }
    })
    .await
}

fn cut() -> Vec<Act> {
    vec![Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":".to_vec()), Act::Close]
}

#[tokio::test]
async fn nobody_there_is_a_502_with_a_hint() {
    for (method, outcome) in [("GET", "Sending it again is safe."), ("POST", "It was not sent to HubSpot.")] {
        let up = Start::up(&Upstream::nobody().await).ready().await;
        let answer = ask(up.url(), method, CONTACTS, &["Authorization: Bearer x"], "{}").await;
        let message = answer.refusal(502, "HUBKEEPER_UPSTREAM_UNREACHABLE");
        assert!(message.contains(outcome), "{message}");
        assert!(message.contains("hubkeeper triage"), "{message}");
        assert_eq!(answer.header("x-hubkeeper-attempts"), Some("3"), "never sent is safe to try again");
        up.stop().await;
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_502() {
    let up = Start::up("http://nobody.invalid").ready().await;
    let answer = ask(up.url(), "GET", CONTACTS, &[], "").await;
    answer.refusal(502, "HUBKEEPER_UPSTREAM_UNREACHABLE");
    up.stop().await;
}

#[tokio::test]
async fn html_passes_untouched() {
    let page = "<!DOCTYPE html><html><body>Attention Required! | Cloudflare</body></html>";
    let answer = format!(
        "HTTP/1.1 403 Forbidden\r\nServer: cloudflare\r\nContent-Type: text/html; charset=UTF-8\r\n\
         Content-Length: {}\r\n\r\n{page}",
        page.len()
    );
    let upstream = Upstream::saying(answer).await;
    let up = Start::up(&upstream.url).ready().await;
    let got = ask(up.url(), "GET", CONTACTS, &["Authorization: Bearer x"], "").await;
    assert_eq!((got.status, &*got.text()), (403, page));
    assert_eq!(got.header("content-type"), Some("text/html; charset=UTF-8"));
    assert_eq!(upstream.heard().len(), 1);
    up.stop().await;
}

#[tokio::test]
async fn a_cut_answer_to_a_read_is_asked_for_again() {
    let count = AtomicUsize::new(0);
    let upstream = hubspot(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => cut(),
        _ => vec![json_answer("200 OK", r#"{"id":"1"}"#)],
    })
    .await;
    let up = Start::up(&upstream.url).ready().await;
    let answer = ask(up.url(), "GET", "/crm/v3/objects/contacts/1", &["Authorization: Bearer x"], "").await;
    assert_eq!((answer.status, &*answer.text()), (200, r#"{"id":"1"}"#));
    assert_eq!(answer.header("x-hubkeeper-attempts"), Some("2"));
    up.stop().await;
}

#[tokio::test]
async fn a_read_that_is_always_cut_ends_as_a_502() {
    let upstream = hubspot(|_| cut()).await;
    let up = Start::up(&upstream.url).ready().await;
    let answer = ask(up.url(), "GET", "/crm/v3/objects/contacts/1", &["Authorization: Bearer x"], "").await;
    let message = answer.refusal(502, "HUBKEEPER_ANSWER_CUT");
    assert_eq!(upstream.heard().len(), 3);
    assert!(message.contains("Sending it again is safe."), "{message}");
    up.stop().await;
}

/// Not knowing is said, and nothing is created twice.
#[tokio::test]
async fn a_create_without_a_whole_answer_is_never_sent_again() {
    let rubbish = || Act::Say(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec());
    for (category, acts) in [
        ("HUBKEEPER_ANSWER_CUT", cut()),
        ("HUBKEEPER_CONNECTION_LOST", vec![Act::Close]),
        ("HUBKEEPER_CONNECTION_LOST", vec![Act::Reset]),
        ("HUBKEEPER_ANSWER_MALFORMED", vec![rubbish(), Act::Close]),
    ] {
        let upstream = hubspot(move |_| acts.clone()).await;
        let up = Start::up(&upstream.url).ready().await;
        let answer = ask(up.url(), "POST", CONTACTS, &["Authorization: Bearer x"], CREATE).await;
        let message = answer.refusal(502, category);
        assert!(message.contains("may have been applied"), "{message}");
        assert_eq!(upstream.only().body, CREATE.as_bytes());
        assert_eq!(answer.header("x-hubkeeper-attempts"), Some("1"));
        up.stop().await;
    }
}

#[tokio::test]
async fn a_create_without_any_answer_is_a_504_and_is_never_sent_again() {
    let upstream = hubspot(|_| vec![Act::Stall]).await;
    let up = Start::up(&upstream.url).gateway("attempt_timeout_ms", "300").ready().await;
    let answer = ask(up.url(), "POST", CONTACTS, &["Authorization: Bearer x"], CREATE).await;
    let message = answer.refusal(504, "HUBKEEPER_TIMEOUT");
    assert!(message.contains("may have been applied"), "{message}");
    upstream.hears(1).await;
    assert_eq!(upstream.heard().len(), 1);
    up.stop().await;
}

#[tokio::test]
async fn a_caller_s_deadline_ends_a_silent_call() {
    let upstream = hubspot(|_| vec![Act::Stall]).await;
    let up = Start::up(&upstream.url).ready().await;
    let headers = ["Authorization: Bearer x", "X-Hubkeeper-Deadline-Ms: 1400"];
    let answer = ask(up.url(), "GET", "/crm/v3/objects/contacts/1", &headers, "").await;
    let message = answer.refusal(504, "HUBKEEPER_TIMEOUT");
    assert!(message.contains("within 1.4 s"), "{message}");
    upstream.hears(1).await;
    assert_eq!(upstream.heard().len(), 1);
    up.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_a_502() {
    for rubbish in
        ["garbage\r\n\r\n", "HTTP/1.1 banana\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
    {
        let upstream = hubspot(move |_| vec![Act::Say(rubbish.into()), Act::Close]).await;
        let up = Start::up(&upstream.url).ready().await;
        let answer =
            ask(up.url(), "GET", "/crm/v3/objects/contacts/1", &["Authorization: Bearer x"], "").await;
        answer.refusal(502, "HUBKEEPER_ANSWER_MALFORMED");
        up.stop().await;
    }
}

/// A server that takes connections only to close them must not keep us busy.
#[tokio::test]
async fn a_server_that_closes_at_once_is_a_502() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = accepted.clone();
    tokio::spawn(async move {
        loop {
            drop(listener.accept().await);
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let up = Start::up(&url).ready().await;
    let answer = ask(up.url(), "GET", "/crm/v3/objects/contacts/1", &[], "").await;
    assert_eq!(answer.status, 502, "{answer:?}");
    assert!(
        accepted.load(Ordering::Relaxed) < 50,
        "{} connections for one call",
        accepted.load(Ordering::Relaxed)
    );
    up.stop().await;
}

/// A kept connection that was closed while idle: the request was never sent, so another connection takes it. No retry does
/// that, and no question of our own comes between.
#[tokio::test]
async fn a_connection_closed_while_idle_costs_nothing() {
    let upstream = hubspot(|_| vec![json_answer("201 Created", r#"{"id":"1"}"#), Act::Close]).await;
    let up = Start::bare_up(&upstream.url).ready().await;
    for _ in 0..5 {
        let answer = ask(up.url(), "POST", CONTACTS, &["Authorization: Bearer x"], CREATE).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    assert_eq!(upstream.heard().len(), 5, "each was sent once");
    assert_eq!(upstream.connections(), 5, "none was kept");
    up.stop().await;
}

#[tokio::test]
async fn the_daily_limit_passes_through_with_its_retry_after() {
    let body = r#"{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","correlationId":"c","policyName":"DAILY","groupName":"publicapi"}"#;
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 3600\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let upstream = hubspot(move |_| vec![Act::Say(answer.clone().into_bytes())]).await;
    let up = Start::up(&upstream.url).ready().await;
    let got = ask(up.url(), "GET", "/crm/v3/objects/contacts/1", &["Authorization: Bearer x"], "").await;
    assert_eq!((got.status, &*got.text()), (429, body));
    assert_eq!(got.header("retry-after"), Some("3600"));
    assert_eq!(upstream.heard().len(), 1, "a day's end is not waited for");
    // The next one need not ask HubSpot to know.
    let next = ask(up.url(), "GET", "/crm/v3/objects/contacts/1", &["Authorization: Bearer x"], "").await;
    next.refusal(429, "HUBKEEPER_DAILY_LIMIT");
    assert_eq!(next.json()["policyName"], "DAILY");
    assert!(next.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(upstream.heard().len(), 1);
    up.stop().await;
}

/// An answer that is too large to be kept flows before its end is known; a cut one must not look whole.
#[tokio::test]
async fn a_large_answer_that_is_cut_looks_cut() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n";
    for end in [Act::Close, Act::Reset] {
        // A reset also takes what has not been read yet: not before the caller has the head.
        let seen = Arc::new(Notify::new());
        let acts =
            vec![Act::Say([&head[..], &vec![b'x'; 2_000_000]].concat()), Act::Await(seen.clone()), end];
        let upstream = hubspot(move |_| acts.clone()).await;
        let up = Start::up(&upstream.url).ready().await;
        let mut conversation = crate::house::Conversation::open(up.url()).await;
        conversation.say("GET /filemanager/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n").await;
        let answer = conversation.head_only().await;
        assert_eq!((answer.status, answer.header("content-length")), (200, Some("3000000")));
        seen.notify_one();
        assert!(conversation.rest().await.len() < 3_000_000);
        up.stop().await;
    }
    // In chunks, the last one is missing.
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1e8480\r\n";
    let cut = [&chunked[..], &vec![b'x'; 2_000_000], b"\r\n"].concat();
    let upstream = hubspot(move |_| vec![Act::Say(cut.clone()), Act::Close]).await;
    let up = Start::up(&upstream.url).ready().await;
    let mut conversation = crate::house::Conversation::open(up.url()).await;
    conversation.say("GET /filemanager/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n").await;
    assert_eq!(conversation.head_only().await.header("transfer-encoding"), Some("chunked"));
    assert!(!conversation.rest().await.ends_with(b"0\r\n\r\n"));
    up.stop().await;
}

/// A caller that hangs up frees what its call held, and HubSpot's answer goes nowhere.
#[tokio::test]
async fn a_caller_that_hangs_up_ends_its_call() {
    let release = Arc::new(Notify::new());
    let held = release.clone();
    let upstream = hubspot(move |heard| match heard.request_line() {
        line if line.contains("/slow") => vec![Act::Await(held.clone()), json_answer("200 OK", "{}")],
        _ => vec![json_answer("200 OK", "{}")],
    })
    .await;
    let up = Start::up(&upstream.url).ready().await;
    let mut conversation = crate::house::Conversation::open(up.url()).await;
    conversation.say("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    upstream.hears(1).await;
    drop(conversation);
    assert_eq!(ask(up.url(), "GET", "/quick", &[], "").await.status, 200);
    release.notify_one();
    up.stop().await;
}

/// Idle for a while, then broken on its first request: most likely never read. A read goes again at once, a create does
/// not. Real time: how long a connection was idle is what this is about.
#[tokio::test]
async fn a_kept_connection_that_breaks_when_used_again() {
    for (method, status, heard) in [("GET", 200, 3), ("POST", 502, 2)] {
        let count = AtomicUsize::new(0);
        let upstream = hubspot(move |_| match count.fetch_add(1, Ordering::Relaxed) {
            1 => vec![Act::Reset],
            _ => vec![json_answer("200 OK", "{}")],
        })
        .await;
        let up = Start::bare_up(&upstream.url).gateway("retries", "true").ready().await;
        assert_eq!(ask(up.url(), method, "/x", &[], "{}").await.status, 200);
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        let answer = ask(up.url(), method, "/x", &[], "{}").await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(upstream.heard().len(), heard);
        up.stop().await;
    }
}

/// HubSpot may refuse a long upload as soon as it has seen its head.
#[tokio::test]
async fn an_answer_before_the_end_of_the_upload_is_passed_on() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        assert!(stream.read(&mut head).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig").await.unwrap();
        std::future::pending::<()>().await;
    });
    let up = Start::bare_up(&url).ready().await;
    let mut conversation = crate::house::Conversation::open(up.url()).await;
    conversation.say("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n").await;
    conversation.say(vec![b'x'; 1_000_000]).await;
    let answer = conversation.answer().await;
    assert_eq!((answer.status, &*answer.text()), (413, "big"));
    drop(conversation);
    up.stop().await;
}

/// After enough failures HubSpot is left alone, and callers are told so in its own shape.
#[tokio::test]
async fn a_server_that_keeps_failing_is_left_alone() {
    let upstream = hubspot(|_| vec![json_answer("503 Service Unavailable", r#"{"status":"error"}"#)]).await;
    let up = Start::up(&upstream.url).gateway("retries", "false").ready().await;
    let (mut refused, mut answered) = (None, 0);
    // On a slow machine one that asks whether it is well again may come before the first that is refused.
    for _ in 0..50 {
        let answer = ask(up.url(), "GET", CONTACTS, &[], "").await;
        assert_eq!(answer.status, 503);
        if answer.text().contains("HUBKEEPER") {
            refused = Some(answer);
            break;
        }
        answered += 1;
    }
    let refused = refused.expect("the breaker opens");
    let message = refused.refusal(503, "HUBKEEPER_BREAKER_OPEN");
    assert!(message.contains("It was not sent to HubSpot."), "{message}");
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(upstream.heard().len(), answered, "who is refused is not sent");
    assert!(answered >= 5, "{answered} failures say enough");
    up.stop().await;
}

/// 477: the portal moves to another data centre and asks to be left alone.
#[tokio::test]
async fn a_portal_on_the_move_is_left_alone() {
    let moving = b"HTTP/1.1 477 Migration in Progress\r\nRetry-After: 30\r\nContent-Length: 2\r\n\r\n{}";
    let upstream = hubspot(move |_| vec![Act::Say(moving.to_vec())]).await;
    let up = Start::up(&upstream.url).ready().await;
    let first = ask(up.url(), "GET", CONTACTS, &["Authorization: Bearer x"], "").await;
    assert_eq!((first.status, first.header("retry-after")), (477, Some("30")));
    let next = ask(up.url(), "GET", CONTACTS, &["Authorization: Bearer x"], "").await;
    next.refusal(477, "HUBKEEPER_PORTAL_MIGRATING");
    assert!((25..=30).contains(&next.header("retry-after").unwrap().parse::<u64>().unwrap()));
    assert_eq!(upstream.heard().len(), 1);
    up.stop().await;
}
