//! The engine: a model together with the users' histories, for the request path.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use tastemaker::engine::{
    Answer, Engine as CoreEngine, GroupRequest, Reason, Request, Score, ScoreRequest,
    SimilarRequest, SimilarUser, SimilarUsersRequest,
};
use tastemaker::json::{Map, Value};

use crate::column::Column;
use crate::error::{attached, detached};
use crate::event::Events;
use crate::ids;
use crate::model::Model;
use crate::profile::{Profile, event};
use crate::request;
use crate::time::Unit;

/// Serves one model; safe to share between threads.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct Engine {
    core: CoreEngine,
}

/// A row that a batch left out: its number, the code, the message.
type Rejection = (usize, &'static str, String);

/// Reasons for one item: ids, contributions, shares, members.
type Reasons<'py> = Vec<(Bound<'py, PyAny>, f64, f64, Bound<'py, PyTuple>)>;

/// Whether a request asks for reasons.
fn explained(request: &Value) -> bool {
    request.get("explain") == Some(&Value::Bool(true))
}

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
        for (name, value) in [
            ("user_id", user_id),
            ("history", history),
            ("k", Some(k)),
            ("now", now),
            ("filter", filter),
            ("allow", allow),
            ("deny", deny),
        ] {
            request::set(&mut fields, name, value)?;
        }
        for (name, flag) in [
            ("exclude_seen", exclude_seen),
            ("explain", explain),
            ("trace", trace),
        ] {
            if let Some(flag) = flag {
                fields.insert(name.to_owned(), Value::Bool(flag));
            }
        }
        let fields = Value::Object(fields);
        let answer = detached(py, || self.core.recommend(&Request::from_json(&fields)?))?;
        self.to_python(py, answer, explain == Some(true))
    }

    /// Takes the arguments by name; returns what `recommend` returns.
    fn similar_items<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let fields = request::from_dict(request)?;
        let answer = detached(py, || {
            self.core
                .similar_items(&SimilarRequest::from_json(&fields)?)
        })?;
        self.to_python(py, answer, explained(&fields))
    }

    /// Takes the arguments by name; returns what `recommend` returns.
    fn recommend_group<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let fields = request::from_dict(request)?;
        let answer = detached(py, || {
            self.core
                .recommend_group(&GroupRequest::from_json(&fields)?)
        })?;
        self.to_python(py, answer, explained(&fields))
    }

    /// Takes the arguments by name; returns (rows, ignored ids, model hash), where a row is
    /// (id, whether it is known, whether it was seen, score, reasons).
    fn score_items<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let fields = request::from_dict(request)?;
        let answer = detached(py, || {
            self.core.score_items(&ScoreRequest::from_json(&fields)?)
        })?;
        let integer = self.integers("item_id_type");
        let row = |item: &Score| {
            Ok((
                ids::to_python(py, integer, &item.item_id)?,
                item.known,
                item.seen,
                item.score,
                reasons_to_python(py, integer, &item.reasons)?,
            ))
        };
        let rows = answer.items.iter().map(row).collect::<PyResult<Vec<_>>>()?;
        let ignored = ids_to_python(py, integer, &answer.ignored)?;
        (rows, ignored, answer.model).into_pyobject(py)
    }

    /// Takes the arguments by name; returns (rows, ignored ids, model hash), where a row is
    /// (user id, similarity).
    fn similar_users<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let fields = request::from_dict(request)?;
        let answer = detached(py, || {
            self.core
                .similar_users(&SimilarUsersRequest::from_json(&fields)?)
        })?;
        let integer = self.integers("user_id_type");
        let row = |user: &SimilarUser| {
            let id = ids::to_python(py, integer, &user.user_id)?;
            Ok((id, user.similarity))
        };
        let rows = answer.users.iter().map(row).collect::<PyResult<Vec<_>>>()?;
        let ignored = ids_to_python(py, self.integers("item_id_type"), &answer.ignored)?;
        (rows, ignored, answer.model).into_pyobject(py)
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

fn ids_to_python<'py>(
    py: Python<'py>,
    integer: bool,
    ids: &[String],
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    ids.iter()
        .map(|id| ids::to_python(py, integer, id))
        .collect()
}

fn reasons_to_python<'py>(
    py: Python<'py>,
    integer: bool,
    reasons: &[Reason],
) -> PyResult<Reasons<'py>> {
    let one = |reason: &Reason| {
        Ok((
            ids::to_python(py, integer, &reason.item_id)?,
            reason.contribution,
            reason.share,
            PyTuple::new(py, &reason.members)?,
        ))
    };
    reasons.iter().map(one).collect()
}

impl Engine {
    /// Whether the model's ids of items, or of users, were integers in training.
    fn integers(&self, field: &str) -> bool {
        self.core
            .model()
            .manifest()
            .get(field)
            .and_then(Value::as_str)
            == Some("integer")
    }

    fn to_python<'py>(
        &self,
        py: Python<'py>,
        answer: Answer,
        explain: bool,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let integer = self.integers("item_id_type");
        let mut ids = Vec::with_capacity(answer.items.len());
        let mut scores = Vec::with_capacity(answer.items.len());
        let mut sources = Vec::with_capacity(answer.items.len());
        let mut reasons: Vec<Reasons<'py>> = Vec::new();
        for item in &answer.items {
            ids.push(ids::to_python(py, integer, &item.item_id)?);
            scores.push(item.score);
            sources.push(item.source.as_str());
            if explain {
                reasons.push(reasons_to_python(py, integer, &item.reasons)?);
            }
        }
        let reasons = explain.then_some(reasons);
        let ignored = ids_to_python(py, integer, &answer.ignored)?;
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
