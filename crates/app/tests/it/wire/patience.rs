//! How long a client may take, in virtual time: the gateway itself on real sockets, a transport that only waits.

use std::sync::Arc;
use std::time::Duration;

use client::accounts::AccountSettings;
use client::body::Body;
use client::cache::CacheSettings;
use client::clock::WallClock;
use client::governor::{Ceilings, DailySettings, LaneSettings, QueueSettings};
use client::stack::{Feature, Stack, StackSettings};
use client::telemetry::Silence;
use client::transport::{Sending, Transport};
use gateway::admit::Admission;
use gateway::{ForwardSettings, Gateway, ListenerSettings, OwnHosts};
use http::{Request, Response};
use hubspot::limits::{AppKind, Plan};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::house::Conversation;

/// Answers every request after this long.
struct Slow(Duration);

impl Transport for Slow {
    fn send(&self, _: Request<Body>) -> Sending<'_> {
        Box::pin(async {
            sleep(self.0).await;
            Ok(Response::new(Body::from(bytes::Bytes::from_static(b"ok"))))
        })
    }
}

/// A gateway's address; it serves until the sender is dropped with the test.
async fn gateway(upstream_takes: Duration) -> (String, watch::Sender<bool>) {
    let settings = StackSettings {
        accounts: AccountSettings {
            plan: Plan::Free,
            kind: AppKind::PrivateApp,
            packs: 0,
            ceilings: Ceilings::default(),
            queue: QueueSettings { waiting_max: 10, lanes: LaneSettings::default() },
            daily: DailySettings::default(),
            governed: Feature::Off,
        },
        attempt_timeout: Duration::from_secs(600),
        whole_answer_bytes_max: 64 * 1024,
        retries: Feature::Off,
        retry_budget: Feature::Off,
        breaker: Feature::Off,
        adaptive: Feature::Off,
        cache: CacheSettings::OFF,
        packing: Feature::Off,
        seed: 1,
    };
    let clock = WallClock::from("2026-10-01T12:00:00Z".parse::<jiff::Timestamp>().unwrap());
    let stack = Stack::new(Arc::new(Slow(upstream_takes)), Arc::new(Silence), clock, settings);
    let gateway = Gateway {
        turned_away: Arc::default(),
        rules: gateway::rules::Rules::default(),
        stack: stack.into(),
        admission: Admission::Passthrough,
        upstream: "https://api.hubapi.com".into(),
        public_url: None,
        own_hosts: OwnHosts::default(),
        intake: None,
        outbox: None,
        witness: None,
        scopes: None,
        forward: ForwardSettings {
            deadline: Duration::from_secs(600),
            deadline_max: Duration::from_secs(600),
            body_bytes_max: 1_000_000,
        },
        listener: ListenerSettings::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, draining) = watch::channel(false);
    tokio::spawn(gateway.serve(listener, draining));
    (url, stop)
}

fn took(began: Instant) -> u64 {
    began.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn half_a_head_is_given_ten_seconds() {
    let (url, _stop) = gateway(Duration::ZERO).await;
    let began = Instant::now();
    let mut conversation = Conversation::open(&url).await;
    conversation.say("GET / HTTP/1.1\r\nHos").await;
    let answer = conversation.answer().await;
    answer.refusal(408, "HUBKEEPER_HEAD_TIMEOUT");
    assert_eq!(answer.header("connection"), Some("close"));
    assert!((10..=11).contains(&took(began)), "{} s", took(began));
    conversation.ends().await;
}

/// A byte now and then is no head either.
#[tokio::test(start_paused = true)]
async fn a_dribbled_head_is_given_no_more() {
    let (url, _stop) = gateway(Duration::ZERO).await;
    let began = Instant::now();
    let mut conversation = Conversation::open(&url).await;
    for byte in "GET /".bytes() {
        conversation.say([byte]).await;
        sleep(Duration::from_secs(2)).await;
    }
    conversation.answer().await.refusal(408, "HUBKEEPER_HEAD_TIMEOUT");
    assert!((10..=11).contains(&took(began)), "{} s", took(began));
}

/// Empty lines are no head.
#[tokio::test(start_paused = true)]
async fn empty_lines_are_given_no_more() {
    let (url, _stop) = gateway(Duration::ZERO).await;
    let began = Instant::now();
    let mut conversation = Conversation::open(&url).await;
    for _ in 0..3 {
        conversation.say("\r\n").await;
        sleep(Duration::from_secs(3)).await;
    }
    conversation.rest().await;
    assert!((10..=11).contains(&took(began)), "{} s", took(began));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let (url, _stop) = gateway(Duration::ZERO).await;
    let began = Instant::now();
    let mut conversation = Conversation::open(&url).await;
    conversation.ends().await;
    assert!((10..=11).contains(&took(began)), "{} s", took(began));
}

/// The next head on a kept connection has its own ten seconds, and none while an answer is awaited.
#[tokio::test(start_paused = true)]
async fn each_head_has_its_own_time() {
    let (url, _stop) = gateway(Duration::from_secs(8)).await;
    let mut conversation = Conversation::open(&url).await;
    for _ in 0..3 {
        conversation.say("GET / HTTP/1.1\r\nHost: a\r\n").await;
        sleep(Duration::from_secs(8)).await;
        conversation.say("\r\n").await;
        assert_eq!(conversation.answer().await.text(), "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_coming_ends_the_call() {
    let (url, _stop) = gateway(Duration::ZERO).await;
    let began = Instant::now();
    let mut conversation = Conversation::open(&url).await;
    conversation.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await;
    sleep(Duration::from_secs(29)).await;
    conversation.answer().await.refusal(400, "HUBKEEPER_BODY_UNREADABLE");
    assert!((30..=61).contains(&took(began)), "{} s", took(began));
}

#[tokio::test(start_paused = true)]
async fn a_dribbled_body_has_an_end() {
    let (url, _stop) = gateway(Duration::ZERO).await;
    let began = Instant::now();
    let mut conversation = Conversation::open(&url).await;
    conversation.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n").await;
    let dribble = async {
        loop {
            sleep(Duration::from_secs(5)).await;
            conversation.say("x").await;
            if took(began) >= 60 {
                return conversation.answer().await;
            }
        }
    };
    dribble.await.refusal(400, "HUBKEEPER_BODY_UNREADABLE");
    assert!((60..=66).contains(&took(began)), "{} s", took(began));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_outlives_the_patience_with_idle_connections() {
    let (url, _stop) = gateway(Duration::from_secs(300)).await;
    let mut conversation = Conversation::open(&url).await;
    conversation.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // The harness's own patience is shorter than this answer takes.
    sleep(Duration::from_secs(290)).await;
    assert_eq!(conversation.answer().await.text(), "ok");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_in_the_end() {
    let (url, _stop) = gateway(Duration::ZERO).await;
    let mut conversation = Conversation::open(&url).await;
    conversation.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(conversation.answer().await.text(), "ok");
    let began = Instant::now();
    sleep(Duration::from_secs(70)).await;
    conversation.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(conversation.answer().await.text(), "ok", "75 s are promised");
    sleep(Duration::from_secs(150)).await;
    conversation.ends().await;
    assert!(took(began) <= 70 + 150 + 1);
}
