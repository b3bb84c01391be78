//! A column of values on its way from Python to the core.
//!
//! Lists, NumPy arrays and Arrow data become a [`Column`] first, so that each consumer (events,
//! catalogs, user lists) knows one form. A missing value stays in its row as something that the
//! core refuses with the row's number: an empty id, a NaN weight, a time beyond all years.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use std::borrow::Cow;

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyString};
use tastemaker::json::{Number, Value};
use tastemaker::{Error, ErrorKind, Result};

use crate::builder::{Builder, mask};
use crate::data::{Data, Texts};
use crate::json::{self, Purpose};
use crate::time::{self, Unit};

/// A column of values, in the form that the other functions take.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct Column {
    pub(crate) data: Data,
    /// Which rows are missing; `None` if none is.
    pub(crate) missing: Option<Vec<bool>>,
}

impl Column {
    pub(crate) fn len(&self) -> usize {
        match &self.data {
            Data::Empty(len) => *len,
            Data::Bool(v) => v.len(),
            Data::Integer(v) | Data::Time(v) => v.len(),
            Data::Float(v) => v.len(),
            Data::Text(v) => v.len(),
            Data::Dictionary { codes, .. } => codes.len(),
            Data::Json(v) => v.len(),
        }
    }

    pub(crate) fn is_missing(&self, row: usize) -> bool {
        self.missing.as_ref().is_some_and(|missing| missing[row])
    }

    pub(crate) fn first_missing(&self) -> Option<usize> {
        self.missing
            .as_ref()
            .and_then(|missing| missing.iter().position(|&m| m))
    }

