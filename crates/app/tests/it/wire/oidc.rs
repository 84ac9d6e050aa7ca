//! Logging in by an identity provider: the real binary before a stand-in issuer that speaks the protocol with keys of its own, and
//! that forges what it is told to forge. No forgery opens a session.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as B64};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::{Act, Answer, Conversation, Heard, Program, Start, Upstream, ask, json_answer};

const CLIENT: &str = "hubkeeper";
const SECRET: &str = "oidc client secret & more";
const UNKNOWN: &str = "the client is not known";

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgery {
    None,
    /// Another key than the published one.
    Key,
    /// No signature, and a header that says so.
    Unsigned,
    Audience,
    Issuer,
    Expired,
    Nonce,
    /// Changed after it was signed.
    Altered,
    /// In no group of ours.
    Stranger,
    /// Groups are told at the userinfo endpoint, and of another person.
    Elsewhere,
}

/// The issuer. What a person was sent there with is asked for again when the code comes.
struct Issuer {
    upstream: Upstream,
    desk: Arc<Mutex<Desk>>,
}

struct Desk {
    url: String,
    key: EcdsaKeyPair,
    /// What it is called; another one comes with another name.
    key_id: &'static str,
    other: EcdsaKeyPair,
    forges: Forgery,
    groups: Value,
    /// The client is known by a secret in the form alone, though others show theirs as Basic.
    wants_post: bool,
    /// By code: the query of the authorisation.
    away: HashMap<String, HashMap<String, String>>,
}

impl Issuer {
    async fn start() -> Self {
        let key = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let desk = Desk {
            url: String::new(),
            key: key(),
            key_id: "one",
            other: key(),
            forges: Forgery::None,
            groups: json!(["sre"]),
            wants_post: false,
            away: HashMap::new(),
        };
        let desk = Arc::new(Mutex::new(desk));
        let own = desk.clone();
        let upstream = Upstream::start(move |heard| own.lock().answer(heard)).await;
        desk.lock().url.clone_from(&upstream.url);
        Self { upstream, desk }
    }

    fn changes_its_key(&self, key_id: &'static str) {
        let mut desk = self.desk.lock();
        desk.key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        desk.key_id = key_id;
    }

    fn forges(&self, forgery: Forgery) {
        self.desk.lock().forges = forgery;
    }

    fn groups(&self, groups: Value) {
        self.desk.lock().groups = groups;
    }
}

impl Desk {
    fn answer(&mut self, heard: &Heard) -> Vec<Act> {
        let path = heard.head.split(' ').nth(1).unwrap().to_owned();
        let (path, query) = path.split_once('?').unwrap_or((path.as_str(), ""));
        let answer = match path {
            "/.well-known/openid-configuration" => json!({
                "issuer": self.url, "authorization_endpoint": format!("{}/authorize", self.url),
                "token_endpoint": format!("{}/token", self.url), "jwks_uri": format!("{}/keys", self.url),
                "userinfo_endpoint": format!("{}/userinfo", self.url),
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }),
            "/userinfo" => {
                assert!(heard.head.contains("Bearer of-the-code"), "{heard:?}");
                json!({"sub": "2", "groups": ["owners"]})
            }
            "/keys" => {
                let point = self.key.public_key().as_ref();
                let (x, y) = (B64.encode(&point[1..33]), B64.encode(&point[33..]));
                json!({"keys": [{"kty": "EC", "kid": self.key_id, "use": "sig", "crv": "P-256", "x": x, "y": y}]})
            }
            "/authorize" => return vec![self.authorise(pairs(query))],
            "/token" => match self.trade(heard) {
                Ok(traded) => traded,
                Err(why) => {
                    let (status, error) = match why {
                        UNKNOWN => ("401 Unauthorized", "invalid_client"),
                        _ => ("400 Bad Request", "invalid_grant"),
                    };
                    let body = json!({"error": error, "error_description": why}).to_string();
                    return vec![json_answer(status, &body)];
                }
            },
            other => panic!("{other}"),
        };
        vec![json_answer("200 OK", &answer.to_string())]
    }

    /// The person consents at once.
    fn authorise(&mut self, asked: HashMap<String, String>) -> Act {
        assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", CLIENT));
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"), "{asked:?}");
        let code = format!("code-{}", self.away.len());
        let back = format!("{}?state={}&code={code}", asked["redirect_uri"], asked["state"]);
        self.away.insert(code, asked);
        Act::Say(format!("HTTP/1.1 302 Found\r\nLocation: {back}\r\nContent-Length: 0\r\n\r\n").into_bytes())
    }

