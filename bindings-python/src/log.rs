//! Decision logs: records as JSON, tables as columns.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict};
use tastemaker::ErrorKind;
use tastemaker::experiment::log::{
    self, Decision, JoinOptions, LogOptions, Outcome, Table, Values,
};

use crate::error::{attached, detached};
use crate::json::{self, Purpose};
use crate::{arrow, ids, time};

const GIVEN: Purpose<'_> = Purpose {
    kind: ErrorKind::InvalidArgument,
    name: "decision log",
};

/// Decisions and outcomes.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct DecisionLog {
    inner: Mutex<log::DecisionLog>,
}

fn options(py: Python<'_>, given: &Bound<'_, PyAny>) -> PyResult<LogOptions> {
    let given = json::to_json(given, GIVEN)?;
    attached(py, || LogOptions::from_json(&given))
}

/// A table of a log.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct LogTable {
    inner: Table,
}

#[pymethods]
impl LogTable {
    /// The columns by name: arrays, or (codes, texts).
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        for column in &self.inner.columns {
            let name = column.name;
            match &column.values {
                Values::Text { codes, texts } => {
                    out.set_item(name, (PyArray1::from_slice(py, codes), texts))?;
                }
                Values::Time(values) => out.set_item(name, PyArray1::from_slice(py, values))?,
                Values::Number(values) => out.set_item(name, PyArray1::from_slice(py, values))?,
                Values::Whole(values) => out.set_item(name, PyArray1::from_slice(py, values))?,
                _ => {}
            }
        }
        Ok(out)
    }

    /// The table as an Arrow stream.
    fn stream<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::stream(py, self.inner.clone())
    }

    fn __len__(&self) -> usize {
        self.inner.rows
    }
}

impl DecisionLog {
    fn lock(&self) -> MutexGuard<'_, log::DecisionLog> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<log::DecisionLog> for DecisionLog {
    fn from(inner: log::DecisionLog) -> Self {
        Self {
            inner: Mutex::new(inner),
        }
    }
}

#[pymethods]
impl DecisionLog {
    #[new]
    fn new(py: Python<'_>, given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let options = options(py, given)?;
        attached(py, || Ok(log::DecisionLog::new(&options)?.into()))
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8], given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let options = options(py, given)?;
        detached(py, || log::DecisionLog::from_bytes(data, &options)).map(Self::from)
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.lock().to_bytes())
    }

    fn record(&self, py: Python<'_>, given: &Bound<'_, PyAny>) -> PyResult<bool> {
        let given = json::to_json(given, GIVEN)?;
        attached(py, || self.lock().record(Decision::from_json(&given)?))
    }

    fn record_outcome(&self, py: Python<'_>, given: &Bound<'_, PyAny>) -> PyResult<bool> {
        let given = json::to_json(given, GIVEN)?;
        attached(py, || {
            self.lock().record_outcome(Outcome::from_json(&given)?)
        })
    }

    fn merge<'py>(
        &self,
        py: Python<'py>,
        other: PyRef<'py, DecisionLog>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let other = other.lock().clone();
        let merged = detached(py, || self.lock().merge(&other))?;
        json::to_python(py, &merged.to_json())
    }

    fn pseudonym(&self, py: Python<'_>, user: &Bound<'_, PyAny>) -> PyResult<String> {
        let user = ids::to_text("user", user)?;
        attached(py, || self.lock().pseudonym(&user))
    }

    fn erase<'py>(&self, py: Python<'py>, user: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let user = ids::to_text("user", user)?;
        let removed = attached(py, || self.lock().erase(&user))?;
        json::to_python(py, &removed.to_json())
    }

    fn expire<'py>(
        &self,
        py: Python<'py>,
        before: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let before = time::millis("before", before)?;
        let removed = attached(py, || self.lock().expire(before))?;
        json::to_python(py, &removed.to_json())
    }

    fn decision<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.lock().decision(id).map(Decision::to_json);
        found.map(|found| json::to_python(py, &found)).transpose()
    }

    fn orphans<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let orphans: Vec<_> = self.lock().orphans().map(Outcome::to_json).collect();
        json::to_python(py, &orphans.into())
    }

    fn counts(&self) -> (usize, usize) {
        let log = self.lock();
        (log.decisions().len(), log.outcomes().len())
    }

    fn table(&self, py: Python<'_>, name: &str) -> PyResult<LogTable> {
        let inner = detached(py, || self.lock().table(name))?;
        Ok(LogTable { inner })
    }

    fn join<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyAny>,
    ) -> PyResult<(LogTable, Bound<'py, PyAny>)> {
        let given = json::to_json(given, GIVEN)?;
        let joined = detached(py, || self.lock().join(&JoinOptions::from_json(&given)?))?;
        let counts = json::to_python(py, &joined.counts.to_json())?;
        let inner = joined.table;
        Ok((LogTable { inner }, counts))
    }

    fn __eq__(&self, other: PyRef<'_, DecisionLog>) -> bool {
        // One lock at a time: a log may be compared with itself.
        let other = other.lock().clone();
        *self.lock() == other
    }
}

/// The hash of a context.
#[pyfunction]
pub(crate) fn context_hash(context: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(log::context_hash(&json::to_json(context, GIVEN)?))
}
