//! An app by itself: a token of no account, bought with the app's id and secret, for what concerns the app as a whole.
//! facts §5.2, §5.4.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hubspot::secret::Secret;
use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::time::Instant;

use crate::accounts::{Account, Credential};
use crate::body::Body;
use crate::call::Call;
use crate::handling::Handling;
use crate::lane::Lane;
use crate::stack::Stack;

/// The last of the versions that sell such tokens; 2026-09 does not name them. facts §5.2 [SPEC Oauth/279897].
const TOKEN: &str = "/oauth/2026-03/token";

/// A token this close to its end is not used any more: it must outlive the wait for a slot.
const SPARE: Duration = Duration::from_secs(120);

/// The longest that buying one may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A token's answer has half a kilobyte.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// An app, known by its id and secret.
pub struct App {
    client_id: String,
    client_secret: Secret,
    scopes: &'static str,
    pub(crate) account: Arc<Account>,
    token: Mutex<Option<Token>>,
}

struct Token {
    /// It prints as `Sensitive`.
    authorization: HeaderValue,
    until: Instant,
}

/// There is no token.
#[derive(Debug, thiserror::Error)]
pub enum NoToken {
    #[error("HubSpot gives no token for the app ({status} {why}): check client_id and client_secret")]
    Refused { status: u16, why: String },
    #[error("no token could be bought for the app: {0}")]
    Failed(&'static str),
}

#[derive(Deserialize)]
struct Bought {
    access_token: String,
    expires_in: u64,
}

/// What HubSpot calls the reason; its message could repeat what was sent.
#[derive(Default, Deserialize)]
struct Refused {
    #[serde(default)]
    status: String,
}

impl App {
    /// The header that authenticates as the app; nothing before it has signed in.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        self.token.lock().as_ref().map(|token| token.authorization.clone())
    }

    /// HubSpot does not know the token any more.
    pub(crate) fn forget_token(&self) {
        *self.token.lock() = None;
    }

    fn is_signed_in(&self) -> bool {
        self.token.lock().as_ref().is_some_and(|token| token.until > Instant::now() + SPARE)
    }
}

impl Stack {
    /// An app with a gate and breakers of its own. Nothing is asked yet.
    pub fn app(&self, name: &str, client_id: String, client_secret: Secret, scopes: &'static str) -> App {
        let account = Arc::new(self.accounts.for_an_app(name));
        App { client_id, client_secret, scopes, account, token: Mutex::default() }
    }

    /// Sees to it that the app has a token that lasts for a while.
    pub(crate) async fn sign_in(self: &Arc<Self>, app: &Arc<App>) -> Result<(), NoToken> {
        if app.is_signed_in() {
            return Ok(());
        }
        let began = Instant::now();
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (id, secret) = (encoded(&app.client_id), encoded(app.client_secret.expose()));
        let scopes = encoded(app.scopes);
        let form =
            format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={scopes}");
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let call = Call {
            endpoint: hubspot::endpoint::classify(&Method::POST, TOKEN),
            method: Method::POST,
            target: http::uri::PathAndQuery::from_static(TOKEN),
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, form_type)]),
            credential: Credential::Anonymous,
            caller: Arc::from("journal"),
            calls_itself: None,
            deadline: began + PATIENCE,
            handling: Handling { lane: Lane::Sync, ..Handling::default() },
        };
        let answered = self.call(call, Body::from(Bytes::from(form))).await;
        let answer = answered.map_err(|failed| NoToken::Failed(failed.why.name()))?;
        let status = answer.response.status();
        let read = Limited::new(answer.response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let read = read.map_err(|_| NoToken::Failed("the answer broke off"))?.to_bytes();
        if status != StatusCode::OK {
            let Refused { status: why } = serde_json::from_slice(&read).unwrap_or_default();
            let why = why.chars().filter(|letter| letter.is_ascii_uppercase() || *letter == '_').collect();
            return Err(NoToken::Refused { status: status.as_u16(), why });
        }
        let bought: Bought =
            serde_json::from_slice(&read).map_err(|_| NoToken::Failed("the answer holds no token"))?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", bought.access_token))
            .map_err(|_| NoToken::Failed("the token is not plain visible text"))?;
        authorization.set_sensitive(true);
        let until = began + Duration::from_secs(bought.expires_in.min(24 * 3600));
        *app.token.lock() = Some(Token { authorization, until });
        Ok(())
    }
}
