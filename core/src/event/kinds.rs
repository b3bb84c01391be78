//! Kinds of events and what they weigh.

use serde_json::{Map, Value, json};

use super::{MAX_WEIGHT, check_kind_name};
use crate::error::{Error, ErrorKind, Result, shown};

/// How a kind turns an event's weight `w` into evidence: `weight · (w − neutral) / scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KindRule {
    /// What one event of this kind counts; negative pushes away.
    pub weight: f64,
    /// The event weight that says nothing, for ratings; else 0.
    pub neutral: f64,
    /// The distance from neutral that counts as one whole event; else 1.
    pub scale: f64,
}

impl KindRule {
    /// A kind that multiplies the event's weight.
    #[must_use]
    pub const fn plain(weight: f64) -> Self {
        Self {
            weight,
            neutral: 0.0,
            scale: 1.0,
        }
    }

    /// The evidence that one event of this kind gives, before decay.
    #[must_use]
    pub fn evidence(&self, weight: f64) -> f64 {
        self.weight * ((weight - self.neutral) / self.scale)
    }
}

/// The kinds that a model knows, in ascending order of their names.
///
/// | kind | weight | | kind | weight |
/// |---|---|---|---|---|
/// | `view`, `click` | 1 | | `purchase`, `book` | 4 |
/// | `like`, `save`, `share` | 2 | | `dismiss` | −1 |
/// | `inquire` | 3 | | `dislike` | −2 |
/// | `rate` | (rating − 2.5) / 2.5, for ratings of 0 to 5 | | | |
///
/// ```
/// use tastemaker::event::KindTable;
/// let kinds = KindTable::default();
/// assert_eq!(kinds.get("save").unwrap().evidence(1.0), 2.0);
/// assert_eq!(kinds.get("rate").unwrap().evidence(5.0), 1.0);
/// assert!(kinds.get("teleport").is_none());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KindTable {
    rules: Vec<(String, KindRule)>,
}

impl Default for KindTable {
    fn default() -> Self {
        let plain = |name: &str, weight| (name.to_owned(), KindRule::plain(weight));
        let mut table = Self {
            rules: vec![
                plain("view", 1.0),
                plain("click", 1.0),
                plain("like", 2.0),
                plain("save", 2.0),
                plain("share", 2.0),
                plain("inquire", 3.0),
                plain("purchase", 4.0),
                plain("book", 4.0),
                plain("dismiss", -1.0),
                plain("dislike", -2.0),
                (
                    "rate".to_owned(),
                    KindRule {
                        weight: 1.0,
                        neutral: 2.5,
                        scale: 2.5,
                    },
                ),
            ],
        };
        table.rules.sort_by(|a, b| a.0.cmp(&b.0));
        table
    }
}

impl KindTable {
    /// The most kinds a table holds.
    pub const MAX_KINDS: usize = 255;

