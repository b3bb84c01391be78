//! The engine: a model together with the users' histories, for the request path.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use tastemaker::ErrorKind;
use tastemaker::engine::{Answer, Engine as CoreEngine, Request};
use tastemaker::json::{Map, Value};

use crate::column::Column;
use crate::error::{attached, detached};
use crate::event::Events;
use crate::ids;
use crate::json::{self, Purpose};
use crate::model::Model;
use crate::profile::{Profile, event};
use crate::time::{self, Unit};

/// Serves one model; safe to share between threads.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct Engine {
    core: CoreEngine,
}

/// A row that a batch left out: its number, the code, the message.
type Rejection = (usize, &'static str, String);

/// Reasons for one item: ids, contributions, shares.
type Reasons<'py> = Vec<(Bound<'py, PyAny>, f64, f64)>;

#[pymethods]
impl Engine {
    #[new]
    fn new(model: PyRef<'_, Model>) -> Self {
        Self {
            core: CoreEngine::new(model.core.clone()),
        }
    }

    fn model(&self) -> Model {
        self.core.model().into()
    }

    fn swap(&self, model: PyRef<'_, Model>) {
        self.core.swap(model.core.clone());
    }

    /// Records an event; returns whether the history changed and whether the model has the item.
    #[pyo3(signature = (user_id, item_id, kind=None, weight=None, timestamp=None))]
    fn record(
        &self,
        py: Python<'_>,
        user_id: &Bound<'_, PyAny>,
        item_id: &Bound<'_, PyAny>,
        kind: Option<&Bound<'_, PyAny>>,
        weight: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(bool, bool)> {
        let user_id = ids::to_text("user_id", user_id)?;
        let event = event(item_id, kind, weight, timestamp)?;
        let recorded = attached(py, || self.core.record(&user_id, &event))?;
        Ok((recorded.changed, recorded.known_item))
    }

    /// Records many events; returns the counts of accepted and of repeated ones, and
    /// (row, code, message) of each rejected one.
    #[pyo3(signature = (user_id, item_id, kind, weight, timestamp, timestamp_unit, skip_invalid))]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument a column; the façade gives them names"
    )]
    fn record_batch<'py>(
        &self,
        py: Python<'py>,
        user_id: PyRef<'py, Column>,
        item_id: PyRef<'py, Column>,
        kind: Option<PyRef<'py, Column>>,
        weight: Option<PyRef<'py, Column>>,
        timestamp: Option<PyRef<'py, Column>>,
        timestamp_unit: &str,
        skip_invalid: bool,
    ) -> PyResult<(u64, u64, Vec<Rejection>)> {
        let unit = Unit::parse(py, timestamp_unit)?;
        let events = Events {
            user_id,
            item_id,
            kind,
            weight,
            timestamp,
            unit,
        };
        let columns = events.free();
        let report = detached(py, || {
            columns.with(|events| self.core.record_batch(events, skip_invalid))
        })?;
        let rejected = report
            .rejected
            .into_iter()
            .map(|r| (r.row, r.code, r.message))
            .collect();
        Ok((report.accepted, report.duplicates, rejected))
    }

    /// Answers one request. `limits` may hold `filter`, `allow` and `deny`.
    ///
    /// Returns (ids, scores, sources, reasons or None, ignored ids, model hash, trace or None).
    #[pyo3(signature = (user_id, history, k, now, filter, allow, deny, exclude_seen, explain, trace))]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument a field of the request; the façade gives them names"
    )]
    fn recommend<'py>(
        &self,
        py: Python<'py>,
        user_id: Option<&Bound<'py, PyAny>>,
        history: Option<&Bound<'py, PyAny>>,
        k: &Bound<'py, PyAny>,
        now: Option<&Bound<'py, PyAny>>,
        filter: Option<&Bound<'py, PyAny>>,
        allow: Option<&Bound<'py, PyAny>>,
        deny: Option<&Bound<'py, PyAny>>,
        exclude_seen: Option<bool>,
        explain: Option<bool>,
        trace: Option<bool>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        if let Some(user_id) = user_id {
            set(
                "user_id",
                Value::String(ids::to_text("user_id", user_id)?.into_owned()),
            );
        }
        if let Some(history) = history {
            set("history", events(history)?);
        }
        set(
            "k",
            json::to_json(
                k,
                Purpose {
                    kind: ErrorKind::InvalidArgument,
                    name: "k",
                },
            )?,
        );
        if let Some(now) = now {
            set("now", Value::from(time::millis("now", now)?));
        }
        if let Some(filter) = filter {
            set(
                "filter",
                json::to_json(
                    filter,
                    Purpose {
                        kind: ErrorKind::InvalidCondition,
                        name: "filter",
                    },
                )?,
            );
        }
        if let Some(allow) = allow {
            set("allow", Value::from(ids::to_texts("allow", allow)?));
        }
        if let Some(deny) = deny {
            set("deny", Value::from(ids::to_texts("deny", deny)?));
        }
        for (name, flag) in [
            ("exclude_seen", exclude_seen),
            ("explain", explain),
            ("trace", trace),
        ] {
            if let Some(flag) = flag {
                set(name, Value::Bool(flag));
            }
        }
        let fields = Value::Object(fields);
        let answer = detached(py, || self.core.recommend(&Request::from_json(&fields)?))?;
        self.to_python(py, answer, explain == Some(true))
    }

    fn profile(&self, py: Python<'_>, user_id: &Bound<'_, PyAny>) -> PyResult<Profile> {
        let id = ids::to_text("user_id", user_id)?;
        attached(py, || self.core.profile(&id)).map(Profile::from)
    }

    fn merge_profile(
        &self,
        py: Python<'_>,
        user_id: &Bound<'_, PyAny>,
        profile: PyRef<'_, Profile>,
    ) -> PyResult<bool> {
        let id = ids::to_text("user_id", user_id)?;
        let profile = profile.copied();
        attached(py, || self.core.merge_profile(&id, &profile))
    }

    fn erase(&self, py: Python<'_>, user_id: &Bound<'_, PyAny>) -> PyResult<bool> {
        let id = ids::to_text("user_id", user_id)?;
        attached(py, || self.core.erase(&id))
    }

    fn user_count(&self) -> usize {
        self.core.user_count()
    }
}

