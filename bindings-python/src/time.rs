//! Python's many kinds of time to Unix milliseconds.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFloat, PyInt};
use tastemaker::ErrorKind;

use crate::error::invalid;

/// The unit of integer timestamps.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    pub(crate) fn parse(py: Python<'_>, name: &str) -> PyResult<Self> {
        match name {
            "s" => Ok(Self::Seconds),
            "ms" => Ok(Self::Millis),
            "us" => Ok(Self::Micros),
            "ns" => Ok(Self::Nanos),
            _ => Err(invalid(
                py,
                ErrorKind::InvalidArgument,
                format!("timestamp_unit is {name:?}; it is one of \"s\", \"ms\", \"us\", \"ns\""),
            )),
        }
    }

    /// Milliseconds, rounded down; `i64::MIN`, which no check lets through, on overflow.
    pub(crate) fn millis(self, value: i64) -> i64 {
        match self {
            Self::Seconds => value.checked_mul(1000).unwrap_or(i64::MIN),
            Self::Millis => value,
            Self::Micros => value.div_euclid(1_000),
            Self::Nanos => value.div_euclid(1_000_000),
        }
    }

    /// As [`Unit::millis`], for a float; `None` if it is not finite, beyond the range, or counts
    /// milliseconds and has a fraction.
    pub(crate) fn millis_of_float(self, value: f64) -> Option<i64> {
        let millis = match self {
            Self::Seconds => (value * 1e3).floor(),
            Self::Millis => value,
            Self::Micros => (value / 1e3).floor(),
            Self::Nanos => (value / 1e6).floor(),
        };
        (millis.fract() == 0.0 && millis.abs() < 9e15).then_some(millis as i64)
    }
}

/// True for `datetime.date`, `datetime.datetime` and `numpy.datetime64`.
pub(crate) fn is_time(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    static TIME_TYPES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    value.is_instance(TIME_TYPES.import(value.py(), "tastemaker._time", "TIME_TYPES")?)
}

/// The milliseconds of a value for which [`is_time`] holds; `None` for a missing time.
pub(crate) fn time_millis(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    static TO_MILLIS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    TO_MILLIS
        .import(value.py(), "tastemaker._time", "to_millis")?
        .call1((value,))?
        .extract()
}

/// One timestamp argument: whole milliseconds, or a date or time.
pub(crate) fn millis(field: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = value.py();
    let bad = |rule: &str| {
        let shown = value
            .repr()
            .map_or_else(|_| "?".to_owned(), |r| r.to_string());
        invalid(
            py,
            ErrorKind::InvalidTimestamp,
            format!("{field} is {shown}; {rule}"),
        )
    };
    if value.cast::<PyBool>().is_ok() {
        return Err(bad("it is a time, or whole Unix milliseconds"));
    }
    if value.cast::<PyInt>().is_ok() {
        return value
            .extract()
            .map_err(|_| bad("it is beyond the year 9999"));
    }
    if let Ok(float) = value.cast::<PyFloat>() {
        return Unit::Millis
            .millis_of_float(float.extract()?)
            .ok_or_else(|| bad("it is whole Unix milliseconds"));
    }
    if is_time(value)? {
        return time_millis(value)?.ok_or_else(|| bad("it is a time, not a missing one"));
    }
    if let Ok(index) = value.call_method0("__index__") {
        return index
            .extract()
            .map_err(|_| bad("it is beyond the year 9999"));
    }
    Err(bad("it is a time, or whole Unix milliseconds"))
}