    fn type_name(&self) -> &'static str {
        match self.data {
            Data::Empty(_) => "empty",
            Data::Bool(_) => "boolean",
            Data::Integer(_) => "integer",
            Data::Float(_) => "float",
            Data::Time(_) => "time",
            Data::Text(_) => "text",
            Data::Dictionary { .. } => "dictionary",
            Data::Json(_) => "mixed",
        }
    }

    /// The column as ids (or as kinds): its own data, or texts where it needs a change.
    pub(crate) fn ids(&self, name: &str) -> Result<Cow<'_, Data>> {
        match &self.data {
            Data::Integer(values) if self.missing.is_some() => {
                let mut texts = Texts::default();
                for (row, value) in values.iter().enumerate() {
                    texts.push(&if self.is_missing(row) {
                        String::new()
                    } else {
                        value.to_string()
                    });
                }
                Ok(Cow::Owned(Data::Text(texts)))
            }
            Data::Text(_) | Data::Dictionary { .. } | Data::Integer(_) => {
                Ok(Cow::Borrowed(&self.data))
            }
            // An array without rows is of floats by default.
            _ if self.len() == 0 => Ok(Cow::Owned(Data::Text(Texts::default()))),
            Data::Empty(rows) => Ok(Cow::Owned(Data::Dictionary {
                codes: vec![u32::MAX; *rows],
                values: Vec::new(),
            })),
            Data::Json(values) => {
                let first = values.iter().find(|v| !v.is_null()).unwrap_or(&Value::Null);
                let odd = |v: &&Value| {
                    !v.is_null()
                        && (v.is_string() != first.is_string() || !(v.is_string() || v.is_i64()))
                };
                let row = values.iter().position(|v| odd(&v)).unwrap_or(0);
                let message = format!(
                    "{name}: row {row} holds {}; the ids of a column are all text, or all integers of 64 bits",
                    values[row]
                );
                Err(Error::new(ErrorKind::InvalidId, message))
            }
            Data::Float(values) => {
                let cause = match values.iter().position(|v| v.is_nan()) {
                    Some(row) => format!(" (row {row} is NaN: a missing value?)"),
                    None => String::new(),
                };
                let message =
                    format!("{name} is a column of floats{cause}; ids are text or integers");
                Err(Error::new(ErrorKind::InvalidId, message))
            }
            Data::Bool(_) | Data::Time(_) => {
                let message = format!(
                    "{name} is a column of type {}; ids are text or integers",
                    self.type_name()
                );
                Err(Error::new(ErrorKind::InvalidId, message))
            }
        }
    }

    /// The column as weights; a missing one is NaN.
    pub(crate) fn weights(&self, name: &str) -> Result<Cow<'_, [f64]>> {
        match &self.data {
            Data::Float(values) if self.missing.is_none() => Ok(Cow::Borrowed(values)),
            Data::Float(values) => {
                let weight =
                    |(row, &v): (usize, &f64)| if self.is_missing(row) { f64::NAN } else { v };
                Ok(Cow::Owned(values.iter().enumerate().map(weight).collect()))
            }
            Data::Integer(values) => {
                let weight = |(row, &v): (usize, &i64)| {
                    if self.is_missing(row) {
                        f64::NAN
                    } else {
                        v as f64
                    }
                };
                Ok(Cow::Owned(values.iter().enumerate().map(weight).collect()))
            }
            Data::Empty(rows) => Ok(Cow::Owned(vec![f64::NAN; *rows])),
            _ => {
                let message = format!(
                    "{name} is a column of type {}; weights are numbers",
                    self.type_name()
                );
                Err(Error::new(ErrorKind::InvalidWeight, message))
            }
        }
    }

    /// The column as Unix milliseconds; a missing one is `i64::MIN`.
    pub(crate) fn timestamps(&self, name: &str, unit: Unit) -> Result<Cow<'_, [i64]>> {
        let keep = |row: usize, value: i64| {
            if self.is_missing(row) {
                i64::MIN
            } else {
                value
            }
        };
        match &self.data {
            Data::Time(values) if self.missing.is_none() => Ok(Cow::Borrowed(values)),
            Data::Integer(values) if self.missing.is_none() && matches!(unit, Unit::Millis) => {
                Ok(Cow::Borrowed(values))
            }
            Data::Time(values) => Ok(Cow::Owned(
                values
                    .iter()
                    .enumerate()
                    .map(|(row, &v)| keep(row, v))
                    .collect(),
            )),
            Data::Integer(values) => Ok(Cow::Owned(
                values
                    .iter()
                    .enumerate()
                    .map(|(row, &v)| keep(row, unit.millis(v)))
                    .collect(),
            )),
            Data::Float(values) => {
                let millis = |(row, &v): (usize, &f64)| {
                    keep(row, unit.millis_of_float(v).unwrap_or(i64::MIN))
                };
                Ok(Cow::Owned(values.iter().enumerate().map(millis).collect()))
            }
            Data::Empty(rows) => Ok(Cow::Owned(vec![i64::MIN; *rows])),
            _ => {
                let message = format!(
                    "{name} is a column of type {}; it holds times or integers",
                    self.type_name()
                );
                Err(Error::new(ErrorKind::InvalidTimestamp, message))
            }
        }
    }

    /// One value as JSON; null for a missing one.
    pub(crate) fn value(&self, row: usize) -> Value {
        if self.is_missing(row) {
            return Value::Null;
        }
        match &self.data {
            Data::Empty(_) => Value::Null,
            Data::Bool(values) => Value::Bool(values[row]),
            Data::Integer(values) | Data::Time(values) => Value::from(values[row]),
            Data::Float(values) => Number::from_f64(values[row]).map_or(Value::Null, Value::Number),
            Data::Text(texts) => Value::from(texts.get(row)),
            Data::Dictionary { codes, values } => values
                .get(codes[row] as usize)
                .map_or(Value::Null, |text| Value::from(text.as_str())),
            Data::Json(values) => values[row].clone(),
        }
    }

    /// A row as an id's text.
    pub(crate) fn id_text(&self, row: usize) -> Cow<'_, str> {
        match &self.data {
            Data::Text(texts) => Cow::Borrowed(texts.get(row)),
            Data::Integer(values) if !self.is_missing(row) => Cow::Owned(values[row].to_string()),
            Data::Dictionary { codes, values } => {
                Cow::Borrowed(values.get(codes[row] as usize).map_or("", String::as_str))
            }
            _ => Cow::Borrowed(""),
        }
    }
}

