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
use tokio::io::AsyncReadExt;
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
    over(Arc::new(Slow(upstream_takes)), Admission::Passthrough).await
}

/// The same over any transport.
pub(super) async fn over(
    transport: Arc<dyn Transport>,
    admission: Admission,
) -> (String, watch::Sender<bool>) {
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
    let stack = Stack::new(transport, Arc::new(Silence), clock, settings);
    let gateway = Gateway {
        turned_away: Arc::default(),
        rules: gateway::rules::Rules::default(),
        stack: stack.into(),
        admission,
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

/// Requests as they are sent, with all the places that a sender may stop at.
const STOPPED: [&str; 5] = [
    "GET /crm/v3/objects/contacts HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nhello, world",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nend\r\n0\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
    "\r\n\r\nHEAD /a HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n",
];

/// A head or a body that does not come, or the idle time after an answer; the longest is the last.
const CLOSED_WITHIN_S: u64 = 90;

/// Until the other side ends it, however long that takes.
async fn ended(conversation: &mut Conversation) {
    let _reset = conversation.stream.read_to_end(&mut Vec::new()).await;
}

/// Wherever a sender stops, for good, the connection is closed in time.
#[tokio::test(start_paused = true)]
async fn wherever_a_sender_stops_it_is_closed_in_time() {
    let (url, _stop) = gateway(Duration::ZERO).await;
    let (mut cases, mut late) = (0, Vec::new());
    for (number, request) in STOPPED.iter().enumerate() {
        for end in 0..=request.len() {
            cases += 1;
            let began = Instant::now();
            let mut conversation = Conversation::open(&url).await;
            conversation.say(&request[..end]).await;
            let closed = tokio::time::timeout(Duration::from_secs(600), ended(&mut conversation)).await;
            if closed.is_err() || took(began) > CLOSED_WITHIN_S {
                late.push(format!("request {number} cut at {end}: {} s", took(began)));
            }
        }
    }
    assert_eq!(late, [""; 0]);
    assert!(cases >= 300, "{cases}");
}

/// The control: one who is never asked to hurry keeps the connection for as long as the answer takes.
#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_long_shows_that_lateness_would_be_seen() {
    let (url, _stop) = gateway(Duration::from_secs(300)).await;
    let began = Instant::now();
    let mut conversation = Conversation::open(&url).await;
    conversation.say(STOPPED[0]).await;
    let closed = tokio::time::timeout(Duration::from_secs(600), ended(&mut conversation)).await;
    assert!(closed.is_ok() && took(began) > CLOSED_WITHIN_S);
}
