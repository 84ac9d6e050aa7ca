//! Forgeries of twenty kinds, of which none may be taken, and genuine deliveries, through a rotation of the secret, of
//! which none may be refused. All in process against the check itself, and a sample over the wire against the binary.

use std::io;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use hubspot::secret::Secret;
use hubspot::signature::{self, Rules, SignedRequest};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use simulator::webhooks::sign;

use crate::http::Client;
use crate::random::Random;
use crate::report::Report;
use crate::town::{Plan, Town};
use crate::{Rig, scratch};

/// Over the wire, of each.
const SAMPLE: u64 = 2_000;

const OLD: &str = "0b0b0b0b-1111-4222-8333-444444444444";
const NEW: &str = "9a9a9a9a-1111-4222-8333-555555555555";

/// A delivery as it arrives.
#[derive(Clone)]
struct Delivery {
    method: &'static str,
    uri: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// What is wrong with a forgery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    BodyBit,
    BodyLonger,
    BodyWritingOfJson,
    SignatureBit,
    SignatureShort,
    SignatureEmpty,
    SignatureOfV1InV3,
    SignatureTwice,
    OtherSecret,
    EmptySecret,
    SecretWithNewline,
    OtherScheme,
    OtherHost,
    OtherPath,
    OtherQuery,
    OtherMethod,
    OtherTimestamp,
    TimestampInSeconds,
    Stale,
    FromTheFuture,
    DowngradeToV1,
    VersionUnknown,
    Unsigned,
}

const ALL: [Wrong; 23] = [
    Wrong::BodyBit,
    Wrong::BodyLonger,
    Wrong::BodyWritingOfJson,
    Wrong::SignatureBit,
    Wrong::SignatureShort,
    Wrong::SignatureEmpty,
    Wrong::SignatureOfV1InV3,
    Wrong::SignatureTwice,
    Wrong::OtherSecret,
    Wrong::EmptySecret,
    Wrong::SecretWithNewline,
    Wrong::OtherScheme,
    Wrong::OtherHost,
    Wrong::OtherPath,
    Wrong::OtherQuery,
    Wrong::OtherMethod,
    Wrong::OtherTimestamp,
    Wrong::TimestampInSeconds,
    Wrong::Stale,
    Wrong::FromTheFuture,
    Wrong::DowngradeToV1,
    Wrong::VersionUnknown,
    Wrong::Unsigned,
];

const V1: &str = "x-hubspot-signature";
const VERSION: &str = "x-hubspot-signature-version";
const V3: &str = "x-hubspot-signature-v3";
const TIMESTAMP: &str = "x-hubspot-request-timestamp";

/// What is asked of a v3 timestamp, and more than it.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(300);

pub(crate) fn run(rig: &Rig) -> io::Result<Report> {
    let secrets = [Secret::new(NEW), Secret::new(OLD)];
    let now: Timestamp = "2026-10-01T12:00:00Z".parse().map_err(io::Error::other)?;
    let mut random = Random::new(rig.seed, 0);
    let (mut accepted, mut refused) = (Vec::new(), 0_u64);
    let takes = |delivery: &Delivery| {
        let Delivery { method, uri, headers, body } = delivery;
        let request = SignedRequest { method, uri, headers, body };
        signature::verify(&request, &secrets, now, &Rules::default()).is_ok()
    };
    for number in 0..rig.n {
        let wrong = ALL[usize::try_from(number).unwrap_or(0) % ALL.len()];
        let genuine = genuine(&mut random, number, OLD, now);
        if takes(&forged(&mut random, genuine, wrong, now)) {
            accepted.push(format!("{wrong:?}"));
        }
    }
    for number in 0..rig.n.max(1_000_000) {
        // Before, during and after a rotation: each secret signs while both are known.
        let secret = if random.chance(0.5) { OLD } else { NEW };
        let mut delivery = genuine(&mut random, number, secret, now);
        match number % 3 {
            0 => only(&mut delivery.headers, &[V1, VERSION]),
            1 => only(&mut delivery.headers, &[V3, TIMESTAMP]),
            _ => {}
        }
        refused += u64::from(!takes(&delivery));
    }
    accepted.sort();
    accepted.dedup();
    let wire = wire(rig)?;
    Ok(Report::new("forgeries")
        .with("forgeries", rig.n)
        .with("kinds", ALL.len())
        .with("genuine", rig.n.max(1_000_000))
        .with("accepted_kinds", accepted.clone())
        .with("refused", refused)
        .with("wire_each", SAMPLE)
        .with("wire_accepted", wire.accepted)
        .with("wire_refused", wire.refused)
        .must("no forgery is taken", accepted.is_empty() && wire.accepted == 0)
        .must("no genuine delivery is refused", refused == 0 && wire.refused == 0)
        .must("the control, a forger who has the secret, is taken", control(&secrets, now)))
}

