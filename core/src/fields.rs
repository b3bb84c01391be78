//! Options from JSON: every name known, every value in range, every error with its path.

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result, shown};

/// The fields of one JSON object, read by name.
pub(crate) struct Fields<'a> {
    what: &'a str,
    map: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    /// Takes an object, or `null` for none; refuses names that are not in `known`.
    pub(crate) fn new(what: &'a str, value: &'a Value, known: &[&str]) -> Result<Self> {
        let map = match value {
            Value::Null => None,
            Value::Object(map) => Some(map),
            other => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "{what} is {}; it must be an object",
                        shown(&other.to_string())
                    ),
                ));
            }
        };
        if let Some(stranger) =
            map.and_then(|m| m.keys().find(|key| !known.contains(&key.as_str())))
        {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{what}.{} is not known; the names are {}",
                    shown(stranger),
                    known.join(", ")
                ),
            ));
        }
        Ok(Self { what, map })
    }

    /// The value of a field; `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.raw(name).filter(|v| !v.is_null())
    }

    /// The value of a field, `null` included.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a Value> {
        self.map.and_then(|m| m.get(name))
    }

    pub(crate) fn wrong(&self, name: &str, value: &Value, rule: &str) -> Error {
        Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{}.{name} is {}; {rule}",
                self.what,
                shown(&value.to_string())
            ),
        )
    }

    pub(crate) fn bool(&self, name: &str, default: bool) -> Result<bool> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| self.wrong(name, value, "it must be true or false")),
        }
    }

    /// A whole number; JavaScript writes 5 and 5.0 alike.
    pub(crate) fn whole(&self, name: &str, default: u64, min: u64, max: u64) -> Result<u64> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        let number = value.as_u64().or_else(|| {
            value
                .as_f64()
                .filter(|n| *n == n.trunc() && (0.0..9_007_199_254_740_992.0).contains(n))
                .map(|n| n as u64)
        });
        number.filter(|n| (min..=max).contains(n)).ok_or_else(|| {
            self.wrong(
                name,
                value,
                &format!("it must be a whole number from {min} to {max}"),
            )
        })
    }

    pub(crate) fn number(&self, name: &str, default: f64, min: f64, max: f64) -> Result<f64> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        value
            .as_f64()
            .filter(|n| (min..=max).contains(n))
            .ok_or_else(|| {
                self.wrong(
                    name,
                    value,
                    &format!("it must be a number from {min} to {max}"),
                )
            })
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_str()
                .map(Some)
                .ok_or_else(|| self.wrong(name, value, "it must be a text")),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let list = value
            .as_array()
            .and_then(|list| list.iter().map(|v| v.as_str().map(str::to_owned)).collect());
        list.map(Some)
            .ok_or_else(|| self.wrong(name, value, "it must be a list of texts"))
    }
}
