//! OAuth connections of the real binary before a simulated HubSpot: consent, renewal, a crash, and the end of a grant.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::{Answer, Ended, Program, Start, ask};

mod several;

const JSON: &str = "Content-Type: application/json";
const READ: &str = "/crm/v3/objects/contacts?limit=1";

/// A simulator that knows an OAuth app, and where hubkeeper keeps what people grant.
struct Town {
    sim: Program,
    client: Value,
    key: String,
    data: TempDir,
}

impl Town {
    async fn new() -> Self {
        let sim = Start::sim().ready().await;
        let asked = json!({"kind": "public-oauth", "app_id": 7, "portal_id": 50_000}).to_string();
        let client = ask(sim.url(), "POST", "/_sim/tokens", &[], &asked).await.json();
        let key = Start::new(&["connections", "new-key"]).ended().await;
        assert_eq!(key.code, Some(0), "{key:#?}");
        Self { sim, client, key: key.stdout.trim().to_owned(), data: TempDir::new().unwrap() }
    }

    async fn up(&self) -> Program {
        let client_id = self.client["client_id"].as_str().unwrap();
        let file = format!(
            "[gateway]\nmode = \"managed\"\n[store]\nkey = \"env:STORE_KEY\"\n[[connections]]\nname = \"crm\"\n\
             client_id = \"{client_id}\"\nclient_secret = \"env:SECRET\"\nscopes = [\"oauth\", \"crm.objects.contacts.read\"]\n"
        );
        Start::up(self.sim.url())
            .args(&["--data", self.data.path().join("data").to_str().unwrap()])
            .file("hubkeeper.toml", &file)
            .env("STORE_KEY", &self.key)
            .env("SECRET", self.client["client_secret"].as_str().unwrap())
            .ready()
            .await
    }

    /// A person follows an address to HubSpot, consents, and is sent back.
    async fn consents(&self, up: &Program, url: &str) -> Answer {
        let at_hubspot = ask(self.sim.url(), "GET", path_of(url), &[], "").await;
        assert_eq!(at_hubspot.status, 302, "{at_hubspot:?}");
        let back = at_hubspot.header("location").unwrap();
        assert!(
            back.starts_with("http://localhost:"),
            "HubSpot takes plain http for that name alone: {back}"
        );
        ask(up.admin(), "GET", path_of(back), &["Sec-Fetch-Site: cross-site"], "").await
    }
}

fn path_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    &rest[rest.find('/').unwrap()..]
}

async fn connections(up: &Program, arguments: &[&str]) -> (Ended, Value) {
    let start = Start::new(&["connections"]).args(arguments).args(&["--json", "--admin", up.admin()]);
    let ended = start.ended().await;
    let told = serde_json::from_str(&ended.stdout).unwrap_or_default();
    (ended, told)
}

/// How the one connection stands, and whether the command says that all is well.
async fn standing(up: &Program) -> (String, Option<i32>) {
    let (ended, told) = connections(up, &["list"]).await;
    (
        told["connections"][0]["standing"].as_str().unwrap_or_else(|| panic!("{ended:#?}")).to_owned(),
        ended.code,
    )
}

async fn read(up: &Program) -> Answer {
    ask(up.url(), "GET", READ, &["Cache-Control: no-cache"], "").await
}

