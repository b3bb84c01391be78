//! Bandits: definitions and requests to the core's JSON, rewards as columns, answers back.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tastemaker::experiment::bandit::{self, Request, Rewards, UpdateOptions};
use tastemaker::{ErrorKind, Result};

use crate::column::Column;
use crate::data::Data;
use crate::error::{attached, detached};
use crate::event::Ids;
use crate::json::{self, Purpose};
use crate::request;
use crate::stats::numbers;
use crate::time::{self, Unit};

const DEFINITION: Purpose<'_> = Purpose {
    kind: ErrorKind::InvalidArgument,
    name: "bandit",
};

/// A bandit: its definition and its state.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct Bandit {
    inner: Mutex<bandit::Bandit>,
}

type Ref<'py> = PyRef<'py, Column>;

/// Rewards: a dictionary of columns; `arm` is a list of columns, one a factor.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Given<'py> {
    arm: Vec<(Option<String>, Ref<'py>)>,
    reward: Ref<'py>,
    time: Option<Ref<'py>>,
    context: Option<Ref<'py>>,
    arm_features: Option<Ref<'py>>,
}

impl Bandit {
    fn lock(&self) -> MutexGuard<'_, bandit::Bandit> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bandit as it is now.
    pub(crate) fn copied(&self) -> bandit::Bandit {
        self.lock().clone()
    }

    pub(crate) fn of(inner: bandit::Bandit) -> Self {
        Self {
            inner: Mutex::new(inner),
        }
    }
}

fn asked(py: Python<'_>, given: &Bound<'_, PyDict>) -> PyResult<Request> {
    let given = request::from_dict(given)?;
    attached(py, || Request::from_json(&given))
}

#[pymethods]
impl Bandit {
    #[new]
    fn new(py: Python<'_>, definition: &Bound<'_, PyAny>) -> PyResult<Self> {
        let definition = json::to_json(definition, DEFINITION)?;
        attached(py, || bandit::Bandit::from_json(&definition)).map(Self::of)
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        attached(py, || bandit::Bandit::from_bytes(data)).map(Self::of)
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.lock().to_bytes())
    }

    fn definition<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let definition = self.lock().definition();
        json::to_python(py, &definition)
    }

    fn state_version(&self) -> String {
        self.lock().state_version()
    }

    fn choose<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let asked = asked(py, given)?;
        let answer = attached(py, || Ok(self.lock().choose(&asked)?.to_json()))?;
        json::to_python(py, &answer)
    }

    fn propensities<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let asked = asked(py, given)?;
        let answer = attached(py, || Ok(self.lock().propensities(&asked)?.to_json()))?;
        json::to_python(py, &answer)
    }

    fn update_one<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let given = request::from_dict(given)?;
        let updated = attached(py, || Ok(self.lock().update_one(&given)?.to_json()))?;
        json::to_python(py, &updated)
    }

    fn update<'py>(
        &self,
        py: Python<'py>,
        columns: Given<'py>,
        options: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = request::from_dict(options)?;
        let arms: Vec<(Option<&str>, &Column)> = columns
            .arm
            .iter()
            .map(|(factor, column)| (factor.as_deref(), &**column))
            .collect();
        let reward: &Column = &columns.reward;
        let time = columns.time.as_deref();
        let (context, arm_features) = (columns.context.as_deref(), columns.arm_features.as_deref());
        let updated = detached(py, || {
            let options = UpdateOptions::from_json(&options)?;
            let ids: Vec<(Option<&str>, Cow<'_, Data>)> = arms
                .iter()
                .map(|(factor, column)| Ok((*factor, column.ids(factor.unwrap_or("arm"))?)))
                .collect::<Result<_>>()?;
            let ids: Vec<(Option<&str>, Ids<'_>)> = ids
                .iter()
                .map(|(factor, data)| (*factor, Ids::new(data)))
                .collect();
            let reward = numbers(reward, "reward")?;
            let time = time
                .map(|column| column.timestamps("time", Unit::Millis))
                .transpose()?;
            let context = context
                .map(|column| numbers(column, "context"))
                .transpose()?;
            let arm_features = arm_features
                .map(|column| numbers(column, "arm_features"))
                .transpose()?;
            let mut rewards = Rewards::new(tastemaker::event::IdColumn::Text(&[]), &reward);
            rewards.arms = ids
                .iter()
                .map(|(factor, ids)| (*factor, ids.column()))
                .collect();
            rewards.time = time.as_deref();
            rewards.context = context.as_deref();
            rewards.arm_features = arm_features.as_deref();
            self.lock().update(&rewards, &options)
        })?;
        json::to_python(py, &updated.to_json())
    }

    fn await_rewards(
        &self,
        py: Python<'_>,
        factor: Option<&str>,
        arm: &str,
        count: i64,
    ) -> PyResult<()> {
        attached(py, || self.lock().await_rewards(factor, arm, count))
    }

    fn merge(&self, py: Python<'_>, other: PyRef<'_, Self>) -> PyResult<()> {
        // A copy, so that two bandits never wait for each other, nor one for itself.
        let other = other.copied();
        attached(py, || self.lock().merge(&other))
    }

    fn redefine<'py>(
        &self,
        py: Python<'py>,
        definition: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let definition = json::to_json(definition, DEFINITION)?;
        let changed = attached(py, || Ok(self.lock().redefine(&definition)?.to_json()))?;
        json::to_python(py, &changed)
    }

    fn report<'py>(
        &self,
        py: Python<'py>,
        now: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let now = now.map(|now| time::millis("now", now)).transpose()?;
        let report = attached(py, || Ok(self.lock().report(now)?.to_json()))?;
        json::to_python(py, &report)
    }
}
