//! Statistics of experiments: requests and reports as JSON, rows as columns.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use std::borrow::Cow;

use pyo3::prelude::*;
use tastemaker::experiment::stats::{
    Rows, SummarizeOptions, ask as core_ask, summarize as core_summarize,
};
use tastemaker::{ErrorKind, Result};

use crate::column::Column;
use crate::control::watched;
use crate::data::Data;
use crate::error::attached;
use crate::event::Ids;
use crate::json::{self, Purpose};

const REQUEST: Purpose<'_> = Purpose {
    kind: ErrorKind::InvalidArgument,
    name: "request",
};

/// The answer to a question by its name.
#[pyfunction]
pub(crate) fn stats_ask<'py>(
    py: Python<'py>,
    question: &str,
    request: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let request = json::to_json(request, REQUEST)?;
    let answer = watched(py, None, |_| core_ask(question, &request))?;
    json::to_python(py, &answer)
}

type Ref<'py> = PyRef<'py, Column>;

/// The rows of an experiment: a dictionary of columns.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Given<'py> {
    arm: Ref<'py>,
    value: Ref<'py>,
    unit: Option<Ref<'py>>,
    denominator: Option<Ref<'py>>,
    covariate: Option<Ref<'py>>,
}

/// The numbers of a column; true is 1.
pub(crate) fn numbers<'a>(column: &'a Column, name: &str) -> Result<Cow<'a, [f64]>> {
    match &column.data {
        Data::Bool(values) => {
            let number = |(row, &value): (usize, &bool)| {
                if column.is_missing(row) {
                    f64::NAN
                } else {
                    f64::from(u8::from(value))
                }
            };
            Ok(Cow::Owned(values.iter().enumerate().map(number).collect()))
        }
        _ => column.weights(name),
    }
}

/// Arms from rows.
#[pyfunction]
#[pyo3(signature = (rows, options, progress))]
pub(crate) fn summarize<'py>(
    py: Python<'py>,
    rows: Given<'py>,
    options: &Bound<'py, PyAny>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = json::to_json(options, REQUEST)?;
    let options = attached(py, || SummarizeOptions::from_json(&options))?;
    let (arm, value): (&Column, &Column) = (&rows.arm, &rows.value);
    let unit = rows.unit.as_deref();
    let (denominator, covariate) = (rows.denominator.as_deref(), rows.covariate.as_deref());
    let summary = watched(py, progress, |control| {
        let arm = arm.ids("arm")?;
        let arm = Ids::new(&arm);
        let unit = unit.map(|unit| unit.ids("unit")).transpose()?;
        let unit = unit.as_ref().map(|unit| Ids::new(unit));
        let value = numbers(value, "value")?;
        let optional = |column: Option<&'_ Column>, name: &str| -> Result<Option<Vec<f64>>> {
            column
                .map(|column| Ok(numbers(column, name)?.into_owned()))
                .transpose()
        };
        let denominator = optional(denominator, "denominator")?;
        let covariate = optional(covariate, "covariate")?;
        let mut rows = Rows::new(arm.column(), &value);
        rows.unit = unit.as_ref().map(Ids::column);
        rows.denominator = denominator.as_deref();
        rows.covariate = covariate.as_deref();
        core_summarize(&rows, &options, control)
    })?;
    json::to_python(py, &summary.to_json())
}
