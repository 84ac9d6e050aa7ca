//! F29, F36–F39 and the broken lines.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::TransportFault;
use simulator::dns::Behaviour;
use tokio::time::{Instant, timeout};

use super::{CONTACTS, DETAILS};
use crate::bench::{Answer, Bench};

fn is_from_hubspot(answer: &Answer) -> bool {
    answer.headers.keys().any(|name| name.as_str().starts_with("x-hubspot"))
}

#[tokio::test(start_paused = true)]
async fn f29_and_f38_show_at_the_dns_stub_alone() {
    let bench = Bench::new();
    for (fault, behaviour) in [
        (json!({"kind": "F29"}), Behaviour::NxDomain),
        (json!({"kind": "F29", "behaviour": "servfail"}), Behaviour::ServFail),
        (json!({"kind": "F29", "behaviour": "silent"}), Behaviour::Silent),
        (json!({"kind": "F38"}), Behaviour::DeadIpv6),
    ] {
        let id = bench.fault(&fault).await;
        assert_eq!(bench.shell.dns_behaviour(), behaviour);
        assert_eq!(bench.get(DETAILS).await.status, 200);
        bench.mend(id).await;
    }
    assert_eq!(bench.shell.dns_behaviour(), Behaviour::Answer);
}

#[tokio::test(start_paused = true)]
async fn f36_a_proxy_answers() {
    let bench = Bench::new();
    let fault = bench.break_by("F36").await;
    let refused = bench.get(DETAILS).await;
    assert_eq!((refused.status, refused.is_html(), is_from_hubspot(&refused)), (407, true, false));
    assert!(refused.header("via").is_some_and(|via| via.contains("squid")));
    bench.mend(fault).await;
    bench.fault(&json!({"kind": "net.proxy", "status": 502})).await;
    let refused = bench.get(DETAILS).await;
    assert_eq!((refused.status, refused.header("via").is_some()), (502, true));
}

#[tokio::test(start_paused = true)]
async fn f37_some_other_server_answers() {
    let bench = Bench::new();
    bench.break_by("F37").await;
    for path in [DETAILS, CONTACTS, "/oauth/v1/access-tokens/x"] {
        let lost = bench.get(path).await;
        assert_eq!((lost.status, lost.is_html(), is_from_hubspot(&lost)), (404, true, false));
        assert_eq!(lost.header("cf-ray"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn f39_the_edge_blocks_even_those_without_a_token() {
    let bench = Bench::new();
    bench.break_by("F39").await;
    for answer in [bench.get(DETAILS).await, bench.anonymous(&format!("GET {DETAILS}"), &Value::Null).await] {
        assert_eq!((answer.status, answer.is_html(), is_from_hubspot(&answer)), (403, true, false));
        assert!(answer.text.contains("Cloudflare"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_may_come_before_or_after_the_work() {
    let bench = Bench::new();
    let line = format!("POST {CONTACTS}");
    let body = |name: &str| json!({"properties": {"email": format!("{name}@x.example")}});
    let applied = async || bench.sim("GET log", &Value::Null).await.body["next"].as_u64();
    let before = applied().await;
    let fault = bench.fault(&json!({"kind": "reset"})).await;
    let broken = bench.try_send(&line, Some(&bench.token), &body("a")).await;
    assert_eq!(broken.expect_err("a reset"), TransportFault::Reset);
    assert_eq!(applied().await, before);
    bench.mend(fault).await;
    bench.fault(&json!({"kind": "reset", "applied": true})).await;
    let broken = bench.try_send(&line, Some(&bench.token), &body("a")).await;
    assert_eq!(broken.expect_err("a reset"), TransportFault::Reset);
    assert!(applied().await > before);
    assert_eq!(bench.stats().await["lost"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_line_says_nothing() {
    let bench = Bench::new();
    bench.break_by("hang").await;
    let waited = timeout(Duration::from_secs(60), bench.try_send("GET /x", None, &Value::Null)).await;
    assert!(waited.is_err(), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_cut_or_trickle() {
    let bench = Bench::new();
    let fault = bench.fault(&json!({"kind": "truncate", "bytes": 10})).await;
    let broken = bench.try_send(&format!("GET {DETAILS}"), Some(&bench.token), &Value::Null).await;
    assert_eq!(broken.expect_err("half an answer"), TransportFault::Truncated { bytes: 10 });
    bench.mend(fault).await;
    bench.fault(&json!({"kind": "slow_body", "ms": 3_000})).await;
    let started = Instant::now();
    assert_eq!(bench.get(DETAILS).await.status, 200);
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn html_and_any_status_can_be_had() {
    let bench = Bench::new();
    let fault = bench.fault(&json!({"kind": "html", "status": 200})).await;
    let page = bench.get(DETAILS).await;
    assert_eq!((page.status, page.is_html()), (200, true));
    bench.mend(fault).await;
    bench.fault(&json!({"kind": "status", "status": 429, "retry_after": 7})).await;
    let refused = bench.get(DETAILS).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("7")));
}