fn category(answer: &Answer) -> String {
    answer.json()["category"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_grant_lives_from_consent_over_a_crash_to_its_end_and_anew() {
    let town = Town::new().await;
    let up = town.up().await;
    assert_eq!(standing(&up).await, ("not_authorised".into(), Some(1)));
    let refused = read(&up).await;
    assert_eq!(
        (refused.status, category(&refused).as_str()),
        (401, "HUBKEEPER_NOT_AUTHORISED"),
        "{refused:?}"
    );
    assert!(refused.text().contains("/oauth/connect/crm"), "it says where a person goes: {refused:?}");

    let (_, begun) = connections(&up, &["add", "crm", "--no-wait"]).await;
    let url = begun["url"].as_str().unwrap();
    assert!(url.contains("code_challenge=") && url.contains("state="), "{url}");
    let authorised = town.consents(&up, url).await;
    assert!(
        authorised.status == 200 && authorised.text().contains("is authorised for portal"),
        "{authorised:?}"
    );
    let state = url.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let again = format!("/oauth/callback?state={state}&code=stolen");
    assert_eq!(ask(up.admin(), "GET", &again, &[], "").await.status, 400, "each state is good once");
    assert_eq!(standing(&up).await, ("ok".into(), Some(0)));
    assert_eq!(read(&up).await.status, 200);
    let (checked, _) = connections(&up, &["check"]).await;
    assert_eq!(checked.code, Some(0), "{checked:#?}");
    let (rotated, told) = connections(&up, &["rotate", "crm"]).await;
    assert_eq!((rotated.code, &told["changed"]), (Some(0), &json!(true)), "{rotated:#?}");
    up.kill().await;

    let up = town.up().await;
    assert_eq!(standing(&up).await, ("ok".into(), Some(0)), "what was granted is on the disk");
    assert_eq!(read(&up).await.status, 200);
    assert_eq!(connections(&up, &["check"]).await.0.code, Some(0));
    // The account takes the app out.
    assert_eq!(ask(up.url(), "DELETE", "/appinstalls/v3/external-install", &[], "").await.status, 204);
    assert_eq!(read(&up).await.status, 401);
    let (checked, _) = connections(&up, &["check"]).await;
    assert_eq!(checked.code, Some(1), "what is kept says nothing of a token: {checked:#?}");
    let (once, told) = connections(&up, &["rotate", "crm"]).await;
    assert_eq!((once.code, told["trouble"].as_str()), (Some(1), Some("refresh_token_dead")), "{once:#?}");
    assert_eq!(standing(&up).await, ("degraded".into(), Some(1)), "HubSpot is believed the second time");
    let (twice, _) = connections(&up, &["rotate", "crm"]).await;
    assert_eq!(twice.code, Some(1), "{twice:#?}");
    assert_eq!(standing(&up).await, ("needs_reauthorisation".into(), Some(1)));
    let refused = read(&up).await;
    assert_eq!(
        (refused.status, category(&refused).as_str()),
        (401, "HUBKEEPER_NOT_AUTHORISED"),
        "{refused:?}"
    );

    let connect = ask(up.admin(), "GET", "/oauth/connect/crm", &["Sec-Fetch-Site: cross-site"], "").await;
    assert_eq!(connect.status, 303, "a link in a message leads there: {connect:?}");
    let authorised = town.consents(&up, connect.header("location").unwrap()).await;
    assert_eq!(authorised.status, 200, "{authorised:?}");
    assert_eq!((standing(&up).await.0.as_str(), read(&up).await.status), ("ok", 200));
    let (removed, _) = connections(&up, &["remove", "crm"]).await;
    assert_eq!((removed.code, standing(&up).await.0.as_str()), (Some(0), "not_authorised"), "{removed:#?}");
    assert_eq!(read(&up).await.status, 401);
    up.stop().await;
}

#[tokio::test]
async fn what_people_granted_opens_with_its_key_alone() {
    let mut town = Town::new().await;
    let up = town.up().await;
    let (_, begun) = connections(&up, &["add", "crm", "--no-wait"]).await;
    assert_eq!(town.consents(&up, begun["url"].as_str().unwrap()).await.status, 200);
    up.stop().await;
    let right = std::mem::replace(&mut town.key, "0".repeat(64));
    let client_id = town.client["client_id"].as_str().unwrap();
    let start = Start::up(town.sim.url())
        .args(&["--data", town.data.path().join("data").to_str().unwrap()])
        .file("hubkeeper.toml", &format!("[[connections]]\nname = \"crm\"\nclient_id = \"{client_id}\"\nclient_secret = \"env:SECRET\"\nscopes = [\"oauth\"]\n[store]\nkey = \"env:STORE_KEY\"\n"))
        .env("STORE_KEY", &town.key)
        .env("SECRET", town.client["client_secret"].as_str().unwrap());
    let refused = start.ended().await;
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(refused.stderr.contains("hint: ") && refused.stderr.contains("key_before"), "{refused:#?}");
    town.key = right;
    let up = town.up().await;
    assert_eq!(standing(&up).await.0, "ok");
    up.stop().await;
}

#[tokio::test]
async fn a_token_that_nobody_renews_stands_as_hubspot_took_it_last() {
    let sim = Start::sim().ready().await;
    let up = Start::up(sim.url())
        .file("hubkeeper.toml", "[gateway]\nmode = \"managed\"\n")
        .env("HUBSPOT_ACCESS_TOKEN", sim.token())
        .ready()
        .await;
    assert_eq!((read(&up).await.status, standing(&up).await), (200, ("ok".into(), Some(0))));
    let fault =
        ask(sim.url(), "POST", "/_sim/faults", &[JSON], r#"{"kind": "auth.token_revoked"}"#).await.json();
    assert_eq!(read(&up).await.status, 401);
    assert_eq!(standing(&up).await, ("needs_reauthorisation".into(), Some(1)));
    let mended = ask(sim.url(), "DELETE", &format!("/_sim/faults/{}", fault["id"]), &[], "").await;
    assert!(mended.status < 300, "{mended:?}");
    assert_eq!((read(&up).await.status, standing(&up).await), (200, ("ok".into(), Some(0))));
    up.stop().await;
}

#[tokio::test]
async fn calls_choose_a_connection_and_a_caller_is_held_to_its_own() {
    let sim = Start::sim().ready().await;
    let other = ask(sim.url(), "POST", "/_sim/tokens", &[], r#"{"portal_id": 60000}"#).await.json();
    let file = "[gateway]\nmode = \"managed\"\n[[connections]]\nname = \"one\"\ntoken = \"env:ONE\"\n[[connections]]\n\
                name = \"two\"\ntoken = \"env:TWO\"\n[[callers]]\nname = \"free\"\nkey = \"env:FREE\"\n[[callers]]\n\
                name = \"held\"\nkey = \"env:HELD\"\nconnection = \"two\"\n";
    let data = TempDir::new().unwrap();
    let up = Start::up(sim.url())
        .args(&["--data", data.path().to_str().unwrap()])
        .file("hubkeeper.toml", file)
        .env("ONE", sim.token())
        .env("TWO", other["token"].as_str().unwrap())
        .env("FREE", "hubkeeper_free")
        .env("HELD", "hubkeeper_held")
        .ready()
        .await;
    let portal = async |key: &str, connection: Option<&str>| {
        let bearer = format!("Authorization: Bearer {key}");
        let named = connection.map(|name| format!("X-Hubkeeper-Connection: {name}"));
        let headers: Vec<&str> = [bearer.as_str(), JSON].into_iter().chain(named.as_deref()).collect();
        let answer = ask(up.url(), "GET", "/account-info/v3/details", &headers, "").await;
        answer.json()["portalId"].as_u64().unwrap_or_else(|| u64::from(answer.status))
    };
    let first = portal("hubkeeper_free", None).await;
    assert!(first > 1_000, "{first}");
    assert_eq!(portal("hubkeeper_free", Some("one")).await, first);
    assert_eq!(portal("hubkeeper_free", Some("two")).await, 60_000);
    assert_eq!(portal("hubkeeper_free", Some("three")).await, 400);
    assert_eq!(portal("hubkeeper_held", None).await, 60_000);
    assert_eq!(portal("hubkeeper_held", Some("two")).await, 60_000);
    assert_eq!(portal("hubkeeper_held", Some("one")).await, 403);
    let data = data.path().to_str().unwrap();
    let told = Start::new(&["audit", "list", "--json", "--data", data]).ended().await;
    assert!(told.stdout.contains("missing right connection:one"), "{told:#?}");
    up.stop().await;
}

/// Whichever hubkeeper a person comes back to knows them: what has to be known lies in the store.
#[tokio::test]
async fn a_person_who_was_sent_away_may_come_back_to_another_process() {
    let town = Town::new().await;
    let first = town.up().await;
    let (_, begun) = connections(&first, &["add", "crm", "--no-wait"]).await;
    first.kill().await;
    let second = town.up().await;
    let back = ask(town.sim.url(), "GET", path_of(begun["url"].as_str().unwrap()), &[], "").await;
    let back = path_of(back.header("location").unwrap()).to_owned();
    // The address that HubSpot sends people to names the first one's port; a proxy before both would not.
    let authorised = ask(second.admin(), "GET", &back, &["Sec-Fetch-Site: cross-site"], "").await;
    assert_ne!(authorised.status, 400, "the state is known: {authorised:?}");
    let twice = ask(second.admin(), "GET", &back, &[], "").await;
    assert_eq!(twice.status, 400, "and good once: {twice:?}");
    second.stop().await;
}

/// A key service of a few lines: what it wraps with version 1 or 2 it unwraps, unless it is down.
const KEY_SERVICE: &str = r#"
cd "$(dirname "$0")" || exit 1
[ -e down ] && { echo "the key service is down" >&2; exit 1; }
case "$1" in
wrap1) printf 'v1:'; tr '0-9a-f' '9876543210fedcba' ;;
wrap2) printf 'v2:'; tr '0-9a-f' 'fedcba9876543210' ;;
unwrap) IFS=: read -r version text
    case "$version" in
    v1) printf %s "$text" | tr '9876543210fedcba' '0-9a-f' ;;
    v2) printf %s "$text" | tr 'fedcba9876543210' '0-9a-f' ;;
    *) exit 1 ;;
    esac ;;
