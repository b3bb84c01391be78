//! Experiments: definitions and contexts to the core's JSON, answers back.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tastemaker::ErrorKind;
use tastemaker::experiment::{self, Context};
use tastemaker::json::Value;

use crate::column::Column;
use crate::error::{attached, detached};
use crate::event::Ids;
use crate::ids;
use crate::json::{self, Purpose};
use crate::request;

const PAYLOAD: Purpose<'_> = Purpose {
    kind: ErrorKind::InvalidArgument,
    name: "payload",
};

/// Compiled experiments and features.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct Experiments {
    inner: experiment::Experiments,
}

fn context(py: Python<'_>, given: &Bound<'_, PyDict>) -> PyResult<Context> {
    let given = request::from_dict(given)?;
    attached(py, || Context::from_json(&given))
}

#[pymethods]
impl Experiments {
    /// Reads definitions; `form` is `native`, `growthbook` or `unleash`.
    #[new]
    fn new(py: Python<'_>, payload: &Bound<'_, PyAny>, form: &str) -> PyResult<Self> {
        let payload = json::to_json(payload, PAYLOAD)?;
        let read = match form {
            "growthbook" => experiment::Experiments::from_growthbook,
            "unleash" => experiment::Experiments::from_unleash,
            _ => experiment::Experiments::from_json,
        };
        let inner = attached(py, || read(&payload))?;
        Ok(Self { inner })
    }

    fn experiments(&self) -> Vec<&str> {
        self.inner.experiments().collect()
    }

    fn features(&self) -> Vec<&str> {
        self.inner.features().collect()
    }

    fn describe<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, &attached(py, || self.inner.describe(key))?)
    }

    fn assign<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        given: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let context = context(py, given)?;
        let answer: Value = attached(py, || Ok(self.inner.assign(key, &context)?.to_json()))?;
        json::to_python(py, &answer)
    }

    fn assign_id<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        id: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let id = ids::to_text("id", id)?;
        let answer = attached(py, || Ok(self.inner.assign_id(key, &id)?.to_json()))?;
        json::to_python(py, &answer)
    }

    fn assign_all<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let context = context(py, given)?;
        let answer = attached(py, || Ok(self.inner.assign_all(&context)?.to_json()))?;
        json::to_python(py, &answer)
    }

    fn feature<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        given: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let context = context(py, given)?;
        let answer = attached(py, || Ok(self.inner.feature(key, &context)?.to_json()))?;
        json::to_python(py, &answer)
    }
}

/// The place of a weight for each id.
#[pyfunction]
pub(crate) fn split_exact<'py>(
    py: Python<'py>,
    ids: PyRef<'py, Column>,
    weights: Vec<f64>,
    salt: &str,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let column: &Column = &ids;
    let arms = detached(py, || {
        let data = column.ids("ids")?;
        experiment::split_exact(&Ids::new(&data).column(), &weights, salt)
    })?;
    let arms: Vec<i64> = arms.into_iter().map(i64::from).collect();
    Ok(PyArray1::from_vec(py, arms))
}
