//! What happened, one JSON line each, to a file that outlives everybody's memory of it.
//!
//! A checker believes no counter of the program it checks. It reads this file, which another process wrote:
//!
//! | `what` | is | besides |
//! |---|---|---|
//! | `applied` | a write took effect | `portal_id` and what `GET /_sim/log` shows |
//! | `emitted` | an event came to be | `app_id`, `event` |
//! | `delivered` | a delivery was tried | `number`, `app_id`, `attempt`, `status`, `given_up`, `event_ids` |
//!
//! Lines are in the order in which things happened, and a line is written before the answer it belongs to is sent.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::simulator::Simulator;

/// The file, and how much of what happened it holds.
pub struct History {
    file: Box<dyn Write + Send>,
    applied: BTreeMap<u64, usize>,
}

impl History {
    pub fn new(file: Box<dyn Write + Send>) -> Self {
        Self { file, applied: BTreeMap::new() }
    }

    /// Writes what has happened since the last time.
    ///
    /// # Errors
    /// The file's. What it holds is not complete then.
    pub(crate) fn write(&mut self, simulator: &mut Simulator) -> io::Result<()> {
        let mut text = String::new();
        for portal in simulator.portals.values() {
            let known = self.applied.entry(portal.id).or_default();
            let applied = portal.crm.applied();
            // After a reset the records' log begins anew.
            *known = if *known > applied.len() { 0 } else { *known };
            for one in &applied[*known..] {
                let mut line = json!({"what": "applied", "portal_id": portal.id});
                extend(&mut line, serde_json::to_value(one)?);
                push(&mut text, &line);
            }
            *known = applied.len();
        }
        for news in simulator.webhooks.take_news() {
            push(&mut text, &serde_json::to_value(news)?);
        }
        self.file.write_all(text.as_bytes())
    }
}

fn push(text: &mut String, line: &Value) {
    text.push_str(&line.to_string());
    text.push('\n');
}

fn extend(line: &mut Value, more: Value) {
    if let (Value::Object(line), Value::Object(more)) = (line, more) {
        line.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Method;
    use parking_lot::Mutex;

    use super::*;
    use crate::Config;
    use crate::call::Call;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn create(simulator: &mut Simulator, path: &str, body: &Value) {
        let mut call = Call { body: body.to_string().into(), ..Call::bare(Method::POST, path) };
        let token = format!("Bearer {}", simulator.default_token());
        call.headers.insert("authorization", token.parse().unwrap());
        simulator.handle(&call, "2026-10-01T12:00:00Z".parse().unwrap());
    }

    #[test]
    fn each_thing_is_written_once_and_in_order() {
        let page = Page::default();
        let mut history = History::new(Box::new(page.clone()));
        let mut simulator = Simulator::new(Config::default());
        simulator.webhooks.keep_news();
        let target = json!({"url": "http://127.0.0.1:9/hook", "events": ["contact.creation"]});
        create(&mut simulator, "/_sim/webhooks/target", &target);
        for name in ["a", "b"] {
            let contact = json!({"properties": {"firstname": name}});
            create(&mut simulator, "/crm/v3/objects/contacts", &contact);
            history.write(&mut simulator).unwrap();
            history.write(&mut simulator).unwrap();
        }
        let text = String::from_utf8(page.0.lock().clone()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<(&str, &str)> = lines
            .iter()
            .map(|line| {
                (line["what"].as_str().unwrap(), line["properties"]["firstname"].as_str().unwrap_or("-"))
            })
            .collect();
        assert_eq!(told, [("applied", "a"), ("emitted", "-"), ("applied", "b"), ("emitted", "-")]);
        assert_eq!(lines[1]["event"]["objectId"].to_string(), lines[0]["id"].as_str().unwrap());
    }
}