    /// The rule of a kind.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&KindRule> {
        self.position(name)
            .and_then(|i| self.rules.get(i))
            .map(|(_, rule)| rule)
    }

    /// The names and rules, ascending by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &KindRule)> {
        self.rules.iter().map(|(name, rule)| (name.as_str(), rule))
    }

    /// Sets or adds one kind.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if a number is not finite, beyond ±1e6, or the scale is not
    /// positive, or the table is full; [`ErrorKind::UnknownKind`] if the name is empty or longer
    /// than 64 bytes.
    pub fn set(&mut self, name: &str, rule: KindRule) -> Result<()> {
        check_kind_name(name)?;
        let bad = |what: &str, value: f64| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("kinds.{name}.{what} is {value}; it must be a finite number within ±1e6"),
            )
        };
        for (what, value) in [
            ("weight", rule.weight),
            ("neutral", rule.neutral),
            ("scale", rule.scale),
        ] {
            if !value.is_finite() || value.abs() > MAX_WEIGHT {
                return Err(bad(what, value));
            }
        }
        if rule.scale < 1e-6 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "kinds.{name}.scale is {}; it must be at least 1e-6",
                    rule.scale
                ),
            ));
        }
        match self.rules.binary_search_by(|(n, _)| n.as_str().cmp(name)) {
            Ok(i) => {
                if let Some(entry) = self.rules.get_mut(i) {
                    entry.1 = rule;
                }
            }
            Err(_) if self.rules.len() >= Self::MAX_KINDS => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("kinds: more than {} kinds", Self::MAX_KINDS),
                ));
            }
            Err(i) => self.rules.insert(i, (name.to_owned(), rule)),
        }
        Ok(())
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.rules
            .binary_search_by(|(n, _)| n.as_str().cmp(name))
            .ok()
    }

    pub(crate) fn name(&self, index: usize) -> Option<&str> {
        self.rules.get(index).map(|(name, _)| name.as_str())
    }

    pub(crate) fn rule(&self, index: usize) -> Option<&KindRule> {
        self.rules.get(index).map(|(_, rule)| rule)
    }

    pub(crate) fn len(&self) -> usize {
        self.rules.len()
    }

    pub(crate) fn unknown(kind: &str, table: &Self) -> Error {
        let known: Vec<&str> = table.rules.iter().map(|(n, _)| n.as_str()).collect();
        Error::new(
            ErrorKind::UnknownKind,
            format!(
                "kind {} is not defined; this model has {}",
                shown(kind),
                known.join(", ")
            ),
        )
    }

    /// The table as JSON: a number for a plain kind, `{weight, neutral, scale}` for a rating.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        for (name, rule) in &self.rules {
            let value = if rule.neutral == 0.0 && rule.scale == 1.0 {
                json!(rule.weight)
            } else {
                json!({"weight": rule.weight, "neutral": rule.neutral, "scale": rule.scale})
            };
            map.insert(name.clone(), value);
        }
        Value::Object(map)
    }

    /// The default table with the kinds of a JSON object set or added.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] as [`KindTable::set`], or if the JSON has another shape.
    pub fn from_json(value: &Value) -> Result<Self> {
        Self::default().extended(value)
    }

    /// Exactly the kinds of a JSON object: how a snapshot's manifest is read.
    pub(crate) fn exactly(value: &Value) -> Result<Self> {
        Self { rules: Vec::new() }.extended(value)
    }

    fn extended(mut self, value: &Value) -> Result<Self> {
        let shape = |name: &str| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "kinds{name}: expected a number, or an object of weight, neutral and scale"
                ),
            )
        };
        for (name, rule) in value.as_object().ok_or_else(|| shape(""))? {
            let rule = match rule {
                Value::Number(n) => KindRule::plain(n.as_f64().unwrap_or(f64::NAN)),
                Value::Object(fields) => {
                    if fields
                        .keys()
                        .any(|k| !matches!(k.as_str(), "weight" | "neutral" | "scale"))
                    {
                        return Err(shape(&format!(".{name}")));
                    }
                    let number = |key: &str, default: f64| match fields.get(key) {
                        None => Ok(default),
                        Some(v) => v.as_f64().ok_or_else(|| shape(&format!(".{name}.{key}"))),
                    };
                    KindRule {
                        weight: number("weight", 1.0)?,
                        neutral: number("neutral", 0.0)?,
                        scale: number("scale", 1.0)?,
                    }
                }
                _ => return Err(shape(&format!(".{name}"))),
            };
            self.set(name, rule)?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_survives_json() {
        let mut table = KindTable::default();
        table
            .set(
                "dwell",
                KindRule {
                    weight: 0.5,
                    neutral: 10.0,
                    scale: 60.0,
                },
            )
            .unwrap();
        assert_eq!(KindTable::exactly(&table.to_json()).unwrap(), table);
    }

    #[test]
    fn bad_rules_are_refused() {
        let mut table = KindTable::default();
        for rule in [
            KindRule::plain(f64::NAN),
            KindRule::plain(f64::INFINITY),
            KindRule {
                weight: 1.0,
                neutral: 0.0,
                scale: 0.0,
            },
            KindRule {
                weight: 1.0,
                neutral: 0.0,
                scale: -1.0,
            },
        ] {
            assert_eq!(
                table.set("x", rule).unwrap_err().kind(),
                ErrorKind::InvalidArgument
            );
        }
        assert!(table.set("", KindRule::plain(1.0)).is_err());
        for bad in [
            json!(3),
            json!({"view": "much"}),
            json!({"view": {"wieght": 1}}),
            json!({"view": null}),
        ] {
            assert_eq!(
                KindTable::from_json(&bad).unwrap_err().kind(),
                ErrorKind::InvalidArgument,
                "{bad}"
            );
        }
    }
}
