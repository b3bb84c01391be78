//! Profiles: the history of one user as a value.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyList};
use tastemaker::event::{DEFAULT_KIND, Event};
use tastemaker::{ErrorKind, profile};

use crate::error::{attached, detached, invalid};
use crate::{ids, time};

/// The history of one user.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct Profile {
    events: Mutex<profile::Profile>,
}

impl From<profile::Profile> for Profile {
    fn from(events: profile::Profile) -> Self {
        Self {
            events: Mutex::new(events),
        }
    }
}

impl Profile {
    fn lock(&self) -> MutexGuard<'_, profile::Profile> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The history as it is now.
    pub(crate) fn copied(&self) -> profile::Profile {
        self.lock().clone()
    }
}

/// One event from its arguments; what is `None` takes the core's default.
pub(crate) fn event(
    item_id: &Bound<'_, PyAny>,
    kind: Option<&Bound<'_, PyAny>>,
    weight: Option<&Bound<'_, PyAny>>,
    timestamp: Option<&Bound<'_, PyAny>>,
) -> PyResult<Event> {
    let item_id = ids::to_text("item_id", item_id)?;
    let kind = match kind {
        None => Cow::Borrowed(DEFAULT_KIND),
        Some(kind) => Cow::Owned(kind.extract::<String>().map_err(|_| {
            let message = format!("kind is {kind}; a kind is a text");
            invalid(kind.py(), ErrorKind::UnknownKind, message)
        })?),
    };
    let timestamp = timestamp.map_or(Ok(0), |timestamp| time::millis("timestamp", timestamp))?;
    let event = Event::new(item_id, kind, timestamp);
    match weight {
        None => Ok(event),
        Some(weight) => Ok(event.with_weight(number("weight", weight)?)),
    }
}

fn number(field: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let numeric = value.cast::<PyFloat>().is_ok()
        || value.cast::<PyInt>().is_ok()
        || value.hasattr("__float__")?;
    if numeric && let Ok(number) = value.extract() {
        return Ok(number);
    }
    Err(invalid(
        value.py(),
        ErrorKind::InvalidWeight,
        format!("{field} is {value}; a weight is a number"),
    ))
}

#[pymethods]
impl Profile {
    #[new]
    fn new() -> Self {
        profile::Profile::new().into()
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        detached(py, || profile::Profile::from_bytes(data)).map(Self::from)
    }

    #[pyo3(signature = (item_id, kind=None, weight=None, timestamp=None))]
    fn record(
        &self,
        py: Python<'_>,
        item_id: &Bound<'_, PyAny>,
        kind: Option<&Bound<'_, PyAny>>,
        weight: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let event = event(item_id, kind, weight, timestamp)?;
        attached(py, || self.lock().record(&event))
    }

    fn merge(&self, py: Python<'_>, other: PyRef<'_, Profile>) -> PyResult<bool> {
        let other = other.copied();
        attached(py, || Ok(self.lock().merge(&other)))
    }

    /// Removes every event on an item; returns how many there were.
    fn forget_item(&self, py: Python<'_>, item_id: &Bound<'_, PyAny>) -> PyResult<usize> {
        let item_id = ids::to_text("item_id", item_id)?;
        attached(py, || Ok(self.lock().forget_item(&item_id)))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.copied().to_bytes())
    }

    /// The events, oldest first, as dictionaries.
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for event in self.copied().events() {
            let row = PyDict::new(py);
            row.set_item("item_id", &event.item_id)?;
            row.set_item("kind", &event.kind)?;
            row.set_item("weight", event.weight)?;
            row.set_item("timestamp", event.timestamp)?;
            list.append(row)?;
        }
        Ok(list)
    }

    fn __len__(&self) -> usize {
        self.lock().len()
    }
}