    fn trade(&mut self, heard: &Heard) -> Result<Value, &'static str> {
        let given = pairs(std::str::from_utf8(&heard.body).unwrap());
        let secret = percent_encoding::utf8_percent_encode(SECRET, percent_encoding::NON_ALPHANUMERIC);
        let basic = STANDARD.encode(format!("{CLIENT}:{secret}"));
        let is_known = if self.wants_post {
            given.get("client_secret").is_some_and(|secret| secret == SECRET)
        } else {
            heard.head.contains(&format!("Basic {basic}"))
        };
        if !is_known {
            return Err(UNKNOWN);
        }
        // Each code is good once.
        let asked = self.away.remove(given.get("code").ok_or("no code")?).ok_or("the code is not known")?;
        let challenge = B64.encode(digest(&SHA256, given["code_verifier"].as_bytes()));
        if challenge != asked["code_challenge"] || given["redirect_uri"] != asked["redirect_uri"] {
            return Err("verifier or address do not fit");
        }
        Ok(
            json!({"token_type": "Bearer", "access_token": "of-the-code", "id_token": self.id_token(&asked["nonce"])}),
        )
    }

    fn id_token(&self, nonce: &str) -> String {
        let now = client::clock::WallClock::system().now().as_second();
        let mut claims = json!({
            "iss": self.url, "aud": CLIENT, "sub": "1", "preferred_username": "ada", "groups": self.groups,
            "exp": now + 300, "iat": now, "nonce": nonce,
        });
        match self.forges {
            Forgery::None | Forgery::Key | Forgery::Unsigned | Forgery::Altered => {}
            Forgery::Audience => claims["aud"] = json!("another-app"),
            Forgery::Issuer => claims["iss"] = json!("https://login.example.com"),
            Forgery::Expired => claims["exp"] = json!(now - 3600),
            Forgery::Nonce => claims["nonce"] = json!("of-another-journey"),
            Forgery::Stranger => claims["groups"] = json!(["everybody"]),
            Forgery::Elsewhere => drop(claims.as_object_mut().unwrap().remove("groups")),
        }
        let algorithm = if self.forges == Forgery::Unsigned { "none" } else { "ES256" };
        let header = json!({"alg": algorithm, "kid": self.key_id, "typ": "JWT"}).to_string();
        let text = format!("{}.{}", B64.encode(header), B64.encode(claims.to_string()));
        let key = if self.forges == Forgery::Key { &self.other } else { &self.key };
        let signature = key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        let signature = if self.forges == Forgery::Unsigned { String::new() } else { B64.encode(signature) };
        if self.forges == Forgery::Altered {
            claims["groups"] = json!(["owners"]);
            let (header, _) = text.split_once('.').unwrap();
            return format!("{header}.{}.{signature}", B64.encode(claims.to_string()));
        }
        format!("{text}.{signature}")
    }
}

fn pairs(form: &str) -> HashMap<String, String> {
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned()
    };
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value)));
    form.split('&').filter_map(pair).collect()
}

async fn up(issuer: &Issuer, data: &TempDir) -> Program {
    let file = format!(
        "[admin.oidc]\nissuer = \"{}\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"env:OIDC_SECRET\"\n\
         [admin.oidc.roles]\nviewer = [\"everyone\"]\noperator = [\"sre\"]\nadmin = [\"owners\"]\n",
        issuer.upstream.url
    );
    Start::up(&Upstream::nobody().await)
        .args(&["--data", data.path().join("data").to_str().unwrap()])
        .file("hubkeeper.toml", &file)
        .env("OIDC_SECRET", SECRET)
        .ready()
        .await
}

fn path_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    &rest[rest.find('/').unwrap()..]
}

fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let all = answer.headers("set-cookie");
    let own = all.iter().find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='))?;
    Some(format!("Cookie: {name}={}", own.split(';').next().unwrap()))
}

/// To the issuer and back; the browser's own cookie, and where it is sent back to.
async fn away(up: &Program, issuer: &Issuer) -> (String, String) {
    let begun = ask(up.admin(), "GET", "/login/oidc", &[], "").await;
    assert_eq!(begun.status, 303, "{begun:?}");
    let there = begun.header("location").unwrap();
    assert!(there.starts_with(&issuer.upstream.url) && !there.contains("code_verifier"), "{there}");
    let at_issuer = ask(&issuer.upstream.url, "GET", path_of(there), &[], "").await;
    let back = path_of(at_issuer.header("location").unwrap()).to_owned();
    (cookie(&begun, "hubkeeper_login").unwrap(), back)
}

