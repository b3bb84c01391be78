//! Training.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use std::sync::Arc;

use pyo3::prelude::*;
use tastemaker::ErrorKind;
use tastemaker::train::{
    TrainOptions, UpdateOptions, train as core_train, tune as core_tune, update as core_update,
};

use crate::catalog::Catalog;
use crate::column::Column;
use crate::control::watched;
use crate::error::attached;
use crate::evaluate::EventTable;
use crate::event::{Events, Ids};
use crate::json::{self, Purpose};
use crate::model::Model;
use crate::time::Unit;

const OPTIONS: Purpose<'_> = Purpose {
    kind: ErrorKind::InvalidArgument,
    name: "options",
};

/// Trains a model from columns of events. `options` are the core's, by name.
#[pyfunction]
#[pyo3(signature = (user_id, item_id, kind, weight, timestamp, timestamp_unit, catalog, options, progress))]
#[expect(
    clippy::too_many_arguments,
    reason = "one argument a column; the façade gives them names"
)]
pub(crate) fn train<'py>(
    py: Python<'py>,
    user_id: PyRef<'py, Column>,
    item_id: PyRef<'py, Column>,
    kind: Option<PyRef<'py, Column>>,
    weight: Option<PyRef<'py, Column>>,
    timestamp: Option<PyRef<'py, Column>>,
    timestamp_unit: &str,
    catalog: Option<PyRef<'py, Catalog>>,
    options: &Bound<'py, PyAny>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Model> {
    let options = json::to_json(options, OPTIONS)?;
    let options = attached(py, || TrainOptions::from_json(&options))?;
    let unit = Unit::parse(py, timestamp_unit)?;
    let catalog: Option<Arc<_>> = catalog.map(|catalog| catalog.shared());
    let events = Events {
        user_id,
        item_id,
        kind,
        weight,
        timestamp,
        unit,
    };
    let columns = events.free();
    let model = watched(py, progress, |control| {
        columns.with(|events| core_train(events, catalog.as_deref(), &options, control))
    })?;
    Ok(Model::from(model))
}

/// Chooses trainers for events; `validation` are users and items to judge by.
#[pyfunction]
#[pyo3(signature = (events, timestamp_unit, validation, catalog, options, progress))]
pub(crate) fn tune<'py>(
    py: Python<'py>,
    events: EventTable<'py>,
    timestamp_unit: &str,
    validation: Option<(PyRef<'py, Column>, PyRef<'py, Column>)>,
    catalog: Option<PyRef<'py, Catalog>>,
    options: &Bound<'py, PyAny>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = json::to_json(options, OPTIONS)?;
    let options = attached(py, || TrainOptions::from_json(&options))?;
    let catalog: Option<Arc<_>> = catalog.map(|catalog| catalog.shared());
    let events = events.events(Unit::parse(py, timestamp_unit)?);
    let columns = events.free();
    let validation: Option<(&Column, &Column)> = validation.as_ref().map(|(u, i)| (&**u, &**i));
    let tuning = watched(py, progress, |control| {
        let pairs = match validation {
            None => None,
            Some((users, items)) => Some((users.ids("user_id")?, items.ids("item_id")?)),
        };
        let pairs = pairs.as_ref().map(|(u, i)| (Ids::new(u), Ids::new(i)));
        let pairs = pairs.as_ref().map(|(u, i)| (u.column(), i.column()));
        let pairs = pairs.as_ref().map(|(u, i)| (u, i));
        columns.with(|events| core_tune(events, catalog.as_deref(), &options, pairs, control))
    })?;
    json::to_python(py, &tuning.to_json())
}

/// A model of what `model` was trained on and of the events, which came since.
#[pyfunction]
#[pyo3(signature = (model, events, timestamp_unit, catalog, options, progress))]
pub(crate) fn update<'py>(
    py: Python<'py>,
    model: PyRef<'py, Model>,
    events: EventTable<'py>,
    timestamp_unit: &str,
    catalog: Option<PyRef<'py, Catalog>>,
    options: &Bound<'py, PyAny>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Model> {
    let options = json::to_json(options, OPTIONS)?;
    let options = attached(py, || UpdateOptions::from_json(&options))?;
    let model = model.core.clone();
    let catalog: Option<Arc<_>> = catalog.map(|catalog| catalog.shared());
    let events = events.events(Unit::parse(py, timestamp_unit)?);
    let columns = events.free();
    let updated = watched(py, progress, |control| {
        columns.with(|events| core_update(&model, events, catalog.as_deref(), &options, control))
    })?;
    Ok(Model::from(updated))
}

/// The options of training with their defaults.
#[pyfunction]
pub(crate) fn default_options(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    json::to_python(py, &TrainOptions::default().defaults_json())
}
