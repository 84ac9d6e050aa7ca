//! `hubkeeper incident`: the incident room, from a terminal.

use std::time::Duration;

use client::clock::WallClock;
use http::{Method, StatusCode, Uri};
use incident::facts::Facts;
use incident::incident::Incident;
use incident::runbook::Runbooks;
use serde::Deserialize;
use serde_json::{Value, json};

use super::triage;
use crate::cli::{IncidentCommand, IncidentOptions};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::{admin_api, process};

mod drill;
mod export;
mod tell;

/// The gateway is near and answers from its store.
const PATIENCE: Duration = Duration::from_secs(5);

const PATH: &str = "/api/v1/incidents";

#[derive(Deserialize)]
struct List {
    incidents: Vec<Incident>,
}

pub(super) fn run(config: &Config, options: &IncidentOptions) -> Result<Exit, Failure> {
    let admin = match &options.admin {
        Some(admin) => triage::uri("--admin", admin)?,
        None => triage::uri("admin.listen", &config.admin.url())?,
    };
    let room = Room { admin, json: options.json };
    process::runtime()?.block_on(async {
        match &options.command {
            IncidentCommand::List { all } => room.list(*all).await,
            IncidentCommand::Show { id } => room.show(id).await,
            IncidentCommand::Ack { id, by } => room.act(id, "ack", json!({"by": by})).await,
            IncidentCommand::Note { id, text, by } => {
                room.act(id, "note", json!({"by": by, "text": text.join(" ")})).await
            }
            IncidentCommand::Resolve { id, by } => room.act(id, "resolve", json!({"by": by})).await,
            IncidentCommand::Measure { id, mitigation, turn, by } => {
                let wish = json!({"by": by, "mitigation": mitigation, "turn": turn});
                room.act(id, "measure", wish).await
            }
            IncidentCommand::Postmortem { id } => room.postmortem(id).await,
            IncidentCommand::Replay { id } => room.replay(id).await,
            IncidentCommand::Export { id, scenario: true } => room.story(id).await,
            IncidentCommand::Export { id, scenario: false } => room.export(id).await,
            IncidentCommand::Drill { fault, sim, gateway } => {
                let own = format!("http://{}", config.gateway.listen);
                let place = drill::Place {
                    sim: triage::uri("--sim", sim)?,
                    gateway: triage::uri("--gateway", gateway.as_deref().unwrap_or(&own))?,
                    token: process::environment("HUBSPOT_ACCESS_TOKEN"),
                };
                room.drill(fault, place, &WallClock::system()).await
            }
        }
    })
}

/// The room's door, as seen from here.
struct Room {
    admin: Uri,
    json: bool,
}

impl Room {
    async fn list(&self, all: bool) -> Result<Exit, Failure> {
        let answer = self.get(PATH).await?;
        let list: List = serde_json::from_value(answer.clone()).map_err(Failure::work)?;
        let open = list.incidents.iter().any(|incident| !incident.stage.is_over());
        if self.json {
            process::print_line(&answer.to_string());
        } else {
            let shown: Vec<&Incident> =
                list.incidents.iter().filter(|incident| all || !incident.stage.is_over()).collect();
            process::print_line(tell::list(&shown).trim_end());
        }
        Ok(if open { Exit::Problem } else { Exit::Fine })
    }

    async fn show(&self, id: &str) -> Result<Exit, Failure> {
        let answer = self.get(&format!("{PATH}/{}", checked(id)?)).await?;
        self.tell(&answer)?;
        Ok(Exit::Fine)
    }

    async fn act(&self, id: &str, verb: &str, wish: Value) -> Result<Exit, Failure> {
        let answer = self.post(&format!("{PATH}/{}/{verb}", checked(id)?), &wish).await?;
        self.tell(&answer)?;
        Ok(Exit::Fine)
    }

    async fn postmortem(&self, id: &str) -> Result<Exit, Failure> {
        let path = format!("{PATH}/{}/postmortem", checked(id)?);
        let (status, body) = self.ask(Method::GET, &path, None).await?;
        let text = String::from_utf8_lossy(&body);
        if status != StatusCode::OK {
            return Err(refused(status, &body));
        }
        let line = if self.json { json!({"markdown": text}).to_string() } else { text.into_owned() };
        process::print_line(line.trim_end());
        Ok(Exit::Fine)
    }

