//! Two hubkeepers on one PostgreSQL keep one grant: a person comes back to the other one, each renews what both use, and with
//! refresh tokens that change at each renewal none is lost, though one of the two is killed.

use serde_json::json;

use super::{Town, connections, path_of, read, standing};
use crate::house::{PATIENCE, Program, Start, ask};
use crate::outbox::postgres::Server;

const ROUNDS: usize = 5;

/// Whoever stands before both has the address that HubSpot sends people to.
async fn up(town: &Town, store: &str) -> Program {
    let client_id = town.client["client_id"].as_str().unwrap();
    let file = format!(
        "[gateway]\nmode = \"managed\"\n[store]\nkey = \"env:STORE_KEY\"\n[oauth]\npublic_url = \"http://localhost:9\"\n\
         [[connections]]\nname = \"crm\"\nclient_id = \"{client_id}\"\nclient_secret = \"env:SECRET\"\n\
         scopes = [\"oauth\", \"crm.objects.contacts.read\"]\n"
    );
    Start::up(town.sim.url())
        .file("hubkeeper.toml", &file)
        .env("HUBKEEPER__STORE__URL", store)
        .env("STORE_KEY", &town.key)
        .env("SECRET", town.client["client_secret"].as_str().unwrap())
        .ready()
        .await
}

async fn is_well(up: &Program) {
    let well = async {
        while !(standing(up).await.0 == "ok" && read(up).await.status == 200) {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, well).await;
    assert!(in_time.is_ok(), "{:?} {:?}", standing(up).await, read(up).await);
}

#[tokio::test]
async fn two_on_one_postgresql_keep_one_grant_over_the_end_of_one() {
    let (server, town) = (Server::start(), Town::new().await);
    let rotates = json!({"rotate_refresh_tokens": true}).to_string();
    assert_eq!(ask(town.sim.url(), "POST", "/_sim/oauth", &[], &rotates).await.status / 100, 2);
    let store = server.database("grants").await;
    let (first, second) = (up(&town, &store).await, up(&town, &store).await);
    let (_, begun) = connections(&first, &["add", "crm", "--no-wait"]).await;
    let at_hubspot = ask(town.sim.url(), "GET", path_of(begun["url"].as_str().unwrap()), &[], "").await;
    let back = path_of(at_hubspot.header("location").unwrap()).to_owned();
    let authorised = ask(second.admin(), "GET", &back, &["Sec-Fetch-Site: cross-site"], "").await;
    assert_eq!(authorised.status, 200, "{authorised:?}");
    assert_eq!(
        ask(first.admin(), "GET", &back, &[], "").await.status,
        400,
        "each state is good once, at both"
    );
    is_well(&second).await;
    is_well(&first).await;
    for _ in 0..ROUNDS {
        tokio::join!(connections(&first, &["rotate", "crm"]), connections(&second, &["rotate", "crm"]));
        is_well(&first).await;
        is_well(&second).await;
    }
    let admin = first.admin().to_owned();
    let rotating = Start::new(&["connections", "rotate", "crm", "--json", "--admin", &admin]).ended();
    tokio::join!(rotating, first.kill());
    is_well(&second).await;
    let renewed = async {
        while connections(&second, &["rotate", "crm"]).await.0.code != Some(0) {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, renewed).await.is_ok(), "{:?}", standing(&second).await);
    is_well(&second).await;
    second.stop().await;
}
