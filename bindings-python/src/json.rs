//! Plain Python data to the core's JSON and back.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyMapping, PySet, PyString, PyTuple,
};
use tastemaker::ErrorKind;
use tastemaker::json::{Map, Number, Value};

use crate::error::invalid;
use crate::time;

/// Deeper data than this is refused, so that a cycle ends with an error.
const MAX_DEPTH: usize = 100;

/// What a conversion is for: the kind of its errors, and the name at their start.
#[derive(Clone, Copy)]
pub(crate) struct Purpose<'a> {
    pub(crate) kind: ErrorKind,
    pub(crate) name: &'a str,
}

impl Purpose<'_> {
    fn refuse(self, py: Python<'_>, why: &str) -> PyErr {
        invalid(py, self.kind, format!("{}: {why}", self.name))
    }
}

/// Converts `None`, booleans, numbers, text, lists, tuples, sets, mappings, dates and times (to
/// Unix milliseconds), and NumPy scalars and arrays.
pub(crate) fn to_json(value: &Bound<'_, PyAny>, purpose: Purpose<'_>) -> PyResult<Value> {
    convert(value, purpose, 0)
}

fn convert(value: &Bound<'_, PyAny>, purpose: Purpose<'_>, depth: usize) -> PyResult<Value> {
    let py = value.py();
    if depth > MAX_DEPTH {
        return Err(purpose.refuse(py, "nested more than 100 levels deep"));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return match text.to_str() {
            Ok(text) => Ok(Value::String(text.to_owned())),
            Err(_) => Err(purpose.refuse(py, "a text with a lone surrogate is not valid Unicode")),
        };
    }
    if value.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(Value::Bool(flag.is_true()));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        let number = number.extract::<f64>()?;
        return match Number::from_f64(number) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(purpose.refuse(py, &format!("{number} is not a finite number"))),
        };
    }
    if value.cast::<PyInt>().is_ok() {
        return integer(value, purpose);
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        let mut map = Map::new();
        for (key, item) in dict.iter() {
            map.insert(
                key_text(&key, purpose)?,
                convert(&item, purpose, depth + 1)?,
            );
        }
        return Ok(Value::Object(map));
    }
    if value.cast::<PyList>().is_ok() || value.cast::<PyTuple>().is_ok() {
        let mut list = Vec::with_capacity(value.len()?);
        for item in value.try_iter()? {
            list.push(convert(&item?, purpose, depth + 1)?);
        }
        return Ok(Value::Array(list));
    }
    convert_rare(value, purpose, depth)
}

/// The types that need a look at the object's methods.
fn convert_rare(value: &Bound<'_, PyAny>, purpose: Purpose<'_>, depth: usize) -> PyResult<Value> {
    let py = value.py();
    if value.cast::<PySet>().is_ok() || value.cast::<PyFrozenSet>().is_ok() {
        // A set has no order of its own: the order of the text is the one that repeats.
        let list = PyList::new(py, value.try_iter()?.collect::<PyResult<Vec<_>>>()?)?;
        list.sort()
            .map_err(|_| purpose.refuse(py, "a set whose members cannot be sorted"))?;
        return convert(&list, purpose, depth + 1);
    }
    if is_missing(value)? {
        return Ok(Value::Null);
    }
    if time::is_time(value)? {
        return Ok(time::time_millis(value)?.map_or(Value::Null, Value::from));
    }
    if let Ok(mapping) = value.cast::<PyMapping>() {
        let mut map = Map::new();
        for pair in mapping.items()?.iter() {
            let (key, item) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            map.insert(
                key_text(&key, purpose)?,
                convert(&item, purpose, depth + 1)?,
            );
        }
        return Ok(Value::Object(map));
    }
    if value.hasattr("tolist")? {
        return convert(&value.call_method0("tolist")?, purpose, depth + 1);
    }
    if value.hasattr("__index__")? {
        return integer(&value.call_method0("__index__")?, purpose);
    }
    if value.hasattr("__float__")? {
        return convert(&value.call_method0("__float__")?, purpose, depth + 1);
    }
    let kind = value.get_type().qualname()?;
    Err(purpose.refuse(py, &format!("a value of type {kind} has no JSON form")))
}

/// True for `pandas.NA` and `pandas.NaT`, without importing pandas.
pub(crate) fn is_missing(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let name = value.get_type().qualname()?;
    let name = name.to_str()?;
    Ok(name == "NAType" || name == "NaTType")
}

fn integer(value: &Bound<'_, PyAny>, purpose: Purpose<'_>) -> PyResult<Value> {
    if let Ok(number) = value.extract::<i64>() {
        return Ok(Value::from(number));
    }
    match value.extract::<u64>() {
        Ok(number) => Ok(Value::from(number)),
        Err(_) => Err(purpose.refuse(value.py(), "an integer beyond 64 bits")),
    }
}

fn key_text(key: &Bound<'_, PyAny>, purpose: Purpose<'_>) -> PyResult<String> {
    match key.cast::<PyString>() {
        Ok(text) => Ok(text
            .to_str()
            .map_err(|_| purpose.refuse(key.py(), "a name with a lone surrogate"))?
            .to_owned()),
        Err(_) => Err(purpose.refuse(key.py(), &format!("the key {} is not text", key.repr()?))),
    }
}

/// Plain Python data: `None`, `bool`, `int`, `float`, `str`, `list`, `dict`.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(flag) => flag.into_bound_py_any(py),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into_bound_py_any(py),
            (None, Some(number)) => number.into_bound_py_any(py),
            (None, None) => number.as_f64().into_bound_py_any(py),
        },
        Value::String(text) => text.into_bound_py_any(py),
        Value::Array(list) => {
            let items = list
                .iter()
                .map(|item| to_python(py, item))
                .collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, items)?.into_any())
        }
        Value::Object(map) => {
            let dict = PyDict::new(py);
            for (key, item) in map {
                dict.set_item(key, to_python(py, item)?)?;
            }
            Ok(dict.into_any())
        }
    }
}
