//! Reading the parameters of a fault, with an error that says what is wanted.

use serde_json::{Map, Value};

/// A parameter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` must be {wanted}")]
pub struct BadParam {
    pub name: String,
    pub wanted: String,
}

/// The JSON object a fault was asked for with.
#[derive(Debug, Clone, Copy)]
pub struct Params<'a>(pub &'a Map<String, Value>);

impl<'a> Params<'a> {
    pub fn text(self, name: &str) -> Result<Option<&'a str>, BadParam> {
        self.read(name, "a text", Value::as_str)
    }

    pub fn whole(self, name: &str) -> Result<Option<u64>, BadParam> {
        self.read(name, "a whole number, zero or more", Value::as_u64)
    }

    pub fn number(self, name: &str) -> Result<Option<f64>, BadParam> {
        self.read(name, "a number, zero or more", |value| value.as_f64().filter(|number| *number >= 0.0))
    }

    /// A share from 0 to 1.
    pub fn share(self, name: &str) -> Result<Option<f64>, BadParam> {
        self.read(name, "a number from 0 to 1", |value| {
            value.as_f64().filter(|share| (0.0..=1.0).contains(share))
        })
    }

    pub fn yes_or_no(self, name: &str) -> Result<Option<bool>, BadParam> {
        self.read(name, "true or false", Value::as_bool)
    }

    /// One of a few words.
    pub fn word(self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, BadParam> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = words.iter().find(|word| **word == text).copied();
        found
            .map(Some)
            .ok_or_else(|| BadParam { name: name.to_owned(), wanted: format!("one of {}", words.join(", ")) })
    }

    fn read<T>(
        self,
        name: &str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, BadParam> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let bad = || BadParam { name: name.to_owned(), wanted: wanted.to_owned() };
                read(value).map(Some).ok_or_else(bad)
            }
        }
    }
}
