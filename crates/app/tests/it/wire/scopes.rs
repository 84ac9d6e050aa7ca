//! The real binary with a token of few scopes: what it cannot do is refused for nothing, told in the report, the audit log and
//! metrics, and what was counted outlives the process.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::{Program, Start, ask};

const DEALS: &str = "/crm/v3/objects/deals";
const JSON: &str = "Content-Type: application/json";

struct Town {
    sim: Program,
    token: String,
    data: TempDir,
}

impl Town {
    async fn new(scopes: &[&str]) -> Self {
        let sim = Start::sim().ready().await;
        let asked = json!({"scopes": scopes, "app_id": 77}).to_string();
        let made = ask(sim.url(), "POST", "/_sim/tokens", &[], &asked).await.json();
        Self { sim, token: made["token"].as_str().unwrap().to_owned(), data: TempDir::new().unwrap() }
    }

    async fn up(&self) -> Program {
        let file = "[gateway]\nmode = \"managed\"\n[[connections]]\nname = \"crm\"\ntoken = \"env:TOKEN\"\n";
        Start::up(self.sim.url())
            .with_scopes()
            .args(&["--data", self.data.path().join("data").to_str().unwrap()])
            .file("hubkeeper.toml", file)
            .env("TOKEN", &self.token)
            .ready()
            .await
    }

    /// Requests that HubSpot counted, by what its log of routes says.
    async fn counted(&self, status: u16) -> u64 {
        let stats = ask(self.sim.url(), "GET", "/_sim/stats", &[], "").await.json();
        stats["statuses"][status.to_string()].as_u64().unwrap_or_default()
    }
}

async fn report(up: &Program) -> (Option<i32>, Value, String) {
    let arguments = |json: &[&'static str]| [&["connections", "scopes", "crm", "--admin"], json].concat();
    let start = Start::new(&arguments(&[])).args(&[up.admin(), "--json"]).ended().await;
    let text = Start::new(&arguments(&[])).args(&[up.admin()]).ended().await;
    let told: Value = serde_json::from_str(&start.stdout).unwrap_or_else(|_| panic!("{start:#?}"));
    (start.code, told["connections"][0].clone(), text.stdout)
}

fn of<'a>(told: &'a Value, scope: &str) -> &'a Value {
    told["granted"].as_array().unwrap().iter().find(|one| one["scope"] == scope).unwrap()
}

#[tokio::test]
async fn a_token_with_few_scopes_spends_no_request_on_what_it_cannot_do() {
    let town = Town::new(&["oauth", "crm.objects.contacts.read", "forms"]).await;
    let up = town.up().await;
    let (_, told, _) = report(&up).await;
    assert_eq!(told["is_known"], true, "{told}");
    let read = ask(up.url(), "GET", "/crm/v3/objects/contacts?limit=1", &[], "").await;
    assert_eq!(read.status, 200, "{read:?}");
    let body = json!({"properties": {"dealname": "one"}}).to_string();
    for _ in 0..10 {
        let refused = ask(up.url(), "POST", DEALS, &[JSON], &body).await;
        let said = refused.json();
        assert_eq!((refused.status, said["category"].as_str()), (403, Some("MISSING_SCOPES")), "{refused:?}");
        assert_eq!(
            said["errors"][0]["context"]["requiredGranularScopes"],
            json!(["crm.objects.deals.write"])
        );
        assert!(refused.text().contains("crm.objects.deals.write") && refused.text().contains("`crm`"));
        assert_eq!(refused.header("x-hubkeeper-attempts"), Some("0"));
    }
    // A write that would be kept for later is refused as well: it could never be applied.
    let later = ask(up.url(), "POST", DEALS, &[JSON, "Prefer: respond-async"], &body).await;
    assert_eq!(later.status, 403, "{later:?}");
    assert_eq!(town.counted(403).await, 0, "HubSpot was never asked");

    let (code, told, text) = report(&up).await;
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(told["missing"][0]["any_of"], json!(["crm.objects.deals.write"]));
    assert_eq!(
        (&told["missing"][0]["calls"], &told["missing"][0]["refused"]),
        (&json!(11), &json!(11)),
        "{told}"
    );
    assert_eq!(of(&told, "crm.objects.contacts.read")["standing"], "used");
    assert_eq!(of(&told, "forms")["standing"], "too_early");
    assert!(text.contains("MISSING") && text.contains("add crm.objects.deals.write to the app"), "{text}");
    let metrics = ask(up.admin(), "GET", "/metrics", &[], "").await;
    assert!(metrics.text().contains("reason=\"missing_scopes\"} 11"), "{}", metrics.text());
    let own = |lane| metrics.text().contains(&format!("caller=\"hubkeeper\",lane=\"{lane}\""));
    assert!(own("probe") && !own("interactive"), "our own questions are probes: {}", metrics.text());
    let traffic = ask(up.admin(), "GET", "/api/v1/traffic", &[], "").await;
    assert!(traffic.text().contains("missing_scopes"), "a diagnosis sees it: {}", traffic.text());
    up.stop().await;

    let up = town.up().await;
    let (_, told, _) = report(&up).await;
    assert_eq!(told["missing"][0]["refused"], 11, "what was counted is on the disk: {told}");
    assert_eq!(of(&told, "crm.objects.contacts.read")["calls"], 1);
    up.stop().await;
    let audit =
        Start::new(&["audit", "list", "--json", "--data", town.data.path().join("data").to_str().unwrap()]);
    let audit = audit.ended().await;
    assert!(audit.stdout.contains("scope:crm.objects.deals.write"), "{audit:#?}");
}

/// The control: with the check switched off HubSpot answers each of them itself.
#[tokio::test]
async fn switched_off_they_all_go_to_hubspot() {
    let town = Town::new(&["oauth"]).await;
    let up = Start::up(town.sim.url())
        .gateway("mode", "managed")
        .without_cache()
        .env("HUBSPOT_ACCESS_TOKEN", &town.token)
        .ready()
        .await;
    for _ in 0..3 {
        assert_eq!(ask(up.url(), "GET", DEALS, &[], "").await.status, 403);
    }
    assert!(town.counted(403).await >= 3);
    up.stop().await;
}
