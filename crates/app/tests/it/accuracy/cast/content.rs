//! What single requests hold.

use incident::code::Code;
use rand::RngExt;
use serde_json::json;

use super::{rate, simulated};
use crate::accuracy::house::House;
use crate::accuracy::plan::Plan;
use crate::accuracy::work::Ask;

pub(super) fn shape(code: Code, plan: &mut Plan) {
    plan.per_second = plan.per_second.max(2.0);
    let mix = plan.mix.clone();
    plan.mix = match code {
        Code::Conflict => mix,
        Code::RecordLimit => mix.more(6, Ask::Create),
        Code::Gone => mix.more(12, Ask::Read),
        Code::PartialWrite => mix.more(4, Ask::BatchUpdate),
        _ => mix.more(4, Ask::Update).more(3, Ask::Create),
    };
}

pub(super) async fn strike(code: Code, house: &mut House) {
    match code {
        Code::BadPayload => {
            house.traffic.note_change("deploy", "crm-sync 1.8.0", Some("crm-sync"));
            // Only what the deployed program sends is wrong, and the simulator cannot tell programs apart.
            let rate = rate(house).min(0.95);
            simulated(house, code, json!({"rate": rate})).await;
        }
        Code::Schema => {
            if house.random.random_bool(0.3) {
                house.traffic.note_change("deploy", "reports 3.1", Some("reports"));
            }
            simulated(house, code, json!({"property": "phone"})).await;
        }
        Code::Conflict => {
            let more = house.mix.lock().clone().more(8, Ask::CreateAgain);
            *house.mix.lock() = more;
            simulated(house, code, json!({"rate": 0.9})).await;
        }
        Code::Gone => {
            let share = house.random.random_range(0.3..0.8);
            simulated(house, code, json!({"share": share})).await;
        }
        _ => simulated(house, code, json!({})).await,
    }
}
