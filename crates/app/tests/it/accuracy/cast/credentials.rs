//! Tokens, grants, scopes, the account.

use incident::code::Code;
use rand::RngExt;
use serde_json::json;

use super::{seconds, simulated};
use crate::accuracy::house::House;
use crate::accuracy::own::SecretsMood;
use crate::accuracy::plan::{Plan, Random};
use crate::accuracy::work::Ask;

/// So long does a customer's access token live in these cases, so that a refresh comes within minutes.
const TOKEN_S: u32 = 120;

pub(super) fn shape(code: Code, plan: &mut Plan, random: &mut Random) {
    match code {
        // Without a gateway there is nothing that could be stale, and no other account to compare with.
        Code::TokenRevoked => plan.gateway = random.random_bool(0.8),
        Code::RefreshRevoked | Code::ClientSecret | Code::ClientMismatch => {
            (plan.installs, plan.token_s) = (random.random_range(2..5), TOKEN_S);
            plan.webhooks = true;
            plan.wait = seconds(random, 100, 170);
        }
        Code::Uninstalled => {
            (plan.installs, plan.token_s) = (random.random_range(2..4), TOKEN_S);
            plan.webhooks = true;
            plan.wait = seconds(random, 100, 170);
        }
        Code::AuthOutage => plan.installs = random.random_range(2..5),
        Code::MissingScope => plan.mix = plan.mix.clone().more(4, Ask::Deals),
        Code::UserPermissions => plan.mix = plan.mix.clone().more(4, Ask::Labels),
        Code::Tier => plan.mix = plan.mix.clone().more(3, Ask::Schemas),
        Code::WrongAccount => plan.portal_known = true,
        _ => {}
    }
}

pub(super) async fn strike(code: Code, house: &mut House) {
    match code {
        Code::TokenStale => stale(house).await,
        Code::TokenExpired => expired(house).await,
        Code::RefreshRevoked | Code::Uninstalled => {
            let which = house.random.random_range(0..house.installs.len());
            let install = house.installs[which].clone();
            simulated(house, code, json!({"portal": install.portal})).await;
            if code == Code::Uninstalled && house.random.random_bool(0.8) {
                let (now, mut own) = (house.clock.now(), house.own.lock());
                own.grants.uninstalled(&install.name, Some(install.portal), now);
            }
        }
        Code::ClientSecret => {
            house.traffic.note_change("secret", "client secret rotated", None);
            house.installs.iter().for_each(|install| install.spoil_secret());
        }
        Code::ClientMismatch => mismatch(house),
        Code::MissingScope => {
            let family = if house.random.random_bool(0.5) { "deals" } else { "contacts" };
            simulated(house, code, json!({"family": family})).await;
        }
        _ => simulated(house, code, json!({})).await,
    }
}

/// A new token is out, the old one dead, and we still run with the old one.
async fn stale(house: &mut House) {
    simulated(house, Code::TokenStale, json!({"portal": house.portal})).await;
    house.own.lock().secrets = SecretsMood::Newer;
    if house.random.random_bool(0.6) {
        house.traffic.note_change("secret", "access token rotated", None);
    }
}

/// The default account's token is an OAuth one that has run out; refreshing would give another.
async fn expired(house: &mut House) {
    let asked = json!({"kind": "public-oauth", "app_id": simulator::registry::OAUTH_APP_ID});
    let made = house.control(http::Method::POST, "/_sim/tokens", &asked).await;
    *house.token.lock() = made["token"].as_str().expect("a token").to_owned();
    house.passes(std::time::Duration::from_secs(30)).await;
    simulated(house, Code::TokenExpired, json!({"portal": house.portal})).await;
}

/// From the start: id and secret of different apps, so that no refresh has ever worked.
fn mismatch(house: &House) {
    house.traffic.note_change("config", "hubkeeper.toml", None);
    let mut own = house.own.lock();
    own.grants = Default::default();
    house.installs.iter().for_each(|install| install.spoil_id());
}
