//! `hubkeeper check`: the production checklist against a real gateway, a real portal and a real public address.

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::house::{Ended, Start, ask};

const SECRET: &str = "11111111-2222-3333-4444-555555555555";

/// A plain proxy on a port of its own, such as stands at a public address: to whoever is named by then.
async fn public() -> (String, tokio::sync::oneshot::Sender<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (name, named) = tokio::sync::oneshot::channel::<String>();
    tokio::spawn(async move {
        let behind = named.await.unwrap();
        while let Ok((mut front, _)) = listener.accept().await {
            let behind = behind.clone();
            tokio::spawn(async move {
                let mut back = TcpStream::connect(behind).await.unwrap();
                let _closed = copy_bidirectional(&mut front, &mut back).await;
            });
        }
    });
    (address, name)
}

fn point<'a>(report: &'a Value, item: &str) -> &'a Value {
    let points = report["points"].as_array().unwrap();
    points.iter().find(|point| point["item"] == item).unwrap_or_else(|| panic!("no {item} in {report:#}"))
}

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:#?}"))
}

#[tokio::test]
async fn each_point_stands_as_it_is() {
    let sim = Start::sim().args(&["--contacts", "3"]).ready().await;
    let data = TempDir::new().unwrap();
    let kept = data.path().to_str().unwrap();
    let (public, lead) = public().await;
    let up = Start::up(sim.url()).with_incidents().args(&["--data", kept]);
    let up = up.env("HUBKEEPER__WEBHOOKS__PUBLIC_URL", &public).env("HUBSPOT_CLIENT_SECRET", SECRET);
    let up = up.ready().await;
    lead.send(up.url().trim_start_matches("http://").to_owned()).unwrap();
    let token = format!("Authorization: Bearer {}", sim.token());
    ask(up.url(), "GET", "/crm/v3/objects/contacts?limit=1", &[&token], "").await;

    let check = |secret: &str| {
        let start = Start::new(&["check", "--json", "--data", kept, "--admin", up.admin()]);
        let start = start.env("HUBSPOT_ACCESS_TOKEN", sim.token()).env("HUBSPOT_CLIENT_SECRET", secret);
        let start =
            start.gateway("upstream", sim.url()).gateway("status_page", &format!("{}/status", sim.url()));
        start.env("HUBKEEPER__WEBHOOKS__PUBLIC_URL", &public).ended()
    };
    let told = check(SECRET).await;
    assert_eq!(told.code, Some(1), "http:// and no channel are failures: {told:#?}");
    let found = report(&told);
    for (item, standing) in [
        ("webhooks-verified", "passes"),
        ("webhooks-encrypted", "fails"),
        ("alerts-reach-someone", "fails"),
        ("credentials-work", "passes"),
        ("connections-authorised", "unknown"),
        ("durable", "passes"),
        ("health", "passes"),
        ("clock-right", "passes"),
        ("versions-current", "passes"),
        ("callers-limited", "warns"),
        ("backups", "unknown"),
    ] {
        assert_eq!(point(&found, item)["standing"], standing, "{item}: {found:#}");
    }
    assert!(!told.stdout.contains(sim.token()) && !told.stdout.contains(SECRET), "a secret is shown");
    // Another secret than the gateway's: the delivery arrives, and is not believed.
    let other = report(&check("another-secret").await);
    assert_eq!(point(&other, "webhooks-verified")["standing"], "fails", "{other:#}");
    up.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn waivers_are_told_and_a_wrong_name_is_a_mistake() {
    let waived = r#"[check]
waivers = [{ item = "durable", until = "2999-12-31", reason = "a proxy only" }]
attestations = [{ item = "backups", on = "2000-01-01", evidence = "restored once" }]
"#;
    let file = "hubkeeper.toml";
    let told = Start::new(&["check", "--offline"]).file(file, waived).ended().await;
    assert_eq!(told.code, Some(1), "nobody is told of incidents: {told:#?}");
    assert!(
        told.stdout.contains("Waived (1)\n  durable: ") && told.stdout.contains("a proxy only"),
        "{told:#?}"
    );
    assert!(told.stdout.contains("restored once, on 2000-01-01"), "{told:#?}");
    let table = Start::new(&["check", "--offline", "--format", "markdown"]).file(file, waived).ended().await;
    assert!(table.stdout.contains("| point | stands | seen | do |"), "{table:#?}");

    let wrong = waived.replace("\"durable\"", "\"duable\"");
    let refused = Start::new(&["check", "--offline"]).file(file, &wrong).ended().await;
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(refused.stderr.contains("duable") && refused.stderr.contains("hint: "), "{refused:#?}");
    for said in ["a proxy only", "restored once"] {
        let refused =
            Start::new(&["check", "--offline"]).file(file, &waived.replace(said, " ")).ended().await;
        assert_eq!(refused.code, Some(2), "{refused:#?}");
        assert!(refused.stderr.contains("is empty"), "a reason says something: {refused:#?}");
    }
}
