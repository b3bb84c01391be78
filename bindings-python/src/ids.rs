//! Ids: text or integers in Python, text in the core.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString};
use tastemaker::ErrorKind;

use crate::error::invalid;

/// An id argument as the core's text; an integer gives its decimal form.
pub(crate) fn to_text<'a>(field: &str, value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, str>> {
    let py = value.py();
    if let Ok(text) = value.cast::<PyString>() {
        return text.to_str().map(Cow::Borrowed).map_err(|_| {
            invalid(
                py,
                ErrorKind::InvalidId,
                format!("{field} has a lone surrogate; an id is valid Unicode text"),
            )
        });
    }
    let integer = value.cast::<PyBool>().is_err()
        && (value.cast::<PyInt>().is_ok() || value.hasattr("__index__")?);
    if integer {
        return value
            .extract::<i64>()
            .map(|n| Cow::Owned(n.to_string()))
            .map_err(|_| {
                invalid(
                    py,
                    ErrorKind::InvalidId,
                    format!("{field} is beyond 64 bits; pass such an id as text"),
                )
            });
    }
    let kind = value.get_type().qualname()?;
    Err(invalid(
        py,
        ErrorKind::InvalidId,
        format!("{field} is a {kind}; an id is text or an integer"),
    ))
}

/// A list of id arguments.
pub(crate) fn to_texts(field: &str, values: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if values.cast::<PyString>().is_ok() {
        let message = format!("{field} is one text; it is a list of ids");
        return Err(invalid(values.py(), ErrorKind::InvalidArgument, message));
    }
    values
        .try_iter()?
        .map(|value| to_text(field, &value?).map(Cow::into_owned))
        .collect()
}

/// An id of the core in the type that the model's manifest records.
pub(crate) fn to_python<'py>(
    py: Python<'py>,
    integer: bool,
    id: &str,
) -> PyResult<Bound<'py, PyAny>> {
    match parse(integer, id) {
        Some(number) => Ok(number.into_pyobject(py)?.into_any()),
        None => Ok(PyString::new(py, id).into_any()),
    }
}

/// The integer that an id of an integer column stands for; `None` for text.
pub(crate) fn parse(integer: bool, id: &str) -> Option<i64> {
    if !integer {
        return None;
    }
    // Only the canonical form counts: "007", "+7" and "-0" are texts of their own.
    let digits = id.strip_prefix('-').unwrap_or(id);
    let canonical = id == "0" || !digits.starts_with(['0', '+', '-']);
    if canonical { id.parse().ok() } else { None }
}