async fn log_in(up: &Program, issuer: &Issuer) -> Answer {
    let (held, back) = away(up, issuer).await;
    ask(up.admin(), "GET", &back, &[&held, "Sec-Fetch-Site: cross-site"], "").await
}

#[tokio::test]
async fn a_person_of_the_issuers_groups_gets_their_role() {
    let (issuer, data) = (Issuer::start().await, TempDir::new().unwrap());
    let up = up(&issuer, &data).await;
    assert_eq!(ask(up.admin(), "GET", "/metrics", &[], "").await.status, 401, "nobody gets in without");
    let page = ask(up.admin(), "GET", "/login", &[], "").await.text();
    assert!(page.contains("/login/oidc") && !page.contains("Admin key"), "there is no key: {page}");
    for (groups, role, acts) in [(json!(["everyone"]), "viewer", 403), (json!(["sre", "x"]), "operator", 303)]
    {
        issuer.groups(groups);
        let landed = log_in(&up, &issuer).await;
        assert_eq!(landed.status, 200, "{landed:?}");
        let session = cookie(&landed, "hubkeeper_session").unwrap();
        let page = ask(up.admin(), "GET", "/", &[&session], "").await;
        assert!(page.status == 200 && page.text().contains("Log out ada"), "{page:?}");
        assert!(page.text().contains(role));
        let text = page.text();
        let csrf = text.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let form = format!("turn=on&family=&connection=&reason=a+drill&csrf={csrf}");
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let acted = ask(up.admin(), "POST", "/switches", &[&session, kind], &form).await;
        assert_eq!(acted.status, acts, "{acted:?}");
    }
    up.stop().await;
    let list =
        ["audit", "list", "--json", "--data", data.path().join("data").to_str().unwrap()].map(str::to_owned);
    let listed = Start::new(&list.each_ref().map(String::as_str)).ended().await;
    let logged_in = |line: &&str| line.contains("\"logged_in\"") && line.contains("\"ada\"");
    assert_eq!(listed.stdout.lines().filter(logged_in).count(), 2, "{listed:#?}");
    assert!(listed.stdout.contains("degraded_on") && listed.stdout.contains("call_denied"), "{listed:#?}");
}

#[tokio::test]
async fn a_key_that_the_issuer_changed_a_moment_ago_is_fetched() {
    let (issuer, data) = (Issuer::start().await, TempDir::new().unwrap());
    let up = up(&issuer, &data).await;
    issuer.groups(json!(["sre"]));
    assert_eq!(log_in(&up, &issuer).await.status, 200);
    issuer.changes_its_key("two");
    let landed = log_in(&up, &issuer).await;
    assert_eq!(landed.status, 200, "{landed:?}");
    issuer.changes_its_key("three");
    let landed = log_in(&up, &issuer).await;
    assert_eq!(landed.status, 403, "not again and again: {landed:?}");
    up.stop().await;
}

/// Behind a proxy that speaks TLS, nobody but us can set the cookies that tell who one is.
#[tokio::test]
async fn over_tls_cookies_have_a_prefix_that_others_cannot_set() {
    let data = TempDir::new().unwrap();
    let key = "hubkeeper_0123456789abcdef";
    let file = "[admin]\nkey = \"env:KEY\"\n[admin.oidc]\nissuer = \"https://login.example.com\"\nclient_id = \"c\"\n\
                public_url = \"https://hubkeeper.example.com\"\n[admin.oidc.roles]\nadmin = [\"a\"]\n";
    let start = Start::up(&Upstream::nobody().await).args(&["--data", data.path().to_str().unwrap()]);
    let up = start.file("hubkeeper.toml", file).env("KEY", key).ready().await;
    let form = format!("name=ada&key={key}");
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let landed = ask(up.admin(), "POST", "/login", &[kind], &form).await;
    let session = cookie(&landed, "__Host-hubkeeper_session").unwrap_or_else(|| panic!("{landed:?}"));
    assert!(
        landed.headers("set-cookie")[0].contains("; Path=/; ") && landed.head.contains("; Secure"),
        "{landed:?}"
    );
    assert_eq!(ask(up.admin(), "GET", "/metrics", &[&session], "").await.status, 200);
    let mut proxied = Conversation::open(up.admin()).await;
    proxied.say(format!("GET /metrics HTTP/1.1\r\nHost: hubkeeper.example.com\r\n{session}\r\n\r\n")).await;
    assert_eq!(proxied.answer().await.status, 200, "it is called so");
    drop(proxied);
    let tossed = session.replace("__Host-", "");
    assert_eq!(ask(up.admin(), "GET", "/metrics", &[&tossed], "").await.status, 401, "it may be anybody's");
    up.stop().await;
}