impl Engine {
    fn to_python<'py>(
        &self,
        py: Python<'py>,
        answer: Answer,
        explain: bool,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let integer = self
            .core
            .model()
            .manifest()
            .get("item_id_type")
            .and_then(Value::as_str)
            == Some("integer");
        let mut ids = Vec::with_capacity(answer.items.len());
        let mut scores = Vec::with_capacity(answer.items.len());
        let mut sources = Vec::with_capacity(answer.items.len());
        let mut reasons: Vec<Reasons<'py>> = Vec::new();
        for item in &answer.items {
            ids.push(ids::to_python(py, integer, &item.item_id)?);
            scores.push(item.score);
            sources.push(item.source.as_str());
            if explain {
                let reason = |r: &tastemaker::engine::Reason| {
                    Ok((
                        ids::to_python(py, integer, &r.item_id)?,
                        r.contribution,
                        r.share,
                    ))
                };
                reasons.push(item.reasons.iter().map(reason).collect::<PyResult<_>>()?);
            }
        }
        let reasons = explain.then_some(reasons);
        let ignored = answer
            .ignored
            .iter()
            .map(|id| ids::to_python(py, integer, id))
            .collect::<PyResult<Vec<_>>>()?;
        let trace = match answer.trace {
            None => None,
            Some(stages) => {
                let rows = stages
                    .into_iter()
                    .map(|s| (s.stage, s.input, s.output, s.note));
                Some(PyList::new(py, rows)?)
            }
        };
        (ids, scores, sources, reasons, ignored, answer.model, trace).into_pyobject(py)
    }
}

/// A history as JSON: dictionaries of an event's fields, or item ids alone.
fn events(history: &Bound<'_, PyAny>) -> PyResult<Value> {
    let mut list = Vec::new();
    for row in history.try_iter()? {
        list.push(entry(&row?)?);
    }
    Ok(Value::Array(list))
}

fn entry(row: &Bound<'_, PyAny>) -> PyResult<Value> {
    let mut fields = Map::new();
    let Ok(mapping) = row.cast::<pyo3::types::PyMapping>() else {
        fields.insert(
            "item_id".to_owned(),
            Value::String(ids::to_text("history", row)?.into_owned()),
        );
        return Ok(Value::Object(fields));
    };
    for pair in mapping.items()?.iter() {
        let (name, value) = pair.extract::<(String, Bound<'_, PyAny>)>()?;
        let value = match name.as_str() {
            "item_id" => Value::String(ids::to_text("history.item_id", &value)?.into_owned()),
            "timestamp" if value.is_none() => Value::Null,
            "timestamp" => Value::from(time::millis("history.timestamp", &value)?),
            "weight" => {
                // A weight that is not finite has no JSON form: null, which the core refuses.
                let weight = value.extract::<f64>().ok();
                weight.map_or_else(
                    || json::to_json(&value, WEIGHT),
                    |weight| Ok(Value::from(weight)),
                )?
            }
            _ => json::to_json(
                &value,
                Purpose {
                    kind: ErrorKind::InvalidArgument,
                    name: "history",
                },
            )?,
        };
        fields.insert(name, value);
    }
    Ok(Value::Object(fields))
}

const WEIGHT: Purpose<'_> = Purpose {
    kind: ErrorKind::InvalidWeight,
    name: "history.weight",
};