#[pymethods]
impl Column {
    /// A column from a list of Python values. `name` stands at the start of errors.
    #[staticmethod]
    fn from_list(name: &str, values: &Bound<'_, PyList>) -> PyResult<Self> {
        let purpose = Purpose {
            kind: ErrorKind::InvalidArgument,
            name,
        };
        let mut builder = Builder::default();
        for value in values.iter() {
            if let Ok(text) = value.cast::<PyString>() {
                match text.to_str() {
                    Ok(text) => builder.text(text),
                    Err(_) => builder.json(json::to_json(&value, purpose)?),
                }
            } else if value.is_none() {
                builder.null();
            } else if let Ok(flag) = value.cast::<PyBool>() {
                builder.bool(flag.is_true());
            } else if value.cast::<PyInt>().is_ok() {
                match value.extract::<i64>() {
                    Ok(number) => builder.integer(number),
                    Err(_) => builder.json(json::to_json(&value, purpose)?),
                }
            } else if let Ok(number) = value.cast::<PyFloat>() {
                builder.float(number.extract()?);
            } else if json::is_missing(&value)? {
                builder.null();
            } else if time::is_time(&value)? {
                match time::time_millis(&value)? {
                    Some(millis) => builder.time(millis),
                    None => builder.null(),
                }
            } else {
                match json::to_json(&value, purpose)? {
                    Value::Number(number) if number.is_i64() => {
                        builder.integer(number.as_i64().unwrap_or_default());
                    }
                    Value::Number(number) => builder.float(number.as_f64().unwrap_or(f64::NAN)),
                    Value::Bool(flag) => builder.bool(flag),
                    other => builder.json(other),
                }
            }
        }
        Ok(builder.finish())
    }

    /// A column of 64-bit integers; `missing` marks the rows without a value.
    #[staticmethod]
    #[pyo3(signature = (values, missing=None))]
    fn from_integers(
        values: PyReadonlyArray1<'_, i64>,
        missing: Option<PyReadonlyArray1<'_, bool>>,
    ) -> Self {
        with_mask(Data::Integer(values.as_array().to_vec()), missing.as_ref())
    }

    /// A column of floats; `missing` marks the rows without a value.
    #[staticmethod]
    #[pyo3(signature = (values, missing=None))]
    fn from_floats(
        values: PyReadonlyArray1<'_, f64>,
        missing: Option<PyReadonlyArray1<'_, bool>>,
    ) -> Self {
        with_mask(Data::Float(values.as_array().to_vec()), missing.as_ref())
    }

    /// A column of booleans; `missing` marks the rows without a value.
    #[staticmethod]
    #[pyo3(signature = (values, missing=None))]
    fn from_booleans(
        values: PyReadonlyArray1<'_, bool>,
        missing: Option<PyReadonlyArray1<'_, bool>>,
    ) -> Self {
        with_mask(Data::Bool(values.as_array().to_vec()), missing.as_ref())
    }

    /// A column of times in Unix milliseconds; the smallest integer marks a missing one.
    #[staticmethod]
    fn from_times(values: PyReadonlyArray1<'_, i64>) -> Self {
        let values = values.as_array().to_vec();
        let missing: Vec<usize> = (0..values.len())
            .filter(|&row| values[row] == i64::MIN)
            .collect();
        let missing = mask(&missing, values.len());
        Self {
            data: Data::Time(values),
            missing,
        }
    }

    /// A column of codes into a list of texts; a negative code is a missing value.
    #[staticmethod]
    fn from_dictionary(codes: PyReadonlyArray1<'_, i64>, values: Vec<String>) -> Self {
        let codes: Vec<u32> = codes
            .as_array()
            .iter()
            .map(|&c| u32::try_from(c).unwrap_or(u32::MAX))
            .collect();
        let missing: Vec<usize> = (0..codes.len())
            .filter(|&row| codes[row] as usize >= values.len())
            .collect();
        let missing = mask(&missing, codes.len());
        Self {
            data: Data::Dictionary { codes, values },
            missing,
        }
    }

    fn __len__(&self) -> usize {
        self.len()
    }

    fn __repr__(&self) -> String {
        format!("Column({}, {} rows)", self.type_name(), self.len())
    }

    /// The type: `integer`, `float`, `boolean`, `time`, `text`, `dictionary`, `mixed`, `empty`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.type_name()
    }

    /// The first row without a value.
    #[getter(first_missing)]
    fn first_missing_row(&self) -> Option<usize> {
        self.first_missing()
    }

    /// The ids of the column: a NumPy array of 64-bit integers, or a list of texts.
    fn ids_to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.data {
            Data::Integer(values) => Ok(PyArray1::from_slice(py, values).into_any()),
            Data::Text(texts) => {
                PyList::new(py, texts.iter().collect::<Vec<_>>())?.into_bound_py_any(py)
            }
            _ => PyList::new(
                py,
                (0..self.len())
                    .map(|row| self.id_text(row))
                    .collect::<Vec<_>>(),
            )?
            .into_bound_py_any(py),
        }
    }
}

fn with_mask(data: Data, missing: Option<&PyReadonlyArray1<'_, bool>>) -> Column {
    let missing = missing
        .map(|m| m.as_array().to_vec())
        .filter(|m| m.contains(&true));
    Column { data, missing }
}
