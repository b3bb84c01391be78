//! Off-policy evaluation: columns and matrices to the core, reports as JSON.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use std::borrow::Cow;

use pyo3::prelude::*;
use tastemaker::experiment::offpolicy::{
    Log, Matrix, Options, Policy, SlateLog, SlateOptions, compare, evaluate, evaluate_slates,
};
use tastemaker::{ErrorKind, Result};

use crate::column::Column;
use crate::control::watched;
use crate::data::Data;
use crate::error::attached;
use crate::event::Ids;
use crate::json::{self, Purpose};
use crate::stats::numbers;

const OPTIONS: Purpose<'_> = Purpose {
    kind: ErrorKind::InvalidArgument,
    name: "options",
};

type Ref<'py> = PyRef<'py, Column>;
/// The values of a matrix, row by row, and how many a row has.
type Grid<'py> = (Ref<'py>, usize);

/// A log: a dictionary of columns.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct GivenLog<'py> {
    reward: Ref<'py>,
    propensity: Ref<'py>,
    action: Option<Ref<'py>>,
    cell: Option<Ref<'py>>,
    unit: Option<Ref<'py>>,
    predicted: Option<Ref<'py>>,
    logging: Option<Grid<'py>>,
    predictions: Option<Grid<'py>>,
    features: Option<Grid<'py>>,
}

/// A policy: a dictionary of columns.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct GivenPolicy<'py> {
    probability: Option<Ref<'py>>,
    predicted: Option<Ref<'py>>,
    actions: Option<Grid<'py>>,
}

/// Slates: a dictionary of columns.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct GivenSlates<'py> {
    slate: Ref<'py>,
    slot: Ref<'py>,
    reward: Ref<'py>,
    propensity: Ref<'py>,
    probability: Ref<'py>,
    unit: Option<Ref<'py>>,
}

/// Columns without a reference to Python.
#[derive(Clone, Copy)]
struct Free<'a> {
    name: &'static str,
    column: Option<&'a Column>,
    columns: usize,
}

fn free<'a>(name: &'static str, column: Option<&'a Ref<'_>>) -> Free<'a> {
    Free {
        name,
        column: column.map(|column| &**column),
        columns: 0,
    }
}

fn grid<'a>(name: &'static str, grid: Option<&'a Grid<'_>>) -> Free<'a> {
    Free {
        name,
        column: grid.map(|(column, _)| &**column),
        columns: grid.map_or(0, |(_, columns)| *columns),
    }
}

impl<'a> Free<'a> {
    fn numbers(self) -> Result<Option<Cow<'a, [f64]>>> {
        let of = |column| numbers(column, self.name);
        self.column.map(of).transpose()
    }

    fn ids(self) -> Result<Option<Cow<'a, Data>>> {
        self.column.map(|column| column.ids(self.name)).transpose()
    }

    fn matrix<'b>(self, values: &'b Option<Cow<'_, [f64]>>) -> Option<Matrix<'b>> {
        values.as_deref().map(|values| Matrix {
            values,
            columns: self.columns,
        })
    }
}

/// The columns of a log, then of its matrices.
#[derive(Clone, Copy)]
struct FreeLog<'a>([Free<'a>; 9]);

impl FreeLog<'_> {
    fn with<T>(self, work: impl FnOnce(&Log<'_>) -> Result<T>) -> Result<T> {
        let [
            reward,
            propensity,
            action,
            cell,
            predicted,
            unit,
            logging,
            predictions,
            features,
        ] = self.0;
        let (rewards, propensities) = (reward.numbers()?, propensity.numbers()?);
        let (actions, cells, known) = (action.numbers()?, cell.numbers()?, predicted.numbers()?);
        let (theirs, own, described) = (
            logging.numbers()?,
            predictions.numbers()?,
            features.numbers()?,
        );
        let units = unit.ids()?;
        let units = units.as_deref().map(Ids::new);
        let empty = Cow::Borrowed(&[][..]);
        let mut log = Log::new(
            rewards.as_ref().unwrap_or(&empty),
            propensities.as_ref().unwrap_or(&empty),
        );
        log.action = actions.as_deref();
        log.cell = cells.as_deref();
        log.predicted = known.as_deref();
        log.unit = units.as_ref().map(Ids::column);
        log.logging = logging.matrix(&theirs);
        log.predictions = predictions.matrix(&own);
        log.features = features.matrix(&described);
        work(&log)
    }
}

