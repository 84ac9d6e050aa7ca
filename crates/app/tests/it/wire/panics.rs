//! A panic is our own bug, and what it prints nobody has looked at: the message may hold whatever was at hand. What is at hand
//! with a secret in it shows none, in any of eight spellings, in the message or in the log; and the one call that met the bug is the only one.

use std::sync::Arc;

use bytes::Bytes;
use client::accounts::Connection;
use client::body::Body;
use client::transport::{Sending, Transport};
use gateway::admit::{Admission, Callers, KeyDigest, Lent, NewCaller};
use gateway::rights::Rights;
use gateway::rules::Treatment;
use http::{Request, Response};
use hubspot::limits::AppKind;
use hubspot::secret::Secret;
use parking_lot::Mutex;
use store::grants::Tokens;
use tracing_subscriber::fmt::MakeWriter;

use super::patience::over;
use crate::house::canary::{assert_absent, hand_out};
use crate::house::{Conversation, ask};

const TOKEN: &str = "pat-na1-0c0ffee0-1111-2222-3333-444444444444";
const KEY: &str = "hubkeeper_a_callers_key_that_nobody_may_see";

/// Falls over a request with all of it in its message; passes on every other.
struct Falls;

impl Transport for Falls {
    fn send(&self, request: Request<Body>) -> Sending<'_> {
        Box::pin(async move {
            let (parts, _) = request.into_parts();
            assert!(!parts.uri.path().ends_with("/fall"), "this is no request of ours: {parts:?}");
            Ok(Response::new(Body::from(Bytes::from_static(b"ok"))))
        })
    }
}

/// All that is said while a test runs: panics as the standard hook prints them, and the log with everything in it.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Said {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Said {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let said = Self::default();
        let panics = said.clone();
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |told| {
            panics.0.lock().extend(format!("{told}\n").into_bytes());
            usual(told);
        }));
        let log = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(said.clone())
            .finish();
        (said, tracing::subscriber::set_default(log))
    }

    fn all(&self) -> Vec<u8> {
        self.0.lock().clone()
    }

    fn panics(&self) -> usize {
        String::from_utf8_lossy(&self.all()).matches("this is no request of ours").count()
    }
}

fn managed() -> Admission {
    let connection = Connection::new("crm".into(), &Secret::new(TOKEN), AppKind::PrivateApp).unwrap();
    let caller = NewCaller {
        name: "billing".into(),
        key: KeyDigest::of(KEY.as_bytes()),
        treatment: Treatment::default(),
        rights: Rights::default(),
        connection: None,
    };
    Admission::Managed {
        lent: Lent::new(vec![Arc::new(connection)]).unwrap(),
        callers: Callers::new([caller]),
    }
}

#[tokio::test]
async fn a_panic_with_secrets_in_hand_shows_none_of_them() {
    [TOKEN, KEY].into_iter().for_each(hand_out);
    let (said, _log) = Said::listen();
    for (admission, credential) in [(Admission::Passthrough, TOKEN), (managed(), KEY)] {
        let (url, _stop) = over(Arc::new(Falls), admission).await;
        let bearer = format!("Authorization: Bearer {credential}");
        let before = said.panics();
        let mut fallen = Conversation::open(&url).await;
        let lines = format!("HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}\r\n\r\n");
        // Lines that came before are not read anew.
        for _ in 0..3 {
            fallen.say(format!("GET /crm/v3/x {lines}")).await;
            assert_eq!(fallen.answer().await.text(), "ok");
        }
        fallen.say(format!("GET /crm/v3/fall {lines}")).await;
        fallen.rest().await;
        assert_eq!(said.panics(), before + 1, "the control: it fell, and said so");
        assert_eq!(
            ask(&url, "GET", "/crm/v3/x", &[&bearer], "").await.text(),
            "ok",
            "for everybody else it goes on"
        );
    }
    assert_absent("a panic or the log", &said.all());
}

/// What holds secrets may be printed by mistake.
#[tokio::test]
async fn whatever_holds_a_secret_masks_it() {
    hand_out(TOKEN);
    let (said, _log) = Said::listen();
    let secret = Secret::new(TOKEN);
    let tokens = Tokens {
        refresh: secret.clone(),
        access: secret.clone(),
        access_until: jiff::Timestamp::UNIX_EPOCH,
        scopes: Vec::new(),
    };
    let connection = Connection::new("crm".into(), &secret, AppKind::PrivateApp).unwrap();
    let client = hubspot::oauth::Client { id: "app".into(), secret: secret.clone() };
    let question = hubspot::oauth::introspect::Question::Oauth { token: &secret, client: &client };
    let exchange = hubspot::oauth::Exchange::Refresh { refresh_token: &secret };
    let printed = format!("{secret:?} {tokens:?} {connection:?} {client:?} {question:?} {exchange:?}");
    let fell = tokio::spawn(async move { panic!("with all this in hand: {printed}") }).await;
    assert!(fell.is_err());
    let all = said.all();
    assert!(String::from_utf8_lossy(&all).contains("with all this in hand"), "the control: it was said");
    assert_absent("a panic", &all);
}
