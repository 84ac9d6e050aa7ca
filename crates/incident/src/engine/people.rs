//! What people do: take an incident, write something down, end it, turn a mitigation on or off.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Effect, Engine};
use crate::incident::Stage;
use crate::message::Moment;
use crate::mitigation::{Measure, Mitigation, Turn};
use crate::timeline::{By, Entry, What};

/// A note is some lines.
pub(super) const NOTE_BYTES_MAX: usize = 4_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    Acknowledge { incident: String },
    Note { incident: String, text: String },
    Resolve { incident: String },
    Turn { incident: String, mitigation: Mitigation, turn: Turn },
}

impl Command {
    /// Which incident it is about.
    pub fn incident(&self) -> &str {
        match self {
            Self::Acknowledge { incident }
            | Self::Note { incident, .. }
            | Self::Resolve { incident }
            | Self::Turn { incident, .. } => incident,
        }
    }
}

/// Why it cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is no open incident {0}")]
    NoSuchIncident(String),
    #[error("{name} has taken it already")]
    Taken { name: String },
    #[error("a note has {bytes} bytes; {NOTE_BYTES_MAX} are kept")]
    NoteTooLong { bytes: usize },
    #[error("the incident is over")]
    Over,
}

impl Engine {
    pub(super) fn person(&mut self, name: &str, command: Command, now: Timestamp) {
        if let Err(refused) = self.act_for(name, command, now) {
            self.effects.push(Effect::Refuse(refused));
        }
    }

    fn act_for(&mut self, name: &str, command: Command, now: Timestamp) -> Result<(), Refused> {
        let by = By::Person(name.to_owned());
        match command {
            Command::Acknowledge { incident } => {
                let index = self.open_one(&incident)?;
                self.acknowledge(index, name, by, now)
            }
            Command::Note { incident, text } => {
                let index = self.one(&incident)?;
                if text.len() > NOTE_BYTES_MAX {
                    return Err(Refused::NoteTooLong { bytes: text.len() });
                }
                self.write_for(index, by, now, What::Note { text });
                Ok(())
            }
            Command::Resolve { incident } => {
                let index = self.open_one(&incident)?;
                self.write_for(index, by, now, What::Resolved { by_hand: true });
                self.resolve(index, Some(name), now);
                Ok(())
            }
            Command::Turn { incident, mitigation, turn } => {
                let index = self.open_one(&incident)?;
                let place = self.incidents[index].blast.place();
                let measure = Measure { mitigation, place, turn, at: now };
                self.turn(index, measure, &by, format!("{name} asked for it"));
                self.keep(index);
                Ok(())
            }
        }
    }

    fn acknowledge(&mut self, index: usize, name: &str, by: By, now: Timestamp) -> Result<(), Refused> {
        let incident = &mut self.incidents[index];
        if let Some(taken) = &incident.acknowledged_by {
            return Err(Refused::Taken { name: taken.clone() });
        }
        incident.acknowledged_at = Some(now);
        incident.acknowledged_by = Some(name.to_owned());
        if incident.stage == Stage::Open {
            incident.stage = Stage::Acknowledged;
        }
        self.write_for(index, by, now, What::Acknowledged);
        self.tell(index, Moment::Acknowledged, now);
        self.keep(index);
        Ok(())
    }

    fn write_for(&mut self, index: usize, by: By, at: Timestamp, what: What) {
        let incident = self.incidents[index].id.clone();
        self.effects.push(Effect::Write { incident, entry: Entry { at, by, what } });
    }

    fn one(&self, id: &str) -> Result<usize, Refused> {
        let found = self.incidents.iter().position(|incident| incident.id == id);
        found.ok_or_else(|| Refused::NoSuchIncident(id.to_owned()))
    }

    fn open_one(&self, id: &str) -> Result<usize, Refused> {
        let index = self.one(id)?;
        if self.incidents[index].stage.is_over() { Err(Refused::Over) } else { Ok(index) }
    }
}
