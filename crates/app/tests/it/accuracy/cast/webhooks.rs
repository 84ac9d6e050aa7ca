//! Deliveries to us, and events on their way on.

use incident::code::Code;
use rand::RngExt;
use serde_json::json;

use super::{seconds, simulated};
use crate::accuracy::house::House;
use crate::accuracy::plan::{Plan, Random};
use crate::accuracy::work::Ask;

pub(super) fn shape(code: Code, plan: &mut Plan, random: &mut Random) {
    plan.webhooks = true;
    plan.per_second = plan.per_second.max(2.0);
    plan.mix = plan.mix.clone().more(4, Ask::Update).more(3, Ask::UpdateHot);
    plan.wait = match code {
        Code::HookSlow => seconds(random, 90, 240),
        Code::HookDuplicates | Code::HookOrder => seconds(random, 40, 150),
        _ => seconds(random, 25, 90),
    };
}

pub(super) async fn strike(code: Code, house: &mut House) {
    let draw = house.random.random_range(0..3);
    match code {
        Code::HookDuplicates => {
            let share = house.random.random_range(0.4..1.0);
            simulated(house, code, json!({"share": share})).await;
        }
        // Either HubSpot signs with a new secret, or somebody gave us a wrong one.
        Code::HookSecret if draw == 0 => simulated(house, code, json!({})).await,
        Code::HookSecret => {
            if draw == 1 {
                house.traffic.note_change("secret", "client secret", None);
            }
            let mut own = house.own.lock();
            let old = std::mem::replace(&mut own.receiver.secrets, vec!["mistyped-secret".into()]);
            own.receiver.other_secrets = old;
        }
        Code::HookUri => {
            house.traffic.note_change("config", "ingress", None);
            let part = ["scheme", "host", "path"][draw];
            simulated(house, code, json!({"part": part})).await;
        }
        Code::HookSlow => house.own.lock().receiver.ack_ms = house.random.random_range(5_500..12_000),
        Code::HookOrder => {
            house.own.lock().receiver.hands_on_as_it_comes = true;
            let share = house.random.random_range(0.3..0.6);
            simulated(house, code, json!({"share": share, "seconds": 20})).await;
        }
        Code::HookSubscription => {
            let change = ["paused", "deleted", "target"][draw];
            simulated(house, code, json!({"change": change})).await;
        }
        Code::HookUnreachable => house.own.lock().receiver.unreachable = true,
        Code::HookAttack => {
            let per_second = house.random.random_range(2.0..20.0);
            simulated(house, code, json!({"per_second": per_second})).await;
        }
        Code::HookBacklog => {
            let (events, hours) = (house.random.random_range(300..2_000), house.random.random_range(1..12));
            simulated(house, code, json!({"events": events, "hours": hours})).await;
        }
        _ => unreachable!("{} is no webhook's fault", code.id()),
    }
}