/// Which way a client has to show its secret is often set for each by itself.
#[tokio::test]
async fn a_client_that_is_known_by_a_posted_secret_alone_is_let_in() {
    let (issuer, data) = (Issuer::start().await, TempDir::new().unwrap());
    let up = up(&issuer, &data).await;
    issuer.desk.lock().wants_post = true;
    let landed = log_in(&up, &issuer).await;
    assert_eq!(landed.status, 200, "{landed:?}");
    up.stop().await;
}

#[tokio::test]
async fn no_forgery_opens_a_session() {
    let (issuer, data) = (Issuer::start().await, TempDir::new().unwrap());
    let up = up(&issuer, &data).await;
    for (forgery, told) in [
        (Forgery::Key, "signature"),
        (Forgery::Unsigned, "RS256 or ES256"),
        (Forgery::Audience, "another application"),
        (Forgery::Issuer, "another issuer"),
        (Forgery::Expired, "expired"),
        (Forgery::Nonce, "another journey"),
        (Forgery::Altered, "signature"),
        (Forgery::Stranger, "none of the groups"),
        (Forgery::Elsewhere, "somebody else"),
    ] {
        issuer.forges(forgery);
        let refused = log_in(&up, &issuer).await;
        assert_eq!(refused.status, 403, "{forgery:?}: {refused:?}");
        assert!(refused.text().contains(told), "{forgery:?}: {refused:?}");
        assert_eq!(cookie(&refused, "hubkeeper_session"), None, "{forgery:?}");
    }
    issuer.forges(Forgery::None);
    // Somebody else's way back: the browser that holds nothing, or another journey's state.
    let (held, back) = away(&up, &issuer).await;
    let (other, _) = away(&up, &issuer).await;
    for headers in [&[][..], &[other.as_str()]] {
        let refused = ask(up.admin(), "GET", &back, headers, "").await;
        assert!(refused.status == 403 && refused.text().contains("not begun in this browser"), "{refused:?}");
    }
    assert_eq!(ask(up.admin(), "GET", &back, &[&held], "").await.status, 200, "the control: it opens");
    let twice = ask(up.admin(), "GET", &back, &[&held], "").await;
    assert!(twice.status == 403 && twice.text().contains("invalid_grant"), "a code is good once: {twice:?}");
    up.stop().await;
}

#[tokio::test]
async fn an_issuer_that_is_not_there_lets_nobody_in_and_keeps_nothing_from_starting() {
    let nobody = Upstream::nobody().await;
    let file = format!(
        "[admin.oidc]\nissuer = \"{nobody}\"\nclient_id = \"{CLIENT}\"\n[admin.oidc.roles]\nadmin = [\"owners\"]\n"
    );
    let up = Start::up(&Upstream::nobody().await).file("hubkeeper.toml", &file).ready().await;
    let begun = ask(up.admin(), "GET", "/login/oidc", &[], "").await;
    assert!(begun.status == 502 && begun.text().contains("cannot be asked"), "{begun:?}");
    assert_eq!(ask(up.admin(), "GET", "/metrics", &[], "").await.status, 401);
    up.stop().await;
}

#[tokio::test]
async fn an_identity_provider_that_makes_no_sense_is_refused_with_a_hint() {
    for (entry, told) in [
        (
            "issuer = \"http://login.example.com\"\nclient_id = \"c\"\n[admin.oidc.roles]\nadmin = [\"a\"]",
            "https",
        ),
        ("issuer = \"https://login.example.com\"\nclient_id = \"c\"", "roles"),
        (
            "issuer = \"https://login.example.com\"\nclient_id = \"c\"\nscopes = [\"email\"]\n[admin.oidc.roles]\nadmin = [\"a\"]",
            "openid",
        ),
        ("issuer = \"https://login.example.com\"\n[admin.oidc.roles]\nadmin = [\"a\"]", "client_id"),
    ] {
        let config = format!("[admin.oidc]\n{entry}\n");
        let ended = Start::new(&["config", "check"]).file("hubkeeper.toml", &config).ended().await;
        assert!(ended.code == Some(2) && ended.stderr.contains(told), "{entry}: {ended:#?}");
    }
}
