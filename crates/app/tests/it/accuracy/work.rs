//! Programs that call HubSpot through the layers, whatever becomes of their calls.

use std::sync::Arc;

use http::Method;
use rand::RngExt;

use super::plan::Random;

/// What a program may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    List,
    Read,
    Search,
    Create,
    CreateAgain,
    /// One of forty people, who may be there already.
    CreateKnown,
    CreateDated,
    Update,
    UpdateHot,
    BatchRead,
    BatchUpdate,
    Labels,
    Owners,
    Properties,
    Pipelines,
    Deals,
    Schemas,
    Missing,
    WrongPath,
}

/// Asks by weight.
#[derive(Debug, Clone)]
pub(super) struct Mix(pub(super) Vec<(u32, Ask)>);

impl Mix {
    pub(super) fn usual() -> Self {
        Self(vec![
            (6, Ask::Read),
            (4, Ask::List),
            (3, Ask::Update),
            (2, Ask::Create),
            (1, Ask::Search),
            (1, Ask::BatchRead),
            (1, Ask::Labels),
            (1, Ask::Owners),
            (1, Ask::Properties),
            (1, Ask::Deals),
        ])
    }

    pub(super) fn more(mut self, weight: u32, ask: Ask) -> Self {
        self.0.push((weight, ask));
        self
    }

    pub(super) fn draw(&self, random: &mut Random) -> Ask {
        let all: u32 = self.0.iter().map(|(weight, _)| weight).sum();
        let mut at = random.random_range(0..all);
        for (weight, ask) in &self.0 {
            if at < *weight {
                return *ask;
            }
            at -= weight;
        }
        Ask::List
    }
}

/// One request: method, path, body.
pub(super) type Request = (Method, String, String);

impl Ask {
    /// `number` makes it unlike every other; `ids` are records that exist.
    pub(super) fn request(self, number: u64, ids: &Arc<[String]>, random: &mut Random) -> Request {
        let mut id = || ids[random.random_range(0..ids.len())].clone();
        let create = |address: String| {
            format!(r#"{{"properties":{{"email":"{address}","firstname":"A","phone":"+1555{number}"}}}}"#)
        };
        let get = |path: &str| (Method::GET, path.to_owned(), String::new());
        let post = |path: &str, body: String| (Method::POST, path.to_owned(), body);
        let update = |id: &str| {
            let body = format!(r#"{{"properties":{{"phone":"+1555{number}"}}}}"#);
            (Method::PATCH, format!("/crm/v3/objects/contacts/{id}"), body)
        };
        let inputs = |ids: &[String], properties: &str| {
            let each: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":"{id}"{properties}}}"#)).collect();
            format!(r#"{{"inputs":[{}]}}"#, each.join(","))
        };
        match self {
            Self::List => get("/crm/v3/objects/contacts?limit=5"),
            Self::Read => get(&format!("/crm/v3/objects/contacts/{}", id())),
            Self::Search => post("/crm/v3/objects/contacts/search", r#"{"limit":1}"#.into()),
            Self::Create => post("/crm/v3/objects/contacts", create(format!("n{number}@case.example"))),
            Self::CreateAgain => post("/crm/v3/objects/contacts", create("again@case.example".into())),
            Self::CreateKnown => {
                let address = format!("k{}@case.example", number * 17 % 40);
                post("/crm/v3/objects/contacts", create(address))
            }
            Self::CreateDated => {
                post("/crm/objects/2026-09/contacts", create(format!("d{number}@case.example")))
            }
            Self::Update => update(&id()),
            Self::UpdateHot => update(&ids[0]),
            Self::BatchRead => post("/crm/v3/objects/contacts/batch/read", inputs(&[id(), id()], "")),
            Self::BatchUpdate => {
                let properties = r#","properties":{"firstname":"B"}"#;
                post("/crm/v3/objects/contacts/batch/update", inputs(&ids[..8.min(ids.len())], properties))
            }
            Self::Labels => get("/crm/v4/associations/contacts/companies/labels"),
            Self::Owners => get("/crm/v3/owners?limit=1"),
            Self::Properties => get("/crm/v3/properties/contacts"),
            Self::Pipelines => get("/crm/v3/pipelines/deals"),
            Self::Deals => get("/crm/v3/objects/deals?limit=1"),
            Self::Schemas => get("/crm/v3/schemas"),
            Self::Missing => get(&format!("/crm/v3/objects/contacts/99{number}")),
            Self::WrongPath => get("/crm/v3/objcts/contacts"),
        }
    }
}
