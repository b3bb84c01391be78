//! Evaluation on events that training did not see.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tastemaker::evaluate::{
    Columns, CompareOptions, EvaluateOptions, PerUser, SplitOptions, TestSet,
    compare as core_compare, evaluate as core_evaluate, split as core_split,
};
use tastemaker::{ErrorKind, Result};

use crate::column::Column;
use crate::control::watched;
use crate::error::attached;
use crate::event::{Events, Free, Ids};
use crate::json::{self, Purpose};
use crate::model::Model;
use crate::time::Unit;

const OPTIONS: Purpose<'_> = Purpose {
    kind: ErrorKind::InvalidArgument,
    name: "options",
};

type Ref<'py> = PyRef<'py, Column>;

/// A test set as Python gives it: a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Given<'py> {
    user_id: Ref<'py>,
    item_id: Ref<'py>,
    history: Option<EventTable<'py>>,
    timestamp_unit: String,
    /// Users and their labels.
    segments: Option<(Ref<'py>, Ref<'py>)>,
}

/// Events: a dictionary of columns.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct EventTable<'py> {
    user_id: Ref<'py>,
    item_id: Ref<'py>,
    kind: Option<Ref<'py>>,
    weight: Option<Ref<'py>>,
    timestamp: Option<Ref<'py>>,
}

impl<'py> EventTable<'py> {
    pub(crate) fn events(self, unit: Unit) -> Events<'py> {
        Events {
            user_id: self.user_id,
            item_id: self.item_id,
            kind: self.kind,
            weight: self.weight,
            timestamp: self.timestamp,
            unit,
        }
    }
}

/// A test set with its columns held, so that they can be lent to work without the interpreter.
struct Test<'py> {
    user_id: Ref<'py>,
    item_id: Ref<'py>,
    history: Option<Events<'py>>,
    segments: Option<(Ref<'py>, Ref<'py>)>,
}

#[derive(Clone, Copy)]
struct FreeTest<'a> {
    user_id: &'a Column,
    item_id: &'a Column,
    history: Option<Free<'a>>,
    segments: Option<(&'a Column, &'a Column)>,
}

impl<'py> Test<'py> {
    fn new(py: Python<'py>, given: Given<'py>) -> PyResult<Self> {
        let unit = Unit::parse(py, &given.timestamp_unit)?;
        let history = given.history.map(|history| history.events(unit));
        Ok(Self {
            user_id: given.user_id,
            item_id: given.item_id,
            history,
            segments: given.segments,
        })
    }

    fn free(&self) -> FreeTest<'_> {
        FreeTest {
            user_id: &self.user_id,
            item_id: &self.item_id,
            history: self.history.as_ref().map(Events::free),
            segments: self.segments.as_ref().map(|(a, b)| (&**a, &**b)),
        }
    }
}

impl FreeTest<'_> {
    /// Calls `work` with the core's view of the test set.
    fn with<T>(&self, work: impl FnOnce(&TestSet<'_>) -> Result<T>) -> Result<T> {
        let (users, items) = (self.user_id.ids("user_id")?, self.item_id.ids("item_id")?);
        let (users, items) = (Ids::new(&users), Ids::new(&items));
        let segments = match self.segments {
            Some((users, labels)) => Some((users.ids("user_id")?, labels.ids("segment")?)),
            None => None,
        };
        let segments = segments
            .as_ref()
            .map(|(users, labels)| (Ids::new(users), Ids::new(labels)));
        let mut test = TestSet::new(users.column(), items.column());
        test.segments = segments
            .as_ref()
            .map(|(users, labels)| (users.column(), labels.column()));
        match &self.history {
            None => work(&test),
            Some(history) => history.with(|events| {
                work(&TestSet {
                    history: Some(*events),
                    ..test
                })
            }),
        }
    }
}

/// Ranking metrics of the model, and of popularity, over the users of the test events.
#[pyfunction]
#[pyo3(signature = (model, test, options, progress))]
pub(crate) fn evaluate<'py>(
    py: Python<'py>,
    model: PyRef<'py, Model>,
    test: Given<'py>,
    options: &Bound<'py, PyAny>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, Option<Bound<'py, PyDict>>)> {
    let options = json::to_json(options, OPTIONS)?;
    let options = attached(py, || EvaluateOptions::from_json(&options))?;
    let model = model.core.clone();
    let test = Test::new(py, test)?;
    let test = test.free();
    let evaluation = watched(py, progress, |control| {
        test.with(|test| core_evaluate(&model, test, &options, control))
    })?;
    let per_user = evaluation.per_user.as_ref();
    Ok((
        json::to_python(py, &evaluation.summary_json())?,
        per_user.map(|columns| arrays(py, columns)).transpose()?,
    ))
}

/// Two models on the same users.
#[pyfunction]
#[pyo3(signature = (model_a, model_b, test, options, progress))]
pub(crate) fn compare<'py>(
    py: Python<'py>,
    model_a: PyRef<'py, Model>,
    model_b: PyRef<'py, Model>,
    test: Given<'py>,
    options: &Bound<'py, PyAny>,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = json::to_json(options, OPTIONS)?;
    let options = attached(py, || CompareOptions::from_json(&options))?;
    let (model_a, model_b) = (model_a.core.clone(), model_b.core.clone());
    let test = Test::new(py, test)?;
    let test = test.free();
    let comparison = watched(py, progress, |control| {
        test.with(|test| core_compare(&model_a, &model_b, test, &options, control))
    })?;
    json::to_python(py, &comparison.to_json())
}

/// Row numbers by part of a split.
#[pyfunction]
#[pyo3(signature = (events, timestamp_unit, options))]
pub(crate) fn split<'py>(
    py: Python<'py>,
    events: EventTable<'py>,
    timestamp_unit: &str,
    options: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let options = json::to_json(options, OPTIONS)?;
    let options = attached(py, || SplitOptions::from_json(&options))?;
    let events = events.events(Unit::parse(py, timestamp_unit)?);
    let columns = events.free();
    let split = watched(py, None, |_| {
        columns.with(|events| core_split(events, &options))
    })?;
    let dict = PyDict::new(py);
    let parts = [
        ("train", split.train),
        ("test", split.test),
        ("history", split.history),
        ("left_out", split.left_out),
    ];
    for (name, rows) in parts {
        let rows: Vec<i64> = rows.into_iter().map(i64::from).collect();
        dict.set_item(name, PyArray1::from_vec(py, rows))?;
    }
    Ok(dict)
}

/// The values of every user as NumPy arrays, ids and labels as lists.
fn arrays<'py>(py: Python<'py>, per_user: &PerUser) -> PyResult<Bound<'py, PyDict>> {
    let columns = |columns: &Columns| -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, values) in columns {
            dict.set_item(name, PyArray1::from_slice(py, values))?;
        }
        Ok(dict)
    };
    let cutoffs = PyList::empty(py);
    for (k, model, popularity) in &per_user.cutoffs {
        let dict = PyDict::new(py);
        dict.set_item("k", k)?;
        dict.set_item("model", columns(model)?)?;
        dict.set_item("popularity", columns(popularity)?)?;
        cutoffs.append(dict)?;
    }
    let dict = PyDict::new(py);
    dict.set_item("user_id", PyList::new(py, &per_user.user_id)?)?;
    dict.set_item("history", PyArray1::from_slice(py, &per_user.history))?;
    dict.set_item("tested", PyArray1::from_slice(py, &per_user.tested))?;
    if let Some(segment) = &per_user.segment {
        dict.set_item("segment", PyList::new(py, segment)?)?;
    }
    dict.set_item("cutoffs", cutoffs)?;
    Ok(dict)
}