    /// Draws the conclusions again from what was kept.
    async fn replay(&self, id: &str) -> Result<Exit, Failure> {
        let id = checked(id)?;
        let answer = self.get(&format!("{PATH}/{id}/recordings")).await?;
        let runbooks = Runbooks::embedded();
        let mut lines = Vec::new();
        for recording in answer["recordings"].as_array().into_iter().flatten() {
            let facts: Facts = serde_json::from_value(recording["facts"].clone()).map_err(Failure::work)?;
            let triage = incident::diagnose(&facts, &runbooks);
            // Two things may have been wrong at once, each with an incident of its own.
            let causes: Vec<_> =
                incident::causes(&facts, &runbooks).into_iter().map(|cause| cause.code).collect();
            lines.push(json!({
                "at": recording["at"], "code": triage.diagnosis.code, "confidence": triage.diagnosis.confidence,
                "causes": causes,
            }));
        }
        if lines.is_empty() {
            return Err(Failure::unsure(format!("nothing was recorded of {id}")));
        }
        if self.json {
            process::print_line(&json!({"schema": 1, "diagnoses": lines}).to_string());
        } else {
            for line in lines {
                let code = line["code"].as_str().unwrap_or_default();
                let causes = line["causes"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let others: Vec<&str> = causes.filter(|cause| *cause != code).collect();
                let beside =
                    if others.is_empty() { String::new() } else { format!(", and {}", others.join(", ")) };
                process::print_line(&format!(
                    "{}  {code} (confidence {}){beside}",
                    line["at"].as_str().unwrap_or_default(),
                    line["confidence"]
                ));
            }
        }
        Ok(Exit::Fine)
    }

    /// As the simulator plays it.
    async fn story(&self, id: &str) -> Result<Exit, Failure> {
        let told = self.get(&format!("{PATH}/{}", checked(id)?)).await?;
        let incident: Incident = serde_json::from_value(told["incident"].clone()).map_err(Failure::work)?;
        let story = toml::to_string_pretty(&export::scenario(&incident)?).map_err(Failure::work)?;
        process::print_line(story.trim_end());
        Ok(Exit::Fine)
    }

    /// Everything that is kept of it.
    async fn export(&self, id: &str) -> Result<Exit, Failure> {
        let id = checked(id)?;
        let told = self.get(&format!("{PATH}/{id}")).await?;
        let recorded = self.get(&format!("{PATH}/{id}/recordings")).await?;
        let all = json!({
            "schema": 1, "incident": told["incident"], "timeline": told["timeline"],
            "recordings": recorded["recordings"],
        });
        process::print_line(&all.to_string());
        Ok(Exit::Fine)
    }

    fn tell(&self, answer: &Value) -> Result<(), Failure> {
        let text = if self.json { answer.to_string() } else { tell::one(answer).map_err(Failure::work)? };
        process::print_line(text.trim_end());
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.value(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, wish: &Value) -> Result<Value, Failure> {
        self.value(Method::POST, path, Some(wish)).await
    }

    async fn value(&self, method: Method, path: &str, wish: Option<&Value>) -> Result<Value, Failure> {
        let (status, body) = self.ask(method, path, wish).await?;
        if !status.is_success() {
            return Err(refused(status, &body));
        }
        serde_json::from_slice(&body).map_err(Failure::work)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        wish: Option<&Value>,
    ) -> Result<(StatusCode, bytes::Bytes), Failure> {
        let asked = tokio::time::timeout(PATIENCE, admin_api::ask(&self.admin, method, path, wish)).await;
        let nobody = |why: String| {
            Failure::unsure(format!("no gateway tells about its incidents at {}: {why}", self.admin))
                .hint("start one with `hubkeeper up`, or name its admin API with --admin")
        };
        match asked {
            Ok(answer) => answer.map_err(|why| nobody(why.to_string())),
            Err(_late) => Err(nobody("no answer in time".into())),
        }
    }
}

/// An id has digits, letters and a dash; anything else is no path of ours.
pub(super) fn checked(id: &str) -> Result<&str, Failure> {
    let fits = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    fits.then_some(id).ok_or_else(|| {
        Failure::usage("that is no incident's id").hint("`hubkeeper incident list --all` shows them")
    })
}

fn refused(status: StatusCode, body: &[u8]) -> Failure {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = body["message"].as_str().unwrap_or("the gateway refused it");
    let failure = Failure::work(message);
    if status == StatusCode::NOT_FOUND {
        failure.hint("`hubkeeper incident list --all` shows every incident")
    } else {
        failure
    }
}
