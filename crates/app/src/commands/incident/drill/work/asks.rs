//! What the drill's program asks for: of every part of the API that most integrations use, and mostly what the fault is about.
//! Shares decide: a rate that is an incident to a busy portal has to be one here.

use http::Method;
use incident::code::Code;
use serde_json::{Value, json};

const CONTACTS: &str = "/crm/v3/objects/contacts";

/// One call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Deals,
    Search,
    Owners,
    Properties,
    Associations,
    BatchRead,
    Read,
    List,
    Create,
    /// Through a version that enforces what the account requires.
    CreateDated,
    /// Several records of its own at once, again and again the same.
    BatchUpdate,
}

/// In turn. How many there are has no divisor in common with [`MOSTLY`], so that all of them come beside what is asked mostly.
const ROUND: [Ask; 11] = [
    Ask::Deals,
    Ask::Create,
    Ask::Search,
    Ask::Owners,
    Ask::Properties,
    Ask::Associations,
    Ask::Create,
    Ask::BatchRead,
    Ask::Read,
    Ask::BatchUpdate,
    Ask::List,
];

/// Of so many calls, all but one are what the fault is about.
const MOSTLY: u64 = 3;

/// What the simulator is asked to break.
pub(in super::super) fn wish(fault: Code) -> Value {
    match fault {
        // A few records that are gone are everyday; an incident is when most of what programs know is.
        Code::Gone => json!({"kind": fault.id(), "share": 0.9}),
        _ => json!({"kind": fault.id()}),
    }
}

/// Records that are there: those of before the drill, and its own, which alone it writes to.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    pub(super) known: Vec<String>,
    pub(super) own: Vec<String>,
}

impl Ask {
    pub(super) fn at(number: u64, fault: Code) -> Self {
        let turn = |length: usize| usize::try_from(number).unwrap_or(0) % length;
        match Self::meets(fault) {
            Some(ask) if !number.is_multiple_of(MOSTLY) => ask,
            Some(_) | None => match ROUND[turn(ROUND.len())] {
                // It would be applied in the other account, where nobody looks for it.
                ask if ask.creates() && fault == Code::WrongAccount => Self::Read,
                ask => ask,
            },
        }
    }

    /// What meets a fault that only certain calls meet.
    const fn meets(fault: Code) -> Option<Self> {
        match fault {
            Code::Gone | Code::WrongAccount => Some(Self::Read),
            Code::PartialWrite | Code::Locked | Code::HookOrder => Some(Self::BatchUpdate),
            Code::BadPayload | Code::Schema | Code::RecordLimit | Code::Conflict => Some(Self::Create),
            Code::ValidationChange => Some(Self::CreateDated),
            Code::SearchLimit => Some(Self::Search),
            Code::UserPermissions => Some(Self::Associations),
            _ => None,
        }
    }

    pub(super) const fn creates(self) -> bool {
        matches!(self, Self::Create | Self::CreateDated)
    }