impl GivenLog<'_> {
    fn free(&self) -> FreeLog<'_> {
        FreeLog([
            free("reward", Some(&self.reward)),
            free("propensity", Some(&self.propensity)),
            free("action", self.action.as_ref()),
            free("cell", self.cell.as_ref()),
            free("predicted", self.predicted.as_ref()),
            free("unit", self.unit.as_ref()),
            grid("logging", self.logging.as_ref()),
            grid("predictions", self.predictions.as_ref()),
            grid("features", self.features.as_ref()),
        ])
    }
}

#[derive(Clone, Copy)]
struct FreePolicy<'a>([Free<'a>; 3]);

impl FreePolicy<'_> {
    fn with<T>(self, work: impl FnOnce(&Policy<'_>) -> Result<T>) -> Result<T> {
        let [probability, predicted, actions] = self.0;
        let (logged, known, all) = (
            probability.numbers()?,
            predicted.numbers()?,
            actions.numbers()?,
        );
        let mut policy = Policy::default();
        policy.probability = logged.as_deref();
        policy.predicted = known.as_deref();
        policy.actions = actions.matrix(&all);
        work(&policy)
    }
}

impl GivenPolicy<'_> {
    fn free(&self) -> FreePolicy<'_> {
        FreePolicy([
            free("probability", self.probability.as_ref()),
            free("predicted", self.predicted.as_ref()),
            grid("actions", self.actions.as_ref()),
        ])
    }
}

/// The value of a policy; beside a second one, their difference.
#[pyfunction]
#[pyo3(signature = (log, a, b, options, progress))]
pub(crate) fn evaluate_policy<'py>(
    py: Python<'py>,
    log: GivenLog<'py>,
    a: GivenPolicy<'py>,
    b: Option<GivenPolicy<'py>>,
    options: &Bound<'py, PyAny>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = json::to_json(options, OPTIONS)?;
    let options = attached(py, || Options::from_json(&options))?;
    let (log, a, b) = (log.free(), a.free(), b.as_ref().map(GivenPolicy::free));
    let report = watched(py, progress, |control| {
        log.with(|log| {
            a.with(|a| match b {
                None => Ok(evaluate(log, a, &options, control)?.to_json()),
                Some(b) => b.with(|b| Ok(compare(log, a, b, &options, control)?.to_json())),
            })
        })
    })?;
    json::to_python(py, &report)
}

/// The value of a policy that fills slots.
#[pyfunction]
#[pyo3(name = "evaluate_slates", signature = (log, options, progress))]
pub(crate) fn slates<'py>(
    py: Python<'py>,
    log: GivenSlates<'py>,
    options: &Bound<'py, PyAny>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = json::to_json(options, OPTIONS)?;
    let options = attached(py, || SlateOptions::from_json(&options))?;
    let (slate, unit): (&Column, Option<&Column>) = (&log.slate, log.unit.as_deref());
    let columns: [&Column; 4] = [&log.slot, &log.reward, &log.propensity, &log.probability];
    let report = watched(py, progress, |control| {
        let slate = slate.ids("slate")?;
        let slate = Ids::new(&slate);
        let unit = unit.map(|unit| unit.ids("unit")).transpose()?;
        let unit = unit.as_deref().map(Ids::new);
        let [slot, reward, propensity, probability] = columns;
        let (slot, reward) = (numbers(slot, "slot")?, numbers(reward, "reward")?);
        let propensity = numbers(propensity, "propensity")?;
        let probability = numbers(probability, "probability")?;
        let mut log = SlateLog::new(slate.column(), &slot, &reward, &propensity, &probability);
        log.unit = unit.as_ref().map(Ids::column);
        evaluate_slates(&log, &options, control)
    })?;
    json::to_python(py, &report.to_json())
}
