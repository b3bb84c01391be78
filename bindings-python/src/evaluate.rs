//! Evaluation on events that training did not see.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use pyo3::prelude::*;
use tastemaker::ErrorKind;
use tastemaker::evaluate::{EvaluateOptions, evaluate as core_evaluate};

use crate::column::Column;
use crate::control::watched;
use crate::error::attached;
use crate::event::Ids;
use crate::json::{self, Purpose};
use crate::model::Model;

/// Ranking metrics of the model, and of popularity, over the users of the test events.
#[pyfunction]
#[pyo3(signature = (model, user_id, item_id, options, progress))]
pub(crate) fn evaluate<'py>(
    py: Python<'py>,
    model: PyRef<'py, Model>,
    user_id: PyRef<'py, Column>,
    item_id: PyRef<'py, Column>,
    options: &Bound<'py, PyAny>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = json::to_json(
        options,
        Purpose {
            kind: ErrorKind::InvalidArgument,
            name: "options",
        },
    )?;
    let options = attached(py, || EvaluateOptions::from_json(&options))?;
    let model = model.core.clone();
    let (user_id, item_id): (&Column, &Column) = (&user_id, &item_id);
    let evaluation = watched(py, progress, |control| {
        let (users, items) = (user_id.ids("user_id")?, item_id.ids("item_id")?);
        let (users, items) = (Ids::new(&users), Ids::new(&items));
        core_evaluate(&model, &users.column(), &items.column(), &options, control)
    })?;
    json::to_python(py, &evaluation.to_json())
}