esac
"#;

#[tokio::test]
async fn the_stores_key_may_be_one_that_only_a_key_service_opens() {
    let town = Town::new().await;
    let service = town.data.path().join("service");
    std::fs::create_dir_all(&service).unwrap();
    let program = service.join("kms");
    std::fs::write(&program, KEY_SERVICE).unwrap();
    let wrap = async |version: &str, file: &str| {
        let command = format!("sh {} wrap{version}", program.display());
        let made = Start::new(&["connections", "new-key", "--wrap", &command]).ended().await;
        assert!(made.code == Some(0) && made.stdout.starts_with(&format!("v{version}:")), "{made:#?}");
        std::fs::write(service.join(file), &made.stdout).unwrap();
    };
    wrap("1", "old").await;
    let key = |file: &str| format!("exec:sh {} unwrap < {}", program.display(), service.join(file).display());
    let start = |keys: String| {
        let client_id = town.client["client_id"].as_str().unwrap();
        let file = format!(
            "[gateway]\nmode = \"managed\"\n[store]\n{keys}\n[[connections]]\nname = \"crm\"\nclient_id = \"{client_id}\"\n\
             client_secret = \"env:SECRET\"\nscopes = [\"oauth\", \"crm.objects.contacts.read\"]\n"
        );
        Start::up(town.sim.url())
            .args(&["--data", town.data.path().join("data").to_str().unwrap()])
            .file("hubkeeper.toml", &file)
            .env("SECRET", town.client["client_secret"].as_str().unwrap())
    };
    let old = || format!("key = \"{}\"", key("old"));
    let up = start(old()).ready().await;
    let (_, begun) = connections(&up, &["add", "crm", "--no-wait"]).await;
    assert_eq!(town.consents(&up, begun["url"].as_str().unwrap()).await.status, 200);
    // The key is in hand: the service may go away.
    std::fs::write(service.join("down"), "").unwrap();
    let (rotated, told) = connections(&up, &["rotate", "crm"]).await;
    assert_eq!((rotated.code, &told["changed"]), (Some(0), &json!(true)), "{rotated:#?}");
    up.stop().await;
    let refused = start(old()).ended().await;
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(refused.stderr.contains("the key service is down"), "it says why: {refused:#?}");
    std::fs::remove_file(service.join("down")).unwrap();

    // Another key: what the old one sealed is sealed with it, and then the old one can go.
    wrap("2", "new").await;
    let both = format!("key = \"{}\"\nkey_before = \"{}\"", key("new"), key("old"));
    let up = start(both).ready().await;
    let (rewrapped, told) = connections(&up, &["rewrap"]).await;
    assert_eq!((rewrapped.code, &told["rewrapped"]), (Some(0), &json!(1)), "{rewrapped:#?}");
    up.stop().await;
    std::fs::remove_file(service.join("old")).unwrap();
    let up = start(format!("key = \"{}\"", key("new"))).ready().await;
    assert_eq!(standing(&up).await.0, "ok");
    up.stop().await;
}

/// A configured token tells its portal itself, without anybody calling.
#[tokio::test]
async fn the_portal_of_a_configured_token_is_learned_and_shown() {
    let sim = Start::sim().ready().await;
    let up = Start::up(sim.url())
        .gateway("mode", "managed")
        .env("HUBSPOT_ACCESS_TOKEN", sim.ready["token"].as_str().unwrap())
        .ready()
        .await;
    let (_, told) = connections(&up, &["list"]).await;
    assert_eq!(told["connections"][0]["portal_id"], simulator::Config::default().portal_id, "{told}");
    let text = Start::new(&["connections", "list", "--admin", up.admin()]).ended().await.stdout;
    assert!(text.contains(&format!("portal {}", simulator::Config::default().portal_id)), "{text}");
    up.stop().await;
}