    /// The call, with the address of the contact that it creates if it does.
    pub(super) fn call(self, number: u64, email: &str, records: &Records) -> (Method, String, Value) {
        let turn = usize::try_from(number).unwrap_or(0);
        let get = |path: &str| (Method::GET, path.to_owned(), Value::Null);
        let post = |path: &str, body: Value| (Method::POST, path.to_owned(), body);
        let created = || json!({"properties": {"email": email, "phone": "+49 30 5550100"}});
        let own = |properties: Value| {
            let input = |id: &String| json!({"id": id, "properties": properties});
            records.own.iter().map(input).collect::<Vec<_>>()
        };
        let known = records.known.get(turn % records.known.len().max(1));
        match (self, known) {
            (Self::Deals, _) => get("/crm/v3/objects/deals?limit=1"),
            (Self::Search, _) => {
                post("/crm/v3/objects/contacts/search", json!({"query": "drill.example", "limit": 1}))
            }
            (Self::Owners, _) => get("/crm/v3/owners?limit=1"),
            (Self::Properties, _) => get("/crm/v3/properties/contacts"),
            (Self::Associations, Some(id)) => {
                get(&format!("/crm/v4/objects/contacts/{id}/associations/companies"))
            }
            (Self::BatchRead, Some(id)) => {
                let inputs = json!({"properties": ["email"], "inputs": [{"id": id}]});
                post("/crm/v3/objects/contacts/batch/read", inputs)
            }
            (Self::Read, Some(id)) => get(&format!("{CONTACTS}/{id}?properties=email")),
            (Self::Create, _) => post(CONTACTS, created()),
            (Self::CreateDated, _) => post("/crm/objects/2026-09/contacts", created()),
            (Self::BatchUpdate, _) => {
                let inputs = own(json!({"city": format!("City {number}")}));
                post("/crm/v3/objects/contacts/batch/update", json!({"inputs": inputs}))
            }
            (Self::List, _) | (Self::Associations | Self::BatchRead | Self::Read, None) => {
                get(&format!("{CONTACTS}?limit=20"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use simulator::{Shell, Simulator};

    use super::*;

    #[test]
    fn what_the_fault_is_about_is_asked_mostly_and_all_else_still() {
        let asked: Vec<Ask> = (0..330).map(|number| Ask::at(number, Code::Gone)).collect();
        assert!(asked.iter().filter(|ask| **ask == Ask::Read).count() >= 220);
        assert!(ROUND.iter().all(|ask| asked.contains(ask)), "{asked:?}");
        let usual: Vec<Ask> = (0..11).map(|number| Ask::at(number, Code::OutageKnown)).collect();
        assert_eq!(usual, ROUND);
    }

    /// Of a simulator that is broken so, as the program asks it, the share of calls that meet the fault: refused, or done in part.
    async fn met(fault: Code, asked_as_for: Code) -> f64 {
        let simulator = Simulator::new(simulator::Config { contacts: 30, ..simulator::Config::default() });
        let token = simulator.default_token();
        let shell = Shell::new(simulator);
        let put = async |ask: Ask, number: u64, records: &Records| {
            let (method, path, body) = ask.call(number, &format!("drill-{number}@drill.example"), records);
            let request = http::Request::builder().method(method).uri(path);
            let request = request.header("authorization", format!("Bearer {token}"));
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let answer = shell.exchange(request.body(body.into()).unwrap()).await.unwrap();
            let (head, body) = answer.into_parts();
            (head.status.as_u16(), serde_json::from_slice::<Value>(&body).unwrap_or_default())
        };
        let mut records = Records::default();
        let (_, list) = put(Ask::List, 0, &records).await;
        let ids = list["results"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned());
        records.known.extend(ids);
        for number in 1_000..1_003 {
            let (_, made) = put(Ask::Create, number, &records).await;
            records.own.push(made["id"].as_str().unwrap().to_owned());
        }
        let broken = wish(fault).to_string();
        let broken = http::Request::post("/_sim/faults").body(broken.into()).unwrap();
        assert_eq!(shell.exchange(broken).await.unwrap().status().as_u16(), 201);
        let mut met = 0.0;
        for number in 0..66 {
            let (status, body) = put(Ask::at(number, asked_as_for), number, &records).await;
            tokio::time::sleep(super::super::PAUSE).await;
            met += f64::from(u8::from(status >= 400 || body["numErrors"].as_u64() > Some(0)));
        }
        met / 66.0
    }

    /// The room asks from a fifth of all answers on, and the demo's programs call beside.
    #[rstest]
    #[case(Code::WrongAccount)]
    #[case(Code::Gone)]
    #[case(Code::PartialWrite)]
    #[case(Code::Locked)]
    #[case(Code::BadPayload)]
    #[case(Code::Schema)]
    #[case(Code::RecordLimit)]
    #[case(Code::Conflict)]
    #[case(Code::ValidationChange)]
    #[case(Code::SearchLimit)]
    #[case(Code::UserPermissions)]
    #[tokio::test(start_paused = true)]
    async fn most_calls_meet_a_fault_that_only_certain_calls_meet(#[case] fault: Code) {
        let share = met(fault, fault).await;
        assert!(share >= 0.5, "{share}");
    }

    /// The control: asked as usual, hardly a call does.
    #[tokio::test(start_paused = true)]
    async fn control_the_usual_round_hardly_meets_it() {
        let share = met(Code::Locked, Code::OutageKnown).await;
        assert!(share < 0.2, "{share}");
    }

    #[test]
    fn it_writes_to_its_own_records_alone() {
        let records = Records { known: vec!["1".into()], own: vec!["7".into()] };
        let (_, _, body) = Ask::BatchUpdate.call(3, "", &records);
        assert_eq!(body["inputs"], json!([{"id": "7", "properties": {"city": "City 3"}}]));
    }
}
