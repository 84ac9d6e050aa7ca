//! The way to HubSpot, our clock, and who stands between.

use std::time::Duration;

use incident::code::Code;
use rand::RngExt;
use serde_json::json;

use super::{rate, simulated};
use crate::accuracy::house::House;
use crate::accuracy::own::{Certificate, Names, ProxyMood, Reach};
use crate::accuracy::plan::{Plan, Random};

pub(super) fn shape(code: Code, plan: &mut Plan, random: &mut Random) {
    plan.gateway = random.random_bool(0.75);
    match code {
        Code::TlsIntercept | Code::CaOutdated | Code::HubspotTls => plan.https = true,
        Code::BaseUrl => plan.https = random.random_bool(0.3),
        Code::StalePool => {
            plan.gateway = true;
            (plan.per_second, plan.installs) = (0.25, 0);
            plan.wait = Duration::from_secs(random.random_range(90..200));
        }
        Code::Clock => plan.webhooks = true,
        _ => {}
    }
}

pub(super) async fn strike(code: Code, house: &mut House) {
    let draw = house.random.random_range(0..3);
    let certificate = |house: &House, it| house.own.lock().ground.certificate = it;
    match code {
        Code::Dns => {
            let names = [Names::Missing, Names::Failing, Names::Silent][draw];
            house.own.lock().ground.names = names;
        }
        Code::TcpBlocked => {
            let mut own = house.own.lock();
            own.ground.upstream = if draw == 0 { Reach::Refused } else { Reach::Hanging };
            if draw == 2 {
                own.ground.others = Reach::Hanging;
            }
        }
        Code::TlsIntercept => certificate(house, Certificate::Corporate),
        Code::CaOutdated => certificate(house, Certificate::Renewed),
        Code::HubspotTls => certificate(house, Certificate::Expired),
        Code::StalePool => {
            simulated(house, code, json!({"after_idle_ms": 1_500})).await;
        }
        Code::Clock => {
            let off_s = house.random.random_range(200..5_000);
            house.own.lock().clock_off_s = if draw == 0 { off_s } else { -off_s };
        }
        Code::Proxy if draw == 0 => {
            let rate = rate(house);
            simulated(house, code, json!({"rate": rate})).await;
        }
        Code::Proxy => house.own.lock().ground.proxy = ProxyMood::Refuses([407, 502][draw - 1]),
        Code::BaseUrl if house.plan.https => certificate(house, Certificate::OfAnotherHost),
        Code::Ipv6 => {
            house.own.lock().ground.ipv6 = if draw == 0 { Reach::Refused } else { Reach::Hanging };
        }
        _ => simulated(house, code, json!({})).await,
    }
}