/// Who has the secret makes what no check can refuse. A rig that saw a refusal here would see refusals everywhere.
fn control(secrets: &[Secret], now: Timestamp) -> bool {
    let delivery = genuine(&mut Random::new(1, 1), 1, NEW, now);
    let Delivery { method, uri, headers, body } = &delivery;
    let request = SignedRequest { method, uri, headers, body };
    signature::verify(&request, secrets, now, &Rules::default()).is_ok()
}

fn genuine(random: &mut Random, number: u64, secret: &str, now: Timestamp) -> Delivery {
    const PLACES: [&str; 4] = [
        "/webhooks/hubspot",
        "/webhooks/hubspot?a=1&b=%20",
        "/w/%7Bx%7D?u=https%3A%2F%2Fx%2Cy",
        "/in/(a)?q=a+b",
    ];
    let place = PLACES[usize::try_from(random.below(4)).unwrap_or(0)];
    let uri = format!("https://hooks.example.com{place}");
    let skew = SignedDuration::from_millis(i64::try_from(random.below(590_000)).unwrap_or(0) - 295_000);
    let value = char::from_u32(0x61 + u32::try_from(random.below(20_000)).unwrap_or(0)).unwrap_or('ä');
    let body = json!([{"eventId": number, "objectId": 9_007_199_254_740_993_u64 + random.below(1 << 40),
        "propertyValue": format!("{value}{number}"), "occurredAt": now.as_millisecond(), "portalId": 62_515,
        "subscriptionType": "contact.propertyChange", "propertyName": "email", "attemptNumber": 0}]);
    let body = body.to_string().into_bytes();
    Delivery { method: "POST", headers: sign::headers(secret, &uri, &body, now + skew), uri, body }
}

fn forged(random: &mut Random, mut delivery: Delivery, wrong: Wrong, now: Timestamp) -> Delivery {
    let guess = |secret: &str, delivery: &Delivery, at: Timestamp| {
        sign::headers(secret, &delivery.uri, &delivery.body, at)
    };
    match wrong {
        Wrong::BodyBit => {
            let place = usize::try_from(random.below(delivery.body.len() as u64)).unwrap_or(0);
            delivery.body[place] ^= 1 << random.below(8);
        }
        Wrong::BodyLonger => delivery.body.push(b' '),
        Wrong::BodyWritingOfJson => delivery.body.insert(1, b' '),
        Wrong::SignatureBit => {
            flip(random, &mut delivery.headers, V3);
            flip(random, &mut delivery.headers, V1);
        }
        Wrong::SignatureShort => shorten(&mut delivery.headers),
        Wrong::SignatureEmpty => put(&mut delivery.headers, V3, ""),
        Wrong::SignatureOfV1InV3 => {
            let v1 = delivery.headers.get(V1).cloned().unwrap_or_else(|| HeaderValue::from_static("-"));
            delivery.headers.insert(V3, v1);
        }
        Wrong::SignatureTwice => {
            delivery.headers.append(V3, HeaderValue::from_static("AAAA"));
        }
        Wrong::OtherSecret => delivery.headers = guess(&random.below(u64::MAX).to_string(), &delivery, now),
        Wrong::EmptySecret => delivery.headers = guess("", &delivery, now),
        Wrong::SecretWithNewline => delivery.headers = guess(&format!("{OLD}\n"), &delivery, now),
        Wrong::OtherScheme => delivery.uri = delivery.uri.replacen("https", "http", 1),
        Wrong::OtherHost => delivery.uri = delivery.uri.replacen("hooks.", "hook.", 1),
        Wrong::OtherPath => delivery.uri = delivery.uri.replacen(".com/", ".com/x/", 1),
        Wrong::OtherQuery => delivery.uri.push_str(if delivery.uri.contains('?') { "&c" } else { "?c" }),
        Wrong::OtherMethod => delivery.method = "PUT",
        Wrong::OtherTimestamp => {
            put(&mut delivery.headers, TIMESTAMP, &(now.as_millisecond() + 7).to_string());
        }
        Wrong::TimestampInSeconds => put(&mut delivery.headers, TIMESTAMP, &now.as_second().to_string()),
        Wrong::Stale => delivery.headers = guess(OLD, &delivery, now - TOLERANCE - late(random)),
        Wrong::FromTheFuture => delivery.headers = guess(OLD, &delivery, now + TOLERANCE + late(random)),
        Wrong::DowngradeToV1 => {
            put(&mut delivery.headers, V3, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        }
        Wrong::VersionUnknown => {
            delivery.headers.remove(V3);
            put(&mut delivery.headers, VERSION, "v4");
        }
        Wrong::Unsigned => delivery.headers = HeaderMap::new(),
    }
    // Of what v3 alone covers, v1 says nothing: with v1 beside it, no older signature may count.
    delivery
}

fn late(random: &mut Random) -> SignedDuration {
    SignedDuration::from_millis(1 + i64::try_from(random.below(86_400_000)).unwrap_or(0))
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).expect("visible characters");
    headers.insert(HeaderName::from_static(name), value);
}

