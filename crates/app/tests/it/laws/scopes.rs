//! A call that its token cannot make costs HubSpot nothing, and one that it can make is never refused: the scopes change at
//! HubSpot, its word is not to be had, another token comes. Judged by what stood at the simulator's door.

use std::sync::Arc;
use std::time::Duration;

use client::accounts::{Connection, Token};
use client::stack::Feature;
use gateway::Gateway;
use gateway::admit::{Admission, Callers, Lent};
use gateway::scopes::{OfConnection, Scopes};
use http::Method;
use hubspot::limits::AppKind;
use hubspot::secret::Secret;
use serde_json::{Value, json};
use simulator::Config;

use crate::house::{Answer, ask};
use crate::virtual_gateway::{self, Listening};
use crate::virtual_hubspot::Virtual;

const CONTACTS: &str = "/crm/v3/objects/contacts?limit=1";
const DEALS: &str = "/crm/v3/objects/deals?limit=1";
const INTROSPECTION: &str = "/oauth/v2/private-apps/get/access-token-info";

struct Portal {
    hubspot: Virtual,
    connection: Arc<Connection>,
    scopes: Arc<Scopes>,
    gateway: Listening,
}

impl Portal {
    async fn new(refuses: Feature) -> Self {
        let hubspot = Virtual::new(Config::default(), Feature::On);
        let token = Secret::new(hubspot.token());
        let connection = Arc::new(Connection::new("crm".into(), &token, AppKind::PrivateApp).unwrap());
        let of = OfConnection { connection: connection.clone(), app: None };
        let scopes = Arc::new(Scopes::new(hubspot.stack.clone(), vec![of], refuses));
        let admission = Admission::Managed {
            lent: Lent::new(vec![connection.clone()]).unwrap(),
            callers: Callers::default(),
        };
        let plain = virtual_gateway::plain(&hubspot);
        let gateway = Gateway { admission, scopes: Some(scopes.clone()), ..plain };
        let gateway = virtual_gateway::listen(gateway).await;
        Self { hubspot, connection, scopes, gateway }
    }

    /// What the token may do from now on, as a person sets it in HubSpot.
    async fn grant(&self, token: &str, scopes: &[&str]) {
        let asked = json!({"token": token, "scopes": scopes}).to_string();
        let made = self.hubspot.control(Method::POST, "/_sim/tokens", &asked).await;
        assert_eq!(made["token"].as_str(), Some(token), "{made}");
    }

    async fn known(&self) -> Option<Vec<String>> {
        let standing = self.scopes.standings().await.remove(0);
        standing.granted.map(|scopes| scopes.to_vec())
    }

    async fn call(&self, target: &str) -> Answer {
        ask(&self.gateway.url, "GET", target, &[], "").await
    }

    /// Requests at HubSpot's door that begin with this path.
    fn sent(&self, path: &str) -> usize {
        let path = path.split('?').next().unwrap();
        self.hubspot.door.lock().iter().filter(|exchange| exchange.target.starts_with(path)).count()
    }
}

fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (answer.status, text(&body["category"]), text(&body["subCategory"]))
}

fn refused() -> (u16, String, String) {
    (403, "MISSING_SCOPES".into(), "HUBKEEPER_MISSING_SCOPES".into())
}

#[tokio::test(start_paused = true)]
async fn what_the_token_cannot_do_is_refused_for_nothing_until_it_can() {
    let portal = Portal::new(Feature::On).await;
    let token = portal.hubspot.token();
    portal.grant(&token, &["oauth", "crm.objects.contacts.read"]).await;
    assert_eq!(portal.known().await.map(|scopes| scopes.len()), Some(2));
    for _ in 0..20 {
        let answer = portal.call(DEALS).await;
        assert_eq!(refusal(&answer), refused(), "{answer:?}");
        let needs = &answer.json()["errors"][0]["context"]["requiredGranularScopes"];
        assert_eq!(needs, &json!(["crm.objects.deals.read"]));
    }
    assert_eq!(portal.call(CONTACTS).await.status, 200);
    assert_eq!((portal.sent(DEALS), portal.sent(CONTACTS)), (0, 1), "HubSpot saw none of the refused");
    assert_eq!(portal.sent(INTROSPECTION), 1, "one question for all of them");

    // The scope is added in HubSpot: the next call that comes after the moment for which its word counts goes through.
    portal.grant(&token, &["oauth", "crm.objects.contacts.read", "crm.objects.deals.read"]).await;
    tokio::time::advance(Duration::from_secs(16)).await;
    assert_eq!(portal.call(DEALS).await.status, 200);
    assert_eq!(portal.sent(INTROSPECTION), 2);

    // It is taken away: HubSpot says so itself, it is asked what is left, and then it is spared.
    portal.grant(&token, &["oauth"]).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let answer = portal.call(DEALS).await;
    assert_eq!((answer.status, refusal(&answer).2.as_str()), (403, ""), "HubSpot's own: {answer:?}");
    tokio::time::advance(Duration::from_secs(1)).await;
    let sent = portal.sent(DEALS);
    assert_eq!(refusal(&portal.call(DEALS).await), refused());
    assert_eq!(portal.sent(DEALS), sent);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_for_sure_is_hubspots_to_say() {
    let portal = Portal::new(Feature::On).await;
    let token = portal.hubspot.token();
    portal.grant(&token, &["oauth"]).await;
    assert_eq!(portal.known().await.map(|scopes| scopes.len()), Some(1));
    assert_eq!(refusal(&portal.call(DEALS).await), refused());
    // HubSpot cannot be asked any more, and what it said a minute ago refuses nobody.
    let outage = json!({"kind": "hubspot.auth_outage"}).to_string();
    let fault = portal.hubspot.control(Method::POST, "/_sim/faults", &outage).await;
    assert!(fault["id"].is_u64(), "{fault}");
    tokio::time::advance(Duration::from_secs(60)).await;
    let answer = portal.call(DEALS).await;
    assert_eq!((answer.status, portal.sent(DEALS)), (401, 1), "HubSpot's own: {answer:?}");
    let path = format!("/_sim/faults/{}", fault["id"]);
    portal.hubspot.control(Method::DELETE, &path, "").await;

    // Another token with more: what was known of the one before refuses nobody.
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(portal.known().await, Some(vec!["oauth".to_owned()]));
    let other = "pat-na1-00000000-0000-4000-8000-00000000abcd";
    portal.grant(other, &["oauth", "crm.objects.deals.read"]).await;
    let new = Token::new(&Secret::new(other), None).unwrap();
    portal.hubspot.stack.replace_token(&portal.connection, Ok(new));
    assert_eq!(portal.call(DEALS).await.status, 200);
}

/// The control: switched off, every one of them reaches HubSpot.
#[tokio::test(start_paused = true)]
async fn switched_off_hubspot_answers_each_of_them_itself() {
    let portal = Portal::new(Feature::Off).await;
    portal.grant(&portal.hubspot.token(), &["oauth"]).await;
    assert_eq!(portal.known().await.map(|scopes| scopes.len()), Some(1));
    for _ in 0..5 {
        let answer = portal.call(DEALS).await;
        assert_eq!((answer.status, refusal(&answer).2.as_str()), (403, ""));
    }
    assert_eq!(portal.sent(DEALS), 5);
}
