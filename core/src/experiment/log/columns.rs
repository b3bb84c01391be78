//! Tables of a log as columns, for whatever reads columns.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::DecisionLog;
use super::record::{Decision, invalid};
use crate::error::{Result, shown};

/// The code of a text, and the slot, that is missing.
pub const MISSING: u32 = u32::MAX;

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Values {
    /// A code a row into `texts`; [`MISSING`] for none.
    Text {
        /// One code a row.
        codes: Vec<u32>,
        /// The distinct texts, ascending by bytes.
        texts: Vec<String>,
    },
    /// Unix milliseconds.
    Time(Vec<i64>),
    /// Numbers.
    Number(Vec<f64>),
    /// Small whole numbers; [`MISSING`] for none.
    Whole(Vec<u32>),
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

/// Columns of one length.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// Their length.
    pub rows: usize,
}

impl Table {
    pub(crate) fn new(rows: usize, columns: Vec<(&'static str, Values)>) -> Self {
        let columns = columns
            .into_iter()
            .map(|(name, values)| Column { name, values });
        Self {
            columns: columns.collect(),
            rows,
        }
    }

    /// The values of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Values> {
        let found = self.columns.iter().find(|column| column.name == name);
        found.map(|column| &column.values)
    }

    /// The columns as JSON: lists by name, `null` for what is missing.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let list = |values: &Values| -> Json {
            match values {
                Values::Text { codes, texts } => {
                    let text = |&code: &u32| json!(texts.get(code as usize));
                    codes.iter().map(text).collect()
                }
                Values::Time(values) => json!(values),
                Values::Number(values) => json!(values),
                Values::Whole(values) => values
                    .iter()
                    .map(|&v| json!((v != MISSING).then_some(v)))
                    .collect(),
            }
        };
        let columns = self.columns.iter();
        columns
            .map(|column| (column.name.to_owned(), list(&column.values)))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// Texts that become codes.
pub(crate) fn texts<'a>(rows: impl Iterator<Item = Option<&'a str>>) -> Values {
    let rows: Vec<Option<&str>> = rows.collect();
    let mut known: BTreeMap<&str, u32> = rows.iter().flatten().map(|text| (*text, 0)).collect();
    for (code, place) in known.values_mut().zip(0..) {
        *code = place;
    }
    let code = |text: &Option<&str>| {
        text.and_then(|text| known.get(text))
            .copied()
            .unwrap_or(MISSING)
    };
    Values::Text {
        codes: rows.iter().map(code).collect(),
        texts: known.keys().map(|text| (*text).to_owned()).collect(),
    }
}

impl DecisionLog {
    /// Decisions in the order of tables: by time, then by id.
    pub(crate) fn in_time(&self) -> Vec<&Decision> {
        let mut all: Vec<&Decision> = self.decisions.values().collect();
        all.sort_by_key(|decision| decision.time);
        all
    }

    /// A table of the log:
    ///
    /// | name | columns | a row a |
    /// |---|---|---|
    /// | `decisions` | `decision`, `time`, `user`, `model`, `context` | decision |
    /// | `shown` | `decision`, `time`, `slot`, `item`, `propensity` | item shown |
    /// | `assignments` | `decision`, `experiment`, `variant` | experiment of a decision |
    /// | `outcomes` | `decision`, `time`, `name`, `value`, `slot`, `item` | outcome |
    ///
    /// Rows are in the order of the decisions' times, then of their ids; outcomes by decision.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for another name.
    pub fn table(&self, name: &str) -> Result<Table> {
        let decisions = self.in_time();
        Ok(match name {
            "decisions" => {
                let column = |f: fn(&Decision) -> Option<&str>| {
                    texts(decisions.iter().map(|decision| f(decision)))
                };
                Table::new(
                    decisions.len(),
                    vec![
                        ("decision", column(|d| Some(&d.id))),
                        (
                            "time",
                            Values::Time(decisions.iter().map(|d| d.time).collect()),
                        ),
                        ("user", column(|d| d.user.as_deref())),
                        ("model", column(|d| d.model.as_deref())),
                        ("context", column(|d| d.context.as_deref())),
                    ],
                )
            }
            "shown" => {
                let rows = || {
                    decisions
                        .iter()
                        .flat_map(|d| d.shown.iter().map(move |s| (*d, s)))
                };
                Table::new(
                    rows().count(),
                    vec![
                        ("decision", texts(rows().map(|(d, _)| Some(d.id.as_str())))),
                        ("time", Values::Time(rows().map(|(d, _)| d.time).collect())),
                        (
                            "slot",
                            Values::Whole(rows().map(|(_, s)| s.slot.into()).collect()),
                        ),
                        ("item", texts(rows().map(|(_, s)| Some(s.item.as_str())))),
                        (
                            "propensity",
                            Values::Number(rows().map(|(_, s)| s.propensity).collect()),
                        ),
                    ],
                )
            }
            "assignments" => {
                let rows = || {
                    decisions
                        .iter()
                        .flat_map(|d| d.assignments.iter().map(move |a| (*d, a)))
                };
                Table::new(
                    rows().count(),
                    vec![
                        ("decision", texts(rows().map(|(d, _)| Some(d.id.as_str())))),
                        (
                            "experiment",
                            texts(rows().map(|(_, (e, _))| Some(e.as_str()))),
                        ),
                        ("variant", texts(rows().map(|(_, (_, v))| Some(v.as_str())))),
                    ],
                )
            }
            "outcomes" => {
                let rows = || self.outcomes.iter();
                Table::new(
                    self.outcomes.len(),
                    vec![
                        ("decision", texts(rows().map(|o| Some(o.decision.as_str())))),
                        ("time", Values::Time(rows().map(|o| o.time).collect())),
                        ("name", texts(rows().map(|o| Some(o.name.as_str())))),
                        ("value", Values::Number(rows().map(|o| o.value).collect())),
                        (
                            "slot",
                            Values::Whole(
                                rows().map(|o| o.slot.map_or(MISSING, u32::from)).collect(),
                            ),
                        ),
                        ("item", texts(rows().map(|o| o.item.as_deref()))),
                    ],
                )
            }
            other => {
                return Err(invalid(format!(
                    "table is {}; the tables are decisions, shown, assignments, outcomes",
                    shown(other)
                )));
            }
        })
    }
}