/// Another character of the same alphabet, at a place that carries six or four whole bits.
fn flip(random: &mut Random, headers: &mut HeaderMap, name: &'static str) {
    let mut text: Vec<u8> = headers.get(name).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    let place = usize::try_from(random.below(40)).unwrap_or(0);
    text[place] = if text[place] == b'a' { b'b' } else { b'a' };
    headers
        .insert(HeaderName::from_static(name), HeaderValue::from_bytes(&text).expect("visible characters"));
}

fn shorten(headers: &mut HeaderMap) {
    for name in [V1, V3] {
        let text = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let half = &text[..text.len() / 2];
        put(headers, name, half);
    }
}

fn only(headers: &mut HeaderMap, names: &[&str]) {
    let kept: Vec<_> = names
        .iter()
        .filter_map(|name| Some((HeaderName::try_from(*name).ok()?, headers.get(*name)?.clone())))
        .collect();
    *headers = kept.into_iter().collect();
}

struct Wire {
    accepted: u64,
    refused: u64,
}

/// The same, against the binary: now its own address, clock and parser are in the way too.
fn wire(rig: &Rig) -> io::Result<Wire> {
    let places = scratch::Places::new("forgeries")?;
    let town = Town::found(&Plan::quiet(rig, &rig.binary, &places))?;
    let program = town.up().ready()?;
    let mut client = Client::new(town.gateway);
    let mut random = Random::new(rig.seed, 9);
    let (mut accepted, mut refused) = (0, 0);
    let secret = town.load.hook.secret.clone();
    let mut send = |delivery: &Delivery| -> io::Result<bool> {
        let headers: Vec<(&str, &str)> = delivery
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
            .collect();
        let answer = client.ask(delivery.method, &town.load.hook.target, &headers, &delivery.body)?;
        Ok(answer.status() == 200)
    };
    for number in 0..SAMPLE {
        let now = Timestamp::now();
        let mut delivery = genuine(&mut random, number, &secret, now);
        delivery.uri.clone_from(&town.load.hook.signed_url);
        delivery.headers = sign::headers(&secret, &delivery.uri, &delivery.body, now);
        refused += u64::from(!send(&delivery)?);
        let wrong = ALL[usize::try_from(number).unwrap_or(0) % ALL.len()];
        // What arrives is always our address; another one was signed.
        let is_of_the_address = matches!(
            wrong,
            Wrong::OtherScheme
                | Wrong::OtherHost
                | Wrong::OtherPath
                | Wrong::OtherQuery
                | Wrong::SecretWithNewline
        );
        let mut forged = if is_of_the_address {
            let mut other = forged(&mut random, delivery.clone(), wrong, now);
            other.headers = sign::headers(&secret, &other.uri, &other.body, now);
            if wrong == Wrong::SecretWithNewline {
                other.headers = sign::headers(&format!("{secret}\n"), &other.uri, &other.body, now);
            }
            other
        } else {
            forged_with(&mut random, &delivery, wrong, &secret, now)
        };
        forged.body = if wrong == Wrong::BodyBit { flip_in_text(&delivery.body) } else { forged.body };
        accepted += u64::from(send(&forged)?);
    }
    std::thread::sleep(Duration::from_millis(10));
    program.kill()?;
    Ok(Wire { accepted, refused })
}

/// Stale and future ones are signed with the right secret, at the wrong time.
fn forged_with(
    random: &mut Random,
    genuine: &Delivery,
    wrong: Wrong,
    secret: &str,
    now: Timestamp,
) -> Delivery {
    let mut delivery = forged(random, genuine.clone(), wrong, now);
    let at = match wrong {
        Wrong::Stale => now - TOLERANCE - SignedDuration::from_secs(5),
        Wrong::FromTheFuture => now + TOLERANCE + SignedDuration::from_secs(5),
        _ => return delivery,
    };
    delivery.headers = sign::headers(secret, &genuine.uri, &genuine.body, at);
    delivery
}

/// Still JSON, so that it is the signature that refuses it.
fn flip_in_text(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body).replace("\"email\"", "\"emaik\"");
    text.into_bytes()
}
